//! What a process of process-compose has to show of itself: its probes and its line.

use super::reading::{ProcessReading, texts};
use crate::compose::engine::quote;
use crate::diagnose::{ConfigPlace, Finding};
use crate::paths;
use crate::tree::{TableEntry, Value};

/// Whether it is asked in two ways, so that being ready and being well are different things.
pub(super) fn asks_twice(process: &Value) -> bool {
    ["readiness_probe", "liveness_probe"].iter().all(|key| process.get(key).is_some())
}

/// The keys of its app.
pub(super) fn put(reading: &mut ProcessReading<'_>) {
    let printed = reading.text(&["ready_log_line"]);
    let has = |key: &str| reading.get(&[key]).is_some();
    let (ready, well) = (has("readiness_probe"), has("liveness_probe"));
    if let Some((line, at)) = printed {
        if ready {
            let message = "`ready_log_line` beside `readiness_probe`: one of them says it";
            reading.findings.add(Finding::error(at, message));
        }
        let log = TableEntry::new("log", at, Value::text(pattern(&line)));
        reading.put("ready", at, Value::Table(vec![log]));
    } else if ready
        && well
        && let Some(probe) = ProbeReading::new(reading, "readiness_probe")
    {
        let mut asked = probe.question;
        asked.push(TableEntry::new("timeout", probe.at, Value::Integer(probe.timeout)));
        reading.put("ready", probe.at, Value::Table(asked));
        let patience = probe.delay + probe.period * probe.failures + probe.timeout;
        reading.put("ready_timeout", probe.at, Value::Integer(patience));
    }
    let asked = if well { "liveness_probe" } else { "readiness_probe" };
    if !well && !ready {
        return;
    }
    if let Some(probe) = ProbeReading::new(reading, asked) {
        let mut check = probe.question;
        for (key, value) in [
            ("interval", probe.period),
            ("timeout", probe.timeout),
            ("retries", probe.failures),
            // It is asked often until it answers well for the first time, as long as it may answer badly.
            ("start_period", probe.delay + probe.period * probe.failures),
            ("start_interval", probe.period.min(1000)),
        ] {
            check.push(TableEntry::new(key, probe.at, Value::Integer(value)));
        }
        reading.put("healthcheck", probe.at, Value::Table(check));
    }
}

/// Part of a line, or what only a regular expression can be.
fn pattern(line: &str) -> String {
    if line.contains(|c: char| r"\.+*?()|[]{}^$/".contains(c)) {
        format!("/{line}/")
    } else {
        line.to_owned()
    }
}

/// One probe; times are milliseconds.
struct ProbeReading {
    at: ConfigPlace,
    question: Vec<TableEntry>,
    delay: i128,
    period: i128,
    timeout: i128,
    failures: i128,
}

impl ProbeReading {
    fn new(reading: &mut ProcessReading<'_>, probe: &str) -> Option<Self> {
        let at = reading.get(&[probe])?.at;
        let mut of = |key: &str, usual: i128| {
            let number = reading.number(&[probe, key]).map(|(number, _)| number);
            number.filter(|number| *number > 0).unwrap_or(usual)
        };
        let delay = of("initial_delay_seconds", 0) * 1000;
        let period = of("period_seconds", 10) * 1000;
        let timeout = of("timeout_seconds", 1) * 1000;
        let failures = of("failure_threshold", 3);
        let question = if reading.get(&[probe, "exec"]).is_some() {
            exec(reading, probe)?
        } else if reading.get(&[probe, "http_get"]).is_some() {
            http(reading, probe, timeout / 1000)?
        } else {
            let message = format!("`{probe}` needs `exec` or `http_get`");
            reading.findings.add(Finding::error(at, message));
            return None;
        };
        Some(Self { at, question, delay, period, timeout, failures })
    }
}

fn exec(reading: &mut ProcessReading<'_>, probe: &str) -> Option<Vec<TableEntry>> {
    let Some((line, at)) = reading.rendered(&[probe, "exec", "command"]) else {
        let at = reading.get(&[probe])?.at;
        let message = format!("`{probe}.exec` needs a `command`");
        reading.findings.add(Finding::error(at, message));
        return None;
    };
    let folder = reading.text(&[probe, "exec", "working_dir"]);
    let line = match folder {
        Some((folder, _)) => {
            let file = reading.ground.file;
            let folder = paths::written(&folder.into(), file.source.folder, &file.caller.env);
            format!("cd {} && {{ {line}\n}}", quote(&folder.to_string_lossy()))
        }
        None => line,
    };
    Some(vec![TableEntry::new("exec", at, texts(reading.line(&line), at))])
}

fn http(reading: &mut ProcessReading<'_>, probe: &str, seconds: i128) -> Option<Vec<TableEntry>> {
    let at = reading.get(&[probe, "http_get"])?.at;
    let mut of = |key: &str, usual: &str| {
        let text = reading.rendered(&[probe, "http_get", key]).map(|(text, _)| text);
        text.filter(|text| !text.trim().is_empty()).unwrap_or_else(|| usual.to_owned())
    };
    let (host, scheme, path) = (of("host", "127.0.0.1"), of("scheme", "http"), of("path", "/"));
    let (port, number) = (of("port", ""), of("num_port", ""));
    let status = of("status_code", "200");
    let port = if port.is_empty() { number } else { port };
    if !port.is_empty() && !port.parse::<u16>().is_ok_and(|port| port > 0) {
        let message = format!("`{probe}.http_get.port` must be a number, 1 to 65535");
        reading.findings.add(Finding::error(at, message));
        return None;
    }
    let Some(status) = status.parse().ok().filter(|code| (100..600_i128).contains(code)) else {
        let message = format!("`{probe}.http_get.status_code` must be a status such as 204");
        reading.findings.add(Finding::error(at, message));
        return None;
    };
    let colon = if port.is_empty() { "" } else { ":" };
    let url = format!("{}://{host}{colon}{port}{path}", scheme.to_lowercase());
    let headers = reading.get(&[probe, "http_get", "headers"]);
    let is_here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok();
    if is_here && scheme.eq_ignore_ascii_case("http") {
        let mut asked = vec![
            TableEntry::new("http", at, Value::text(url)),
            TableEntry::new("status", at, Value::Integer(status)),
        ];
        if let Some(headers) = headers {
            asked.push(TableEntry::new("headers", headers.at, headers.value.clone()));
        }
        return Some(asked);
    }
    // TLS is not spoken here, and no names are looked up.
    let header = |entry: &TableEntry| {
        let header = format!("{}: {}", entry.key, entry.node.value.to_bytes().display());
        format!("-H {} ", quote(&header))
    };
    let headers: String =
        headers.and_then(|node| node.value.as_table()).into_iter().flatten().map(header).collect();
    let line = format!(
        "test \"$(curl -s -o /dev/null -w '%{{http_code}}' -m {seconds} {headers}{})\" = {status}",
        quote(&url)
    );
    let words = ["/bin/sh", "-c", &line].map(Into::into).into();
    Some(vec![TableEntry::new("exec", at, texts(words, at))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_text_unless_it_only_can_be_an_expression() {
        assert_eq!(pattern("ready to accept connections"), "ready to accept connections");
        assert_eq!(pattern("port [0-9]+"), "/port [0-9]+/");
    }
}
