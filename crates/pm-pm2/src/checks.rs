//! `ready` and `healthcheck` in the words of a file: what PM2's saved list has of them must bring them back.

use pm_spec::{ByteString, Door, HealthCheck, HttpGet, LinePattern, Probe, Question, Readiness};
use serde_json::{Map, Value, json};

/// What makes a run count as up.
pub(crate) fn ready(readiness: &Readiness) -> Value {
    match readiness {
        Readiness::Answers(question) => Value::Object(asked(question)),
        Readiness::Notifies => "notify".into(),
        Readiness::Prints(LinePattern::Text(text)) => json!({ "log": text }),
        Readiness::Prints(LinePattern::Regex(regex)) => json!({ "log": format!("/{regex}/") }),
    }
}

/// Whether it goes on being well.
pub(crate) fn health(check: &HealthCheck) -> Value {
    let mut words = asked(&check.question);
    for (key, span) in [
        ("interval", check.interval),
        ("start_period", check.start_period),
        ("start_interval", check.start_interval),
    ] {
        words.insert(key.into(), span.as_millis().into());
    }
    words.insert("retries".into(), check.retries.max(1).into());
    Value::Object(words)
}

fn asked(question: &Question) -> Map<String, Value> {
    let mut words = Map::new();
    words.insert("timeout".into(), question.timeout.as_millis().into());
    let (way, asked) = match &question.probe {
        Probe::Connect(Door::Tcp(place)) => ("tcp", place.as_str().into()),
        Probe::Connect(Door::Unix(path)) => ("unix", text(path)),
        Probe::Http(get) => ("http", page(get, &mut words)),
        Probe::Exec(argv) => ("exec", argv.iter().map(text).collect()),
        Probe::Shell(line) => ("exec", text(line)),
        Probe::File(path) => ("file", text(path)),
    };
    words.insert(way.into(), asked);
    words
}

/// Its URL; what else there is to say of it goes to the words.
fn page(get: &HttpGet, words: &mut Map<String, Value>) -> Value {
    let mut set = |key: &str, value: Option<Value>| {
        words.extend(value.map(|value| (key.to_owned(), value)));
    };
    let (place, socket) = match &get.door {
        Door::Tcp(place) => (place.as_str(), None),
        Door::Unix(path) => ("localhost", Some(text(path))),
    };
    set("socket", socket);
    set("host", get.host.as_deref().map(Value::from));
    set("status", get.status.map(Value::from));
    let headers: Map<String, Value> =
        get.headers.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    set("headers", (!headers.is_empty()).then(|| json!(headers)));
    format!("http://{place}{}", get.path).into()
}

fn text(bytes: &ByteString) -> Value {
    bytes.display().into_owned().into()
}

#[cfg(test)]
mod tests {
    use pm_config::{Caller, ConfigFormat, Overrides, read};
    use pm_spec::{Checks, Environment};

    use super::*;

    fn read_checks(ready: &Value, health: &Value) -> Checks {
        let app = json!([{ "script": "/bin/sh", "ready": ready, "healthcheck": health }]);
        let caller = Caller::new("/".into(), Environment::new(), "/nonexistent".into());
        let text = app.to_string();
        let overrides = Overrides::default();
        let read = read::parse(text.as_bytes(), ConfigFormat::Json, "list", &caller, &overrides);
        read.unwrap().apps.remove(0).checks
    }

    #[test]
    fn what_is_saved_is_read_back() {
        for probe in [
            json!({ "tcp": "localhost:$PORT" }),
            json!({ "unix": "/run/a b.sock" }),
            json!({ "exec": "test -e x && true" }),
            json!({ "exec": ["test", "-e", "a b"] }),
            json!({ "http": "http://[::1]:80/a?b=c" }),
            json!({ "http": "http://shop/", "socket": "/run/a.sock", "status": 204 }),
            json!({ "http": "http://localhost/", "host": "b", "headers": { "A": "c", "D": "e" } }),
        ] {
            let mut check = probe.clone();
            check["interval"] = 7.into();
            check["retries"] = 9.into();
            check["timeout"] = "1m".into();
            let checks = read_checks(&probe, &check);
            let (saved, checked) =
                (ready(checks.ready.as_ref().unwrap()), health(checks.health.as_ref().unwrap()));
            assert_eq!(read_checks(&saved, &checked), checks, "{probe}");
        }
    }
}
