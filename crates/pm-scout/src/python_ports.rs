//! Ports in the statements of a Python file.

use crate::python_text::{PyStatement, PyToken};

/// Calls that listen, by the last part of their name.
const LISTENS: [&str; 9] = [
    "run",
    "run_app",
    "listen",
    "bind",
    "launch",
    "serve",
    "HTTPServer",
    "TCPServer",
    "make_server",
];

/// A port and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WrittenPort {
    pub(crate) number: u16,
    pub(crate) line: usize,
    pub(crate) words: String,
}

/// The port of a call that listens: `app.run(port=5001)`, `uvicorn.run("a:b", port=int(os.getenv("PORT", 8001)))`,
/// `server.listen(8888)`, or of `bind = "0.0.0.0:8000"` and `PORT = 8000`.
pub(crate) fn port(one: &PyStatement<'_>) -> Option<WrittenPort> {
    let (tokens, line) = (&one.tokens, one.line);
    let written = |number: u16, words: String| WrittenPort { number, line, words };
    let name = tokens.first()?.name()?;
    if tokens.get(1).is_some_and(|token| token.is('=')) && one.indent == 0 {
        let is_port = ["PORT", "port", "bind", "server_port"].contains(&name);
        let number = number(tokens.get(2..)?).filter(|_| is_port);
        if let Some(number) = number {
            return Some(written(number, format!("{name} = {number}")));
        }
    }
    let calls = (0..tokens.len()).filter(|at| tokens.get(at + 1).is_some_and(|it| it.is('(')));
    let mut calls = calls.filter_map(|at| Some((at, tokens.get(at)?.name()?)));
    calls.find_map(|(at, name)| {
        let inside = inside(tokens.get(at + 1..)?);
        let by_name = inside.windows(2).position(|pair| {
            matches!(pair, [PyToken::Name("port" | "server_port"), PyToken::Sign('=')])
        });
        let is_listening = LISTENS.contains(&name);
        let number = match by_name {
            Some(at) => number(first(inside.get(at + 2..)?)),
            None => number(inside).filter(|_| is_listening),
        };
        // Clients of databases have ports, too.
        number
            .filter(|_| is_listening)
            .map(|number| written(number, format!("{name}(... {number})")))
    })
}

/// What stands in the brackets at the beginning.
fn inside<'t, 'a>(tokens: &'t [PyToken<'a>]) -> &'t [PyToken<'a>] {
    tokens.get(1..at_depth_0(tokens, |_| true)).unwrap_or_default()
}

/// Up to the next argument.
fn first<'t, 'a>(tokens: &'t [PyToken<'a>]) -> &'t [PyToken<'a>] {
    tokens.get(..at_depth_0(tokens, |token| token.is(','))).unwrap_or_default()
}

/// Where the first such token outside all brackets is, the closing one counted among those; else the end.
fn at_depth_0(tokens: &[PyToken<'_>], is_such: impl Fn(&PyToken<'_>) -> bool) -> usize {
    let mut depth = 0_usize;
    let found = tokens.iter().position(|token| {
        depth = match token {
            PyToken::Sign('(' | '[' | '{') => depth + 1,
            PyToken::Sign(')' | ']' | '}') => depth.saturating_sub(1),
            PyToken::Name(_) | PyToken::Number(_) | PyToken::Text(_) | PyToken::Sign(_) => depth,
        };
        depth == 0 && is_such(token)
    });
    found.unwrap_or(tokens.len())
}

/// The first number that could be a port.
fn number(tokens: &[PyToken<'_>]) -> Option<u16> {
    tokens.iter().find_map(|token| {
        let text = match token {
            PyToken::Number(text) => text,
            PyToken::Text(text) => text.rsplit(':').next().unwrap_or_default(),
            PyToken::Name(_) | PyToken::Sign(_) => return None,
        };
        text.parse().ok().filter(|port| *port >= 80)
    })
}
