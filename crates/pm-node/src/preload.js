'use strict';
// Loaded into Node cluster workers before the app, so that they can leave without cutting off a request.
// Node's own http servers close idle keep-alive connections at once when they stop listening, and the next request is
// often on its way by then. While this worker drains, a server only stops listening, each further answer says
// `Connection: close`, and what is still idle after a second is closed.
if (process.env.PM_NODE_PRELOAD === '1') {
  delete process.env.PM_NODE_PRELOAD;
  const at = process.execArgv.indexOf(__filename);
  if (at > 0) process.execArgv.splice(at - 1, 2);
  if (typeof process.send === 'function') {
    const http = require('http');
    const net = require('net');
    const tls = require('tls');
    const tell = (message) => process.send({ cmd: 'NODE_PM', ...message }, () => {});
    let draining = false;

    const soften = (prototype, base) => {
      const close = prototype.close;
      prototype.close = function (...args) {
        if (!draining) return close.apply(this, args);
        base.prototype.close.apply(this, args);
        if (typeof this.closeIdleConnections === 'function') {
          const timer = setInterval(() => {
            this.closeIdleConnections();
            if (!this.listening && this._connections === 0) clearInterval(timer);
          }, 1000);
          timer.unref();
        }
        return this;
      };
    };
    soften(http.Server.prototype, net.Server);
    let https = null;
    try {
      https = require('https');
    } catch {
      // A Node built without TLS.
    }
    if (https !== null) soften(https.Server.prototype, tls.Server);

    const begin = ({ response }) => {
      if (draining) response.shouldKeepAlive = false;
    };
    require('diagnostics_channel').subscribe?.('http.server.request.start', begin);

    process.on('internalMessage', (message) => {
      if (message === null || typeof message !== 'object' || message.cmd !== 'NODE_PM') return;
      if (message.act !== 'drain' || draining) return;
      draining = true;
      tell({ act: 'draining', interrupts: process.listenerCount('SIGINT') });
    });
    tell({ act: 'hello', version: process.version });
  }
}
