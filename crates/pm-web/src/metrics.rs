//! Figures for Prometheus, in its text format (version 0.0.4). Pure. Names and units as its documentation recommends: base
//! units, `_total` for what only grows, and no label called `instance`, which is Prometheus' own.

use std::fmt::Write;

use crate::view::{AppKind, AppRow};

/// One kind of figure.
struct AppMetric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    value: fn(&AppRow) -> Option<f64>,
}

/// All of an app. Those without a value for an instance leave it out.
const METRICS: [AppMetric; 9] = [
    AppMetric {
        name: "pm_app_up",
        kind: "gauge",
        help: "Whether it is online, or a job that waits for its time after a good run.",
        value: |row| Some(number(matches!(row.status, "online" | "scheduled"))),
    },
    AppMetric {
        name: "pm_app_restarts_total",
        kind: "counter",
        help: "How often it was restarted since it was started or reset.",
        value: |row| Some(row.restarts.into()),
    },
    AppMetric {
        name: "pm_app_memory_bytes",
        kind: "gauge",
        help: "Resident memory of its process tree.",
        value: |row| row.memory.map(count),
    },
    AppMetric {
        name: "pm_app_cpu_ratio",
        kind: "gauge",
        help: "CPU of its process tree: 1 is one core.",
        // As written: a tenth of a per cent, not a float's binary tail.
        value: |row| row.cpu.map(|cpu| (f64::from(cpu) * 10.0).round() / 1000.0),
    },
    AppMetric {
        name: "pm_app_start_time_seconds",
        kind: "gauge",
        help: "When its run began, in seconds since 1970.",
        value: |row| row.since_ms.map(|since| count(since) / 1000.0),
    },
    AppMetric {
        name: "pm_app_healthy",
        kind: "gauge",
        help: "Whether its health check is answered well.",
        value: |row| row.health.map(|health| number(health == "healthy")),
    },
    AppMetric {
        name: "pm_job_runs_total",
        kind: "counter",
        help: "Runs of a job that are over.",
        value: |row| row.job.as_ref().map(|job| job.runs.into()),
    },
    AppMetric {
        name: "pm_job_failures_total",
        kind: "counter",
        help: "Runs of a job that failed.",
        value: |row| row.job.as_ref().map(|job| job.failures.into()),
    },
    AppMetric {
        name: "pm_job_next_run_time_seconds",
        kind: "gauge",
        help: "When a job runs next, in seconds since 1970.",
        value: |row| row.job.as_ref()?.next_ms.map(|next| count(next) / 1000.0),
    },
];

fn number(is_so: bool) -> f64 {
    if is_so { 1.0 } else { 0.0 }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "exact up to 8 PiB, and for dates for 285 000 years"
)]
fn count(value: u64) -> f64 {
    value as f64
}

/// The whole page.
pub(crate) fn page(rows: &[&AppRow]) -> String {
    let mut page = String::new();
    head(&mut page, "pm_build_info", "gauge", "The version of pm that tells this.");
    line(&mut page, "pm_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    for metric in &METRICS {
        let values = rows.iter().filter_map(|row| Some((row, (metric.value)(row)?)));
        let mut values = values.peekable();
        if values.peek().is_some() {
            head(&mut page, metric.name, metric.kind, metric.help);
        }
        for (row, value) in values {
            line(&mut page, metric.name, &labels(row, &row.instance.to_string()), value);
        }
    }
    if !rows.is_empty() {
        head(
            &mut page,
            "pm_app_status",
            "gauge",
            "1 for where it stands, in the words of `pm list`.",
        );
    }
    for row in rows {
        let slot = row.instance.to_string();
        let mut labels = labels(row, &slot).to_vec();
        labels.push(("status", row.status));
        line(&mut page, "pm_app_status", &labels, 1.0);
    }
    page
}

fn labels<'a>(row: &'a AppRow, slot: &'a str) -> [(&'static str, &'a str); 4] {
    let kind = match row.kind {
        AppKind::App => "app",
        AppKind::Cluster => "cluster",
        AppKind::Job => "job",
    };
    [("app", &row.name), ("namespace", &row.namespace), ("slot", slot), ("kind", kind)]
}

fn head(page: &mut String, name: &str, kind: &str, help: &str) {
    // Writing into a text can't fail.
    writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}").ok();
}

fn line(page: &mut String, name: &str, labels: &[(&str, &str)], value: f64) {
    let labels: Vec<_> =
        labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escaped(text))).collect();
    writeln!(page, "{name}{{{}}} {value}", labels.join(",")).ok();
}

/// The value of a label: what would end it, or its line, is written otherwise.
fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use pm_protocol::{JobView, Row, Usage};
    use pm_spec::Status;
    use pm_testkit::samples;

    #[test]
    fn the_page_is_as_prometheus_reads_it() {
        let usage = Usage { cpu: 12.3, memory: 4096, processes: 1, ..Usage::default() };
        let up = Row {
            pid: 9,
            usage,
            started_at: 1500,
            restarts: 2,
            ..samples::row(0, "a\"\\\nb", Status::Online)
        };
        let job = JobView { next: Some(2500), runs: 3, failures: 1, ..JobView::default() };
        let job =
            Row { pid: 0, job: Some(Box::new(job)), ..samples::row(1, "job", Status::Stopped) };
        let rows = [AppRow::new(&up, 1), AppRow::new(&job, 1)];
        let text = page(&rows.iter().collect::<Vec<_>>());
        let of = |name: &str| text.lines().find(|line| line.starts_with(&format!("{name}{{")));
        let app = r#"{app="a\"\\\nb",namespace="default",slot="0",kind="app"}"#;
        assert_eq!(of("pm_app_up").unwrap(), format!("pm_app_up{app} 1"));
        assert_eq!(of("pm_app_restarts_total").unwrap(), format!("pm_app_restarts_total{app} 2"));
        assert_eq!(of("pm_app_memory_bytes").unwrap(), format!("pm_app_memory_bytes{app} 4096"));
        assert_eq!(of("pm_app_cpu_ratio").unwrap(), format!("pm_app_cpu_ratio{app} 0.123"));
        assert_eq!(
            of("pm_app_start_time_seconds").unwrap(),
            format!("pm_app_start_time_seconds{app} 1.5")
        );
        assert!(of("pm_job_next_run_time_seconds").unwrap().ends_with(" 2.5"));
        assert!(of("pm_job_failures_total").unwrap().ends_with(" 1"));
        assert!(of("pm_app_healthy").is_none(), "who has no health check is neither");
        // Each family has its head once, before its lines, and all of them together.
        let mut families = Vec::new();
        for line in text.lines() {
            let family = line.strip_prefix("# HELP ").or_else(|| line.strip_prefix("# TYPE "));
            let family = family.unwrap_or(line).split([' ', '{']).next().unwrap();
            if families.last() != Some(&family) {
                families.push(family);
            }
        }
        let mut once = families.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), families.len(), "{families:?}");
        assert!(page(&[]).lines().count() == 3 && page(&[]).ends_with('\n'));
    }
}
