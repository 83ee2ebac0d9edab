// `fs`: reading, and making folders. Writing is left to `node`.
({ host, absent, lack, require }) => {
  const named = (path) => {
    if (typeof path === 'string') return path;
    if (path !== null && typeof path === 'object' && typeof path.pathname === 'string') return decodeURIComponent(path.pathname);
    lack('fs with descriptors or buffers');
    throw new TypeError('The "path" argument must be of type string');
  };
  // What Node gives as a Buffer; as text it is known, all else is not.
  const bytes = (content) => absent('Buffer', {
    toString(encoding) {
      if (encoding !== undefined && !/^utf-?8$/i.test(encoding)) lack(`Buffer in ${encoding}`);
      return content;
    },
    [Symbol.toPrimitive]: () => content,
  });
  const mode = (flags) => (flags !== null && typeof flags === 'object' ? flags.encoding : flags);
  const stats = (found) => {
    const date = new Date(found.mtimeMs);
    const is = (kind) => () => found.kind === kind;
    return absent('fs.Stats', {
      size: found.size, mode: found.mode, uid: found.uid, gid: found.gid, ino: found.ino, mtimeMs: found.mtimeMs, mtime: date,
      isFile: is('file'), isDirectory: is('folder'), isSymbolicLink: is('link'),
      isSocket: is('socket'), isFIFO: is('fifo'), isBlockDevice: is('block'), isCharacterDevice: is('character'),
    });
  };
  const look = (what) => (path, options) => {
    try {
      return stats(host(what, named(path)));
    } catch (error) {
      if (error.code === 'ENOENT' && options?.throwIfNoEntry === false) return undefined;
      throw error;
    }
  };
  const fs = {
    constants: { F_OK: 0, R_OK: 4, W_OK: 2, X_OK: 1 }, F_OK: 0, R_OK: 4, W_OK: 2, X_OK: 1,
    readFileSync(path, options) {
      const content = host('open', named(path));
      const encoding = mode(options);
      if (encoding === undefined || encoding === null) return bytes(content);
      if (!/^utf-?8$/i.test(encoding)) lack(`fs.readFileSync in ${encoding}`);
      return content;
    },
    existsSync(path) {
      try {
        host('stat', named(path));
        return true;
      } catch {
        return false;
      }
    },
    accessSync(path, wanted = 0) {
      host('access', named(path), wanted);
    },
    readdirSync(path, options) {
      const folder = named(path);
      if (options?.recursive) lack('fs.readdirSync with recursive');
      const entries = host('scandir', folder);
      if (!options?.withFileTypes) return entries.map(({ name }) => name);
      return entries.map(({ name, kind }) => ({
        name, parentPath: folder, path: folder,
        isFile: () => kind === 'file', isDirectory: () => kind === 'folder', isSymbolicLink: () => kind === 'link',
      }));
    },
    statSync: look('stat'),
    lstatSync: look('lstat'),
    realpathSync: (path) => host('realpath', named(path)),
    mkdirSync(path, options) {
      host('mkdir', named(path), options?.recursive ? 'recursive' : '');
    },
  };
  const promised = (act) => async (...args) => act(...args);
  fs.promises = absent('fs.promises', {
    readFile: promised(fs.readFileSync), readdir: promised(fs.readdirSync), stat: promised(fs.statSync), lstat: promised(fs.lstatSync),
    access: promised(fs.accessSync), realpath: promised(fs.realpathSync), mkdir: promised(fs.mkdirSync), constants: fs.constants,
  });
  return absent('fs', fs);
}
