//! The hidden verb that serves; what it serves is in its environment, as with PM2.

use std::ffi::OsStr;

use pm_serve::{Site, variables};

use crate::console;
use crate::failure::chain;
use crate::prelude::{Exit, Failure, Report};

/// Serves until it is told to stop; what goes wrong stands in the app's error log.
pub(super) fn run() -> Result<Report, Failure> {
    let variable = |name: &str| std::env::var_os(name);
    let site = Site::of(variable).map_err(|error| Failure::could_not(Exit::Input, &error))?;
    let root = site.root.display().to_string();
    let login = if site.login.is_some() { " with a password" } else { "" };
    pm_serve::run(site, |address| {
        // A log nobody reads is no reason not to serve.
        console::show(&format!("serving {root} on http://{address}{login}\n")).ok();
    })
    .map_err(|error| {
        let failure = Failure::failed(format!("could not {}", chain(&error)));
        match variable(variables::PORT).as_deref().map(OsStr::to_string_lossy) {
            Some(port) if chain(&error).contains("in use") => {
                failure.hint(format!("another program listens on port {port}"))
            }
            Some(_) | None => failure,
        }
    })?;
    Ok(Report::default())
}
