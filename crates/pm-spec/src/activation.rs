//! Servers that take an open socket in place of an address: which address their arguments name, and the arguments with
//! the socket instead. What is not understood exactly is left as it is.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::{AppSpec, ByteString, ListenAddress, ListenSocket, Preset};

/// Where these servers listen if nothing is said.
const USUAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8000);
/// The first descriptor after the three of every program.
const FIRST: usize = 3;

/// A server with its sockets open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation {
    /// Where its arguments have it listen; the path of a unix socket as written.
    pub sockets: Vec<ListenSocket>,
    /// All arguments of the app, with the descriptors instead.
    pub args: Vec<ByteString>,
}

impl AppSpec {
    /// As what the app is run if it is to find its sockets open; `None`: it names none, or not in a way that is known.
    pub fn activation(&self) -> Option<Activation> {
        let decides = |name: &str| {
            let rest = name.strip_prefix("UVICORN_").unwrap_or_default();
            ["HOST", "PORT", "UDS", "FD", "RELOAD"].contains(&rest) || rest.starts_with("SSL")
        };
        let is_free = !self.env.iter().any(|(name, _)| decides(name));
        self.by_arguments().filter(|_| is_free)
    }

    /// The same by its arguments alone: a descriptor among them wins over variables.
    fn by_arguments(&self) -> Option<Activation> {
        let name = match self.preset {
            Preset::Uvicorn => "uvicorn",
            Preset::Hypercorn => "hypercorn",
            Preset::Daphne => "daphne",
            Preset::None
            | Preset::Gunicorn
            | Preset::Granian
            | Preset::Uwsgi
            | Preset::Celery
            | Preset::Django
            | Preset::Flask
            | Preset::Go => return None,
        };
        let (form, words) = WordsAt::of(self, name)?;
        let (sockets, words) = match name {
            "uvicorn" => uvicorn(&words)?,
            "hypercorn" => hypercorn(&words)?,
            _ => daphne(&words)?,
        };
        Some(Activation { sockets, args: form.with(words) })
    }

    /// The arguments of a run: with descriptors where the app finds sockets open that its own arguments name.
    pub fn run_args(&self) -> Vec<ByteString> {
        let is_derived = self.derived.iter().any(|key| key.as_bytes() == b"listen");
        let activation = self.by_arguments().filter(|_| is_derived && !self.listen.is_empty());
        activation.map_or_else(|| self.args.clone(), |it| it.args)
    }
}

/// How a server's own arguments stand among those of the app.
enum WordsAt {
    /// Behind so many others.
    Behind(Vec<ByteString>),
    /// In a line for the shell, behind these words.
    Line(Vec<ByteString>),
}

impl WordsAt {
    fn of(app: &AppSpec, name: &str) -> Option<(Self, Vec<ByteString>)> {
        let is_it = |word: &ByteString| base(word) == name.as_bytes();
        match app.args.as_slice() {
            [dash, module, rest @ ..] if dash.as_bytes() == b"-m" && is_it(module) => {
                Some((Self::Behind(Vec::from([dash.clone(), module.clone()])), rest.to_vec()))
            }
            args if is_it(&app.script) => Some((Self::Behind(Vec::new()), args.to_vec())),
            [dash, line] if dash.as_bytes() == b"-c" && is_plain(line.as_bytes()) => {
                let mut words: Vec<ByteString> = line
                    .as_bytes()
                    .split(|byte| *byte == b' ')
                    .filter(|word| !word.is_empty())
                    .map(ByteString::from)
                    .collect();
                let at = words.iter().position(is_it).filter(|at| *at <= 1)?;
                let is_bare = at == 0 || words.first().is_some_and(|it| it.as_bytes() == b"exec");
                let rest = words.split_off(at + 1);
                is_bare.then_some((Self::Line(words), rest))
            }
            _ => None,
        }
    }

    fn with(self, words: Vec<ByteString>) -> Vec<ByteString> {
        match self {
            Self::Behind(before) => before.into_iter().chain(words).collect(),
            Self::Line(before) => {
                let all: Vec<Vec<u8>> =
                    before.into_iter().chain(words).map(ByteString::into_bytes).collect();
                Vec::from([ByteString::from("-c"), ByteString::from(all.join(&b' '))])
            }
        }
    }
}

fn base(word: &ByteString) -> &[u8] {
    word.as_bytes().rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// Whether a shell makes of a line no more than its words.
fn is_plain(line: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b" ./:=@%+,_-".contains(byte);
    line.iter().all(is_plain)
}

type Understood = (Vec<ListenSocket>, Vec<ByteString>);

/// `--host`, `--port` and `--uds` become `--fd 3`.
fn uvicorn(words: &[ByteString]) -> Option<Understood> {
    let options = OptionWords::read(words, &["--host", "--port", "--uds"])?;
    let is_odd = |word: &ByteString| {
        let word = word.display();
        let name = word.split('=').next().unwrap_or_default();
        name == "--fd" || name == "--" || name.starts_with("--reload") || name.starts_with("--ssl")
    };
    if options.rest.iter().any(is_odd) || options.repeats() {
        return None;
    }
    let one = |name: &str| options.all(name).pop();
    let at = match (one("--uds"), one("--host"), one("--port")) {
        (Some(path), None, None) => ListenAddress::Unix(path),
        (Some(_), ..) => return None,
        (None, host, port) => {
            let host = host.map_or(Some(USUAL.ip()), |host| host.display().parse().ok())?;
            let port = port.map_or(Some(USUAL.port()), |port| port.display().parse().ok())?;
            tcp(SocketAddr::new(host, port))?
        }
    };
    let fd = [ByteString::from("--fd"), ByteString::from(format!("{FIRST}"))];
    Some((Vec::from([socket(at)]), fd.into_iter().chain(options.rest).collect()))
}

/// Each `--bind` becomes `--bind fd://N`.
fn hypercorn(words: &[ByteString]) -> Option<Understood> {
    /// What decides of sockets as well, or of what is spoken on them; argparse also knows them cut short.
    const ODD: [&str; 12] = [
        "--config",
        "--certfile",
        "--keyfile",
        "--ca-certs",
        "--insecure-bind",
        "--quic-bind",
        "--reload",
        "--daemon",
        "--user",
        "--group",
        "--umask",
        "--bind",
    ];
    let options = OptionWords::read(words, &["--bind", "-b"])?;
    let is_odd = |word: &ByteString| {
        let word = word.display();
        let name = word.split('=').next().unwrap_or_default();
        let is_short = word.starts_with('-') && !word.starts_with("--");
        let is_cut = name.starts_with("--") && ODD.iter().any(|odd| odd.starts_with(name));
        is_cut
            || (is_short
                && ["-b", "-c", "-D", "-u", "-g", "-m"].iter().any(|odd| word.starts_with(odd)))
    };
    if options.rest.iter().any(is_odd) {
        return None;
    }
    let mut binds = options.all("--bind");
    binds.extend(options.all("-b"));
    let mut sockets = Vec::new();
    for bind in &binds {
        let text = bind.display();
        let at = match text.strip_prefix("unix:") {
            Some(path) if !path.is_empty() => ListenAddress::Unix(path.into()),
            Some(_) => return None,
            None => {
                let at = text.parse().ok();
                tcp(at.or_else(|| Some(SocketAddr::new(text.parse().ok()?, USUAL.port())))?)?
            }
        };
        sockets.push(socket(at));
    }
    if sockets.is_empty() {
        sockets.push(socket(tcp(USUAL)?));
    }
    let numbers = FIRST..FIRST + sockets.len();
    let bind = |number| [ByteString::from("--bind"), format!("fd://{number}").into()];
    Some((sockets, numbers.flat_map(bind).chain(options.rest).collect()))
}

/// `--bind` and `--port` become `--fd 3`, which it takes for a socket of IPv4.
fn daphne(words: &[ByteString]) -> Option<Understood> {
    /// What decides of sockets as well; argparse also knows them cut short.
    const ODD: [&str; 5] = ["--bind", "--port", "--unix-socket", "--fd", "--endpoint"];
    let options = OptionWords::read(words, &["--bind", "-b", "--port", "-p"])?;
    let is_odd = |word: &ByteString| {
        let word = word.display();
        let name = word.split('=').next().unwrap_or_default();
        let is_short = ["-b", "-p", "-u", "-e"].iter().any(|odd| word.starts_with(odd));
        is_short || (name.starts_with("--") && ODD.iter().any(|odd| odd.starts_with(name)))
    };
    let one = |long: &str, short: &str| {
        let mut all = options.all(long);
        all.extend(options.all(short));
        (all.len() < 2).then(|| all.pop())
    };
    let (host, port) = (one("--bind", "-b")?, one("--port", "-p")?);
    if options.rest.iter().any(is_odd) {
        return None;
    }
    let host = host.map_or(Some(USUAL.ip()), |host| host.display().parse().ok())?;
    let port = port.map_or(Some(USUAL.port()), |port| port.display().parse().ok())?;
    let at = tcp(SocketAddr::new(host, port)).filter(|_| host.is_ipv4())?;
    let fd = [ByteString::from("--fd"), ByteString::from(format!("{FIRST}"))];
    Some((Vec::from([socket(at)]), fd.into_iter().chain(options.rest).collect()))
}

/// Port 0 is any free one, which only the server could tell.
fn tcp(at: SocketAddr) -> Option<ListenAddress> {
    (at.port() != 0).then_some(ListenAddress::Tcp(at))
}

fn socket(at: ListenAddress) -> ListenSocket {
    ListenSocket { at, name: None, mode: None, backlog: None }
}

/// Words of a command line, some options taken out with their values.
struct OptionWords {
    taken: Vec<(String, ByteString)>,
    rest: Vec<ByteString>,
}

impl OptionWords {
    fn read(words: &[ByteString], names: &[&str]) -> Option<Self> {
        let mut options = Self { taken: Vec::new(), rest: Vec::new() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let text = word.display();
            let (name, value) = match text.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value.into())),
                Some(_) | None => (&*text, None),
            };
            if names.contains(&name) {
                let value = value.or_else(|| words.next().cloned())?;
                options.taken.push((name.into(), value));
            } else {
                options.rest.push(word.clone());
            }
        }
        Some(options)
    }

    fn all(&self, name: &str) -> Vec<ByteString> {
        let mine = self.taken.iter().filter(|(taken, _)| taken == name);
        mine.map(|(_, value)| value.clone()).collect()
    }

    /// Whether one of them is given several times.
    fn repeats(&self) -> bool {
        let mut rest = self.taken.iter();
        core::iter::from_fn(|| rest.next().map(|(name, _)| (name, rest.clone())))
            .any(|(name, mut later)| later.any(|(other, _)| other == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AppName;

    fn server(preset: Preset, script: &str, args: &[&str]) -> AppSpec {
        let mut app = AppSpec::new(AppName::default_namespace(), script, "/srv");
        app.preset = preset;
        app.args = args.iter().map(|word| ByteString::from(*word)).collect();
        app
    }

    fn shown(app: &AppSpec) -> Option<(Vec<String>, String)> {
        let Activation { sockets, args } = app.activation()?;
        let args: Vec<_> = args.iter().map(|word| word.display().into_owned()).collect();
        let at = sockets.iter().map(|one| ByteString::from(one).display().into_owned());
        Some((at.collect(), args.join(" ")))
    }

    #[test]
    fn an_address_among_the_arguments_becomes_a_descriptor() {
        use Preset::{Daphne, Hypercorn, Uvicorn};
        let web = "/v/bin/uvicorn";
        let corn = "/v/bin/hypercorn";
        for (preset, script, args, at, run) in [
            (Uvicorn, web, &["a:b"][..], "tcp://127.0.0.1:8000", "--fd 3 a:b"),
            (
                Uvicorn,
                web,
                &["a:b", "--host", "0.0.0.0", "--port=80"],
                "tcp://0.0.0.0:80",
                "--fd 3 a:b",
            ),
            (
                Uvicorn,
                web,
                &["--workers", "2", "--host=::1", "a:b"],
                "tcp://[::1]:8000",
                "--fd 3 --workers 2 a:b",
            ),
            (Uvicorn, web, &["a:b", "--uds", "s"], "unix://s", "--fd 3 a:b"),
            (
                Uvicorn,
                "/v/bin/python",
                &["-m", "uvicorn", "a:b"],
                "tcp://127.0.0.1:8000",
                "-m uvicorn --fd 3 a:b",
            ),
            (
                Uvicorn,
                "/bin/sh",
                &["-c", "uvicorn a:b --port 81"],
                "tcp://127.0.0.1:81",
                "-c uvicorn --fd 3 a:b",
            ),
            (
                Uvicorn,
                "/bin/sh",
                &["-c", "exec uvicorn  a:b"],
                "tcp://127.0.0.1:8000",
                "-c exec uvicorn --fd 3 a:b",
            ),
            (Hypercorn, corn, &["a:b"], "tcp://127.0.0.1:8000", "--bind fd://3 a:b"),
            (Hypercorn, corn, &["-b", "0.0.0.0", "a:b"], "tcp://0.0.0.0:8000", "--bind fd://3 a:b"),
            (
                Hypercorn,
                corn,
                &["--bind", "[::1]:1", "--bind=unix:/s", "a:b"],
                "tcp://[::1]:1 unix:///s",
                "--bind fd://3 --bind fd://4 a:b",
            ),
            (
                Hypercorn,
                corn,
                &["--backlog", "9", "a:b"],
                "tcp://127.0.0.1:8000",
                "--bind fd://3 --backlog 9 a:b",
            ),
            (Daphne, "/v/bin/daphne", &["a:b"], "tcp://127.0.0.1:8000", "--fd 3 a:b"),
            (
                Daphne,
                "/v/bin/daphne",
                &["-b", "0.0.0.0", "--port=80", "-v", "0", "a:b"],
                "tcp://0.0.0.0:80",
                "--fd 3 -v 0 a:b",
            ),
        ] {
            let (sockets, args) = shown(&server(preset, script, args)).unwrap();
            assert_eq!((sockets.join(" ").as_str(), args.as_str()), (at, run));
        }
    }

    #[test]
    fn what_is_not_understood_stays() {
        use Preset::{Daphne, Gunicorn, Hypercorn, Uvicorn};
        for (preset, script, args) in [
            (Uvicorn, "uvicorn", &["a:b", "--port", "0"][..]),
            (Uvicorn, "uvicorn", &["a:b", "--port"]),
            (Uvicorn, "uvicorn", &["a:b", "--port", "x"]),
            (Uvicorn, "uvicorn", &["a:b", "--port", "1", "--port", "2"]),
            (Uvicorn, "uvicorn", &["a:b", "--host", "localhost"]),
            (Uvicorn, "uvicorn", &["a:b", "--host", "example.org"]),
            (Uvicorn, "uvicorn", &["a:b", "--uds", "s", "--port", "1"]),
            (Uvicorn, "uvicorn", &["a:b", "--fd", "7"]),
            (Uvicorn, "uvicorn", &["a:b", "--reload"]),
            (Uvicorn, "uvicorn", &["a:b", "--ssl-keyfile", "k"]),
            (Uvicorn, "serve.py", &["a:b"]),
            (Uvicorn, "/bin/sh", &["-c", "uvicorn a:b --port $PORT"]),
            (Uvicorn, "/bin/sh", &["-c", "cd x && uvicorn a:b"]),
            (Uvicorn, "/bin/sh", &["-c", "nice uvicorn a:b"]),
            (Hypercorn, "hypercorn", &["a:b", "--certfile", "c"]),
            (Hypercorn, "hypercorn", &["a:b", "--conf", "c"]),
            (Hypercorn, "hypercorn", &["a:b", "-c", "c"]),
            (Hypercorn, "hypercorn", &["a:b", "-b127.0.0.1:1"]),
            (Hypercorn, "hypercorn", &["a:b", "--bin", "127.0.0.1:1"]),
            (Hypercorn, "hypercorn", &["a:b", "--bind", "localhost:1"]),
            (Hypercorn, "hypercorn", &["a:b", "--bind", "fd://7"]),
            (Gunicorn, "gunicorn", &["a:b"]),
            (Daphne, "daphne", &["-u", "s", "a:b"]),
            (Daphne, "daphne", &["-e", "ssl:443", "a:b"]),
            (Daphne, "daphne", &["-b", "::1", "a:b"]),
            (Daphne, "daphne", &["-p", "1", "--port", "2", "a:b"]),
            (Daphne, "daphne", &["-p1", "a:b"]),
            (Daphne, "daphne", &["--po", "1", "a:b"]),
        ] {
            assert_eq!(shown(&server(preset, script, args)), None, "{args:?}");
        }
        let mut app = server(Uvicorn, "uvicorn", &["a:b"]);
        app.env.set("UVICORN_PORT", "1");
        assert_eq!(app.activation(), None);
    }
}
