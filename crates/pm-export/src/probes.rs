//! Questions to apps as commands, for engines that only run commands.

use pm_spec::{Door, HttpGet, Probe, looks_secret};

/// The words of a command that asks the same and ends with code 0 for a good answer.
pub(crate) fn argv(probe: &Probe) -> Vec<String> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match probe {
        Probe::Exec(argv) => argv.iter().map(|word| word.display().into_owned()).collect(),
        Probe::Shell(line) => words(&["/bin/sh", "-c", &line.display()]),
        Probe::File(path) => words(&["test", "-e", &path.display()]),
        Probe::Connect(Door::Unix(path)) => words(&["nc", "-zU", &path.display()]),
        Probe::Connect(Door::Tcp(place)) => {
            let (host, port) = host_and_port(place);
            words(&["nc", "-z", &host, &port])
        }
        Probe::Http(get) => curl(get),
    }
}

fn curl(get: &HttpGet) -> Vec<String> {
    let mut words: Vec<String> = ["curl", "-fsS", "-o", "/dev/null"].map(str::to_owned).into();
    let place = match &get.door {
        Door::Tcp(place) => place.clone(),
        Door::Unix(path) => {
            words.extend(["--unix-socket".into(), path.display().into_owned()]);
            "localhost".into()
        }
    };
    for (name, value) in headers(get) {
        let header = format!("{name}: {value}");
        words.extend(["-H".into(), header]);
    }
    words.push(format!("http://{place}{}", get.path));
    words
}

/// `[::1]:80` in two; no port is that of HTTP.
pub(crate) fn host_and_port(place: &str) -> (String, String) {
    let (host, port) = place.rsplit_once(':').unwrap_or((place, "80"));
    (host.trim_matches(['[', ']']).into(), port.into())
}

/// The headers of a request that belong into a file, that with its name included.
pub(crate) fn headers(get: &HttpGet) -> impl Iterator<Item = (&str, &str)> {
    let host = get.host.iter().map(|host| ("Host", host.as_str()));
    let more = get.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    host.chain(more.filter(|(name, _)| !looks_secret(name)))
}

/// The names of those that do not.
pub(crate) fn secret_headers(probe: &Probe) -> Vec<String> {
    match probe {
        Probe::Http(get) => get
            .headers
            .iter()
            .map(|(name, _)| name.clone())
            .filter(|name| looks_secret(name))
            .collect(),
        Probe::Connect(_) | Probe::Exec(_) | Probe::Shell(_) | Probe::File(_) => Vec::new(),
    }
}
