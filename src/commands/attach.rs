//! `pm attach`: an app's output as it comes, and what is typed goes to its standard input.
//!
//! Output is read from its files as `pm logs` does it, by this thread; typed lines are read by another, which says when
//! there will be no more.

use std::io::{ErrorKind, PipeWriter, Read};
use std::os::unix::ffi::OsStrExt;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use memchr::memmem::find;
use pm_client::{Client, Deadline, pause};
use pm_protocol::{Input, What};
use pm_spec::{ByteString, Select};

use crate::cli::AttachArgs;
use crate::commands::logs;
use crate::commands::support::{listing, selectors};
use crate::console::Console;
use crate::prelude::{Failure, Report, Session};
use crate::render::safe_text;
use crate::session::QUICK;

/// A line that has no end yet is passed on in parts of this size.
const LONGEST: usize = 256 << 10;

/// When there is nothing more to pass on, the app gets this long for what it still has to say.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// `pm attach`.
pub(super) fn run(session: &Session, args: &AttachArgs) -> Result<Report, Failure> {
    let mut client = session.need()?;
    let select = selectors::selects(session, &mut client, std::slice::from_ref(&args.app))?;
    let rows = listing::rows_of(&mut client, select)?;
    let [row] = rows.as_slice() else {
        let ids: Vec<_> = rows.iter().map(|row| row.id.to_string()).collect();
        let message = format!("`{}` is not one instance: ids {}", args.app, ids.join(", "));
        return Err(Failure::input(message).hint("name it by its id"));
    };
    let separator = args.separator.as_ref().map_or(&b"\n"[..], |text| text.as_bytes());
    if separator.is_empty() {
        return Err(Failure::input("could not tell lines apart by nothing"));
    }
    let failed = |error: std::io::Error| {
        Failure::failed(format!("could not pass on what is typed: {error}"))
    };
    let (bell, rope) = std::io::pipe().map_err(failed)?;
    let (tell, told) = sync_channel(1);
    let mouth = Mouth { client, console: session.console, id: row.id, rope, tell };
    let pieces = Pieces { separator: separator.to_vec(), rest: Vec::new() };
    // Nothing is passed on before its answer can be seen.
    let (begun, may_begin) = sync_channel(1);
    std::thread::Builder::new()
        .name("typed".into())
        .spawn(move || may_begin.recv().map_or((), |()| mouth.pass_on(pieces)))
        .map_err(failed)?;
    logs::beside(session, row.id, bell.into(), begun)?;
    // The other thread may still wait for its input: then nobody listens to us any more, which is no failure.
    Ok(if told.try_recv().is_ok() { Report::ended(1) } else { Report::default() })
}

/// Passes on what is typed.
struct Mouth {
    client: Client,
    console: Console,
    id: u32,
    /// Hangs up when there is no more.
    rope: PipeWriter,
    /// Told that something could not be passed on.
    tell: SyncSender<()>,
}

impl Mouth {
    fn pass_on(mut self, mut pieces: Pieces) {
        let mut stdin = std::io::stdin().lock();
        let mut buffer = vec![0; 64 << 10];
        loop {
            let count = match stdin.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.fail(&format!("error: could not read what is typed: {error}"));
                    break;
                }
            };
            for piece in pieces.add(buffer.get(..count).unwrap_or_default()) {
                self.say(piece);
            }
        }
        if let Some(piece) = pieces.end() {
            self.say(piece);
        }
        pause(LAST_WORDS, Deadline::NEVER);
        drop(self.rope);
    }

    /// An app that is down now may be up for the next line: that is said, and no reason to end.
    fn say(&mut self, bytes: Vec<u8>) {
        let call = Input { select: vec![Select::Id(self.id)], bytes: ByteString::new(bytes) };
        let told = match self.client.call(&call, Deadline::after(QUICK)) {
            Ok(told) => told.outcomes,
            Err(error) => return self.fail(&Failure::from(error).to_string()),
        };
        for outcome in told {
            if let What::Failed(why) = outcome.what {
                self.fail(&format!(
                    "error: {} ({}): {}",
                    outcome.name,
                    outcome.id,
                    safe_text(&why)
                ));
            }
        }
    }

    fn fail(&self, text: &str) {
        self.console.complain(text);
        // Once is enough.
        self.tell.try_send(()).ok();
    }
}

/// Bytes cut into pieces that end with the separator.
#[derive(Debug)]
struct Pieces {
    separator: Vec<u8>,
    rest: Vec<u8>,
}

impl Pieces {
    /// Whole pieces so far, and parts of one that is too long to wait for.
    fn add(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut pieces = Vec::new();
        // Whatever was there before has no separator, but may have the beginning of one.
        let mut seen = (self.rest.len() + 1).saturating_sub(self.separator.len());
        self.rest.extend_from_slice(bytes);
        let length = self.separator.len();
        while let Some(at) = find(self.rest.get(seen..).unwrap_or_default(), &self.separator) {
            let after = self.rest.split_off(seen + at + length);
            pieces.push(std::mem::replace(&mut self.rest, after));
            seen = 0;
        }
        if self.rest.len() >= LONGEST {
            pieces.push(std::mem::take(&mut self.rest));
        }
        pieces
    }

    /// The last piece, which has no end of its own.
    fn end(self) -> Option<Vec<u8>> {
        let Self { separator, mut rest } = self;
        (!rest.is_empty()).then(|| {
            rest.extend(separator);
            rest
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(separator: &str, text: &[u8], step: usize) -> Vec<String> {
        let mut pieces = Pieces { separator: separator.into(), rest: Vec::new() };
        let mut all: Vec<_> = text.chunks(step).flat_map(|part| pieces.add(part)).collect();
        all.extend(pieces.end());
        all.iter().map(|piece| String::from_utf8_lossy(piece).into_owned()).collect()
    }

    #[test]
    fn what_is_typed_is_cut_at_the_separator_however_it_comes() {
        for step in 1..12 {
            assert_eq!(cut("\n", b"a\n\nbc\nd", step), ["a\n", "\n", "bc\n", "d\n"]);
            assert_eq!(cut("--", b"a---b--", step), ["a--", "-b--"]);
            assert!(cut(";", b"", step).is_empty());
        }
        let long = vec![b'x'; 3 * LONGEST];
        let lengths: Vec<_> = cut("\n", &long, LONGEST).iter().map(String::len).collect();
        assert_eq!(lengths, [LONGEST; 3]);
    }
}
