//! One story of several logs, by time. Lines of equal time keep the order of their sources, lines
//! of unknown time stay beside their neighbours. Holds one line of each log.

use crate::history::History;
use crate::line::{ReadError, StoredLine};

/// Several histories told as one.
#[derive(Debug)]
pub struct Merge {
    histories: Vec<History>,
    heads: Vec<Head>,
}

#[derive(Debug)]
struct Head {
    line: Option<StoredLine>,
    /// The time it is sorted by.
    at: i64,
}

impl Merge {
    /// Reads the first line of each.
    pub fn new(mut histories: Vec<History>) -> Result<Self, ReadError> {
        let heads: Result<Vec<Head>, ReadError> = histories
            .iter_mut()
            .map(|history| {
                let line = history.next_line()?;
                let at = line.as_ref().and_then(|line| line.at).unwrap_or(i64::MIN);
                Ok(Head { line, at })
            })
            .collect();
        Ok(Merge { heads: heads?, histories })
    }

    /// The next line of all.
    pub fn next_line(&mut self) -> Result<Option<StoredLine>, ReadError> {
        let heads = self.heads.iter_mut().zip(&mut self.histories);
        let waiting = heads.filter(|(head, _)| head.line.is_some());
        let Some((head, history)) = waiting.min_by_key(|(head, _)| head.at) else {
            return Ok(None);
        };
        let next = history.next_line()?;
        // Never back in time: a clock that was set must not hold a whole log back.
        head.at = next.as_ref().and_then(|line| line.at).unwrap_or(head.at).max(head.at);
        Ok(std::mem::replace(&mut head.line, next))
    }

    /// The histories, to ask each where it ended.
    pub fn into_histories(self) -> Vec<History> {
        self.histories
    }
}
