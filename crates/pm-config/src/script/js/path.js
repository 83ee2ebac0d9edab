// `path`, POSIX.
({ process, absent }) => {
  const text = (value, name) => {
    if (typeof value !== 'string') {
      throw Object.assign(new TypeError(`The "${name}" argument must be of type string. Received ${value === null ? 'null' : typeof value}`),
        { code: 'ERR_INVALID_ARG_TYPE' });
    }
    return value;
  };
  const parts = (path, isAbsolute) => {
    const kept = [];
    for (const part of path.split('/')) {
      if (part === '' || part === '.') continue;
      if (part === '..' && kept.length > 0 && kept[kept.length - 1] !== '..') kept.pop();
      else if (part !== '..' || !isAbsolute) kept.push(part);
    }
    return kept.join('/');
  };
  const path = {
    sep: '/', delimiter: ':',
    isAbsolute: (name) => text(name, 'path').startsWith('/'),
    normalize(name) {
      if (text(name, 'path') === '') return '.';
      const isAbsolute = name.startsWith('/');
      const clean = parts(name, isAbsolute);
      const end = name.endsWith('/') ? '/' : '';
      if (clean === '') return isAbsolute ? '/' : `.${end}`;
      return (isAbsolute ? '/' : '') + clean + end;
    },
    join(...names) {
      const joined = names.map((name) => text(name, 'path')).filter((name) => name !== '').join('/');
      return joined === '' ? '.' : path.normalize(joined);
    },
    resolve(...names) {
      let full = '';
      for (let index = names.length - 1; index >= 0 && !full.startsWith('/'); index -= 1) {
        const name = text(names[index], `paths[${index}]`);
        if (name !== '') full = full === '' ? name : `${name}/${full}`;
      }
      if (!full.startsWith('/')) full = full === '' ? process.cwd() : `${process.cwd()}/${full}`;
      return `/${parts(full, true)}`;
    },
    relative(from, to) {
      const [there, here] = [path.resolve(text(to, 'to')), path.resolve(text(from, 'from'))].map((name) => name.split('/').filter(Boolean));
      let same = 0;
      while (same < here.length && same < there.length && here[same] === there[same]) same += 1;
      return [...here.slice(same).map(() => '..'), ...there.slice(same)].join('/');
    },
    dirname(name) {
      const trimmed = text(name, 'path').replace(/(?<=.)\/+$/, '');
      const at = trimmed.lastIndexOf('/');
      if (at < 0) return '.';
      return trimmed.slice(0, at).replace(/\/+$/, '') || '/';
    },
    basename(name, ending) {
      const base = text(name, 'path').replace(/\/+$/, '').split('/').pop();
      return ending !== undefined && base !== ending && base.endsWith(text(ending, 'suffix')) ? base.slice(0, base.length - ending.length) : base;
    },
    extname(name) {
      const base = path.basename(name);
      const at = base.lastIndexOf('.');
      return at <= 0 || base === '..' ? '' : base.slice(at);
    },
    parse(name) {
      const base = path.basename(name);
      const ext = path.extname(name);
      const root = path.isAbsolute(name) ? '/' : '';
      const dir = name.replace(/\/+$/, '').includes('/') ? path.dirname(name) : root;
      return { root, dir, base, ext, name: ext === '' ? base : base.slice(0, base.length - ext.length) };
    },
    format({ root = '', dir, base, name = '', ext = '' }) {
      const last = base || name + (ext === '' || ext.startsWith('.') ? ext : `.${ext}`);
      const folder = dir || root;
      if (!folder) return last;
      return folder === root ? folder + last : `${folder}/${last}`;
    },
    toNamespacedPath: (name) => name,
  };
  path.win32 = absent('path.win32');
  path.posix = path;
  return path;
}
