// pm start ecosystem.config.js [--env production]
module.exports = {
  apps: [
    {
      name: 'web',
      // Relative paths are seen from this file's folder.
      script: './index.js',
      // Programs of any language: interpreter: 'python3', or 'none' for a program that runs by itself.
      // args: ['--port', '8080'],
      // instances: 2,
      env: {
        NODE_ENV: 'development',
      },
      // With --env production these lie over the ones above.
      env_production: {
        NODE_ENV: 'production',
      },
      // Restart when a file changes:
      // watch: true,
      // Restart when the whole process tree uses more:
      // max_memory_restart: '300M',
      // How long a stop may take before it is forced:
      // kill_timeout: '5s',
    },
  ],

  // pm deploy ecosystem.config.js production setup, then: pm deploy ecosystem.config.js production
  deploy: {
    production: {
      user: 'SSH_USER',
      host: 'SSH_HOST',
      ref: 'origin/main',
      repo: 'GIT_REPOSITORY',
      path: '/srv/web',
      'post-deploy': 'npm install && pm startOrReload ecosystem.config.js --env production',
    },
  },
};
