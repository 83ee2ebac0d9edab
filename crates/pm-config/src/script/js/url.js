// Of `url` what configs need to know their own folder.
({ absent, require }) => {
  const { URL, URLSearchParams } = require('globals').globals;
  return absent('url', {
    URL, URLSearchParams,
    fileURLToPath(url) {
      const text = typeof url === 'string' ? url : url.href;
      if (!text.startsWith('file://')) throw Object.assign(new TypeError('The URL must be of scheme file'), { code: 'ERR_INVALID_URL_SCHEME' });
      return decodeURIComponent(text.slice(7).replace(/[?#].*$/, ''));
    },
    pathToFileURL(path) {
      const href = `file://${encodeURI(path).replace(/[?#]/g, encodeURIComponent)}`;
      return new URL(href);
    },
  });
}
