module.exports = {
  apps: [
    {
      name: 'web',
      script: './index.js',
    },
  ],
};
