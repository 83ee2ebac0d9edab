// The basics of `util`.
({ absent }) => {
  const quote = (text) => (text.includes("'") ? JSON.stringify(text) : `'${text.replace(/\n/g, '\\n')}'`);
  const inspect = (value, depth = 0, seen = []) => {
    if (typeof value === 'string') return depth === 0 && seen.length === 0 ? quote(value) : quote(value);
    if (typeof value === 'bigint') return `${value}n`;
    if (typeof value === 'function') return `[Function: ${value.name || '(anonymous)'}]`;
    if (typeof value === 'symbol') return value.toString();
    if (Object.is(value, -0)) return '-0';
    if (value === null || typeof value !== 'object') return String(value);
    if (seen.includes(value)) return '[Circular *1]';
    if (value instanceof Error) return value.stack ? `${value}\n${value.stack}`.trimEnd() : String(value);
    if (value instanceof Date) return value.toISOString();
    if (value instanceof RegExp) return String(value);
    if (depth > 2) return Array.isArray(value) ? '[Array]' : '[Object]';
    const inner = [...seen, value];
    const parts = Array.isArray(value) ? value.map((item) => inspect(item, depth + 1, inner))
      : Object.entries(value).map(([key, item]) => `${/^[A-Za-z_$][\w$]*$/.test(key) ? key : quote(key)}: ${inspect(item, depth + 1, inner)}`);
    const [open, close] = Array.isArray(value) ? '[]' : '{}';
    if (parts.length === 0) return open + close;
    const line = `${open} ${parts.join(', ')} ${close}`;
    return line.length <= 72 && !line.includes('\n') ? line : `${open}\n${parts.map((part) => `  ${part.replace(/\n/g, '\n  ')}`).join(',\n')}\n${close}`;
  };
  const plain = (value) => (typeof value === 'string' ? value : inspect(value));
  const format = (first, ...rest) => {
    let text = plain(first);
    if (typeof first === 'string') {
      text = first.replace(/%([sdifjoOc%])/g, (whole, kind) => {
        if (kind === '%') return '%';
        if (rest.length === 0) return whole;
        const value = rest.shift();
        if (kind === 's') return plain(value);
        if (kind === 'd') return String(Number(value));
        if (kind === 'i') return String(Number.parseInt(value, 10));
        if (kind === 'f') return String(Number.parseFloat(value));
        if (kind === 'j') return JSON.stringify(value);
        return kind === 'c' ? '' : inspect(value);
      });
    }
    return [text, ...rest.map(plain)].join(' ');
  };
  const equal = (a, b) => {
    if (Object.is(a, b)) return true;
    if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
    if (Array.isArray(a) !== Array.isArray(b)) return false;
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]));
  };
  return absent('util', {
    inspect: (value) => inspect(value), format, isDeepStrictEqual: equal,
    inherits(child, parent) {
      Object.setPrototypeOf(child.prototype, parent.prototype);
      child.super_ = parent;
    },
    promisify: (act) => (...args) => new Promise((done, fail) => { act(...args, (error, value) => (error ? fail(error) : done(value))); }),
    deprecate: (act) => act,
    isArray: Array.isArray,
    stripVTControlCharacters: (text) => text.replace(/\u001b\[[0-9;]*[A-Za-z]/g, ''),
  });
}
