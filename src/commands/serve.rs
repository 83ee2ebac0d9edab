//! `pm serve`: this binary, in its hidden verb `serve-files`, becomes an app like any other.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use pm_config::{Typed, absolute, flag_of, path_bytes};
use pm_serve::{Site, variables};
use pm_spec::{ByteString, options};

use crate::cli::{ServeArgs, StartArgs};
use crate::commands::start;
use crate::launch;
use crate::prelude::{Exit, Failure, Report, Session};

/// The hidden verb that serves; what it serves is in its environment, as with PM2.
const VERB: &str = pm_config::SERVE_VERB;

/// `pm serve [PATH] [PORT]`.
pub(super) fn run(session: &Session, args: ServeArgs) -> Result<Report, Failure> {
    if args.monitor.is_some() {
        session.console.talk("warning: --monitor has no effect: there is no dashboard to send to");
    }
    let env = env(&session.caller()?.cwd, &args);
    // What can't be served is told here, not in a log file.
    let known = |name: &str| std::env::var_os(name);
    let laid_over = |name: &str| {
        let own = env.iter().find(|(known, _)| *known == name);
        own.map_or_else(|| known(name), |(_, value)| Some(value.clone()))
    };
    let site = Site::of(laid_over).map_err(|error| Failure::could_not(Exit::Input, &error))?;
    if !site.root.is_dir() {
        let message = format!("could not serve {}: there is no such folder", site.root.display());
        return Err(Failure::input(message));
    }
    let mut flags = args.flags;
    let given = &mut flags.keys.given;
    for key in ["interpreter", "interpreter_args"] {
        if let Some(key) = options::key(key).filter(|key| given.has(key.name)) {
            let message = format!("could not use {}: this app is pm itself", flag_of(key));
            return Err(Failure::input(message));
        }
    }
    let variables = env.into_iter().map(|(name, value)| (name.to_owned(), word(value)));
    given.or("name", || Typed::word(format!("static-page-server-{}", site.port)));
    given.or("cwd", || Typed::word(path_bytes(&site.root)));
    given.set("interpreter", Typed::word("none"));
    given.set("env", Typed::Variables(variables.collect()));
    let targets = vec![launch::own_program()?.into_os_string()];
    start::run(session, &StartArgs { targets, flags, args: vec![VERB.into()] })
}

fn word(value: OsString) -> ByteString {
    ByteString::new(value.into_vec())
}

/// What the arguments say, under PM2's names; what they leave open, the caller's environment may say.
fn env(cwd: &std::path::Path, args: &ServeArgs) -> Vec<(&'static str, OsString)> {
    let yes = |given: bool| given.then(|| OsString::from("true"));
    let path = args.path.clone().or_else(|| std::env::var_os(variables::PATH).map(PathBuf::from));
    let path = absolute(&path.unwrap_or_default(), cwd);
    let port = args.port.or(args.port_flag).map(|port| port.to_string().into());
    let has_login = args.basic_auth_username.is_some();
    [
        (variables::PATH, Some(path.into_os_string())),
        (variables::PORT, port),
        (variables::HOST, args.host.clone().map(OsString::from)),
        (variables::SPA, yes(args.spa)),
        (variables::FTP, yes(args.ftp)),
        (variables::BASIC_AUTH, yes(has_login)),
        (variables::USERNAME, args.basic_auth_username.clone().map(OsString::from)),
        (variables::PASSWORD, args.basic_auth_password.clone().map(OsString::from)),
        (variables::HIDDEN, yes(args.dotfiles)),
        (variables::LINKS, yes(args.follow_links)),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.map(|value| (name, value)))
    .collect()
}
