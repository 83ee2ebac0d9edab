//! The one table of keys: dispatch looks into it, and help and footer are drawn from it.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::log_buffers::Direction;
use crate::message::Verb;
use crate::text_input::TextEdit;

/// A part of the screen that can have the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pane {
    #[default]
    List,
    Logs,
    Detail,
}

impl Pane {
    pub(crate) const ALL: [Self; 3] = [Self::List, Self::Logs, Self::Detail];
}

/// What a key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyAction {
    Move(Motion),
    NextPane,
    PreviousPane,
    Back,
    NextTheme,
    ToggleDetail,
    ToggleZoom,
    LogsAlone,
    Mark,
    MarkAll,
    SortNext,
    SortPrevious,
    SortReverse,
    Find,
    FilterLogs,
    NextMatch(Direction),
    ToggleFollow,
    ToggleWrap,
    ToggleTimes,
    NextStreams,
    Operate(Verb),
    Scale,
    Redraw,
    Suspend,
    Help,
    Quit,
    Yes,
    No,
    Edit(TextEdit),
}

/// Where to go in a pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Motion {
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
    Left,
    Right,
}

/// Which keys are in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Keyset {
    Main,
    Typing,
    Asking,
    Helping,
}

/// A key with or without Control. Shift shows in the character itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chord {
    code: KeyCode,
    control: bool,
}

const fn key(c: char) -> Chord {
    code(KeyCode::Char(c))
}

const fn control(c: char) -> Chord {
    Chord { code: KeyCode::Char(c), control: true }
}

const fn code(code: KeyCode) -> Chord {
    Chord { code, control: false }
}

impl Chord {
    fn is(self, event: KeyEvent) -> bool {
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        let alt = event.modifiers.contains(KeyModifiers::ALT);
        self.code == event.code && self.control == control && !alt
    }

    /// The press of it.
    #[cfg(test)]
    pub(crate) fn event(self) -> KeyEvent {
        let modifiers = if self.control { KeyModifiers::CONTROL } else { KeyModifiers::NONE };
        KeyEvent::new(self.code, modifiers)
    }

    /// As help shows it.
    pub(crate) fn name(self) -> String {
        let arrow = [(Up, "↑"), (Down, "↓"), (Left, "←"), (Right, "→")];
        let known = [(PageUp, "pgup"), (PageDown, "pgdn"), (BackTab, "shift-tab"), (Esc, "esc")];
        let name = arrow.iter().chain(&known).find(|(code, _)| *code == self.code);
        let name = match (name, self.code) {
            (Some((_, name)), _) => (*name).into(),
            // A capital is another key than the small letter.
            (None, KeyCode::Char(c)) if c != ' ' => c.to_string(),
            (None, F(number)) => format!("F{number}"),
            (None, code) => code.to_string().to_lowercase(),
        };
        if self.control { format!("ctrl-{name}") } else { name }
    }
}

/// Where a binding's short hint stands in the footer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    Nowhere,
    Everywhere(&'static str),
    In(Pane, &'static str),
}

impl Hint {
    /// The hint while this pane has the keys.
    pub(crate) fn within(self, pane: Pane) -> Option<&'static str> {
        match self {
            Self::Nowhere => None,
            Self::Everywhere(text) => Some(text),
            Self::In(only, text) => (only == pane).then_some(text),
        }
    }
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding {
    pub(crate) keyset: Keyset,
    pub(crate) keys: &'static [Chord],
    pub(crate) action: KeyAction,
    /// The heading it stands under in help.
    pub(crate) section: &'static str,
    pub(crate) help: &'static str,
    pub(crate) hint: Hint,
}

/// Main keys under a heading of help: keys, meaning, help, hint.
macro_rules! main {
    ($section:ident $keys:expr, $action:expr, $help:expr, $hint:expr) => {
        Binding {
            keyset: Keyset::Main,
            keys: &$keys,
            action: $action,
            section: $section,
            help: $help,
            hint: $hint,
        }
    };
}

/// Keys while something is typed, asked or helped, which help does not tell of.
macro_rules! other {
    ($keyset:ident $keys:expr, $action:expr) => {
        Binding {
            keyset: Keyset::$keyset,
            keys: &$keys,
            action: $action,
            section: "",
            help: "",
            hint: Nowhere,
        }
    };
}

use Hint::{Everywhere, In, Nowhere};
use KeyAction::{
    Back, Edit, FilterLogs, Find, Help, LogsAlone, Mark, MarkAll, Move, NextMatch, NextPane,
    NextStreams, NextTheme, No, Operate, PreviousPane, Quit, Redraw, Scale, SortNext, SortPrevious,
    SortReverse, Suspend, ToggleDetail, ToggleFollow, ToggleTimes, ToggleWrap, ToggleZoom, Yes,
};
use KeyCode::{
    BackTab, Backspace, Down, End, Enter, Esc, F, Home, Left, PageDown, PageUp, Right, Tab, Up,
};
use Pane::{List, Logs};

const MOVE: &str = "moving";
const APPS: &str = "apps (marked ones, else the one under the cursor)";
const LIST: &str = "list";
const LOGS: &str = "logs";
const SCREEN: &str = "screen";

/// Every key there is, in the order of help and footer.
#[rustfmt::skip]
pub(crate) const KEYS: &[Binding] = &[
    main!(APPS [key('s')], Operate(Verb::Start), "start what is down", In(List, "start")),
    main!(APPS [key('x')], Operate(Verb::Stop), "stop", In(List, "stop")),
    main!(APPS [key('r')], Operate(Verb::Restart), "restart", In(List, "restart")),
    main!(SCREEN [key('/')], Find, "filter the list; search the logs", Everywhere("find")),
    main!(LIST [key(' ')], Mark, "mark", In(List, "mark")),
    main!(MOVE [code(Tab)], NextPane, "next pane", Everywhere("pane")),
    main!(APPS [key('R')], Operate(Verb::Reload), "reload: restart one after the other", Nowhere),
    main!(APPS [key('D')], Operate(Verb::Delete), "delete (asks)", In(List, "delete")),
    main!(APPS [key('c')], Scale, "scale to a number of instances", Nowhere),
    main!(APPS [key('F')], Operate(Verb::Flush), "flush: empty the log files (asks)", Nowhere),
    main!(LIST [key('a')], MarkAll, "mark all that is listed, or none", Nowhere),
    main!(LIST [key('o'), key('>')], SortNext, "order by the next column", In(List, "order")),
    main!(LIST [key('O'), key('<')], SortPrevious, "order by the column before", Nowhere),
    main!(LIST [key('v')], SortReverse, "reverse the order", Nowhere),
    main!(LOGS [key('f')], ToggleFollow, "follow the end, or stay", In(Logs, "follow")),
    main!(LOGS [key('w')], ToggleWrap, "wrap long lines", In(Logs, "wrap")),
    main!(LOGS [key('t')], ToggleTimes, "show times", In(Logs, "times")),
    main!(LOGS [key('e')], NextStreams, "both outputs, only out, only error", In(Logs, "streams")),
    main!(LOGS [key('n')], NextMatch(Direction::Down), "next hit of the search", In(Logs, "next")),
    main!(LOGS [key('N')], NextMatch(Direction::Up), "hit before", In(Logs, "before")),
    main!(LOGS [key('&')], FilterLogs, "only lines that hold a text", In(Logs, "only")),
    main!(SCREEN [key('i')], ToggleDetail, "show or hide details", Everywhere("details")),
    main!(SCREEN [key('z')], ToggleZoom, "the pane alone, or all", Everywhere("zoom")),
    main!(SCREEN [key('T')], NextTheme, "next theme", Nowhere),
    main!(SCREEN [control('l')], Redraw, "draw everything anew", Nowhere),
    main!(SCREEN [control('z')], Suspend, "to the shell; fg comes back", Nowhere),
    main!(MOVE [code(Up), key('k')], Move(Motion::Up), "up", Nowhere),
    main!(MOVE [code(Down), key('j')], Move(Motion::Down), "down", Nowhere),
    main!(MOVE [code(PageUp), control('b')], Move(Motion::PageUp), "a page up", Nowhere),
    main!(MOVE [code(PageDown), control('f')], Move(Motion::PageDown), "a page down", Nowhere),
    main!(MOVE [code(Home), key('g')], Move(Motion::Top), "to the start", Nowhere),
    main!(MOVE [code(End), key('G')], Move(Motion::Bottom), "to the end", Nowhere),
    main!(MOVE [code(Left), key('h')], Move(Motion::Left), "pane before; shift unwrapped lines", Nowhere),
    main!(MOVE [code(Right), key('l')], Move(Motion::Right), "next pane; shift unwrapped lines", Nowhere),
    main!(MOVE [code(BackTab)], PreviousPane, "pane before", Nowhere),
    main!(MOVE [code(Enter)], LogsAlone, "the app's logs, large", Nowhere),
    main!(MOVE [code(Esc)], Back, "back: zoom, search, filter, marks", Nowhere),
    main!(SCREEN [key('?'), code(F(1))], Help, "this page", Everywhere("help")),
    main!(SCREEN [key('q'), control('c')], Quit, "quit; the apps go on", Everywhere("quit")),
    other!(Typing [code(Enter)], Yes),
    other!(Typing [code(Esc), control('c')], No),
    other!(Typing [code(Backspace), control('h')], Edit(TextEdit::EraseChar)),
    other!(Typing [control('w')], Edit(TextEdit::EraseWord)),
    other!(Typing [control('u')], Edit(TextEdit::EraseAll)),
    other!(Typing [code(Left)], Edit(TextEdit::Left)),
    other!(Typing [code(Right)], Edit(TextEdit::Right)),
    other!(Typing [code(Home), control('a')], Edit(TextEdit::Start)),
    other!(Typing [code(End), control('e')], Edit(TextEdit::End)),
    other!(Asking [key('y'), key('Y')], Yes),
    other!(Asking [key('n'), key('N'), key('q'), code(Esc), control('c')], No),
    other!(Helping [code(Up), key('k')], Move(Motion::Up)),
    other!(Helping [code(Down), key('j')], Move(Motion::Down)),
    other!(Helping [code(PageUp)], Move(Motion::PageUp)),
    other!(Helping [code(PageDown), key(' ')], Move(Motion::PageDown)),
    other!(Helping [key('?'), code(F(1)), key('q'), code(Esc), code(Enter)], Back),
    other!(Helping [control('c')], Quit),
];

/// What this key means here, if anything. Key releases mean nothing.
pub(crate) fn meaning(keyset: Keyset, event: KeyEvent) -> Option<KeyAction> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    KEYS.iter()
        .find(|binding| {
            binding.keyset == keyset && binding.keys.iter().any(|chord| chord.is(event))
        })
        .map(|binding| binding.action)
}

/// The sections of help, in the order people need them.
pub(crate) const SECTIONS: [&str; 5] = [APPS, MOVE, LIST, LOGS, SCREEN];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_means_one_thing_in_each_keyset() {
        for keyset in [Keyset::Main, Keyset::Typing, Keyset::Asking, Keyset::Helping] {
            let mut seen: Vec<Chord> = Vec::new();
            for chord in
                KEYS.iter().filter(|binding| binding.keyset == keyset).flat_map(|one| one.keys)
            {
                assert!(!seen.contains(chord), "{} twice in {keyset:?}", chord.name());
                seen.push(*chord);
            }
        }
    }

    #[test]
    fn help_tells_of_every_main_key() {
        for binding in KEYS.iter().filter(|binding| binding.keyset == Keyset::Main) {
            assert!(SECTIONS.contains(&binding.section) && !binding.help.is_empty());
            assert!(binding.help.len() <= 40, "{} is too long for 80 columns", binding.help);
        }
    }

    #[test]
    fn modifiers_matter() {
        let press = |code, modifiers| meaning(Keyset::Main, KeyEvent::new(code, modifiers));
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Quit));
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::NONE), Some(Scale));
        assert_eq!(press(KeyCode::Char('D'), KeyModifiers::SHIFT), Some(Operate(Verb::Delete)));
        assert_eq!(press(KeyCode::Char('x'), KeyModifiers::ALT), None);
        let mut event = KeyEvent::new(KeyCode::Char('x'), KeyModifiers::NONE);
        event.kind = KeyEventKind::Release;
        assert_eq!(meaning(Keyset::Main, event), None);
    }
}
