//! A word that names no app: what it may have been meant to be.

use pm_config::near;

use crate::commands::support::listing;
use crate::prelude::{Failure, Session};

/// The failure with the names that are nearly the word, and, after an `all_or_nothing`, that the other words had no effect.
pub(crate) fn explained(session: &Session, failure: Failure, all_or_nothing: bool) -> Failure {
    let word = failure.message.strip_prefix("no app matches `").and_then(|it| it.strip_suffix('`'));
    let Some(word) = word.filter(|_| failure.is_not_found) else { return failure };
    let rows = session.find().ok().flatten().and_then(|mut client| listing::rows(&mut client).ok());
    let rows = rows.unwrap_or_default();
    let meant = near(word, listing::names(&rows).into_iter());
    let usual = failure.hint.clone().unwrap_or_default();
    let hint = meant.first().map_or(usual, |name| format!("did you mean `{name}`?"));
    let none = if all_or_nothing { "nothing was done; " } else { "" };
    failure.hint(format!("{none}{hint}"))
}
