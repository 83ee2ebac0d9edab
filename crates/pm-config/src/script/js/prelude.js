// What a config finds besides the language: `process`, `console`, `require` and a few globals. Evaluated to a function
// that is called with the one native function and the facts of the caller; nothing here looks at the machine itself.
//
// What is absent is noted in `lacks` when it is touched, so that whoever runs us can ask `node` instead.
(function (ask, facts) {

  const lacks = new Set();
  const lack = (name) => { lacks.add(name); };

  // A question to the native side; a refusal becomes an error as Node throws it.
  const host = (what, subject, more) => {
    const answer = JSON.parse(ask(what, String(subject), more === undefined ? '' : String(more)));
    if (answer.lacks) lack(answer.lacks);
    if (answer.code) {
      const error = new Error(`${answer.code}: ${answer.text}, ${what} '${subject}'`);
      throw Object.assign(error, { code: answer.code, syscall: what, path: subject, errno: answer.errno });
    }
    return answer.ok;
  };

  // Node's modules that are absent: harmless until one of their parts is touched (dotenv requires crypto and rarely uses it).
  const absent = (name, target = {}) => new Proxy(target, {
    get(object, key) {
      if (key in object || typeof key === 'symbol') return object[key];
      if (key !== '__esModule' && key !== 'then' && key !== 'toJSON') lack(`${name}.${key}`);
      return undefined;
    },
  });

  // ---- process

  const strings = (object, name) => new Proxy(object, {
    set(target, key, value) {
      target[key] = String(value);
      return true;
    },
    defineProperty(target, key, descriptor) {
      return Reflect.defineProperty(target, key, { ...descriptor, value: String(descriptor.value) });
    },
  });
  const env = { ...facts.env };
  const began = Date.now();

  class Exit extends Error {}
  const say = (text) => ask('say', text, '');
  const stream = (fd) => absent(`process.std${fd}`, {
    write(text) { say(String(text)); return true; },
    isTTY: undefined, columns: undefined, fd,
  });
  const ignore = () => process;

  const process = absent('process', {
    env: strings(env), argv: facts.argv, argv0: facts.argv[0], execArgv: [], execPath: facts.argv[0],
    platform: facts.platform, arch: facts.arch, pid: facts.pid, ppid: facts.ppid, title: 'pm', exitCode: undefined,
    version: facts.version, versions: { node: facts.version.slice(1), quickjs: facts.engine },
    release: { name: 'node' }, config: {}, features: {},
    cwd: () => facts.cwd,
    exit(code) { throw new Exit(`process.exit(${code ?? ''})`); },
    abort() { throw new Exit('process.abort()'); },
    getuid: () => facts.uid, geteuid: () => facts.uid, getgid: () => facts.gid, getegid: () => facts.gid,
    umask: () => 0o022,
    uptime: () => (Date.now() - began) / 1000,
    hrtime: Object.assign((past = [0, 0]) => {
      const nanos = BigInt(Date.now()) * 1000000n - (BigInt(past[0]) * 1000000000n + BigInt(past[1]));
      return [Number(nanos / 1000000000n), Number(nanos % 1000000000n)];
    }, { bigint: () => BigInt(Date.now()) * 1000000n }),
    nextTick: (act, ...args) => { queueMicrotask(() => act(...args)); },
    emitWarning: (warning) => say(`warning: ${warning?.message ?? warning}\n`),
    on: ignore, once: ignore, off: ignore, addListener: ignore, removeListener: ignore, removeAllListeners: ignore,
    emit: () => false, listeners: () => [], listenerCount: () => 0, setMaxListeners: ignore,
    stdout: stream(1), stderr: stream(2),
    send: undefined, connected: false, channel: undefined, noDeprecation: undefined, throwDeprecation: undefined,
  });
  Object.defineProperty(process, Symbol.toStringTag, { value: 'process' });

  // ---- modules

  const cache = Object.create(null);
  const builtins = Object.create(null);

  // The parts of others, and ourselves.
  const PARTS = {
    process: () => process, sys: () => builtin('util'), 'path/posix': () => builtin('path'),
    'fs/promises': () => builtin('fs').promises,
    buffer: () => absent('buffer', { Buffer: builtin('globals').globals.Buffer }),
    timers: () => absent('timers', builtin('globals').globals),
  };

  const builtin = (name) => {
    if (!(name in builtins)) {
      const source = ask('builtin', name, '');
      const make = PARTS[name] ?? (source === '' ? () => absent(name) : ask('compile', `pm:${name}`, source));
      builtins[name] = make({ host, facts, process, absent, lack, require: builtin, makeRequire });
    }
    return builtins[name];
  };

  // The parts that are there; the rest of Node's list is known to be absent.
  const NODE = new Set(('assert assert/strict async_hooks buffer child_process cluster console constants crypto dgram '
    + 'diagnostics_channel dns dns/promises domain events fs fs/promises http http2 https inspector module net os path '
    + 'path/posix path/win32 perf_hooks process punycode querystring readline readline/promises repl sqlite stream '
    + 'stream/promises string_decoder sys test timers timers/promises tls trace_events tty url util util/types v8 vm '
    + 'wasi worker_threads zlib').split(' '));

  const nodeModule = (name) => {
    if (name.startsWith('node:')) return name.slice(5);
    return NODE.has(name) ? name : undefined;
  };

  const notFound = (name) => Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' });

  // The file a name means, as Node finds it; `how` is 'require' or 'import'.
  const resolve = (name, folder, how) => {
    const path = ask('resolve', JSON.stringify({ name, folder, how }), '');
    if (path !== '') return path;
    // Ways to find a module that only Node knows.
    if (name.startsWith('#') || (process.env.NODE_PATH && !/^[./]/.test(name))) lack(`require of ${name}`);
    throw notFound(name);
  };

  const dirname = (file) => file.slice(0, file.lastIndexOf('/')) || '/';

  function makeRequire(folder, parent) {
    const require = (name) => {
      if (typeof name !== 'string') throw new TypeError('The "id" argument must be of type string');
      const known = nodeModule(name);
      if (known !== undefined) return builtin(known);
      return load(resolve(name, folder, 'require'), parent).exports;
    };
    require.resolve = (name) => nodeModule(name) !== undefined ? name : resolve(name, folder, 'require');
    require.cache = cache;
    require.main = undefined;
    require.extensions = {};
    return require;
  }

  const kind = (file) => ask('kind', file, '');
  // How Node, too, tells a module without a package's word for it.
  const MODULE = /^\s*(?:import\b(?!\s*\()|export\b|await\b)|^.*[=(;]\s*await\b/m;

  function load(file, parent) {
    if (cache[file]) return cache[file];
    const module = { id: file, filename: file, path: dirname(file), exports: {}, loaded: false, children: [], parent, paths: [] };
    const type = kind(file);
    if (type === 'other') {
      lack(`require of ${file}`);
      throw new Error(`can't require ${file}`);
    }
    cache[file] = module;
    try {
      const text = host('open', file);
      if (type === 'json') {
        module.exports = JSON.parse(text.replace(/^\ufeff/, ''));
      } else if (type === 'module') {
        lack(`require of the ES module ${file}`);
        throw new Error(`can't require the ES module ${file}`);
      } else {
        module.require = makeRequire(module.path, module);
        const run = ask('commonjs', file, text);
        run.call(module.exports, module.exports, module.require, module, file, module.path);
      }
    } catch (error) {
      delete cache[file];
      throw error;
    }
    module.loaded = true;
    return module;
  }

  // ES modules see what is none as a module with a default export and, where the names allow it, named ones.
  const bridges = Object.create(null);
  const bridge = (key, exports) => {
    bridges[key] = exports;
    const names = exports !== null && (typeof exports === 'object' || typeof exports === 'function')
      ? Object.keys(exports).filter((name) => name !== 'default' && /^[A-Za-z_$][\w$]*$/.test(name)) : [];
    const parts = names.map((name, index) => `const _${index} = it.${name}; export { _${index} as ${name} };`);
    return `const it = globalThis.__pm.bridges[${JSON.stringify(key)}]; export default it; ${parts.join(' ')}`;
  };

  const looksLikeModule = (file, error) => error instanceof SyntaxError && kind(file) === 'unsaid' && MODULE.test(host('open', file));

  const source = (key) => {
    if (key.startsWith('node:')) {
      const part = builtin(key.slice(5));
      // Its names are asked for before they are touched.
      if (Object.keys(part).length === 0) lack(key.slice(5));
      return bridge(key, part);
    }
    if (kind(key) === 'module') return host('open', key);
    try {
      return bridge(key, load(key).exports);
    } catch (error) {
      if (looksLikeModule(key, error)) return host('open', key);
      throw error;
    }
  };

  const url = (file) => `file://${encodeURI(file).replace(/[?#]/g, encodeURIComponent)}`;

  const locate = (name, base) => {
    const known = nodeModule(name);
    if (known !== undefined) return `node:${known}`;
    if (name.startsWith('file://')) return decodeURIComponent(name.slice(7));
    return resolve(name, dirname(base), 'import');
  };

  // ---- globals

  const console = builtin('console');
  const { globals, tick } = builtin('globals');
  const give = (name, value) => Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  for (const [name, value] of Object.entries({ process, console, global: globalThis, __pm: { source, locate, url, bridges, tick }, ...globals })) give(name, value);
  for (const name of ['Buffer', 'URL', 'URLSearchParams', 'TextEncoder', 'TextDecoder', 'setTimeout', 'clearTimeout', 'setInterval',
    'clearInterval', 'setImmediate', 'clearImmediate', 'structuredClone', 'fetch', 'Headers', 'Request', 'Response', 'AbortController',
    'AbortSignal', 'Event', 'EventTarget', 'Intl', 'crypto', 'WebAssembly', 'Blob', 'File', 'FormData', 'navigator']) {
    if (name in globalThis) continue;
    let given;
    Object.defineProperty(globalThis, name, {
      get() { if (given === undefined) lack(name); return given; },
      set(value) { given = value; },
      configurable: true, enumerable: false,
    });
  }

  // ---- the config

  const isPromise = (value) => value !== null && typeof value === 'object' && typeof value.then === 'function';

  const exported = async (file) => {
    const type = kind(file);
    let value;
    if (type === 'module') {
      value = await import(file);
    } else if (type === 'json') {
      value = ask('compile', file, `(${host('open', file)}\n)`);
    } else {
      try {
        value = load(file).exports;
      } catch (error) {
        if (!looksLikeModule(file, error)) throw error;
        value = await import(file);
      }
    }
    const isModule = Object.prototype.toString.call(value) === '[object Module]';
    if ((isModule || value?.__esModule) && value.default !== undefined) value = value.default;
    for (let depth = 0; depth < 8 && (isPromise(value) || typeof value === 'function'); depth += 1) {
      value = isPromise(value) ? await value : value();
    }
    return value;
  };

  // Not everything that can be thrown has a text.
  const described = (thrown) => {
    try {
      return String(thrown);
    } catch {
      return 'an object without text';
    }
  };

  const failure = (error) => {
    const thrown = error instanceof Error;
    const stack = thrown ? described(error.stack ?? '') : '';
    return {
      name: thrown ? described(error.name) : '', message: described(thrown ? error.message : error), stack,
      exit: error instanceof Exit,
    };
  };

  return async (file) => {
    const answer = {};
    try {
      answer.value = await exported(file);
      // What was put off may still change it; who puts off for ever is not waited for.
      for (let count = 0; count < 1000 && tick(); count += 1) await null;
      answer.env = { ...process.env };
      answer.lacks = [...lacks];
      return JSON.stringify(answer);
    } catch (error) {
      const missing = /export '(.+)' in module 'node:(.+)'/.exec(error?.message ?? '');
      if (missing) lack(`${missing[2]}.${missing[1]}`);
      return JSON.stringify({ error: failure(error), lacks: [...lacks] });
    }
  };
})
