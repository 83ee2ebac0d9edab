//! The form of Supervisor's file: Python's `RawConfigParser` as Supervisor sets it up, with the place of each value.
//!
//! Nothing is escaped there: a blank and `;` or `#` end a value, whatever stands around them.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::diagnose::{ConfigPlace, Finding, Findings, quoted};

/// `[name]` and what stands below it.
#[derive(Debug)]
pub(crate) struct IniSection {
    pub(crate) name: String,
    pub(crate) at: ConfigPlace,
    pub(crate) options: Vec<IniOption>,
}

/// `key = value`.
#[derive(Clone, Debug)]
pub(crate) struct IniOption {
    /// In small letters.
    pub(crate) key: String,
    pub(crate) at: ConfigPlace,
    /// Without comments; lines of a value that goes on are joined by line feeds.
    pub(crate) text: String,
    /// Where the value stands.
    pub(crate) value_at: ConfigPlace,
    /// The folder of the file (`%(here)s`).
    pub(crate) here: Rc<Path>,
}

/// All sections of a file and of what was read after it, in order.
#[derive(Debug, Default)]
pub(crate) struct IniSections(Vec<IniSection>);

/// The section whose options all others have as well (`ConfigParser.DEFAULTSECT`).
const EVERYWHERE: &str = "DEFAULT";

impl IniSection {
    /// What comes before the colon of its name, and after it.
    pub(crate) fn parts(&self) -> (&str, &str) {
        self.name.split_once(':').unwrap_or((&self.name, ""))
    }
}

impl IniSections {
    pub(crate) fn all(&self) -> impl Iterator<Item = &IniSection> {
        self.0.iter().filter(|section| section.name != EVERYWHERE)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&IniSection> {
        self.0.iter().find(|section| section.name == name)
    }

    /// An option of a section, else that of all sections.
    pub(crate) fn option<'s>(
        &'s self,
        section: &'s IniSection,
        key: &str,
    ) -> Option<&'s IniOption> {
        let of = |section: &'s IniSection| section.options.iter().find(|it| it.key == key);
        of(section).or_else(|| of(self.get(EVERYWHERE)?))
    }

    /// Reads one more file over what is there. Its places are those of `file`, if it is not the first.
    pub(crate) fn read(&mut self, text: &str, file: Option<u16>, here: &Path, told: &mut Findings) {
        let here: Rc<Path> = Rc::from(PathBuf::from(here));
        let mut reading =
            IniReading { sections: self, file, here, told, section: None, open: None };
        let mut indent = 0;
        for (line, number) in text.lines().zip(1..) {
            let comment = comment(line);
            let value = line[..comment.unwrap_or(line.len())].trim();
            if value.is_empty() {
                if let (None, Some(option)) = (comment, reading.open()) {
                    option.text.push('\n');
                }
                continue;
            }
            let own = line.len() - line.trim_start().len();
            if let Some(option) = reading.open().filter(|_| own > indent) {
                option.text.push('\n');
                option.text.push_str(value);
                continue;
            }
            indent = own;
            reading.close();
            reading.line(value, number, line[..own].chars().count() + 1);
        }
        reading.close();
    }
}

struct IniReading<'a> {
    sections: &'a mut IniSections,
    file: Option<u16>,
    here: Rc<Path>,
    told: &'a mut Findings,
    section: Option<usize>,
    /// The option that may go on in the next line.
    open: Option<usize>,
}

impl IniReading<'_> {
    fn open(&mut self) -> Option<&mut IniOption> {
        let section = self.sections.0.get_mut(self.section?)?;
        section.options.get_mut(self.open?)
    }

    fn close(&mut self) {
        if let Some(option) = self.open() {
            option.text.truncate(option.text.trim_end().len());
        }
        self.open = None;
    }

    fn place(&self, line: usize, column: usize) -> ConfigPlace {
        let at = ConfigPlace::Line { line, column };
        self.file.map_or(at, |file| at.of(file))
    }

    /// A line that begins something, and where in the file it does.
    fn line(&mut self, value: &str, line: usize, column: usize) {
        let at = self.place(line, column);
        if let Some(name) = header(value) {
            let known = self.sections.0.iter().position(|section| section.name == name);
            self.section = known.or_else(|| {
                let section = IniSection { name: name.to_owned(), at, options: Vec::new() };
                self.sections.0.push(section);
                Some(self.sections.0.len() - 1)
            });
            return;
        }
        let Some(section) = self.section.and_then(|index| self.sections.0.get_mut(index)) else {
            let finding = Finding::error(at, "this stands before the first [section]");
            return self.told.add(finding);
        };
        let Some(split) = value.find(['=', ':']).filter(|split| *split > 0) else {
            let message = format!("{} is no `key = value` and no [section]", quoted(value));
            let hint = "a line that goes on with the value before it is indented";
            return self.told.add(Finding::error(at, message).hint(hint));
        };
        let (key, text) = (value[..split].trim_end().to_lowercase(), value[split + 1..].trim());
        let before = value.len() - value[split + 1..].trim_start().len();
        let width = value[..before].chars().count();
        let own = ConfigPlace::Line { line, column: column + width };
        let value_at = self.file.map_or(own, |file| own.of(file));
        let here = Rc::clone(&self.here);
        let option = IniOption { key, at, text: text.to_owned(), value_at, here };
        let known = section.options.iter().position(|it| it.key == option.key);
        if let Some(index) = known {
            let first = self.told.whereabouts(section.options[index].at).unwrap_or_default();
            let message =
                format!("`{}` is set here and at {first}; the last one counts", option.key);
            self.told.add(Finding::warning(at, message));
            section.options[index] = option;
            self.open = Some(index);
        } else {
            section.options.push(option);
            self.open = Some(section.options.len() - 1);
        }
    }
}

/// The name in `[name]`; what follows the bracket is not looked at.
pub(crate) fn header(value: &str) -> Option<&str> {
    let inside = value.strip_prefix('[')?;
    Some(&inside[..inside.rfind(']')?]).filter(|name| !name.is_empty())
}

/// Where the comment of a line begins. Python looks at the first of each mark, then at the second of each, and so on, and takes
/// the first comment of the first round that has one.
fn comment(line: &str) -> Option<usize> {
    if line.trim_start().starts_with([';', '#']) {
        return Some(0);
    }
    let mut marks = [';', '#'].map(|mark| line.match_indices(mark));
    loop {
        let round: Vec<_> = marks.iter_mut().filter_map(|it| it.next().map(|it| it.0)).collect();
        if round.is_empty() {
            return None;
        }
        let is_comment = |at: &usize| *at == 0 || line[..*at].ends_with(char::is_whitespace);
        let found = round.into_iter().filter(is_comment).min();
        if found.is_some() {
            return found;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pairs = Vec<(String, String)>;

    fn read(text: &str) -> (Vec<(String, Pairs)>, Vec<String>) {
        let (mut all, mut told) = (IniSections::default(), Findings::default());
        all.read(text, None, Path::new("/etc"), &mut told);
        let options = |section: &IniSection| {
            section.options.iter().map(|it| (it.key.clone(), it.text.clone())).collect()
        };
        let sections = all.0.iter().map(|it| (it.name.clone(), options(it))).collect();
        let told = told.into_diagnostics("x.conf", text);
        (sections, told.iter().map(|it| it.to_string().lines().next().unwrap().into()).collect())
    }

    /// Each expectation is what Python 3.11 says.
    #[test]
    fn values_are_those_of_pythons_parser() {
        let (all, told) = read(
            "; c\n# c\n[a:b] rest\nCommand = x ;y # z\nk2:v;w#u\nlong = 1\n   2 ; c\n\n ; c\n  3\n\nlast=\n[DEFAULT]\nd = [x]\n",
        );
        let pairs = |list: &[(&str, &str)]| -> Pairs {
            list.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
        };
        let own = [("command", "x"), ("k2", "v;w#u"), ("long", "1\n2\n\n3"), ("last", "")];
        assert_eq!(all, [("a:b".into(), pairs(&own)), ("DEFAULT".into(), pairs(&[("d", "[x]")]))]);
        assert!(told.is_empty(), "{told:?}");
        // The first `#` is no comment, so the round ends with the `;`.
        assert_eq!(comment("a#b # c ; d"), Some(8));
        assert_eq!(comment("a;b #c"), Some(4));
        assert_eq!(comment("a;b#c"), None);
    }

    #[test]
    fn what_is_wrong_has_its_place_and_the_rest_is_read() {
        let (all, told) = read("x = 1\n[p]\nnothing\n  é = ü\nk=1\nK = 2\n");
        assert_eq!(all[0].1, [("é".into(), "ü".into()), ("k".into(), "2".into())]);
        assert_eq!(
            told,
            [
                "x.conf:1:1: error: this stands before the first [section]",
                "x.conf:3:1: error: `nothing` is no `key = value` and no [section]",
                "x.conf:6:1: warning: `k` is set here and at line 5; the last one counts",
            ]
        );
    }

    #[test]
    fn options_of_all_sections_are_found_in_each() {
        let mut all = IniSections::default();
        all.read("[p]\na=1\n[DEFAULT]\nb=2\n", None, Path::new("/"), &mut Findings::default());
        let section = all.get("p").unwrap();
        assert_eq!(all.option(section, "b").unwrap().text, "2");
        assert_eq!(all.all().count(), 1);
    }
}
