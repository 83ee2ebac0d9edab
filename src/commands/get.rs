//! `pm get [KEY]`.

use pm_pm2::settings::{self, Book, Key};
use serde_json::Value;

use crate::cli::GetArgs;
use crate::commands::support::settings::page;
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: &GetArgs) -> Result<Report, Failure> {
    let book = Book::load(&session.home.module_conf())?;
    let Some(word) = args.key.as_deref().filter(|key| *key != "all") else {
        return Ok(page(session.console, &book, None));
    };
    let key = Key::parse(word)?;
    match book.get(&key) {
        None => Err(Failure::failed(format!("there is no setting {word}"))
            .hint("`pm get` shows all there are")),
        Some(Value::Object(_)) => Ok(page(session.console, &book, Some(&key))),
        Some(value) => {
            Ok(Report::new(session.console, || settings::plain(value) + "\n", || value.clone()))
        }
    }
}
