//! The keys of a program with their values as Supervisor's clients ask for them (`getAllConfigInfo`).

use super::options::SectionOptions;
use super::values;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SupervisorSetting {
    /// `none` if nothing is said, `auto` if it is found out.
    Text(String),
    /// A number, a size in bytes, a signal.
    Number(i64),
    /// A switch.
    Switch(bool),
    /// Exit codes.
    Numbers(Vec<i64>),
}

use SupervisorSetting::{Number, Numbers, Switch, Text};

/// All of them; what is wrong is told by who reads the program.
pub(crate) fn all(options: &SectionOptions<'_>) -> Vec<(String, SupervisorSetting)> {
    let text = |key: &str| {
        let option = options.option(key)?;
        options.names.fill(&option.text).ok()
    };
    let switch = |key: &str, usual: bool| {
        Switch(text(key).and_then(|text| values::boolean(&text)).unwrap_or(usual))
    };
    let number = |key: &str, usual: i64| {
        Number(text(key).and_then(|text| values::integer(&text)).unwrap_or(usual))
    };
    let word = |key: &str| Text(text(key).unwrap_or_else(|| "none".into()));
    let codes = text("exitcodes").and_then(|text| values::exit_codes(&text));
    let codes = codes.unwrap_or_else(|| vec![0]);
    let signal = text("stopsignal").and_then(|text| values::signal(&text));
    let signal = signal.unwrap_or(pm_spec::Signal::TERM).number();
    let asks = switch("stopasgroup", false);
    let all = vec![
        ("autostart", switch("autostart", true)),
        ("command", word("command")),
        ("directory", word("directory")),
        ("exitcodes", Numbers(codes.into_iter().map(i64::from).collect())),
        ("killasgroup", switch("killasgroup", asks == Switch(true))),
        ("redirect_stderr", switch("redirect_stderr", false)),
        ("serverurl", word("serverurl")),
        ("startretries", number("startretries", 3)),
        ("startsecs", number("startsecs", 1)),
        ("stopsignal", Number(signal.into())),
        ("stopwaitsecs", number("stopwaitsecs", 10)),
        // A name, as it is written.
        ("uid", word("user")),
    ];
    let redirected = switch("redirect_stderr", false) == Switch(true);
    let mut all: Vec<_> = all.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    for stream in ["stdout", "stderr"] {
        let key = |rest: &str| format!("{stream}_{rest}");
        let size = |rest: &str, usual: i64| {
            let size = text(&key(rest)).and_then(|text| values::size(&text));
            Number(size.and_then(|size| i64::try_from(size).ok()).unwrap_or(usual))
        };
        let file = match text(&key("logfile")) {
            _ if redirected && stream == "stderr" => "none".into(),
            None => "auto".into(),
            Some(text) => match text.to_lowercase().as_str() {
                "none" | "off" | "syslog" => "none".into(),
                "auto" => "auto".into(),
                _ => text,
            },
        };
        all.extend([
            (key("logfile"), Text(file)),
            (key("logfile_maxbytes"), size("logfile_maxbytes", 50 << 20)),
            (key("logfile_backups"), number(&key("logfile_backups"), 10)),
            (key("capture_maxbytes"), size("capture_maxbytes", 0)),
            (key("events_enabled"), switch(&key("events_enabled"), false)),
            (key("syslog"), switch(&key("syslog"), false)),
        ]);
    }
    all
}
