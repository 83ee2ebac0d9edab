//! Everything `pm monit` knows: plain data, the viewport included.
//!
//! `update` alone changes it, `view` alone draws it; neither touches the world.

use pm_protocol::{Description, Host};
use ratatui::layout::Rect;

use crate::instances::{Column, History, Instances};
use crate::keys::Keyset;
use crate::layout::{Layout, layout};
use crate::log_buffers::Logbook;
use crate::message::{Command, Link};
use crate::text_input::Input;
use crate::theme::ThemeChoice;

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

/// What is being typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    ListFilter,
    LogSearch,
    LogFilter,
    Scale,
}

/// Who gets the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    #[default]
    Main,
    /// The help page, scrolled by so many rows.
    Help {
        top: usize,
    },
    Typing(Purpose, Input),
    /// A command that waits for a yes.
    Asking(Command),
}

/// How a passing message is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Neutral,
    Good,
    Bad,
}

/// A message line that passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) text: String,
    pub(crate) tone: Tone,
    /// In ms since 1970.
    pub(crate) until: u64,
}

/// The whole state of the screen.
#[derive(Debug)]
pub struct Model {
    /// Columns and rows of the terminal.
    pub(crate) size: (u16, u16),
    /// In ms since 1970.
    pub(crate) now: u64,
    /// Seconds east of Greenwich, for shown times.
    pub(crate) offset: i32,
    /// The home as shown where no daemon runs.
    pub(crate) home: String,
    /// What to type to call the program.
    pub(crate) program: &'static str,
    pub(crate) theme: ThemeChoice,
    pub(crate) link: Link,
    pub(crate) instances: Instances,
    pub(crate) log: Logbook,
    /// The instance the detail pane is about.
    pub(crate) described: Option<u32>,
    /// When its description was last asked for, in ms since 1970.
    pub(crate) described_at: u64,
    pub(crate) description: Option<Box<Description>>,
    /// Rows scrolled out on top of the detail pane.
    pub(crate) detail_top: usize,
    pub(crate) host: Option<Host>,
    pub(crate) host_cpu: History,
    pub(crate) host_memory: History,
    pub(crate) focus: Pane,
    pub(crate) zoom: bool,
    /// Whether people want to see details; `None`: where there is room.
    pub(crate) detail: Option<bool>,
    /// The list's share of the screen in thousandths.
    pub(crate) split: u16,
    /// Whether people moved the border.
    pub(crate) split_by_hand: bool,
    /// Whether the border is being dragged.
    pub(crate) dragging: bool,
    pub(crate) mode: Mode,
    pub(crate) notice: Option<Notice>,
    /// Commands that are not answered yet.
    pub(crate) running: Vec<Command>,
}

impl Model {
    /// Nothing known yet. `offset` is that of local time, in seconds east of Greenwich; `home` is only shown.
    pub fn new(theme: ThemeChoice, home: String, offset: i32) -> Self {
        Self {
            size: (0, 0),
            now: 0,
            offset,
            home,
            program: "pm",
            theme,
            link: Link::Connecting,
            instances: Instances::default(),
            log: Logbook::new(),
            described: None,
            described_at: 0,
            description: None,
            detail_top: 0,
            host: None,
            host_cpu: History::default(),
            host_memory: History::default(),
            focus: Pane::List,
            zoom: false,
            detail: None,
            split: 450,
            split_by_hand: false,
            dragging: false,
            mode: Mode::Main,
            notice: None,
            running: Vec::new(),
        }
    }

    /// For a program that people call by another name than `pm`.
    #[must_use]
    pub fn called(self, program: &'static str) -> Self {
        Self { program, ..self }
    }

    pub(crate) fn area(&self) -> Rect {
        Rect::new(0, 0, self.size.0, self.size.1)
    }

    pub(crate) fn layout(&self) -> Layout {
        layout(self.area(), self)
    }

    pub(crate) fn keyset(&self) -> Keyset {
        match self.mode {
            Mode::Main => Keyset::Main,
            Mode::Help { .. } => Keyset::Helping,
            Mode::Typing(..) => Keyset::Typing,
            Mode::Asking(_) => Keyset::Asking,
        }
    }

    /// When something on the screen changes although nothing happens, in ms since 1970: a message passes or an
    /// uptime that is shown grows. `None`: never.
    pub fn wakes_at(&self) -> Option<u64> {
        let layout = self.layout();
        let lines = usize::from(layout.list_lines().height);
        let ages = crate::layout::slots(layout.list.width, &self.instances)
            .iter()
            .any(|slot| slot.field == crate::layout::Field::Figure(Column::Uptime));
        let listed =
            self.instances.listed().skip(self.instances.offset).take(if ages { lines } else { 0 });
        let shown = self.instances.under_cursor().filter(|_| !layout.detail.is_empty());
        listed
            .chain(shown)
            .filter_map(|one| one.age(self.now))
            .map(|age| self.now.saturating_add(crate::format::uptime_lasts(age)))
            .chain(self.notice.as_ref().map(|notice| notice.until))
            .min()
    }
}
