//! Everything `pm monit` knows: plain data, the viewport included.
//!
//! `update` alone changes it, `view` alone draws it; neither touches the world.

use pm_protocol::{Description, Host};

use crate::format::clean;
use crate::instances::{Instances, TimeSeries};
use crate::keys::{Keyset, Pane};
use crate::log_buffers::LogBuffers;
use crate::message::{LinkState, Operation};
use crate::text_input::TextInput;
use crate::theme::ThemeChoice;

/// How long good news is shown, and bad, in ms.
pub(crate) const PASSING: u64 = 5_000;
const PASSING_BAD: u64 = 12_000;

/// What is being typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prompt {
    ListFilter,
    LogSearch,
    LogFilter,
    Scale,
}

/// Who gets the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum InputMode {
    #[default]
    Main,
    /// The help page, scrolled by so many rows.
    Help {
        top: usize,
    },
    Typing(Prompt, TextInput),
    /// A command that waits for a yes.
    Asking(Operation),
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
pub(crate) struct StatusMessage {
    pub(crate) text: String,
    pub(crate) tone: Tone,
    /// In ms since 1970.
    pub(crate) until: u64,
}

/// The whole state of the screen.
#[derive(Debug, Default)]
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
    pub(crate) link: LinkState,
    pub(crate) instances: Instances,
    pub(crate) log: LogBuffers,
    /// The instance the detail pane is about.
    pub(crate) described: Option<u32>,
    /// When its description was last asked for, in ms since 1970.
    pub(crate) described_at: u64,
    pub(crate) description: Option<Box<Description>>,
    /// Rows scrolled out on top of the detail pane.
    pub(crate) detail_top: usize,
    pub(crate) host: Option<Host>,
    pub(crate) host_cpu: TimeSeries,
    pub(crate) focus: Pane,
    pub(crate) zoom: bool,
    /// Whether people want to see details; `None`: where there is room.
    pub(crate) detail: Option<bool>,
    /// The list's share of the screen in thousandths, if people moved the border.
    pub(crate) split: Option<u16>,
    /// Whether the border is being dragged.
    pub(crate) dragging: bool,
    pub(crate) mode: InputMode,
    pub(crate) notice: Option<StatusMessage>,
    /// Operations that are not answered yet.
    pub(crate) running: Vec<Operation>,
}

impl Model {
    /// Nothing known yet. `offset` is that of local time, in seconds east of Greenwich; `home` is only shown.
    pub fn new(theme: ThemeChoice, home: String, offset: i32) -> Self {
        let log = LogBuffers::new();
        Self { theme, home, offset, program: "pm", log, ..Self::default() }
    }

    /// Shows a message for a while, a bad one longer.
    pub(crate) fn notify(&mut self, text: &str, tone: Tone) {
        let lasts = if tone == Tone::Bad { PASSING_BAD } else { PASSING };
        let until = self.now.saturating_add(lasts);
        self.notice = Some(StatusMessage { text: clean(text).into_owned(), tone, until });
    }

    pub(crate) fn keyset(&self) -> Keyset {
        match self.mode {
            InputMode::Main => Keyset::Main,
            InputMode::Help { .. } => Keyset::Helping,
            InputMode::Typing(..) => Keyset::Typing,
            InputMode::Asking(_) => Keyset::Asking,
        }
    }
}
