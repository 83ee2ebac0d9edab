//! Services as `docker compose ps` shows them: its columns, its words, its JSON.

use pm_config::ContainerFront;
use pm_protocol::{Description, EndView, Row, Status};
use pm_spec::{Health, Signal};
use serde_json::{Value, json};

use super::text::moment;
use super::{columns, safe, safe_text};

/// Docker cuts commands down to this many letters.
const COMMAND: usize = 20;

/// A column is at least so wide, with three blanks behind its texts.
const NARROWEST: usize = 10;

/// Where an instance stands, in the words of containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServiceState {
    Created,
    Running,
    Restarting,
    Exited,
}

impl ServiceState {
    pub(crate) fn of(one: &Description) -> Self {
        match one.row.status {
            Status::Online | Status::Stopping => Self::Running,
            Status::Launching if one.row.pid != 0 => Self::Running,
            Status::WaitingRestart => Self::Restarting,
            Status::Stopped | Status::Errored if !one.ends.is_empty() => Self::Exited,
            Status::Launching | Status::Stopped | Status::Errored => Self::Created,
        }
    }

    /// Whether it is listed where nobody asks for all.
    pub(crate) fn is_up(self) -> bool {
        matches!(self, Self::Running | Self::Restarting)
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Restarting => "restarting",
            Self::Exited => "exited",
        }
    }
}

/// The code of an end as a shell has it: 128 and the signal, if that was it.
pub(crate) fn code_of(end: &EndView) -> u8 {
    let signal = end.signal.as_deref().and_then(|name| Signal::parse(name).ok());
    let by_signal = signal.and_then(|signal| u8::try_from(128 + signal.number()).ok());
    end.code.or(by_signal).unwrap_or(1)
}

/// All of these at `now` (ms since 1970), under Compose's heads.
pub(crate) fn text(all: &[(&Description, &Row)], now: u64) -> String {
    let heads = ["NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS"];
    let rows: Vec<_> = all
        .iter()
        .map(|(one, row)| {
            let command = format!("\"{}\"", cut(&command(one)));
            let created = format!("{} ago", ago(one.row.created_at, now));
            let service = safe_text(&one.row.name);
            [name(one), image(one), command, service, created, status(one, now), ports(one, row)]
        })
        .collect();
    table(heads, &rows)
}

/// A document each.
pub(crate) fn documents(all: &[(&Description, &Row)], now: u64) -> Vec<Value> {
    let one = |(one, row): &(&Description, &Row)| {
        let exit = one
            .ends
            .last()
            .filter(|_| ServiceState::of(one) == ServiceState::Exited)
            .map_or(0, code_of);
        let project = one.spec.project.as_ref().map(|it| it.display().into_owned());
        json!({
            "ID": one.row.id.to_string(), "Name": name(one), "Service": one.row.name,
            "Project": project, "Image": image(one), "Command": format!("\"{}\"", command(one)),
            "State": ServiceState::of(one).word(), "Status": status(one, now), "ExitCode": exit,
            "Health": health(one).unwrap_or_default(), "Ports": ports(one, row),
            "RunningFor": format!("{} ago", ago(one.row.created_at, now)),
            "CreatedAt": moment(one.row.created_at),
        })
    };
    all.iter().map(one).collect()
}

/// Columns as Docker aligns them.
pub(crate) fn table<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> String {
    let heads = heads.map(str::to_owned);
    let all = || std::iter::once(&heads).chain(rows);
    let widths: Vec<_> = (0..N)
        .map(|at| all().map(|row| columns(&row[at]) + 3).max().unwrap_or(0).max(NARROWEST))
        .collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths);
        let cell = |(text, width): (&String, &usize)| {
            format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
        };
        cells.map(cell).collect::<String>().trim_end().to_owned() + "\n"
    };
    all().map(line).collect()
}

/// `PROJECT-SERVICE-N`.
fn name(one: &Description) -> String {
    if let Some(front) = ContainerFront::of(&one.spec) {
        return safe_text(&front.name(one.row.slot));
    }
    let project = one.spec.project.as_ref().map(|it| format!("{}-", safe(it)));
    let number = u32::from(one.row.slot) + 1;
    format!("{}{}-{number}", project.unwrap_or_default(), safe_text(&one.row.name))
}

fn image(one: &Description) -> String {
    let front = ContainerFront::of(&one.spec);
    front.map_or_else(|| "-".to_owned(), |front| safe(front.parts().1).into_owned())
}

fn command(one: &Description) -> String {
    let front = ContainerFront::of(&one.spec);
    let words = match &front {
        Some(front) => front.parts().2,
        None => &one.spec.args,
    };
    let program = std::iter::once(&one.spec.script).filter(|_| front.is_none());
    let words: Vec<_> = program.chain(words).map(|word| safe(word)).collect();
    words.join(" ")
}

fn cut(text: &str) -> String {
    if text.chars().count() <= COMMAND {
        return text.to_owned();
    }
    text.chars().take(COMMAND - 1).chain(['…']).collect()
}

fn health(one: &Description) -> Option<&'static str> {
    let health = one.row.health.filter(|_| ServiceState::of(one) == ServiceState::Running)?;
    Some(match health {
        Health::Starting => "starting",
        Health::Healthy => "healthy",
        Health::Unhealthy => "unhealthy",
    })
}

fn status(one: &Description, now: u64) -> String {
    let end = one.ends.last();
    let ended = |word: &str| {
        let (code, at) = end.map_or((0, now), |end| (code_of(end), end.at));
        format!("{word} ({code}) {} ago", ago(at, now))
    };
    match ServiceState::of(one) {
        ServiceState::Created => "Created".into(),
        ServiceState::Exited => ended("Exited"),
        ServiceState::Restarting => ended("Restarting"),
        ServiceState::Running => {
            let up = format!("Up {}", ago(one.row.started_at, now));
            match health(one) {
                Some("starting") => up + " (health: starting)",
                Some(health) => format!("{up} ({health})"),
                None => up,
            }
        }
    }
}

fn ports(one: &Description, row: &Row) -> String {
    if let Some(front) = ContainerFront::of(&one.spec) {
        let port = |word: &pm_spec::ByteString| {
            let word = safe(word).into_owned();
            match word.rsplit_once(':') {
                Some((host, inside)) if host.contains(':') => format!("{host}->{inside}"),
                Some((host, inside)) => format!("0.0.0.0:{host}->{inside}"),
                None => word,
            }
        };
        return front.published().map(port).collect::<Vec<_>>().join(", ");
    }
    let listens = row.usage.listens.iter().map(|it| format!("{it}/tcp"));
    listens.collect::<Vec<_>>().join(", ")
}

/// How long ago a moment was, as Docker says it.
fn ago(at: u64, now: u64) -> String {
    let seconds = now.saturating_sub(at) / 1000;
    let (minutes, hours) = (seconds / 60, (seconds + 1800) / 3600);
    match (seconds, minutes, hours) {
        (0, ..) => "Less than a second".into(),
        (1, ..) => "1 second".into(),
        (2..60, ..) => format!("{seconds} seconds"),
        (_, 1, _) => "About a minute".into(),
        (_, 2..60, _) => format!("{minutes} minutes"),
        (_, _, 1) => "About an hour".into(),
        (_, _, ..48) => format!("{hours} hours"),
        (_, _, ..336) => format!("{} days", hours / 24),
        (_, _, ..1440) => format!("{} weeks", hours / 168),
        (_, _, ..17520) => format!("{} months", hours / 720),
        (..) => format!("{} years", hours / 8760),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_docker_tells_them() {
        for (seconds, told) in [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (119, "About a minute"),
            (120, "2 minutes"),
            (3599, "59 minutes"),
            (3600, "About an hour"),
            (5400, "2 hours"),
            (86_400, "24 hours"),
            (172_800, "2 days"),
            (1_209_600, "2 weeks"),
            (5_184_000, "2 months"),
            (63_072_000, "2 years"),
        ] {
            assert_eq!(ago(7_000, 7_000 + seconds * 1000), told);
        }
    }

    #[test]
    fn columns_are_as_wide_as_docker_has_them() {
        let rows = [["a".to_owned(), "bb".into()], ["longer than ten".into(), String::new()]];
        assert_eq!(
            table(["X", "YY"], &rows),
            "X                 YY\na                 bb\nlonger than ten\n"
        );
        assert_eq!(cut("docker-entrypoint.sh p"), "docker-entrypoint.s…");
    }
}
