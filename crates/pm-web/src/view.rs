//! What the page is told of an app: its own shape, so that neither the protocol nor the page holds the other. Words that a
//! person reads in one language or another are closed lists here; free text is only what nobody can translate.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use pm_client::{Colours, plain};
use pm_protocol::{EndView, Host, JobView, Row};
use pm_spec::{Health, Mode};
use serde::Serialize;

/// One instance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct AppRow {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) namespace: String,
    /// Its slot within the app, from 0.
    pub(crate) instance: u16,
    /// How many the app has.
    pub(crate) instances: usize,
    /// As `pm list` says it; one of [`STANDINGS`].
    pub(crate) status: &'static str,
    /// The main process.
    pub(crate) pid: Option<u32>,
    /// When the run began.
    pub(crate) since_ms: Option<u64>,
    pub(crate) restarts: u32,
    /// Per cent of one core, if it was measured.
    pub(crate) cpu: Option<f32>,
    /// Bytes, if they were measured.
    pub(crate) memory: Option<u64>,
    /// TCP ports on which it takes connections.
    pub(crate) ports: Vec<u16>,
    /// Why it is not up, as the daemon says it.
    pub(crate) note: Option<String>,
    /// The same in a word the page can translate.
    pub(crate) why: Option<WhyCode>,
    /// The app it waits for.
    pub(crate) waits_for: Option<String>,
    pub(crate) job: Option<JobRow>,
    pub(crate) health: Option<&'static str>,
    pub(crate) kind: AppKind,
}

/// All words of [`AppRow::status`].
#[cfg(test)]
pub(crate) const STANDINGS: [&str; 10] = [
    "online",
    "launching",
    "stopping",
    "stopped",
    "errored",
    "waiting restart",
    "failed",
    "scheduled",
    "waiting",
    "unhealthy",
];

/// Why an app is not as people want it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WhyCode {
    /// Another app has to be up first.
    WaitsForApp,
    /// The last run of a job failed; it runs again at its time.
    JobFailed,
    /// Its health check fails.
    Unhealthy,
    /// It was tried often enough.
    GaveUp,
    /// It ended, and is started again after a pause.
    Restarting,
    /// It runs, and has not said yet that it is ready.
    NotReady,
    /// It is up, and there is something to say all the same: it has just failed, or nobody takes its output.
    Amiss,
}

/// As what an app runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AppKind {
    /// It is to be up.
    App,
    /// Workers of Node that share their sockets.
    Cluster,
    /// It runs and ends.
    Job,
}

/// What a job's row says more.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct JobRow {
    /// Its next time.
    pub(crate) next_ms: Option<u64>,
    /// When its last run ended.
    last_ms: Option<u64>,
    /// Whether that one went well.
    last_ok: Option<bool>,
    pub(crate) runs: u32,
    pub(crate) failures: u32,
    skipped: u32,
}

impl AppRow {
    /// Of so many instances.
    pub(crate) fn new(row: &Row, instances: usize) -> Self {
        let lives = row.pid != 0;
        // An instance that runs has a process at least: without one nobody has looked.
        let usage = Some(&row.usage).filter(|usage| lives && usage.processes > 0);
        Self {
            id: row.id,
            name: row.name.clone(),
            namespace: row.namespace.clone(),
            instance: row.slot,
            instances,
            status: row.standing(),
            pid: Some(row.pid).filter(|_| lives),
            since_ms: Some(row.started_at).filter(|since| lives && *since > 0),
            restarts: row.restarts,
            cpu: usage.map(|usage| usage.cpu),
            memory: usage.map(|usage| usage.memory),
            ports: ports(&row.usage.listens),
            note: row.note.as_deref().map(safe),
            why: why(row),
            waits_for: row.waits_for.clone(),
            job: row.job.as_deref().map(JobRow::new),
            health: row.health.map(Health::as_str),
            kind: match (&row.job, row.mode) {
                (Some(_), _) => AppKind::Job,
                (None, Mode::Cluster) => AppKind::Cluster,
                (None, Mode::Fork) => AppKind::App,
            },
        }
    }

    /// Whether nothing but its figures may differ.
    pub(crate) fn stands_as(&self, other: &Self) -> bool {
        Self { cpu: other.cpu, memory: other.memory, ..self.clone() } == *other
    }
}

impl JobRow {
    fn new(job: &JobView) -> Self {
        Self {
            next_ms: job.next,
            last_ms: job.last,
            last_ok: (job.runs > 0).then_some(!job.failed),
            runs: job.runs,
            failures: job.failures,
            skipped: job.skipped,
        }
    }
}

fn why(row: &Row) -> Option<WhyCode> {
    match row.standing() {
        "waiting" => Some(WhyCode::WaitsForApp),
        "failed" => Some(WhyCode::JobFailed),
        "unhealthy" => Some(WhyCode::Unhealthy),
        "errored" => Some(WhyCode::GaveUp),
        "waiting restart" => Some(WhyCode::Restarting),
        "launching" => Some(WhyCode::NotReady),
        "online" if row.note.is_some() => Some(WhyCode::Amiss),
        _ => None,
    }
}

fn ports(listens: &[SocketAddr]) -> Vec<u16> {
    listens.iter().map(SocketAddr::port).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Text in which nothing moves, hides or reorders what stands around it.
pub(crate) fn safe(text: &str) -> String {
    plain(text.as_bytes(), Colours::Drop).into_owned()
}

/// Figures of the machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct HostRow {
    /// Per cent of all cores together.
    cpu: f32,
    cores: u32,
    load: [f64; 3],
    memory: u64,
    memory_total: u64,
    swap: u64,
    swap_total: u64,
    disk: u64,
    disk_total: u64,
}

impl HostRow {
    pub(crate) fn new(host: &Host) -> Self {
        Self {
            cpu: host.cpu,
            cores: host.cores,
            load: host.load,
            memory: host.memory_used,
            memory_total: host.memory_total,
            swap: host.swap_used,
            swap_total: host.swap_total,
            disk: host.disk_used,
            disk_total: host.disk_usable(),
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct EndRow {
    at_ms: u64,
    lived_ms: u64,
    pid: u32,
    /// The exit code, if it ended by itself.
    code: Option<u8>,
    /// The signal, if it ended by one.
    signal: Option<String>,
    /// As the daemon says it.
    why: String,
}

impl EndRow {
    pub(crate) fn new(end: &EndView) -> Self {
        Self {
            at_ms: end.at,
            lived_ms: end.lived,
            pid: end.pid,
            code: end.code,
            signal: end.signal.clone(),
            why: safe(&end.why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pm_protocol::Usage;
    use pm_spec::Status;
    use pm_testkit::samples;
    use serde_json::{Value, json};

    fn told(row: &Row) -> Value {
        serde_json::to_value(AppRow::new(row, 1)).unwrap()
    }

    #[test]
    fn what_nobody_measured_is_null() {
        let up = Row { pid: 7, usage: Usage::default(), ..samples::row(3, "web", Status::Online) };
        let told_of = told(&up);
        assert_eq!(
            (&told_of["cpu"], &told_of["memory"], &told_of["pid"]),
            (&Value::Null, &Value::Null, &json!(7))
        );
        let listens =
            ["0.0.0.0:80", "[::]:80", "127.0.0.1:9"].map(|it| it.parse().unwrap()).to_vec();
        let usage = Usage { cpu: 0.1, memory: 5, processes: 1, listens };
        let told_of = told(&Row { usage, ..up.clone() });
        assert_eq!(told_of["ports"], json!([9, 80]));
        // As people write it, not as a float of twice the width has it.
        assert!(serde_json::to_string(&told_of["memory"]).unwrap() == "5");
        let text = serde_json::to_string(&AppRow::new(
            &Row { usage: Usage { cpu: 0.1, processes: 1, ..Usage::default() }, ..up },
            1,
        ));
        assert!(text.unwrap().contains("\"cpu\":0.1,"));
        let down = Row { pid: 0, ..samples::row(3, "web", Status::Stopped) };
        assert_eq!((&told(&down)["pid"], &told(&down)["since_ms"]), (&Value::Null, &Value::Null));
    }

    #[test]
    fn each_status_is_a_word_of_the_list_and_what_is_amiss_has_a_code() {
        let job =
            Some(Box::new(JobView { next: Some(5), failed: true, runs: 1, ..JobView::default() }));
        let row = |status| Row { pid: 0, ..samples::row(0, "a", status) };
        let note = Some("3 failures in a row before this run; it exited with code 1".into());
        for (row, status, why) in [
            (row(Status::Online), "online", Value::Null),
            // Plain `online` is what an app says that crashes again and again, while it runs.
            (Row { note, ..row(Status::Online) }, "online", json!("amiss")),
            (row(Status::Stopped), "stopped", Value::Null),
            (row(Status::Errored), "errored", json!("gave_up")),
            (row(Status::WaitingRestart), "waiting restart", json!("restarting")),
            (row(Status::Launching), "launching", json!("not_ready")),
            (Row { job, ..row(Status::Stopped) }, "failed", json!("job_failed")),
            (
                Row { waits_for: Some("db".into()), ..row(Status::Stopped) },
                "waiting",
                json!("waits_for_app"),
            ),
            (
                Row { health: Some(Health::Unhealthy), ..row(Status::Online) },
                "unhealthy",
                json!("unhealthy"),
            ),
        ] {
            let told_of = told(&row);
            assert_eq!((&told_of["status"], &told_of["why"]), (&json!(status), &why));
            assert!(STANDINGS.contains(&status));
        }
    }

    #[test]
    fn notes_hold_nothing_that_acts() {
        let note = Some("\x1b[2Jcould not run <b>x</b>\u{202e}".into());
        let row = Row { note, ..samples::row(0, "a", Status::Errored) };
        assert_eq!(told(&row)["note"], json!("could not run <b>x</b>\u{fffd}"));
    }
}
