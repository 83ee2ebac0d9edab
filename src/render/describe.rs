//! Everything about an instance, secrets masked (pain 38).

use pm_client::{quoted, standing};
use pm_pm2::Nodes;
use pm_protocol::{Description, Descriptions, EndView};
use pm_spec::options::{Label, keys};
use pm_spec::{
    AppSpec, ByteString, Bytes, Delay, Health, LogFormat, MASK, Preset, Schedule, Watch,
};

use crate::called;
use crate::console::Look;
use crate::render::outcomes::{self, LastLines};
use crate::render::pulse;
use crate::render::text::{self, Paint, safe, safe_text, width};
use crate::words::say;

type Fields<'a> = Vec<(&'a str, String)>;

/// One page each, with the last words of those that are in `tails`.
pub(crate) fn describe(
    descriptions: &Descriptions,
    nodes: &Nodes,
    tails: &[LastLines],
    look: Look,
) -> String {
    let now = descriptions.now;
    let page = |described: &Description| {
        let program = described.spec.interpreter.as_ref();
        let node = program.and_then(|program| nodes.get(program)).map(String::as_str);
        let mut page = page(described, (now, node), look);
        let own = tails.iter().filter(|tail| tail.id == described.row.id);
        page.extend(own.map(|tail| outcomes::tail(tail, look)));
        page
    };
    let pages: Vec<_> = descriptions.descriptions.iter().map(page).collect();
    pages.join("\n")
}

fn page(described: &Description, (now, node): (u64, Option<&str>), look: Look) -> String {
    let row = &described.row;
    let title = format!("{} (id {})", safe_text(&row.name), row.id);
    let mut page = Paint::Key.on(&title, look.colour) + "\n";
    let mut fields = state(described, now);
    fields.extend(program(&described.spec, node.is_some()));
    fields.push(("node.js version", node.map(safe_text).unwrap_or_default()));
    fields.extend(
        policy(&described.spec).into_iter().map(|(key, told)| (key, say(&told).into_owned())),
    );
    let changed = changed(&described.spec);
    fields.extend(changed.iter().map(|(label, value)| (label.as_str(), value.clone())));
    fields.extend(files(described));
    page.push_str(&table(&fields, look));
    page.push_str(&pulse::pulse(&described.pulse, &row.name, look));
    page.push_str(&environment(&described.spec, look));
    page.push_str(&ends(&described.ends, look));
    page
}

fn state(described: &Description, now: u64) -> Fields<'static> {
    let row = &described.row;
    let lives = row.pid != 0;
    let uptime = text::uptime(row, now);
    let pids: Vec<_> = described.pids.iter().map(u32::to_string).collect();
    let ahead =
        |at: Option<u64>| at.map(|at| say(&text::ahead(at, now)).into_owned()).unwrap_or_default();
    let figures = format!(
        "{:.1}% cpu, {} resident, {}",
        row.usage.cpu,
        Bytes::new(row.usage.memory),
        text::count(row.usage.processes, "process").replace("processs", "processes"),
    );
    let figures = say(&figures).into_owned();
    vec![
        ("status", standing(row, now)),
        ("health", row.health.map_or("", Health::as_str).into()),
        ("name", safe_text(&row.name)),
        (
            "why",
            row.note.as_deref().map(|why| say(&safe_text(why)).into_owned()).unwrap_or_default(),
        ),
        ("stopped by", described.stopped_by.as_deref().map(safe_text).unwrap_or_default()),
        ("it says", described.status.as_deref().map(safe_text).unwrap_or_default()),
        ("namespace", safe_text(&row.namespace)),
        ("version", row.version.as_deref().map_or("N/A".into(), safe_text)),
        ("pid", if lives { row.pid.to_string() } else { String::new() }),
        ("process tree", pids.join(" ")),
        ("listens on", row.usage.addresses()),
        ("uptime", uptime),
        ("restarts", row.restarts.to_string()),
        ("unstable restarts", row.unstable.to_string()),
        ("usage", if lives { figures } else { String::new() }),
        ("created at", text::moment(row.created_at)),
        ("script id", row.id.to_string()),
        ("next start", ahead(described.next_start)),
        (
            if row.job.is_some() { "next run" } else { "next cron restart" },
            ahead(described.next_cron),
        ),
        ("runs", row.job.as_deref().map(|job| say(&job.counts()).into_owned()).unwrap_or_default()),
        ("last run", last_run(described)),
    ]
}

/// When the last run of a job ended, and how.
fn last_run(described: &Description) -> String {
    let end = described.ends.last().filter(|_| described.row.job.is_some());
    end.map(|end| {
        let (at, lived) = (text::moment(end.at), text::millis(end.lived));
        let why = safe_text(&end.why);
        format!("{at}, {} {}", say(&why), say(&format!("after {lived}")))
    })
    .unwrap_or_default()
}

/// What only Node has is left out for others, unless it is set.
fn program(spec: &AppSpec, is_node: bool) -> Fields<'static> {
    let node_env = spec.env.get("NODE_ENV").map(|it| safe(it).into()).unwrap_or_default();
    vec![
        ("script path", safe(&spec.script).into()),
        ("script args", or_none(words(&spec.args))),
        ("interpreter", spec.interpreter.as_ref().map_or("none".into(), |it| safe(it).into())),
        ("interpreter args", or_none(words(&spec.interpreter_args))),
        ("node env", if is_node { or_none(node_env) } else { node_env }),
        ("exec cwd", safe(&spec.cwd).into()),
        ("exec mode", format!("{}_mode", spec.serving.mode.as_str())),
        ("instances", spec.instances.to_string()),
        ("user", spec.user.as_ref().map(|user| safe_text(&user.to_string())).unwrap_or_default()),
        ("config file", spec.source.as_ref().map(|it| safe(it).into()).unwrap_or_default()),
    ]
}

fn policy(spec: &AppSpec) -> Fields<'static> {
    let restart = &spec.restart;
    let delay = match restart.delay {
        _ if restart.start_retries.is_some() => "1s, 2s, 3s ... after a start that failed".into(),
        Delay::Automatic => "automatic".into(),
        Delay::Fixed(span) => span.to_string(),
        Delay::Exponential(span) => format!("from {span}, growing"),
    };
    let auto = if restart.autorestart { "yes" } else { "no" };
    let reach = if spec.stop.tree { "the main process first" } else { "the main process only" };
    vec![
        ("autorestart", auto.into()),
        ("restart delay", delay),
        (
            "gives up after",
            restart.gives_up_after().map_or("never".into(), |runs| {
                format!("{runs} runs shorter than {}", restart.min_uptime)
            }),
        ),
        ("preset", preset(spec)),
        (
            if spec.is_job() { "schedule" } else { "cron restart" },
            spec.schedule.as_ref().map(schedule).unwrap_or_default(),
        ),
        ("watch & reload", spec.watch.as_ref().map_or("disabled".into(), watch)),
        (
            "stops by",
            format!("{} to {reach}, SIGKILL after {}", spec.stop.signal, spec.stop.timeout),
        ),
    ]
}

/// Which server it is, and whence that is known.
fn preset(spec: &AppSpec) -> String {
    if spec.preset == Preset::None {
        return String::new();
    }
    let is_recognised = spec.derived.iter().any(|key| key.as_bytes() == b"preset");
    let whence = if is_recognised { ", recognised (`preset: none` switches it off)" } else { "" };
    format!("{}{whence}", spec.preset.as_str())
}

/// What is not as usual and stands in no other line.
fn changed(spec: &AppSpec) -> Vec<(String, String)> {
    let usual = AppSpec::usual();
    let named = keys().filter(|key| key.label == Label::Name);
    let changed = named.filter_map(|key| {
        let value = key.changed(spec, &usual)?;
        let shown = if value.is_set() { value.to_string() } else { "none".into() };
        Some((key.name.replace('_', " "), safe_text(&shown)))
    });
    changed.collect()
}

fn schedule(schedule: &Schedule) -> String {
    let zone = schedule.zone.as_deref().map(|zone| format!(", {}", safe_text(zone)));
    let stopped = if schedule.after_stop { ", also when stopped" } else { "" };
    let missed = if schedule.catch_up { ", missed times are made up for" } else { "" };
    let delay = Some(schedule.random_delay).filter(|delay| delay.as_millis() > 0);
    let delay = delay.map(|delay| format!(", up to {delay} later")).unwrap_or_default();
    let zone = zone.unwrap_or_default();
    format!("{}{zone}{delay}{stopped}{missed}", safe_text(&schedule.pattern))
}

fn watch(watch: &Watch) -> String {
    if !watch.on {
        return "disabled".into();
    }
    let how = watch.poll.map_or(String::new(), |span| format!(" (looks every {span})"));
    format!("{}{how}", words(&watch.paths))
}

fn files(described: &Description) -> Fields<'static> {
    let path = |file: &Option<ByteString>| file.as_ref().map(|it| safe(it).into());
    let format = match &described.spec.logs.format {
        LogFormat::Raw => "raw".into(),
        LogFormat::Stamped(format) => format!("each line after {format}"),
        LogFormat::Json(_) => "json".into(),
    };
    vec![
        ("out log path", path(&described.out).unwrap_or_else(|| "none".into())),
        ("error log path", path(&described.error).unwrap_or_else(|| "none".into())),
        ("entire log path", path(&described.combined).unwrap_or_default()),
        ("log lines", format),
        ("pid path", path(&described.pid_file).unwrap_or_default()),
    ]
}

/// PM2's word for what there is not.
fn or_none(text: String) -> String {
    if text.is_empty() { "N/A".into() } else { text }
}

/// Keys and values; what has no value has no line. Long values go on below themselves.
pub(super) fn table(fields: &Fields<'_>, look: Look) -> String {
    let shown = fields.iter().filter(|(_, value)| !value.is_empty());
    let shown: Vec<_> = shown.map(|(key, value)| (say(key), value)).collect();
    let keys = shown.iter().map(|(key, _)| width(key)).max().unwrap_or(0);
    let mut table = String::new();
    for (key, value) in shown {
        let room = look.width.map(|columns| columns.saturating_sub(keys + 4).max(8));
        for (index, part) in wrap(value, room).iter().enumerate() {
            let key = if index == 0 { &*key } else { "" };
            let blanks = " ".repeat(keys - width(key));
            let key = Paint::Head.on(key, look.colour);
            table.extend(["  ", &key, &blanks, "  ", part, "\n"]);
        }
    }
    table
}

/// Cuts a text into lines of at most `room` columns, at blanks where there are some.
fn wrap(text: &str, room: Option<usize>) -> Vec<String> {
    let Some(room) = room else { return vec![text.into()] };
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_inclusive([' ', '/']) {
        if !line.is_empty() && width(&line) + width(word.trim_end()) > room {
            lines.push(std::mem::take(&mut line));
        }
        for c in word.chars() {
            if width(&line) + width(c.encode_utf8(&mut [0; 4])) > room && c != ' ' {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    lines.push(line);
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

fn environment(spec: &AppSpec, look: Look) -> String {
    let mut fields = String::new();
    for name in &spec.declared_env {
        let shown = safe(name);
        let value = match spec.env.get(&shown) {
            Some(_) if spec.hides(&shown) => MASK.into(),
            Some(value) => safe(value),
            None => continue,
        };
        let line = format!("  {shown}={value}").replace('\n', " ");
        fields += &(text::fitted(&line, look) + "\n");
    }
    for (name, path) in &spec.secret_files {
        let line = format!("  {}=(from {})", safe_text(name), safe(path)).replace('\n', " ");
        fields += &(text::fitted(&line, look) + "\n");
    }
    for (name, command) in &spec.secret_commands {
        let (name, command) = (safe_text(name), safe_text(&command.line()));
        let line = format!("  {name}=(printed by {command})").replace('\n', " ");
        fields += &(text::fitted(&line, look) + "\n");
    }
    let others = spec.env.len().saturating_sub(spec.declared_env.len());
    let (program, name) = (called::name(), safe_text(spec.name.as_str()));
    let more = format!("and {others} inherited; `{program} env {name}` shows all");
    fields.push_str(&Paint::Dim.on(&format!("  {}\n", say(&more)), look.colour));
    Paint::Head.on(&say("environment"), look.colour) + "\n" + &fields
}

fn ends(ends: &[EndView], look: Look) -> String {
    if ends.is_empty() {
        return String::new();
    }
    let mut text = Paint::Head.on(&say("last ends"), look.colour) + "\n";
    for alike in ends.chunk_by(|one, next| one.why == next.why) {
        let (Some(first), Some(last)) = (alike.first(), alike.last()) else { continue };
        let many = match alike.len() {
            1 => String::new(),
            count => {
                let began = first.at.saturating_sub(first.lived);
                let span = text::millis(last.at.saturating_sub(began));
                say(&format!("{count} times in {span}, last:")).into_owned() + " "
            }
        };
        let (at, lived, why) =
            (text::moment(last.at), text::millis(last.lived), safe_text(&last.why));
        let line = format!("pid {} after {lived}: {why}", last.pid);
        let line = format!("  {at}  {many}{}", say(&line));
        text += &(text::fitted(&line, look) + "\n");
    }
    text
}

/// Arguments as a shell would need them, so that one can see where each begins.
pub(super) fn words(args: &[ByteString]) -> String {
    args.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_wrapped_at_blanks_and_slashes() {
        assert_eq!(wrap("/a/long/path", Some(8)), ["/a/long/", "path"]);
        assert_eq!(wrap("one two", Some(4)), ["one", "two"]);
        assert_eq!(wrap("abcdefgh", Some(3)), ["abc", "def", "gh"]);
        assert_eq!(wrap("", Some(3)), [""]);
    }

    #[test]
    fn equal_ends_are_one_line() {
        let end = |at: u64, why: &str| EndView {
            at,
            lived: 1000,
            pid: 7,
            code: Some(0),
            signal: None,
            why: why.into(),
        };
        let all = [end(1000, "a"), end(8000, "a"), end(15_000, "a"), end(16_000, "b")];
        let shown = ends(&all, Look { width: None, boxes: true, colour: false });
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines.len(), 3, "{shown}");
        assert!(lines[1].ends_with("3 times in 15s, last: pid 7 after 1000ms: a"), "{shown}");
        assert!(lines[2].ends_with("  pid 7 after 1000ms: b"), "{shown}");
    }

    #[test]
    fn a_schedule_has_one_line() {
        let pattern = String::from("0 3 * * *");
        let mut schedule = Schedule { pattern, ..Schedule::default() };
        let mut spec = crate::golden::spec("web");
        for (job, label) in [(false, "cron restart"), (true, "schedule")] {
            (schedule.job, spec.restart.autorestart) = (job, !job);
            spec.schedule = Some(schedule.clone());
            let told: Vec<_> =
                policy(&spec).into_iter().filter(|(_, told)| told == "0 3 * * *").collect();
            assert_eq!(told, [(label, "0 3 * * *".to_owned())]);
        }
    }

    #[test]
    fn arguments_show_where_they_begin() {
        let args = ["-b", "a b", "it's", ""].map(ByteString::from);
        assert_eq!(words(&args), r"-b 'a b' 'it'\''s' ''");
    }
}
