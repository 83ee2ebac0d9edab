//! What comes in and what goes out: the whole boundary of the model, two enums.

use crossterm::event::{KeyEvent, MouseEvent};
use pm_logs::Stream;
use pm_protocol::{Change, Description, Outcome};

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Msg {
    /// The time in ms since 1970.
    Clock(u64),
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// Text was pasted; it is never taken for keys.
    Paste(String),
    /// The terminal has this many columns and rows.
    Resize(u16, u16),
    /// The link to the daemon changed.
    Link(LinkState),
    /// News from the daemon.
    News(Change),
    /// The answer to [`Effect::Describe`]; `None`: there is no such instance any more.
    Described(u32, Option<Box<Description>>),
    /// Lines were read for a group.
    Lines(LogBatch),
    /// A group's files can't be read, in words.
    LogTrouble(LogGroup, String),
    /// A command is finished.
    Done(Operation, OperationResult),
    /// Please leave: a signal came or the terminal is gone.
    Leave,
}

/// How we stand with the daemon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LinkState {
    /// Not asked yet.
    #[default]
    Connecting,
    /// News come.
    Live,
    /// The daemon is being replaced; the apps are not touched by that.
    Reconnecting,
    /// None runs.
    NoDaemon,
    /// It can't be spoken with, in words; waiting won't help.
    Broken(String),
}

/// The instances whose lines are shown together, in order of id.
pub type LogGroup = Vec<u32>;

/// One line an app printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The instance that printed it.
    pub id: u32,
    /// Which of its two outputs it used.
    pub stream: Stream,
    /// When it arrived in ms since 1970, if that is known.
    pub at: Option<i64>,
    /// The line without its newline, as it was printed.
    pub bytes: Vec<u8>,
    /// So many bytes of it were left out.
    pub left_out: usize,
}

/// Lines of a group, in order of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogBatch {
    /// Which group's.
    pub group: LogGroup,
    /// The lines.
    pub lines: Vec<LogLine>,
    /// Bytes passed over before them because they came too fast.
    pub skipped: u64,
    /// They are the past read anew: what was known of the group before is replaced.
    pub fresh: bool,
}

/// What people can have done to instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Bring up what is down.
    Start,
    /// Take down.
    Stop,
    /// Take down and up again.
    Restart,
    /// Restart one after the other.
    Reload,
    /// Take down and forget.
    Delete,
    /// Empty the log files.
    Flush,
    /// Have this many instances of each app.
    Scale(u16),
}

impl Verb {
    /// As an order and a question, while it lasts, and when it is done: `stop`, `stopping`, `stopped`.
    pub(crate) fn words(self) -> [String; 3] {
        let words = match self {
            Self::Start => ["start", "starting", "started"],
            Self::Stop => ["stop", "stopping", "stopped"],
            Self::Restart => ["restart", "restarting", "restarted"],
            Self::Reload => ["reload", "reloading", "reloaded"],
            Self::Delete => ["delete", "deleting", "deleted"],
            Self::Flush => ["flush the logs of", "flushing", "flushed the logs of"],
            Self::Scale(to) => {
                return ["scale", "scaling", "scaled"].map(|word| format!("{word} to {to}:"));
            }
        };
        words.map(str::to_owned)
    }
}

/// One order of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// What to do.
    pub verb: Verb,
    /// To which instances.
    pub ids: Vec<u32>,
    /// Their names, for showing: `web (0)` or `5 instances`.
    pub label: String,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq)]
pub enum OperationResult {
    /// One outcome an instance.
    Outcomes(Vec<Outcome>),
    /// So many log files were emptied.
    Flushed(usize),
    /// It was not done, in words: what and why, and perhaps what to do about it.
    Failed(String, Option<String>),
}

/// Something to be done outside the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask the daemon to do something; answered by [`Msg::Done`].
    Perform(Operation),
    /// Ask for everything about an instance; answered by [`Msg::Described`].
    Describe(u32),
    /// Read the past of these instances' logs and follow them; answered by [`Msg::Lines`]. The group followed
    /// before is read on, at leisure.
    Follow(LogGroup),
    /// Close the files of this group.
    Forget(LogGroup),
    /// Draw everything anew: something else wrote onto the screen.
    Redraw,
    /// Give the terminal back to the shell for a while.
    Suspend,
    /// Leave.
    Quit,
}
