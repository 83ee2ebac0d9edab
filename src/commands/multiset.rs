//! `pm multiset "KEY VALUE KEY VALUE"`.

use pm_pm2::settings::{self, Key};

use crate::cli::MultisetArgs;
use crate::commands::support::settings::change;
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: &MultisetArgs) -> Result<Report, Failure> {
    let (words, is_line) = match args.pairs.as_slice() {
        [line] => (settings::words(line)?, true),
        words => (words.to_vec(), false),
    };
    let mut pairs = Vec::new();
    for pair in words.chunks(2) {
        let [key, value] = pair else {
            let last = pair.first().map_or("", String::as_str);
            return Err(Failure::input(format!("{last} has no value: nothing was set")));
        };
        let value = if is_line { value.replace('"', "") } else { value.clone() };
        pairs.push((Key::parse(key)?, value));
    }
    change(session, &pairs)
}
