//! `ready` and `healthcheck`: every way to write them, and what is refused.

use serde_json::{Value, json};

use crate::desk::Desk;

/// What the spec of an app with these keys says of its checks.
fn checks(desk: &Desk, keys: &str) -> Value {
    let (spec, warnings) = desk.app(&format!("[{{script: 'app', {keys}}}]"));
    assert_eq!(warnings, "", "{keys}");
    let text = serde_json::to_string(&spec.checks).unwrap();
    serde_json::from_str(&desk.plain(&text)).unwrap()
}

#[test]
fn each_way_to_be_asked_is_understood() {
    let desk = Desk::new();
    let get = |door: Value, path: &str| json!({ "http": { "door": door, "path": path } });
    let tcp = |place: &str| json!({ "tcp": place });
    for (written, probe) in [
        ("'http://localhost:8000/health?x=1'", get(tcp("localhost:8000"), "/health?x=1")),
        ("'http://127.0.0.1'", get(tcp("127.0.0.1:80"), "/")),
        ("'http://[::1]:80/'", get(tcp("[::1]:80"), "/")),
        ("'http://localhost:$PORT/'", get(tcp("localhost:$PORT"), "/")),
        ("'tcp://localhost:8000'", json!({ "connect": tcp("localhost:8000") })),
        ("'unix://./a.sock'", json!({ "connect": { "unix": "/desk/a.sock" } })),
        ("'unix:///run/a.sock'", json!({ "connect": { "unix": "/run/a.sock" } })),
        ("{tcp: '[::1]:80'}", json!({ "connect": tcp("[::1]:80") })),
        ("{unix: 'a.sock'}", json!({ "connect": { "unix": "/desk/a.sock" } })),
        ("{exec: 'test -e x'}", json!({ "shell": "test -e x" })),
        ("{exec: ['test', '-e', 'x']}", json!({ "exec": ["test", "-e", "x"] })),
        (
            "{http: 'http://localhost:80/a', status: 204, host: 'b', headers: {A: 'c', D: 1}}",
            json!({ "http": {
                "door": tcp("localhost:80"), "path": "/a", "host": "b", "status": 204,
                "headers": [["A", "c"], ["D", "1"]]
            }}),
        ),
        (
            "{http: 'http://shop/a', socket: 'a.sock'}",
            json!({ "http": { "door": { "unix": "/desk/a.sock" }, "path": "/a", "host": "shop" } }),
        ),
    ] {
        let got = checks(&desk, &format!("ready: {written}"));
        assert_eq!(got["ready"]["answers"]["probe"], probe, "{written}");
        assert_eq!(got["ready"]["answers"]["timeout"], 5000, "{written}");
        if written.starts_with('{') {
            let got = checks(&desk, &format!("healthcheck: {written}"));
            assert_eq!(got["health"]["question"]["probe"], probe, "{written}");
        }
    }
}

#[test]
fn health_checks_are_composes() {
    let desk = Desk::new();
    let usual = |probe: Value| {
        json!({
            "question": { "probe": probe, "timeout": 30_000 }, "interval": 30_000, "retries": 3,
            "start_period": 0, "start_interval": 5_000
        })
    };
    for (written, check) in [
        ("{test: 'curl -f x'}", usual(json!({ "shell": "curl -f x" }))),
        ("'curl -f x'", usual(json!({ "shell": "curl -f x" }))),
        ("'tcp://localhost:1'", usual(json!({ "connect": { "tcp": "localhost:1" } }))),
        ("{test: ['CMD', 'a', 'b']}", usual(json!({ "exec": ["a", "b"] }))),
        ("{test: ['CMD-SHELL', 'a b']}", usual(json!({ "shell": "a b" }))),
        ("{test: ['NONE']}", Value::Null),
        ("{test: 'x', disable: true}", Value::Null),
        ("false", Value::Null),
        (
            "{test: 'x', interval: '1m', timeout: 500, retries: 5, start_period: '10s', start_interval: 1}",
            json!({
                "question": { "probe": { "shell": "x" }, "timeout": 500 }, "interval": 60_000,
                "retries": 5, "start_period": 10_000, "start_interval": 1
            }),
        ),
    ] {
        assert_eq!(checks(&desk, &format!("healthcheck: {written}"))["health"], check, "{written}");
    }
}

#[test]
fn what_can_not_be_asked_is_refused_where_it_stands() {
    let desk = Desk::new();
    for (keys, complaint) in [
        ("ready: 'localhost:80'", "`ready` must be an URL such as"),
        ("ready: 5", "`ready` must be an URL such as"),
        ("ready: 'https://localhost/'", "no TLS is spoken here"),
        ("ready: 'http://example.com/'", "at `localhost` or an address such as 127.0.0.1"),
        ("ready: 'tcp://localhost'", "with a port, as in localhost:8000"),
        ("ready: 'http://localhost:0/'", "with a port, as in localhost:8000"),
        ("ready: {}", "`ready` needs one of `log`, `http`, `tcp`, `unix` or `exec`, and only one"),
        ("ready: {tcp: 'localhost:1', exec: 'x'}", "and only one"),
        (
            "ready: {tcp: 'localhost:1', status: 204}",
            "`status` is nothing `ready` with `tcp` could have",
        ),
        ("ready: {exec: []}", "a program and its arguments"),
        ("ready: {http: 'http://localhost/', status: 7}", "a status such as 204"),
        (
            "ready: {http: 'http://localhost/', headers: {'A b': 'c'}}",
            "whose name has letters and dashes",
        ),
        ("ready: {http: 'http://localhost/', headers: {A: 'c\\r\\nD: e'}}", "text of one line"),
        ("ready: {http: 'http://localhost/a b'}", "an URL without blanks"),
        ("ready: {exec: 'x', timeout: 'soon'}", "`timeout` must be a duration"),
        ("ready: {log: 5}", "part of a line, such as \"Listening on\""),
        ("ready: {log: '/(/'}", "`log`: /(/: "),
        ("ready: {log: 'up', timeout: 5}", "`timeout` is nothing `ready` with `log` could have"),
        (
            "ready: {log: 'up'}, out_file: '/dev/null', error_file: '/dev/null'",
            "no line of it can be waited for",
        ),
        ("healthcheck: {test: ['x']}", "[\"CMD-SHELL\", line]"),
        ("healthcheck: {test: 'x', retries: 0}", "a whole number, 1 or more"),
        ("healthcheck: {interval: 5}", "needs one of"),
        ("healthcheck: 7", "a line for the shell, or an object with `test`"),
        ("unhealthy: 'reboot'", "`unhealthy` must be \"restart\" or \"none\""),
    ] {
        let problems = desk.problems(&format!("[{{script: 'app', {keys}}}]"));
        assert!(problems.contains(complaint), "{keys}: {problems}");
        assert!(problems.contains("stdin:1:"), "{keys}: {problems}");
    }
}

#[test]
fn two_words_for_ready_are_one_too_many() {
    let desk = Desk::new();
    let app = "[{script: 'app', ready: {exec: 'x'}, wait_ready: true}]";
    let (_, warnings) = desk.app(app);
    assert!(warnings.contains("`wait_ready` has no effect beside `ready`"), "{warnings}");
}
