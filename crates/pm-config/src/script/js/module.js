// Of `module` what ES modules need to get at `require`.
({ absent, makeRequire }) => {
  return absent('module', {
    createRequire(from) {
      const text = typeof from === 'string' ? from : from.href;
      const file = text.startsWith('file://') ? decodeURIComponent(text.slice(7)) : text;
      return makeRequire(file.slice(0, file.lastIndexOf('/')) || '/');
    },
    builtinModules: ['fs', 'module', 'os', 'path', 'process', 'url', 'util'],
  });
}
