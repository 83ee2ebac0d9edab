//! `pm env`: an app's variables, secrets included.

use std::collections::BTreeMap;

use crate::cli::EnvArgs;
use crate::commands::support::described::described;
use crate::commands::support::selectors;
use crate::prelude::{Failure, Report, Session};
use crate::render::{json, lines, safe};

pub(super) fn run(session: &Session, args: &EnvArgs) -> Result<Report, Failure> {
    let mut client = session.need()?;
    let select = selectors::selects(session, &mut client, std::slice::from_ref(&args.app))?;
    let described = described(&mut client, select)?;
    let Some(first) = described.descriptions.first() else {
        return Err(Failure::failed(format!("no app is called {}", args.app)));
    };
    let env: BTreeMap<_, _> = first.spec.env.iter().collect();
    let text = || lines(env.iter().map(|(name, value)| format!("{name}: {}", safe(value))));
    let json = || env.iter().map(|(name, value)| (*name, json::text(value))).collect();
    Ok(Report::new(session.console, text, json))
}
