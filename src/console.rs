//! Where a command speaks: stdout is data, stderr is talk. It knows what kind of place that is (a terminal, how wide,
//! coloured or not) and notices when nobody listens any more.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};

use crate::cli::Global;
use crate::words;

/// The reader of stdout went away (`| head`): nothing more to do, and nothing wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

/// How something is to be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// Columns there are; `None` where lines may be as long as they like.
    pub(crate) width: Option<usize>,
    /// Whether box drawing and signs are wanted.
    pub(crate) boxes: bool,
    /// Whether colours are wanted.
    pub(crate) colour: bool,
}

/// Both streams and what was said about them.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about two streams")]
pub(crate) struct Console {
    pub(crate) json: bool,
    pub(crate) mini: bool,
    pub(crate) silent: bool,
    pub(crate) look: Look,
    /// Whether stderr is a terminal, so that progress may be drawn there.
    pub(crate) talk_is_terminal: bool,
    /// Whether nobody said that there should be no colours.
    pub(crate) colour_wanted: bool,
}

impl Console {
    /// Looks around. Colours are left out if told to, by flag, by `NO_COLOR` (<https://no-color.org>: set and not
    /// empty) or by a terminal that calls itself dumb; `variable` reads the environment.
    pub(crate) fn new(flags: &Global, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let is_set = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = variable("TERM").is_some_and(|term| term == "dumb");
        let terminal = io::stdout().is_terminal();
        let talk_is_terminal = io::stderr().is_terminal();
        let colour = !(flags.no_color || is_set || is_dumb);
        let width = terminal.then(terminal_width);
        Self {
            json: flags.json,
            mini: flags.mini,
            silent: flags.silent,
            look: Look { width, boxes: terminal, colour: colour && terminal },
            talk_is_terminal,
            colour_wanted: colour,
        }
    }

    /// Talk to stderr, unless silent. A closed stderr is no reason to stop working.
    pub(crate) fn talk(self, text: &str) {
        if !self.silent {
            self.complain(text);
        }
    }

    /// Errors to stderr, even when silent.
    pub(crate) fn complain(self, text: &str) {
        writeln!(io::stderr(), "{}", self.tinted(&words::talk(text))).ok();
    }

    fn tinted(self, text: &str) -> String {
        if !(self.colour_wanted && self.talk_is_terminal) {
            return text.into();
        }
        let tint = |line: &str| {
            [("error:", "31"), ("warning:", "33"), ("hint:", "36")]
                .iter()
                .find_map(|(word, code)| {
                    let word = words::say(word);
                    let rest = line.strip_prefix(&*word)?;
                    Some(format!("\x1b[1;{code}m{word}\x1b[0m{rest}"))
                })
                .unwrap_or_else(|| line.into())
        };
        text.split('\n').map(tint).collect::<Vec<_>>().join("\n")
    }
}

/// Data to stdout.
pub(crate) fn show(text: &str) -> Result<(), Gone> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|_| Gone)
}

/// A line of progress on stderr that the next one replaces; empty wipes it away.
pub(crate) fn progress(text: &str) {
    write!(io::stderr(), "\r\x1b[2K{}", words::say(text)).ok();
}

/// How wide text for reading may be: as the terminal, or what is usual where there is none.
pub(crate) fn columns() -> usize {
    if io::stdout().is_terminal() { terminal_width() } else { 80 }
}

fn terminal_width() -> usize {
    match rustix::termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 => size.ws_col.into(),
        // A terminal without a size (some serial lines, expect): the size terminals are born with.
        Ok(_) | Err(_) => 80,
    }
}
