//! What can be done to apps from the page: a closed list, and the command line that does each. Pure. No word of it comes
//! from outside but names of apps that exist, numbers and signals, and a name never stands where it could mean anything else.

use std::collections::{BTreeMap, BTreeSet};

use pm_spec::Signal;

use crate::view::AppRow;

/// One thing done to some instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Bring up what is down.
    Start,
    /// Take down.
    Stop,
    /// Take down and up again.
    Restart,
    /// The same, one after the other.
    Reload,
    /// Set restart counters to zero.
    Reset,
    /// Empty log files.
    Flush,
    /// Stop, and know no longer.
    Delete,
    /// Have this many instances.
    Scale(u16),
    /// Send this to the main processes.
    Signal(Signal),
}

impl Deed {
    /// The command line that does it to what these words select.
    pub fn argv(self, words: &[String]) -> Vec<String> {
        let mut argv = vec!["pm".to_owned(), self.verb().to_owned()];
        if let Self::Signal(signal) = self {
            let name = signal.to_string();
            argv.push(name.strip_prefix("signal ").unwrap_or(&name).to_owned());
        }
        argv.extend_from_slice(words);
        if let Self::Scale(to) = self {
            argv.push(to.to_string());
        }
        argv
    }

    fn verb(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Reload => "reload",
            Self::Reset => "reset",
            Self::Flush => "flush",
            Self::Delete => "delete",
            Self::Scale(_) => "scale",
            Self::Signal(_) => "sendSignal",
        }
    }
}

/// The words that select exactly these instances of all there are, the apps in order of their names. An app all of whose
/// instances are meant is named; else each instance is.
pub(crate) fn words(meant: &BTreeSet<u32>, all: &[AppRow]) -> Vec<String> {
    let mut apps: BTreeMap<&str, Vec<&AppRow>> = BTreeMap::new();
    for row in all {
        apps.entry(&row.name).or_default().push(row);
    }
    let mut words = Vec::new();
    for (name, rows) in apps {
        let own: Vec<_> = rows.iter().filter(|row| meant.contains(&row.id)).collect();
        let is_whole = own.len() == rows.len() && name.trim() == name;
        if is_whole && !own.is_empty() {
            words.push(word(name, all));
        } else {
            words.extend(own.iter().map(|row| format!("id:{}", row.id)));
        }
    }
    words
}

/// The word for all instances of an app: its name, or with the prefix that says so where that could mean anything else.
fn word(name: &str, all: &[AppRow]) -> String {
    let is_letter = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let is_plain = name.starts_with(char::is_alphanumeric)
        && name.chars().all(is_letter)
        && name.chars().any(char::is_alphabetic)
        && name != "all"
        && !all.iter().any(|row| row.namespace == name);
    if is_plain { name.to_owned() } else { format!("name:{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pm_protocol::Row;
    use pm_spec::Status;
    use pm_testkit::samples;

    fn rows(apps: &[(&str, &str)]) -> Vec<AppRow> {
        let row = |(id, (name, namespace)): (usize, &(&str, &str))| {
            let id = u32::try_from(id).unwrap();
            let row = samples::row(id, name, Status::Online);
            AppRow::new(&Row { namespace: (*namespace).into(), ..row }, 1)
        };
        apps.iter().enumerate().map(row).collect()
    }

    #[test]
    fn a_name_is_a_word_only_where_it_means_nothing_else() {
        for (name, shown) in [
            ("web", "web"),
            ("web-1_a", "web-1_a"),
            ("订单服务", "订单服务"),
            ("all", "name:all"),
            ("-", "name:-"),
            ("--force", "name:--force"),
            ("-rf", "name:-rf"),
            ("7", "name:7"),
            ("id:7", "name:id:7"),
            ("ns:x", "name:ns:x"),
            ("project:x", "name:project:x"),
            ("/web/", "name:/web/"),
            ("a.json", "name:a.json"),
            ("a b", "name:a b"),
            ("$(id)", "name:$(id)"),
            (";id", "name:;id"),
            ("../x", "name:../x"),
            ("shop", "name:shop"),
        ] {
            let all = rows(&[(name, "default"), ("other", "shop")]);
            assert_eq!(words(&[0].into(), &all), [shown]);
        }
    }

    #[test]
    fn what_is_only_a_part_of_an_app_is_named_by_its_numbers() {
        let all = rows(&[("web", "a"), ("web", "a"), ("db", "a"), ("db", "b"), (" odd", "a")]);
        assert_eq!(words(&[0, 1].into(), &all), ["web"]);
        assert_eq!(words(&[1].into(), &all), ["id:1"]);
        assert_eq!(words(&[2].into(), &all), ["id:2"], "the other db is not meant");
        assert_eq!(words(&[2, 3].into(), &all), ["db"]);
        assert_eq!(words(&[4].into(), &all), ["id:4"]);
        assert_eq!(words(&[0, 1, 2, 99].into(), &all), ["id:2", "web"]);
        assert!(words(&[99].into(), &all).is_empty());
    }

    #[test]
    fn each_deed_is_one_command_line() {
        let web = ["web".to_owned(), "id:3".to_owned()];
        for (deed, line) in [
            (Deed::Start, "pm start web id:3"),
            (Deed::Stop, "pm stop web id:3"),
            (Deed::Restart, "pm restart web id:3"),
            (Deed::Reload, "pm reload web id:3"),
            (Deed::Reset, "pm reset web id:3"),
            (Deed::Flush, "pm flush web id:3"),
            (Deed::Delete, "pm delete web id:3"),
            (Deed::Scale(3), "pm scale web id:3 3"),
            (Deed::Signal(Signal::HUP), "pm sendSignal SIGHUP web id:3"),
            (Deed::Signal(Signal::parse("34").unwrap()), "pm sendSignal 34 web id:3"),
        ] {
            assert_eq!(deed.argv(&web).join(" "), line);
        }
    }
}
