//! The one table of keys: dispatch looks into it, and help and footer are drawn from it.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::log_buffers::Way;
use crate::message::Verb;
use crate::model::Pane;

/// What a key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Go(Go),
    NextPane,
    PreviousPane,
    Back,
    Show(Show),
    Mark,
    MarkAll,
    SortNext,
    SortPrevious,
    SortReverse,
    Find,
    Filter,
    Hit(Way),
    Switch(Switch),
    Do(Verb),
    Scale,
    Redraw,
    Suspend,
    Help,
    Quit,
    Answer(Answer),
    Edit(Edit),
}

/// Where to go in a pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Go {
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
    Left,
    Right,
}

/// What to show or hide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    Theme,
    Detail,
    Zoom,
    Logs,
}

/// How logs are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Switch {
    Follow,
    Wrap,
    Times,
    Streams,
}

/// An answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    No,
}

/// Changes to a line that is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    Accept,
    Cancel,
    EraseChar,
    EraseWord,
    EraseAll,
    Left,
    Right,
    Start,
    End,
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
    Chord { code: KeyCode::Char(c), control: false }
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
        let name = match self.code {
            KeyCode::Char(' ') => "space".into(),
            KeyCode::Char(c) => c.to_string(),
            KeyCode::F(number) => format!("F{number}"),
            KeyCode::Enter => "enter".into(),
            KeyCode::Esc => "esc".into(),
            KeyCode::Tab => "tab".into(),
            KeyCode::BackTab => "shift-tab".into(),
            KeyCode::Backspace => "backspace".into(),
            KeyCode::Up => "↑".into(),
            KeyCode::Down => "↓".into(),
            KeyCode::Left => "←".into(),
            KeyCode::Right => "→".into(),
            KeyCode::PageUp => "pgup".into(),
            KeyCode::PageDown => "pgdn".into(),
            KeyCode::Home => "home".into(),
            KeyCode::End => "end".into(),
            KeyCode::Delete
            | KeyCode::Insert
            | KeyCode::Null
            | KeyCode::CapsLock
            | KeyCode::ScrollLock
            | KeyCode::NumLock
            | KeyCode::PrintScreen
            | KeyCode::Pause
            | KeyCode::Menu
            | KeyCode::KeypadBegin
            | KeyCode::Media(_)
            | KeyCode::Modifier(_) => format!("{:?}", self.code).to_lowercase(),
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
    pub(crate) order: Order,
    /// The heading it stands under in help.
    pub(crate) section: &'static str,
    pub(crate) help: &'static str,
    pub(crate) hint: Hint,
}

const fn main(
    section: &'static str,
    keys: &'static [Chord],
    order: Order,
    help: &'static str,
    hint: Hint,
) -> Binding {
    Binding { keyset: Keyset::Main, keys, order, section, help, hint }
}

const fn other(keyset: Keyset, keys: &'static [Chord], order: Order) -> Binding {
    Binding { keyset, keys, order, section: "", help: "", hint: Nowhere }
}

use Hint::{Everywhere, In, Nowhere};
use Pane::{List, Logs};

const MOVE: &str = "moving";
const APPS: &str = "apps (marked ones, else the one under the cursor)";
const LIST: &str = "list";
const LOGS: &str = "logs";
const SCREEN: &str = "screen";

/// Every key there is. Order is that of help and footer.
pub(crate) const KEYS: &[Binding] = &[
    main(APPS, &[key('s')], Order::Do(Verb::Start), "start what is down", In(List, "start")),
    main(APPS, &[key('x')], Order::Do(Verb::Stop), "stop", In(List, "stop")),
    main(APPS, &[key('r')], Order::Do(Verb::Restart), "restart", In(List, "restart")),
    main(SCREEN, &[key('/')], Order::Find, "filter the list; search the logs", Everywhere("find")),
    main(LIST, &[key(' ')], Order::Mark, "mark", In(List, "mark")),
    main(MOVE, &[code(KeyCode::Tab)], Order::NextPane, "next pane", Everywhere("pane")),
    main(
        APPS,
        &[key('R')],
        Order::Do(Verb::Reload),
        "reload: restart one after the other",
        Nowhere,
    ),
    main(APPS, &[key('D')], Order::Do(Verb::Delete), "delete (asks)", In(List, "delete")),
    main(APPS, &[key('c')], Order::Scale, "scale to a number of instances", Nowhere),
    main(APPS, &[key('F')], Order::Do(Verb::Flush), "flush: empty the log files (asks)", Nowhere),
    main(LIST, &[key('a')], Order::MarkAll, "mark all that is listed, or none", Nowhere),
    main(
        LIST,
        &[key('o'), key('>')],
        Order::SortNext,
        "order by the next column",
        In(List, "order"),
    ),
    main(LIST, &[key('O'), key('<')], Order::SortPrevious, "order by the column before", Nowhere),
    main(LIST, &[key('v')], Order::SortReverse, "reverse the order", Nowhere),
    main(
        LOGS,
        &[key('f')],
        Order::Switch(Switch::Follow),
        "follow the end, or stay",
        In(Logs, "follow"),
    ),
    main(LOGS, &[key('w')], Order::Switch(Switch::Wrap), "wrap long lines", In(Logs, "wrap")),
    main(LOGS, &[key('t')], Order::Switch(Switch::Times), "show times", In(Logs, "times")),
    main(
        LOGS,
        &[key('e')],
        Order::Switch(Switch::Streams),
        "both outputs, only out, only error",
        In(Logs, "streams"),
    ),
    main(LOGS, &[key('n')], Order::Hit(Way::Down), "next hit of the search", In(Logs, "next")),
    main(LOGS, &[key('N')], Order::Hit(Way::Up), "hit before", In(Logs, "before")),
    main(LOGS, &[key('&')], Order::Filter, "only lines that hold a text", In(Logs, "only")),
    main(
        SCREEN,
        &[key('i')],
        Order::Show(Show::Detail),
        "show or hide details",
        Everywhere("details"),
    ),
    main(
        SCREEN,
        &[key('z')],
        Order::Show(Show::Zoom),
        "the pane alone, or all",
        Everywhere("zoom"),
    ),
    main(SCREEN, &[key('T')], Order::Show(Show::Theme), "next theme", Nowhere),
    main(SCREEN, &[control('l')], Order::Redraw, "draw everything anew", Nowhere),
    main(SCREEN, &[control('z')], Order::Suspend, "to the shell; fg comes back", Nowhere),
    main(MOVE, &[code(KeyCode::Up), key('k')], Order::Go(Go::Up), "up", Nowhere),
    main(MOVE, &[code(KeyCode::Down), key('j')], Order::Go(Go::Down), "down", Nowhere),
    main(MOVE, &[code(KeyCode::PageUp), control('b')], Order::Go(Go::PageUp), "a page up", Nowhere),
    main(
        MOVE,
        &[code(KeyCode::PageDown), control('f')],
        Order::Go(Go::PageDown),
        "a page down",
        Nowhere,
    ),
    main(MOVE, &[code(KeyCode::Home), key('g')], Order::Go(Go::Top), "to the start", Nowhere),
    main(MOVE, &[code(KeyCode::End), key('G')], Order::Go(Go::Bottom), "to the end", Nowhere),
    main(
        MOVE,
        &[code(KeyCode::Left), key('h')],
        Order::Go(Go::Left),
        "pane before; shift unwrapped lines",
        Nowhere,
    ),
    main(
        MOVE,
        &[code(KeyCode::Right), key('l')],
        Order::Go(Go::Right),
        "next pane; shift unwrapped lines",
        Nowhere,
    ),
    main(MOVE, &[code(KeyCode::BackTab)], Order::PreviousPane, "pane before", Nowhere),
    main(MOVE, &[code(KeyCode::Enter)], Order::Show(Show::Logs), "the app's logs, large", Nowhere),
    main(MOVE, &[code(KeyCode::Esc)], Order::Back, "back: zoom, search, filter, marks", Nowhere),
    main(SCREEN, &[key('?'), code(KeyCode::F(1))], Order::Help, "this page", Everywhere("help")),
    main(
        SCREEN,
        &[key('q'), control('c')],
        Order::Quit,
        "quit; the apps go on",
        Everywhere("quit"),
    ),
    other(Keyset::Typing, &[code(KeyCode::Enter)], Order::Edit(Edit::Accept)),
    other(Keyset::Typing, &[code(KeyCode::Esc), control('c')], Order::Edit(Edit::Cancel)),
    other(Keyset::Typing, &[code(KeyCode::Backspace), control('h')], Order::Edit(Edit::EraseChar)),
    other(Keyset::Typing, &[control('w')], Order::Edit(Edit::EraseWord)),
    other(Keyset::Typing, &[control('u')], Order::Edit(Edit::EraseAll)),
    other(Keyset::Typing, &[code(KeyCode::Left)], Order::Edit(Edit::Left)),
    other(Keyset::Typing, &[code(KeyCode::Right)], Order::Edit(Edit::Right)),
    other(Keyset::Typing, &[code(KeyCode::Home), control('a')], Order::Edit(Edit::Start)),
    other(Keyset::Typing, &[code(KeyCode::End), control('e')], Order::Edit(Edit::End)),
    other(Keyset::Asking, &[key('y'), key('Y')], Order::Answer(Answer::Yes)),
    other(
        Keyset::Asking,
        &[key('n'), key('N'), key('q'), code(KeyCode::Esc), control('c')],
        Order::Answer(Answer::No),
    ),
    other(Keyset::Helping, &[code(KeyCode::Up), key('k')], Order::Go(Go::Up)),
    other(Keyset::Helping, &[code(KeyCode::Down), key('j')], Order::Go(Go::Down)),
    other(Keyset::Helping, &[code(KeyCode::PageUp)], Order::Go(Go::PageUp)),
    other(Keyset::Helping, &[code(KeyCode::PageDown), key(' ')], Order::Go(Go::PageDown)),
    other(
        Keyset::Helping,
        &[key('?'), code(KeyCode::F(1)), key('q'), code(KeyCode::Esc), code(KeyCode::Enter)],
        Order::Back,
    ),
    other(Keyset::Helping, &[control('c')], Order::Quit),
];

/// What this key means here, if anything. Key releases mean nothing.
pub(crate) fn order(keyset: Keyset, event: KeyEvent) -> Option<Order> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    KEYS.iter()
        .find(|binding| {
            binding.keyset == keyset && binding.keys.iter().any(|chord| chord.is(event))
        })
        .map(|binding| binding.order)
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
        let press = |code, modifiers| order(Keyset::Main, KeyEvent::new(code, modifiers));
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Order::Quit));
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::NONE), Some(Order::Scale));
        assert_eq!(press(KeyCode::Char('D'), KeyModifiers::SHIFT), Some(Order::Do(Verb::Delete)));
        assert_eq!(press(KeyCode::Char('x'), KeyModifiers::ALT), None);
        let mut event = KeyEvent::new(KeyCode::Char('x'), KeyModifiers::NONE);
        event.kind = KeyEventKind::Release;
        assert_eq!(order(Keyset::Main, event), None);
    }
}
