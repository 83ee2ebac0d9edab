// Globals of Node and the web that configs use: URL, Buffer, structuredClone, setTimeout. No clock runs: a timer comes as
// soon as nothing else is left to do, the earliest first.
({ lack }) => {
  const PORTS = { 'http:': '80', 'https:': '443', 'ws:': '80', 'wss:': '443', 'ftp:': '21', 'file:': '' };
  const SHAPE = /^([a-z][a-z0-9+.-]*:)(\/\/(?:([^/?#]*)@)?(\[[^\]]*\]|[^:/?#]*)(?::(\d*))?(?=[/?#]|$))?([^?#]*)(\?[^#]*)?(#.*)?$/i;
  const escaped = (text) => text.replace(/[^\x21-\x7e]|["<>`{}]/gu, encodeURIComponent);
  const invalid = (text) => Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL', input: text });

  const clean = (path) => {
    const kept = [];
    const parts = path.split('/').slice(1);
    for (const [index, part] of parts.entries()) {
      const isLast = index === parts.length - 1;
      if (part === '..') kept.pop();
      if (part === '.' || part === '..') {
        if (isLast) kept.push('');
      } else kept.push(part);
    }
    return `/${kept.join('/')}`;
  };

  const decoded = (text) => {
    const plain = text.replace(/\+/g, ' ');
    try {
      return decodeURIComponent(plain);
    } catch {
      return plain;
    }
  };
  const encoded = (text) => encodeURIComponent(text).replace(/[!'()~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`).replace(/%20/g, '+');

  class URLSearchParams {
    #pairs = [];
    #changed;
    constructor(from = '', changed = () => {}) {
      this.#changed = changed;
      if (typeof from === 'string') {
        for (const part of from.replace(/^\?/, '').split('&').filter(Boolean)) {
          const at = part.indexOf('=');
          this.#pairs.push(at < 0 ? [decoded(part), ''] : [decoded(part.slice(0, at)), decoded(part.slice(at + 1))]);
        }
      } else {
        const pairs = typeof from[Symbol.iterator] === 'function' ? [...from] : Object.entries(from);
        this.#pairs = pairs.map(([name, value]) => [String(name), String(value)]);
      }
    }
    get size() { return this.#pairs.length; }
    get(name) { return this.#pairs.find(([key]) => key === name)?.[1] ?? null; }
    getAll(name) { return this.#pairs.filter(([key]) => key === name).map(([, value]) => value); }
    has(name) { return this.#pairs.some(([key]) => key === name); }
    append(name, value) { this.#pairs.push([String(name), String(value)]); this.#changed(this); }
    set(name, value) {
      const at = this.#pairs.findIndex(([key]) => key === name);
      const rest = this.#pairs.filter(([key], index) => key !== name || index === at);
      if (at < 0) rest.push([String(name), String(value)]);
      else rest[rest.findIndex(([key]) => key === name)] = [String(name), String(value)];
      this.#pairs = rest;
      this.#changed(this);
    }
    delete(name) { this.#pairs = this.#pairs.filter(([key]) => key !== name); this.#changed(this); }
    sort() { this.#pairs.sort(([a], [b]) => (a < b ? -1 : Number(a > b))); this.#changed(this); }
    forEach(act) { for (const [name, value] of this.#pairs) act(value, name, this); }
    *entries() { yield* this.#pairs.map((pair) => [...pair]); }
    *keys() { for (const [name] of this.#pairs) yield name; }
    *values() { for (const [, value] of this.#pairs) yield value; }
    [Symbol.iterator]() { return this.entries(); }
    toString() { return this.#pairs.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join('&'); }
  }

  class URL {
    #parts;
    #query;
    constructor(text, base) {
      this.#read(String(text).trim(), base === undefined ? undefined : new URL(base));
    }
    #read(text, base) {
      const found = SHAPE.exec(text);
      if (found === null && base === undefined) throw invalid(text);
      if (found === null) {
        const [, path, search = '', hash = ''] = /^([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(text);
        const from = base.#parts;
        if (path.startsWith('//')) { this.#read(from.protocol + text); return; }
        const full = path.startsWith('/') ? path : from.pathname.slice(0, from.pathname.lastIndexOf('/') + 1) + path;
        this.#parts = { ...from, pathname: path === '' ? from.pathname : clean(escaped(full)), search: path === '' && search === '' ? from.search : escaped(search), hash: escaped(hash) };
      } else {
        const [, scheme, authority, user = '', host = '', port = '', path, search = '', hash = ''] = found;
        const protocol = scheme.toLowerCase();
        const isSpecial = protocol in PORTS;
        if (isSpecial && protocol !== 'file:' && host === '') throw invalid(text);
        if (/[^\x21-\x7e]/.test(host)) lack('URL with a host that is not ASCII');
        if (Number(port) > 65535 || /[\s<>^|]/.test(host)) throw invalid(text);
        const at = user.indexOf(':');
        this.#parts = {
          protocol, hasHost: authority !== undefined || isSpecial, hostname: isSpecial ? host.toLowerCase() : host,
          username: escaped(at < 0 ? user : user.slice(0, at)), password: escaped(at < 0 ? '' : user.slice(at + 1)),
          port: port === PORTS[protocol] || port === '' ? '' : String(Number(port)),
          pathname: isSpecial ? clean(escaped(path.startsWith('/') ? path : `/${path}`)) : escaped(path),
          search: escaped(search), hash: escaped(hash),
        };
      }
      if (this.#parts.search === '?') this.#parts.search = '';
      if (this.#parts.hash === '#') this.#parts.hash = '';
      this.#query = undefined;
    }
    static canParse(text, base) {
      try {
        return Boolean(new URL(text, base));
      } catch {
        return false;
      }
    }
    get href() {
      const { protocol, hasHost, username, password, pathname, search, hash } = this.#parts;
      const user = username || password ? `${username}${password ? `:${password}` : ''}@` : '';
      return protocol + (hasHost ? `//${user}${this.host}` : '') + pathname + search + hash;
    }
    set href(text) { this.#read(String(text)); }
    get origin() { return this.#parts.protocol in PORTS && this.#parts.protocol !== 'file:' ? `${this.#parts.protocol}//${this.host}` : 'null'; }
    get host() { return this.#parts.hostname + (this.#parts.port === '' ? '' : `:${this.#parts.port}`); }
    set host(text) { [, this.hostname, this.port] = /^(\[[^\]]*\]|[^:]*):?(.*)$/.exec(String(text)); }
    get protocol() { return this.#parts.protocol; }
    set protocol(text) { this.#parts.protocol = `${String(text).replace(/:.*$/, '').toLowerCase()}:`; }
    get username() { return this.#parts.username; }
    set username(text) { this.#parts.username = encodeURIComponent(text); }
    get password() { return this.#parts.password; }
    set password(text) { this.#parts.password = encodeURIComponent(text); }
    get hostname() { return this.#parts.hostname; }
    set hostname(text) { this.#parts.hostname = String(text); }
    get port() { return this.#parts.port; }
    set port(text) { this.#parts.port = String(text) === PORTS[this.#parts.protocol] ? '' : String(text); }
    get pathname() { return this.#parts.pathname; }
    set pathname(text) { this.#parts.pathname = clean(escaped(`/${String(text).replace(/^\//, '')}`)).replace(/[?#]/g, encodeURIComponent); }
    get search() { return this.#parts.search; }
    set search(text) { this.#parts.search = text === '' ? '' : escaped(`?${String(text).replace(/^\?/, '')}`); this.#query = undefined; }
    get hash() { return this.#parts.hash; }
    set hash(text) { this.#parts.hash = text === '' ? '' : escaped(`#${String(text).replace(/^#/, '')}`); }
    get searchParams() {
      this.#query ??= new URLSearchParams(this.#parts.search, (query) => {
        const text = query.toString();
        this.#parts.search = text === '' ? '' : `?${text}`;
      });
      return this.#query;
    }
    toString() { return this.href; }
    toJSON() { return this.href; }
  }

  // ---- Buffer

  const bytesOf = (text) => Array.from(encodeURIComponent(text.toWellFormed()).matchAll(/%(..)|./g), ([one, code]) => (code === undefined ? one.charCodeAt(0) : parseInt(code, 16)));
  const textOf = (bytes) => {
    const all = Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`);
    try {
      return decodeURIComponent(all.join(''));
    } catch {
      // Where it is no text, each byte that belongs to none becomes a mark.
      let text = '';
      for (let at = 0; at < all.length;) {
        const length = [1, 2, 3, 4].find((count) => {
          try {
            return decodeURIComponent(all.slice(at, at + count).join('')) !== '';
          } catch {
            return false;
          }
        });
        text += length === undefined ? '\ufffd' : decodeURIComponent(all.slice(at, at + length).join(''));
        at += length ?? 1;
      }
      return text;
    }
  };
  const SIGNS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const base64 = (bytes) => {
    let text = '';
    for (let at = 0; at < bytes.length; at += 3) {
      const three = (bytes[at] << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
      const four = [18, 12, 6, 0].map((shift) => SIGNS[(three >> shift) & 63]).join('');
      text += four.slice(0, Math.min(4, bytes.length - at + 1)).padEnd(4, '=');
    }
    return text;
  };
  const unbase64 = (text) => {
    const bytes = [];
    let [held, count] = [0, 0];
    for (const sign of text.replace(/-/g, '+').replace(/_/g, '/').replace(/=.*$/s, '')) {
      const value = SIGNS.indexOf(sign);
      if (value < 0) continue;
      held = ((held << 6) | value) & 0xffffff;
      count += 6;
      if (count >= 8) {
        count -= 8;
        bytes.push((held >> count) & 255);
      }
    }
    return bytes;
  };
  const CODES = {
    utf8: [bytesOf, textOf],
    hex: [(text) => (text.match(/^(?:[0-9a-f]{2})*/i)[0].match(/../g) ?? []).map((two) => parseInt(two, 16)),
      (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')],
    base64: [unbase64, base64],
    base64url: [unbase64, (bytes) => base64(bytes).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')],
    latin1: [(text) => Array.from(text, (sign) => sign.charCodeAt(0) & 255), (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')],
  };
  const code = (encoding = 'utf8') => {
    const name = String(encoding).toLowerCase().replace(/^utf-8$/, 'utf8').replace(/^(binary|ascii)$/, 'latin1');
    if (!(name in CODES)) lack(`Buffer in ${encoding}`);
    return CODES[name] ?? CODES.utf8;
  };
  class Buffer extends Uint8Array {
    static from(from, encoding) {
      if (typeof from === 'string') return new Buffer(code(encoding)[0](from));
      return new Buffer(from instanceof ArrayBuffer ? new Uint8Array(from) : Array.from(from?.type === 'Buffer' ? from.data : from));
    }
    static alloc(size, fill = 0) { return new Buffer(size).fill(fill); }
    static isBuffer(value) { return value instanceof Buffer; }
    static isEncoding(name) { return /^(utf-?8|hex|base64(url)?|latin1|binary|ascii)$/i.test(name); }
    static byteLength(text, encoding) { return typeof text === 'string' ? code(encoding)[0](text).length : text.byteLength; }
    static concat(list) { return new Buffer(list.flatMap((one) => Array.from(one))); }
    static compare(one, other) { return one.toString('hex') < other.toString('hex') ? -1 : Number(!one.equals(other)); }
    toString(encoding, start = 0, end = this.length) { return code(encoding)[1](Array.from(this).slice(start, end)); }
    equals(other) { return this.toString('hex') === Buffer.from(other).toString('hex'); }
    slice(start, end) { return this.subarray(start, end); }
    toJSON() { return { type: 'Buffer', data: Array.from(this) }; }
    [Symbol.toPrimitive]() { return this.toString(); }
  }

  // ---- structuredClone

  const structuredClone = (value, seen = new Map()) => {
    if (typeof value === 'function' || typeof value === 'symbol') throw Object.assign(new Error(`${String(value)} could not be cloned.`), { name: 'DataCloneError' });
    if (value === null || typeof value !== 'object') return value;
    if (seen.has(value)) return seen.get(value);
    const keep = (copy) => { seen.set(value, copy); return copy; };
    if (value instanceof Date) return keep(new Date(value.getTime()));
    if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags));
    if (ArrayBuffer.isView(value)) return keep(value.slice());
    if (value instanceof Map) {
      const copy = keep(new Map());
      for (const [name, one] of value) copy.set(structuredClone(name, seen), structuredClone(one, seen));
      return copy;
    }
    if (value instanceof Set) {
      const copy = keep(new Set());
      for (const one of value) copy.add(structuredClone(one, seen));
      return copy;
    }
    if (value instanceof Error) return keep(Object.assign(new value.constructor(value.message), { stack: value.stack }));
    const copy = keep(Array.isArray(value) ? new Array(value.length) : {});
    for (const name of Object.keys(value)) copy[name] = structuredClone(value[name], seen);
    return copy;
  };

  // ---- timers

  const waiting = new Map();
  let [now, last] = [0, 0];
  const setTimeout = (act, delay = 0, ...args) => {
    last += 1;
    waiting.set(last, { at: now + Math.max(1, Number(delay) || 1), act: () => act(...args) });
    const id = last;
    return { id, ref() { return this; }, unref() { return this; }, hasRef: () => true, [Symbol.toPrimitive]: () => id };
  };
  const clearTimeout = (timer) => { waiting.delete(Number(timer?.id ?? timer)); };
  // Lets the earliest timer come; whether there was one.
  const tick = () => {
    let first;
    for (const [id, { at }] of waiting) if (first === undefined || at < waiting.get(first).at) first = id;
    if (first === undefined) return false;
    const { at, act } = waiting.get(first);
    waiting.delete(first);
    now = Math.max(now, at);
    act();
    return true;
  };
  return {
    tick,
    globals: {
      URL, URLSearchParams, Buffer, structuredClone: (value) => structuredClone(value), setTimeout, clearTimeout,
      setImmediate: (act, ...args) => setTimeout(act, 0, ...args), clearImmediate: clearTimeout,
    },
  };
}
