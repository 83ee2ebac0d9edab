//! Why an instance runs or does not, in a few lines: what `describe` knows of that and nothing else.

use pm_client::standing;
use pm_protocol::{Description, Descriptions, EndView, JobView, Status};
use serde::Serialize;

use crate::called;
use crate::console::Look;
use crate::render::describe;
use crate::render::outcomes::{self, LastLines};
use crate::render::text::{self, Paint, safe_text};
use crate::words::say;

/// Lines of a screen.
const SCREEN: usize = 24;

/// So many kinds of ends are told.
const KINDS: usize = 5;

/// What there is to say about one instance.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Reasons {
    id: u32,
    name: String,
    status: Status,
    /// The app it waits for before it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<String>,
    pid: u32,
    /// Since when it runs, or is down, in ms since 1970.
    since: Option<u64>,
    why: Option<String>,
    next_start: Option<u64>,
    next_cron: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<JobView>,
    /// The status as lists tell it.
    #[serde(skip)]
    standing: String,
    restarts: u32,
    unstable: u32,
    ends: Vec<LikeEnds>,
    /// The last lines of standard error of what fails.
    last_lines: Vec<String>,
    /// What explains them or the last end, and what would cure it.
    cause: Option<String>,
    /// Of which kind that is.
    cause_class: Option<&'static str>,
    /// The file about its last failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    crash_file: Option<String>,
    /// What to type for more.
    commands: [String; 2],
}

/// Ends that were alike.
#[derive(Debug, PartialEq, Serialize)]
struct LikeEnds {
    why: String,
    times: u32,
    /// The last of them, in ms since 1970.
    last: u64,
}

/// What there is to say about each, those that are down first; `word` is what they were asked for by.
pub(crate) fn reasons(
    descriptions: &Descriptions,
    tails: &[LastLines],
    word: &str,
) -> Vec<Reasons> {
    let now = descriptions.now;
    let of =
        |one: &Description| of((one, now), tails.iter().find(|tail| tail.id == one.row.id), word);
    let mut all: Vec<_> = descriptions.descriptions.iter().map(of).collect();
    all.sort_by_key(|one| (one.pid != 0, one.id));
    all
}

fn of((described, now): (&Description, u64), tail: Option<&LastLines>, word: &str) -> Reasons {
    let row = &described.row;
    let word = describe::words(&[word.into()]);
    let last = described.ends.last();
    let is_down = row.pid == 0;
    let since = if is_down { last.map(|end| end.at) } else { Some(row.started_at) };
    let note = tail.and_then(|tail| tail.note.clone());
    let why = row.note.clone().or_else(|| match last {
        _ if !is_down || row.status == Status::Launching => None,
        _ if row.waiting_job().is_some() => Some("it waits for its next time".into()),
        _ if described.stopped_by.is_some() => {
            described.stopped_by.as_ref().map(|by| format!("stopped by {by}"))
        }
        Some(end) => Some(end.why.clone()),
        None => Some("nobody started it".into()),
    });
    Reasons {
        id: row.id,
        name: row.name.clone(),
        status: row.status,
        waits_for: row.waits_for.clone(),
        pid: row.pid,
        since: since.filter(|at| *at > 0),
        why,
        next_start: described.next_start,
        next_cron: described.next_cron,
        job: row.job.as_deref().copied(),
        standing: standing(row, now),
        restarts: row.restarts,
        unstable: row.unstable,
        ends: folded(&described.ends),
        last_lines: tail.map(outcomes::last_lines).unwrap_or_default(),
        cause: note.as_ref().map(|note| note.text.clone()),
        cause_class: note.map(|note| note.class),
        crash_file: None,
        commands: ["logs", "describe"].map(|verb| format!("{} {verb} {word}", called::name())),
    }
}

/// Names the newest crash file of each.
pub(crate) fn add_crash_files(all: &mut [Reasons], find: impl Fn(u32) -> Option<String>) {
    for one in all {
        one.crash_file = find(one.id);
    }
}

/// Equal ones together, the newest first.
fn folded(ends: &[EndView]) -> Vec<LikeEnds> {
    let mut kinds: Vec<LikeEnds> = Vec::new();
    for end in ends.iter().rev() {
        match kinds.iter_mut().find(|kind| kind.why == end.why) {
            Some(kind) => kind.times += 1,
            None => kinds.push(LikeEnds { why: end.why.clone(), times: 1, last: end.at }),
        }
    }
    kinds
}

/// As much of it as fits a screen: the first is told whole, of the others as many as there is room for.
pub(crate) fn why(all: &[Reasons], now: u64, look: Look) -> String {
    let Some(first) = all.first() else { return String::new() };
    let mut page = block(first, now, look);
    let mut told = 1;
    for one in all.iter().skip(1) {
        let block = block(one, now, look);
        // Two lines stand below.
        if page.lines().count() + block.lines().count() + 2 > SCREEN {
            break;
        }
        page += &block;
        told += 1;
    }
    if told < all.len() {
        let more = format!("and {} more; `{} list` shows them", all.len() - told, called::name());
        page += &(Paint::Dim.on(&say(&more), look.colour) + "\n");
    }
    for line in &first.last_lines {
        let line = safe_text(line);
        let line =
            look.width.map_or_else(|| line.clone(), |columns| text::clip(&line, columns - 2));
        page.extend(["  ", &line, "\n"]);
    }
    if let Some(cause) = &first.cause {
        page.extend([&say(&safe_text(cause)), "\n"]);
    }
    if let Some(file) = &first.crash_file {
        let kept = format!("its last failure is kept in {}", safe_text(file));
        page.extend([&say(&kept), "\n"]);
    }
    let [logs, describe] = first.commands.each_ref().map(|command| safe_text(command));
    let next = format!("`{logs}` shows what it wrote, `{describe}` everything about it");
    page + &Paint::Dim.on(&say(&next), look.colour) + "\n"
}

fn block(one: &Reasons, now: u64, look: Look) -> String {
    let ago = |at: u64| format!("{} ({})", text::moment(at), text::millis(now.saturating_sub(at)));
    let ahead = |at: u64| say(&text::ahead(at, now)).into_owned();
    // A cause may be as long as a path: two lines of it do.
    let told = |cause: &str| {
        let cause = say(&safe_text(cause)).into_owned();
        look.width.map_or_else(|| cause.clone(), |columns| text::clip(&cause, columns * 3 / 2))
    };
    let title = format!("{} (id {})", safe_text(&one.name), one.id);
    let status = Paint::of(one.status).on(&one.standing, look.colour);
    // The word stays, for it is what lists show and scripts look for; `failed, next in 7h` has more behind it.
    let word = [", ", " in ", " for "].iter().filter_map(|gap| one.standing.split_once(gap));
    let word = word.map(|(word, _)| word).min_by_key(|word| word.len()).unwrap_or(&one.standing);
    let meaning = say(word);
    let meaning = if meaning == word { String::new() } else { format!("（{meaning}）") };
    let short = match one.unstable {
        0 => String::new(),
        short => format!(", {} in a row", text::count(short, "short run")),
    };
    let restarts = format!("{}{short}", one.restarts);
    let mut fields = vec![
        ("why", one.why.as_deref().map(told).unwrap_or_default()),
        (
            if one.pid == 0 { "down since" } else { "runs since" },
            one.since.map(ago).unwrap_or_default(),
        ),
        ("next start", one.next_start.map(ahead).unwrap_or_default()),
        (
            if one.job.is_some() { "next run" } else { "next cron restart" },
            one.next_cron.map(ahead).unwrap_or_default(),
        ),
        (
            "runs",
            one.job
                .as_ref()
                .map(JobView::counts)
                .map(|runs| say(&runs).into_owned())
                .unwrap_or_default(),
        ),
        ("restarts", say(&restarts).into_owned()),
    ];
    for (index, kind) in one.ends.iter().take(KINDS).enumerate() {
        let times = match kind.times {
            1 => "once".into(),
            times => text::count(times, "time"),
        };
        let times = say(&times);
        let key = if index == 0 { "last ends" } else { "" };
        let last = text::moment(kind.last);
        fields.push((key, format!("{times}: {}; {last}", told(&kind.why))));
    }
    Paint::Key.on(&title, look.colour)
        + ": "
        + &status
        + &meaning
        + "\n"
        + &describe::table(&fields, look)
}

#[cfg(test)]
mod tests {
    use pm_testkit::samples;

    use super::*;
    use crate::golden;

    const NOW: u64 = 1_800_000_000_000;
    const LOOK: Look = Look { width: Some(80), boxes: true, colour: false };

    fn end(why: &str, at: u64) -> EndView {
        EndView { at, lived: 5, pid: 9, code: None, signal: None, why: why.into() }
    }

    fn described(id: u32, status: Status, ends: Vec<EndView>) -> Description {
        Description { ends, ..golden::described(samples::row(id, "web", status)) }
    }

    fn of_all(descriptions: Vec<Description>) -> Vec<Reasons> {
        reasons(&Descriptions { descriptions, now: NOW }, &[], "web")
    }

    #[test]
    fn equal_ends_are_one_line_and_the_newest_comes_first() {
        let ends = ["exited with code 1", "killed by SIGKILL", "exited with code 1"];
        let ends = (1..).zip(ends).map(|(at, why)| end(why, NOW - 9000 + at)).collect();
        let mut waits = described(0, Status::WaitingRestart, ends);
        waits.row.pid = 0;
        waits.next_start = Some(NOW + 3000);
        let all = of_all(vec![waits]);
        let told: Vec<_> = all[0].ends.iter().map(|kind| (kind.why.as_str(), kind.times)).collect();
        assert_eq!(told, [("exited with code 1", 2), ("killed by SIGKILL", 1)]);
        assert_eq!(all[0].since, Some(NOW - 9000 + 3));
        let page = why(&all, NOW, LOOK);
        for part in [
            "web (id 0): waiting restart\n",
            "2 times: exited with code 1",
            "once: killed by SIGKILL",
            "(in 3s)",
            "`pm logs web`",
            "`pm describe web`",
        ] {
            assert!(page.contains(part), "{part} is missing:\n{page}");
        }
    }

    #[test]
    fn many_fit_a_screen_and_those_that_are_down_come_first() {
        let kinds =
            |id: u32| (0..20).map(move |at| end(&format!("reason {id} {at}"), NOW - 100 + at));
        let all: Vec<_> = (0..50)
            .map(|id| {
                let mut one = described(id, Status::Online, kinds(id).collect());
                (one.row.pid, one.row.started_at) = (id + 100, NOW - 5000);
                if id == 7 {
                    (one.row.status, one.row.pid) = (Status::Errored, 0);
                    one.row.note = Some("gave up ".repeat(1000));
                }
                one
            })
            .collect();
        let page = why(&of_all(all), NOW, LOOK);
        assert!(page.starts_with("web (id 7): errored\n  why         gave up gave"), "{page}");
        assert!(page.lines().count() <= SCREEN, "{page}");
        assert!(page.contains(" more; `pm list` shows them\n"), "{page}");
    }

    #[test]
    fn what_never_ran_is_told_so() {
        let mut one = described(0, Status::Stopped, Vec::new());
        (one.row.pid, one.row.started_at) = (0, 0);
        let all = of_all(vec![one]);
        assert_eq!((all[0].why.as_deref(), all[0].since), (Some("nobody started it"), None));
        assert_eq!(why(&[], NOW, LOOK), "");
    }
}
