//! Which changes count: what a watch ignores by itself, by its spec, and because we write it.
//!
//! Pure: it looks at names only, so that whoever walks a tree can leave out what is below an ignored folder (pain 40).

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use pm_spec::{ByteString, Ignore, Watch};
use regex_lite::Regex;

/// Names that never count, wherever they are below a watched folder: what tools write while an app runs, and what is
/// too large to look at (pain 26). Names that begin with a dot do not count either.
const NEVER: [&str; 11] = [
    "node_modules",
    "bower_components",
    "__pycache__",
    "*.pyc",
    "*.pyo",
    "*.log",
    "*.pid",
    "*~",
    "*.swp",
    "*.tmp",
    "4913",
];

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A folder.
    Folder,
    /// Anything else, or what is gone.
    File,
}

/// A rule that is none.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is no {kind}: {why}")]
pub struct FilterError {
    text: String,
    kind: &'static str,
    why: String,
}

impl FilterError {
    fn new(text: impl Into<String>, kind: &'static str, why: impl std::fmt::Display) -> Self {
        Self { text: text.into(), kind, why: why.to_string() }
    }
}

/// Whether this rule can be used.
pub fn check_ignore(rule: &Ignore) -> Result<(), FilterError> {
    Rule::read(rule).map(drop)
}

#[derive(Clone, Debug)]
enum Rule {
    /// A glob for a name at any depth.
    Name(Vec<u8>),
    /// A glob for a whole path, as seen from the app's folder, or from the root if it begins there.
    Path(Vec<u8>),
    Regex(Regex),
}

impl Rule {
    fn read(rule: &Ignore) -> Result<Self, FilterError> {
        match rule {
            Ignore::Regex(text) => Regex::new(text)
                .map(Self::Regex)
                .map_err(|error| FilterError::new(text, "regular expression", error)),
            Ignore::Glob(glob) => {
                let bytes = glob.as_bytes();
                let bytes = bytes.strip_prefix(b"./").unwrap_or(bytes);
                let bytes = bytes.strip_suffix(b"/").filter(|it| !it.is_empty()).unwrap_or(bytes);
                fast_glob::validate(bytes)
                    .map_err(|error| FilterError::new(glob.display(), "glob", error))?;
                let is_name = !bytes.contains(&b'/');
                Ok(if is_name { Self::Name(bytes.into()) } else { Self::Path(bytes.into()) })
            }
        }
    }

    fn catches(&self, name: &[u8], seen: &Path, whole: &Path) -> bool {
        match self {
            Self::Name(glob) => fast_glob::glob_match(glob, name),
            Self::Path(glob) if glob.starts_with(b"/") => {
                fast_glob::glob_match(glob, whole.as_os_str().as_bytes())
            }
            Self::Path(glob) => fast_glob::glob_match(glob, seen.as_os_str().as_bytes()),
            Self::Regex(regex) => regex.is_match(&seen.to_string_lossy()),
        }
    }
}

/// Lets through what counts.
#[derive(Clone, Debug)]
pub struct WatchFilter {
    /// The app's folder.
    folder: PathBuf,
    rules: Vec<Rule>,
    /// Rules that began with `!`: what they catch counts although another rule caught it.
    exceptions: Vec<Rule>,
    extensions: Vec<Vec<u8>>,
    /// Files and folders that are watched with all that is below them.
    whole: Vec<PathBuf>,
    /// Globs of files that are watched.
    globs: Vec<Vec<u8>>,
    /// Files that we write ourselves, without rotation's endings.
    own: Vec<PathBuf>,
}

impl WatchFilter {
    /// For a watch, seen from the app's folder; `own`: its log and pid files. A rule that is none is left out; whoever
    /// reads configs has refused it.
    pub fn new(watch: &Watch, folder: PathBuf, own: Vec<PathBuf>) -> Self {
        let (mut rules, mut exceptions) = (Vec::new(), Vec::new());
        for rule in &watch.ignore {
            let negated = match rule {
                Ignore::Glob(glob) => glob.as_bytes().strip_prefix(b"!"),
                Ignore::Regex(_) => None,
            };
            match negated {
                Some(glob) => {
                    exceptions.extend(Rule::read(&Ignore::Glob(ByteString::new(glob))));
                }
                None => rules.extend(Rule::read(rule)),
            }
        }
        let (globs, whole): (Vec<_>, Vec<_>) = watch.paths.iter().partition(|path| is_glob(path));
        let extensions = watch.extensions.iter().map(|it| it.as_bytes().into()).collect();
        Self {
            folder,
            rules,
            exceptions,
            extensions,
            whole: whole.into_iter().map(to_path).collect(),
            globs: globs.into_iter().map(|glob| glob.as_bytes().into()).collect(),
            own,
        }
    }

    /// Where to look: what is watched as a whole, and the folders where globs begin.
    pub fn roots(&self) -> Vec<PathBuf> {
        let begin = |glob: &Vec<u8>| {
            let plain = glob.split(|byte| *byte == b'/').take_while(|part| !has_wildcard(part));
            let parts: Vec<_> = plain.map(OsStr::from_bytes).collect();
            let root: PathBuf = parts.into_iter().collect();
            Path::new("/").join(root)
        };
        let mut roots: Vec<_> =
            self.whole.iter().cloned().chain(self.globs.iter().map(begin)).collect();
        roots.sort();
        roots.dedup();
        roots
    }

    /// The path as people see it: from the app's folder if it is below it.
    pub fn seen<'p>(&self, path: &'p Path) -> &'p Path {
        path.strip_prefix(&self.folder).unwrap_or(path)
    }

    /// Whether a path below a watched one counts, all folders above it being known to count. The watched paths
    /// themselves always do: who names `.env` means it.
    pub fn counts(&self, path: &Path, kind: EntryKind) -> bool {
        let Some(name) = path.file_name() else { return true };
        let name = name.as_bytes();
        if self.is_own(path) {
            return false;
        }
        let seen = self.seen(path);
        let caught = |rules: &[Rule]| rules.iter().any(|rule| rule.catches(name, seen, path));
        if caught(&self.exceptions) {
            return true;
        }
        let never = name.starts_with(b".")
            || NEVER.iter().any(|glob| fast_glob::glob_match(glob.as_bytes(), name));
        let is_folder = kind == EntryKind::Folder;
        !never
            && !caught(&self.rules)
            && (is_folder || (self.ends_well(path) && self.is_meant(path)))
    }

    /// Whether a file is below what is watched as a whole, or a glob catches it.
    fn is_meant(&self, path: &Path) -> bool {
        let bytes = path.as_os_str().as_bytes();
        self.globs.is_empty()
            || self.whole.iter().any(|whole| path.starts_with(whole))
            || self.globs.iter().any(|glob| fast_glob::glob_match(glob, bytes))
    }

    fn ends_well(&self, path: &Path) -> bool {
        let ending = path.extension().map(OsStr::as_bytes);
        self.extensions.is_empty()
            || ending.is_some_and(|it| self.extensions.iter().any(|e| e == it))
    }

    /// One of our files, or one of the files it was rotated to.
    fn is_own(&self, path: &Path) -> bool {
        let path = path.as_os_str().as_bytes();
        self.own.iter().any(|own| {
            let own = own.as_os_str().as_bytes();
            let stem = own.strip_suffix(b".log").unwrap_or(own);
            path == own || path.strip_prefix(stem).is_some_and(is_rotated)
        })
    }
}

/// Whether a watched path is a glob.
fn is_glob(path: &ByteString) -> bool {
    has_wildcard(path.as_bytes())
}

fn has_wildcard(text: &[u8]) -> bool {
    text.iter().any(|byte| b"*?[{".contains(byte))
}

fn to_path(bytes: &ByteString) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes.as_bytes()))
}

/// What rotation adds to a name: a date or a number, and perhaps `.gz`.
fn is_rotated(rest: &[u8]) -> bool {
    let rest = rest.strip_suffix(b".gz").unwrap_or(rest);
    let rest = rest.strip_suffix(b".log").unwrap_or(rest);
    !rest.is_empty() && rest.iter().all(|byte| byte.is_ascii_digit() || b"_-.:TZ".contains(byte))
}

#[cfg(test)]
mod tests {
    use pm_spec::Span;

    use super::*;

    fn all(ignore: &[Ignore], extensions: &[&str]) -> Watch {
        Watch {
            on: true,
            paths: vec!["/srv/app".into()],
            ignore: ignore.into(),
            extensions: extensions.iter().map(|it| ByteString::from(*it)).collect(),
            delay: Span::ZERO,
            poll: None,
            follow_links: true,
        }
    }

    fn filter(ignore: &[Ignore], extensions: &[&str]) -> WatchFilter {
        let own = vec!["/srv/app/out/web-0.txt".into()];
        WatchFilter::new(&all(ignore, extensions), "/srv/app".into(), own)
    }

    fn glob(text: &str) -> Ignore {
        Ignore::Glob(text.into())
    }

    #[track_caller]
    fn check(filter: &WatchFilter, counting: &[&str], ignored: &[&str]) {
        for path in counting {
            assert!(
                filter.counts(&Path::new("/srv/app").join(path), EntryKind::File),
                "{path} counts"
            );
        }
        for path in ignored {
            assert!(!filter.counts(&Path::new("/srv/app").join(path), EntryKind::File), "{path}");
        }
    }

    #[test]
    fn p26_what_tools_and_we_write_does_not_count() {
        check(
            &filter(&[], &[]),
            &["app.js", "src/a b.py", "4913.js", "out/web-0.txt.md", "out/other.txt"],
            &[
                ".git",
                ".env",
                "node_modules",
                "src/__pycache__",
                "x.pyc",
                "access.log",
                "app.py~",
                "4913",
                "out/web-0.txt",
                "out/web-0.txt.2026-11-22_19-44-08.gz",
            ],
        );
    }

    #[test]
    fn p26_globs_by_name_or_path_and_regular_expressions_are_honoured() {
        let rules =
            [glob("tmp"), glob("*.md"), glob("public/**"), glob("./build/"), glob("/var/x")];
        let filter = filter(&rules, &[]);
        check(
            &filter,
            &["src/tmp.js", "src/public/a", "x/build/a", "public.js"],
            &["tmp", "a/tmp", "x/README.md", "public/css/a.css", "build"],
        );
        assert!(!filter.counts(Path::new("/var/x"), EntryKind::Folder));
        let regexes = [r"[\\/]cache[\\/]", r"^data"].map(|it| Ignore::Regex(it.into()));
        check(&self::filter(&regexes, &[]), &["cache", "my/data"], &["a/cache/b", "data.json"]);
    }

    #[test]
    fn an_exception_counts_although_something_else_ignores_it() {
        let rules = [glob("*.json"), glob("!config.json"), glob("!.env")];
        check(&filter(&rules, &[]), &["config.json", ".env"], &["data.json", ".git"]);
    }

    #[test]
    fn only_the_wanted_endings_count_and_folders_are_looked_into() {
        let filter = filter(&[], &["js", "ts"]);
        check(&filter, &["a.js", "b/c.ts"], &["a.css", "js", "Makefile"]);
        assert!(filter.counts(Path::new("/srv/app/src"), EntryKind::Folder));
    }

    #[test]
    fn globs_may_say_what_is_watched() {
        let watch = Watch {
            paths: ["/srv/app/src/**/*.{js,ts}", "/srv/app/views", "/srv/app/*.json"]
                .map(ByteString::from)
                .into(),
            ..all(&[], &[])
        };
        let filter = WatchFilter::new(&watch, "/srv/app".into(), Vec::new());
        check(
            &filter,
            &["src/a.js", "src/b/c.ts", "views/x/y.html", "a.json"],
            &["src/a.css", "b/a.json"],
        );
        assert_eq!(
            filter.roots(),
            ["/srv/app", "/srv/app/src", "/srv/app/views"].map(PathBuf::from)
        );
    }

    #[test]
    fn rules_that_are_none_say_why() {
        let error = check_ignore(&Ignore::Regex("(".into())).unwrap_err().to_string();
        assert!(error.starts_with("`(` is no regular expression: "), "{error}");
        let error = check_ignore(&glob("a{b")).unwrap_err().to_string();
        assert!(error.starts_with("`a{b` is no glob: "), "{error}");
        assert!(check_ignore(&glob("!**/x[0-9]")).is_ok());
    }
}
