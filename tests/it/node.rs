//! Node apps: the channel, cluster workers on one port, and what happens to both when the daemon or a worker dies.

mod actions;
mod cluster;
pub(crate) mod load;
mod messages;
mod reload;
mod sockets;

use pm_testkit::Home;

/// A server that answers with its pid.
fn server(home: &Home) {
    home.file(
        "server.js",
        "const http = require('node:http');\n\
         const wait = Number(process.env.WAIT || 0);\n\
         http.createServer((request, response) => {\n\
           const text = String(process.pid);\n\
           setTimeout(() => {\n\
             response.writeHead(200, { 'Content-Length': text.length });\n\
             response.end(text);\n\
           }, wait);\n\
         }).listen(Number(process.env.PORT));\n",
    );
}
