//! Where a page of lines begins in each of its logs, as a text for who asks for the page before it. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use pm_logs::Cursor;

use crate::log_output::LogOutput;

/// More logs than anybody reads side by side.
const MOST: usize = 4096;

/// The beginnings, by owner and output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageCursor {
    /// When the first line was written, for logs whose files are others by now.
    pub(crate) at: Option<i64>,
    pub(crate) places: BTreeMap<(u32, LogOutput), Cursor>,
}

impl PageCursor {
    /// The place in one of them.
    pub(crate) fn of(&self, key: (u32, LogOutput)) -> Option<Cursor> {
        self.places.get(&key).copied()
    }
}

/// `1700000000000~3o.DEV-INODE-OFFSET~3e.DEV-INODE-OFFSET`: nothing that an address would have to escape.
impl fmt::Display for PageCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at.map_or(Ok(()), |at| write!(f, "{at}"))?;
        for ((id, output), place) in &self.places {
            let letter = match output {
                LogOutput::Out => 'o',
                LogOutput::Err => 'e',
            };
            write!(f, "~{id}{letter}.{place}")?;
        }
        Ok(())
    }
}

impl FromStr for PageCursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || "`before` is not what a page said".to_owned();
        let mut parts = text.split('~');
        let at = parts.next().filter(|at| !at.is_empty());
        let at = at.map(|at| at.parse().map_err(|_| bad())).transpose()?;
        let mut places = BTreeMap::new();
        for part in parts {
            let (key, place) = part.split_once('.').ok_or_else(bad)?;
            let (id, output) = match (key.strip_suffix('o'), key.strip_suffix('e')) {
                (Some(id), _) => (id, LogOutput::Out),
                (_, Some(id)) => (id, LogOutput::Err),
                (None, None) => return Err(bad()),
            };
            let key = (id.parse().map_err(|_| bad())?, output);
            places.insert(key, place.parse().map_err(|_| bad())?);
            if places.len() > MOST {
                return Err(bad());
            }
        }
        Ok(Self { at, places })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_no_page_said_is_refused() {
        for bad in [
            "x",
            "1~",
            "1~3o",
            "1~3.1-1-1",
            "1~3x.1-1-1",
            "1~o.1-1-1",
            "1~3o.1-1",
            "1~3o.-1-1-1",
            "~~",
            "1 ",
        ] {
            assert!(bad.parse::<PageCursor>().is_err(), "{bad}");
        }
        assert_eq!("".parse(), Ok(PageCursor::default()));
    }

    proptest! {
        #[test]
        fn a_cursor_comes_back_as_it_was(
            at in proptest::option::of(any::<i64>()),
            places in proptest::collection::btree_map((any::<u32>(), any::<bool>()), any::<[u64; 3]>(), 0..9),
        ) {
            let place = |[a, b, c]: [u64; 3]| format!("{a:x}-{b:x}-{c:x}").parse().unwrap();
            let output = |out| if out { LogOutput::Out } else { LogOutput::Err };
            let places = places.into_iter().map(|((id, out), at)| ((id, output(out)), place(at)));
            let cursor = PageCursor { at, places: places.collect() };
            let text = cursor.to_string();
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.~".contains(&byte)));
            prop_assert_eq!(text.parse(), Ok(cursor));
        }

        #[test]
        fn no_text_is_too_odd(text in "\\PC*") {
            let _read = text.parse::<PageCursor>();
        }
    }
}
