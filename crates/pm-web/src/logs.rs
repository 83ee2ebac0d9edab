//! What apps wrote, page by page from the end on: over rotated and compressed files, several logs merged by time, in
//! memory that does not grow with them. Files are found by the app they belong to, never by a path somebody sent.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::time::Instant;

use pm_client::{Colours, line_times, log_files, plain};
use pm_logs::{Cursor, History, LineFilter, LineQuery, LogFiles, Merge, ReadError, TailLine};
use pm_protocol::{Home, LogSource};
use serde::Serialize;

use crate::app_pattern::AppPattern;
use crate::log_output::LogOutput;
use crate::page_cursor::PageCursor;

/// Bytes of lines on one page.
const MOST_BYTES: usize = 2 << 20;

/// Whose logs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LogWish {
    /// Of all instances of this name.
    Name(String),
    /// Of this instance.
    Id(u32),
}

impl LogWish {
    /// Reads `web` or `id:3`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.strip_prefix("id:") {
            Some(id) => {
                id.parse().map(Self::Id).map_err(|_| format!("`{text}` is no id of an app"))
            }
            None if text.is_empty() => Err("whose logs?".into()),
            None => Ok(Self::Name(text.into())),
        }
    }

    fn is_of(&self, source: &LogSource) -> bool {
        match self {
            Self::Name(name) => source.name == *name,
            Self::Id(id) => source.id == *id,
        }
    }
}

/// Which logs of which apps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WantedLogs {
    /// None of them: of all apps.
    pub(crate) wishes: BTreeSet<LogWish>,
    /// The one output that is wanted; `None`: both are.
    only: Option<LogOutput>,
}

impl WantedLogs {
    /// Of these, the output of this name: `out`, `err` or `both`.
    pub(crate) fn new(
        wishes: impl IntoIterator<Item = LogWish>,
        stream: &str,
    ) -> Result<Self, String> {
        let only = match stream {
            "both" => None,
            "out" => Some(LogOutput::Out),
            "err" => Some(LogOutput::Err),
            _ => return Err(format!("`{stream}` is no output: out, err or both")),
        };
        Ok(Self { wishes: wishes.into_iter().collect(), only })
    }

    fn wants(&self, source: &LogSource) -> bool {
        self.wishes.is_empty() || self.wishes.iter().any(|wish| wish.is_of(source))
    }
}

/// Log files, and whose they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnedLogs {
    pub(crate) logs: Vec<LogFiles>,
    owners: Vec<LogOwner>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct LogOwner {
    name: String,
    id: u32,
    /// Several instances write into it, and no line says which.
    is_shared: bool,
}

impl OwnedLogs {
    /// The files that are wanted and may be seen, of those of all apps. One into which an app writes that may not be seen is
    /// not given.
    pub(crate) fn new(
        home: &Home,
        all: &[LogSource],
        wanted: &WantedLogs,
        apps: &AppPattern,
    ) -> Self {
        let mut known: BTreeMap<PathBuf, (bool, Vec<u32>)> = BTreeMap::new();
        for source in all {
            let is_seen = apps.admits(&source.namespace, &source.name);
            for (_, path) in log_files(source) {
                let (may_be_seen, ids) = known.entry(path).or_insert((true, Vec::new()));
                *may_be_seen &= is_seen;
                ids.push(source.id);
            }
        }
        let mut owned = Self::default();
        for source in all.iter().filter(|source| wanted.wants(source)) {
            let alone = source.out.is_none() && source.error.is_none();
            for (stream, log) in log_files(source) {
                let is_wanted = alone || wanted.only.is_none_or(|only| only == stream.into());
                // The first that owns a file brings it.
                let Some((true, ids)) = known.get_mut(&log).filter(|_| is_wanted) else { continue };
                let ids = std::mem::take(ids);
                if ids.is_empty() {
                    continue;
                }
                let is_shared = ids.iter().any(|id| *id != source.id);
                let times = line_times(&home.log_state(), &source.shape);
                let number = owned.logs.len();
                owned.logs.push(LogFiles { number, stream, log, times });
                let name = source.name.clone();
                owned.owners.push(LogOwner { name, id: source.id, is_shared });
            }
        }
        owned
    }

    /// Adds those of others that are not here yet, and says which they are.
    pub(crate) fn extend(&mut self, others: Self) -> Vec<LogFiles> {
        let mut fresh = Vec::new();
        for (log, owner) in others.logs.into_iter().zip(others.owners) {
            if !self.logs.iter().any(|known| known.log == log.log) {
                let log = LogFiles { number: self.logs.len(), ..log };
                fresh.push(log.clone());
                self.logs.push(log);
                self.owners.push(owner);
            }
        }
        fresh
    }

    /// By what a place in the log of that number is known to who comes back: whose it is, and which output.
    fn key(&self, number: usize) -> Option<(u32, LogOutput)> {
        Some((self.owners.get(number)?.id, self.logs.get(number)?.stream.into()))
    }

    /// Whose the log of that number is.
    pub(crate) fn name(&self, number: usize) -> &str {
        self.owners.get(number).map_or("", |owner| &owner.name)
    }

    /// A line as it is told.
    pub(crate) fn view(&self, TailLine { line, left_out }: &TailLine) -> Option<LineRow<'_>> {
        let owner = self.owners.get(line.source)?;
        let words = self.logs.get(line.source)?.times.words(&line.bytes);
        Some(LineRow {
            app: &owner.name,
            id: Some(owner.id).filter(|_| !owner.is_shared),
            stream: line.stream.into(),
            at_ms: line.at,
            text: plain(words, Colours::Keep).into_owned(),
            left_out: Some(*left_out).filter(|left_out| *left_out > 0),
        })
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct LineRow<'a> {
    app: &'a str,
    /// `null`: several instances of the app write into its file.
    id: Option<u32>,
    stream: LogOutput,
    at_ms: Option<i64>,
    /// Of escape sequences only colours are left.
    text: String,
    /// So many bytes of it are not told.
    left_out: Option<usize>,
}

/// What is wanted of them.
#[derive(Clone, Default)]
pub(crate) struct PageWish {
    /// So many lines at most.
    pub(crate) limit: usize,
    /// Those before a page that is known.
    pub(crate) before: Option<PageCursor>,
    /// Those before a place in each of the logs, by number.
    pub(crate) places: Vec<Option<Cursor>>,
    pub(crate) keep: Option<LineFilter>,
    pub(crate) since: Option<i64>,
    pub(crate) until: Option<i64>,
    pub(crate) give_up: Option<Instant>,
}

/// Lines, oldest first.
#[derive(Debug)]
pub(crate) struct LogPage {
    pub(crate) lines: Vec<TailLine>,
    /// For the page before this one, if there may be one.
    pub(crate) before: Option<PageCursor>,
    /// Whether not everything was looked through.
    pub(crate) gave_up: bool,
}

impl PageWish {
    /// What is wanted of the log of that number; `None`: nothing can be found of it any more.
    fn of(&self, owned: &OwnedLogs, log: &LogFiles) -> Option<LineQuery> {
        let mut query = LineQuery {
            last: Some(self.limit),
            since: self.since,
            until: self.until,
            keep: self.keep.clone(),
            before: self.places.get(log.number).copied().flatten(),
            give_up: self.give_up,
        };
        if let Some(before) = &self.before {
            query.before = before.of(owned.key(log.number)?).filter(|place| log.holds(*place));
            if query.before.is_none() {
                // Compressed meanwhile, or new: what is older than the page.
                query.until = Some(before.at?.min(self.until.unwrap_or(i64::MAX)));
            }
        }
        Some(query)
    }
}

/// The last lines of what is wanted.
pub(crate) fn page(owned: &OwnedLogs, wish: &PageWish) -> Result<LogPage, ReadError> {
    let wanted = owned.logs.iter().filter_map(|log| Some((log, wish.of(owned, log)?)));
    let (mut numbers, mut histories, mut queries) = (Vec::new(), Vec::new(), Vec::new());
    for (log, query) in wanted {
        numbers.push(log.number);
        queries.push(query.before);
        histories.push(History::open(log.clone(), query)?);
    }
    let gave_up = histories.iter().any(History::gave_up);
    let mut merge = Merge::new(histories)?;
    let (mut lines, mut bytes, mut is_cut): (VecDeque<TailLine>, usize, bool) = Default::default();
    let mut found: BTreeMap<usize, usize> = BTreeMap::new();
    while let Some(line) = merge.next_line()? {
        *found.entry(line.source).or_insert(0) += 1;
        let line = TailLine::new(line);
        bytes += line.line.bytes.len();
        lines.push_back(line);
        while (lines.len() > wish.limit || bytes > MOST_BYTES)
            && let Some(oldest) = lines.pop_front()
        {
            bytes -= oldest.line.bytes.len();
            is_cut = true;
        }
    }
    let is_more = is_cut || gave_up || found.values().any(|count| *count >= wish.limit);
    let before = is_more.then(|| {
        let ends = merge.into_histories().into_iter().map(|history| history.cursor());
        let mut cursor =
            PageCursor { at: lines.iter().find_map(|it| it.line.at), places: BTreeMap::new() };
        for ((number, before), end) in numbers.into_iter().zip(queries).zip(ends) {
            let first = lines.iter().find(|it| it.line.source == number).map(|it| it.line.place);
            if let Some(key) = owned.key(number) {
                cursor.places.insert(key, first.or(before).unwrap_or(end));
            }
        }
        cursor
    });
    Ok(LogPage { lines: lines.into(), before, gave_up })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pm_protocol::LogShape;
    use std::path::Path;
    use std::sync::Arc;

    fn source(id: u32, name: &str, out: &Path, error: &Path) -> LogSource {
        LogSource {
            id,
            name: name.into(),
            namespace: "default".into(),
            out: Some(out.to_str().unwrap().into()),
            error: Some(error.to_str().unwrap().into()),
            combined: None,
            shape: LogShape::Stamped("YYYY-MM-DD HH:mm:ss.SSS Z".into()),
        }
    }

    fn of(names: &[&str]) -> WantedLogs {
        let wishes = names.iter().map(|name| LogWish::parse(name).unwrap());
        WantedLogs::new(wishes, "both").unwrap()
    }

    fn owned(home: &Home, all: &[LogSource], wanted: &WantedLogs, apps: &str) -> OwnedLogs {
        OwnedLogs::new(home, all, wanted, &AppPattern::from(apps.to_owned()))
    }

    fn texts(owned: &OwnedLogs, page: &LogPage) -> Vec<String> {
        page.lines.iter().filter_map(|line| Some(owned.view(line)?.text)).collect()
    }

    #[test]
    fn files_are_found_by_apps_that_may_be_seen_and_by_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().into(), None).unwrap();
        let path = |name: &str| folder.path().join(name);
        let all = [
            source(0, "web", &path("o"), &path("e")),
            source(1, "web", &path("o"), &path("e1")),
            source(2, "db", &path("d"), &path("all")),
            source(3, "mail", &path("m"), &path("all")),
        ];
        let names = |owned: &OwnedLogs| -> Vec<_> {
            let name = |log: &LogFiles| log.log.file_name().unwrap().to_str().unwrap().to_owned();
            owned.logs.iter().map(name).collect()
        };
        assert_eq!(names(&owned(&home, &all, &of(&["web"]), "")), ["o", "e", "e1"]);
        assert_eq!(names(&owned(&home, &all, &of(&["id:1"]), "")), ["o", "e1"]);
        assert_eq!(names(&owned(&home, &all, &of(&[]), "")), ["o", "e", "e1", "d", "all", "m"]);
        // Somebody who may not see mail does not read what mail writes.
        assert_eq!(names(&owned(&home, &all, &of(&["db"]), "db")), ["d"]);
        assert_eq!(names(&owned(&home, &all, &of(&["mail", "../d", "id:3"]), "db")), [""; 0]);
        let out = WantedLogs::new([], "out").unwrap();
        assert_eq!(names(&owned(&home, &all, &out, "web")), ["o"]);
        let web = owned(&home, &all, &of(&["web"]), "");
        assert_eq!(
            web.owners.iter().map(|it| it.is_shared).collect::<Vec<_>>(),
            [true, false, false]
        );
    }

    #[test]
    fn pages_of_several_logs_make_up_the_whole_by_time() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().into(), None).unwrap();
        let path = |name: &str| folder.path().join(name);
        let stamped = |numbers: &mut dyn Iterator<Item = u32>| -> String {
            let line = |at| {
                format!("2026-01-01 00:00:{:02}.{:03} +00:00: line {at}\n", at / 100, at % 100)
            };
            numbers.map(line).collect()
        };
        std::fs::write(path("o"), stamped(&mut (0..500).filter(|at| at % 3 == 0))).unwrap();
        std::fs::write(path("e"), stamped(&mut (0..500).filter(|at| at % 3 == 1))).unwrap();
        std::fs::write(path("d"), stamped(&mut (0..500).filter(|at| at % 3 == 2 && *at > 450)))
            .unwrap();
        std::fs::write(path("none"), "").unwrap();
        let all =
            [source(0, "web", &path("o"), &path("e")), source(1, "db", &path("d"), &path("none"))];
        let both = owned(&home, &all, &of(&["web", "db"]), "");
        let expected: Vec<_> =
            (0..500).filter(|at| at % 3 != 2 || *at > 450).map(|at| format!("line {at}")).collect();
        let (mut told, mut before, mut pages) = (Vec::new(), None, 0);
        loop {
            let wish = PageWish { limit: 40, before, ..PageWish::default() };
            let found = page(&both, &wish).unwrap();
            told.splice(0..0, texts(&both, &found));
            pages += 1;
            let Some(next) = found.before else { break };
            before = Some(next.to_string().parse().unwrap());
            assert!(pages < 20);
        }
        assert_eq!(told, expected);
        let keep: LineFilter = Arc::new(|line| line.ends_with(b"0"));
        let wish = PageWish { limit: 2, keep: Some(keep), ..PageWish::default() };
        assert_eq!(texts(&both, &page(&both, &wish).unwrap()), ["line 480", "line 490"]);
        let first = page(&both, &PageWish { limit: 1, ..PageWish::default() }).unwrap().lines;
        let (since, until) = (first[0].line.at.map(|at| at - 5), first[0].line.at);
        let wish = PageWish { limit: 9, since, until, ..PageWish::default() };
        assert_eq!(texts(&both, &page(&both, &wish).unwrap()).len(), 5);
    }

    #[test]
    fn lines_of_any_length_cost_no_more_than_a_page() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().into(), None).unwrap();
        let (log, none) = (folder.path().join("o"), folder.path().join("none"));
        let big = format!("<b>\x1b[31mred\x1b[2J{}\n", "x".repeat(10 << 20));
        std::fs::write(&log, big.repeat(2) + &"y".repeat(40 << 10) + "\nend\n").unwrap();
        let all = [LogSource { shape: LogShape::Raw, ..source(0, "web", &log, &none) }];
        let web = owned(&home, &all, &of(&["web"]), "");
        let found = page(&web, &PageWish { limit: 1000, ..PageWish::default() }).unwrap();
        let kept: usize = found.lines.iter().map(|line| line.line.bytes.len()).sum();
        assert!(kept < MOST_BYTES, "{kept}");
        let first = web.view(&found.lines[0]).unwrap();
        assert!(first.text.starts_with("<b>\x1b[31mredxxx"), "{}", &first.text[..20]);
        assert_eq!(first.left_out, Some((1 << 20) - TailLine::LONGEST));
        assert_eq!(texts(&web, &found).last().unwrap(), "end");
    }
}
