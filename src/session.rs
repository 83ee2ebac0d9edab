//! A call of this program: who calls, where it all lies, where to speak, and the way to the daemon.

use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use pm_client::{Client, Deadline};
use pm_config::{Beside, Caller, path_bytes};
use pm_pm2::CalledAs;
use pm_protocol::{Call, Home, List};
use pm_spec::{AppName, ByteString, Delay, Environment, Span};

use crate::called::as_called;
use crate::console::Console;
use crate::failure::Failure;
use crate::launch;

/// Calls that only look or note something down are answered at once; a daemon that can't is not well.
pub(crate) const QUICK: Duration = Duration::from_secs(30);

/// How long a daemon may take to be gone, or to be back.
pub(crate) const CHANGE: Duration = Duration::from_secs(20);

/// Between two looks whether it is.
pub(crate) const LOOK: Duration = Duration::from_millis(5);

/// Who calls, where it all lies, and where to speak.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) console: Console,
    pub(crate) home: Home,
    pub(crate) called_as: CalledAs,
}

impl Session {
    /// The daemon, if one runs. Looking at things starts none (pain 37), unless apps live that have lost theirs.
    pub(crate) fn find(&self) -> Result<Option<Client>, Failure> {
        launch::find_or_adopt(&self.home)
    }

    /// The daemon for a list: as PM2 that starts it, and scripts wait for its pid file.
    pub(crate) fn find_to_list(&self) -> Result<Option<Client>, Failure> {
        let found = self.find()?;
        if found.is_none() && self.called_as.is_pm2() && launch::alone(&self.home).is_ok() {
            return self.daemon().map(Some);
        }
        Ok(found)
    }

    /// The daemon, which must run.
    pub(crate) fn need(&self) -> Result<Client, Failure> {
        if let Some(client) = self.find()? {
            return Ok(client);
        }
        launch::alone(&self.home)?;
        Ok(Client::open(&self.home)?)
    }

    /// Where no daemon is fine: somebody who sees an empty list is told that a real PM2 has this home.
    pub(crate) fn warn_of_rival(&self) {
        if let Err(Failure { message, hint, .. }) = launch::alone(&self.home) {
            let hint = as_called(&hint.unwrap_or_default());
            self.console.talk(&format!("warning: {message}\nhint: {hint}"));
        }
    }

    /// The daemon; `None` if none runs and `all` of nothing is meant.
    pub(crate) fn find_for(&self, words: &[String]) -> Result<Option<Client>, Failure> {
        match self.find()? {
            None if is_all(words) => {
                self.warn_of_rival();
                Ok(None)
            }
            None => self.need().map(Some),
            found => Ok(found),
        }
    }

    /// In whose way flags and configs are meant.
    pub(crate) fn beside(&self) -> Beside {
        if self.called_as.is_pm2() { Beside::Pm2s } else { Beside::All }
    }

    /// Whether nobody wants to see tables: PM2's `--silent` hides them as well.
    pub(crate) fn hides_tables(&self) -> bool {
        self.console.silent && self.called_as.is_pm2()
    }

    /// The daemon, started if need be.
    pub(crate) fn daemon(&self) -> Result<Client, Failure> {
        launch::find_or_start(&self.home)
    }

    /// The facts the config reader wants to know.
    pub(crate) fn caller(&self) -> Result<Caller, Failure> {
        // A folder that was removed may be back under its path, put there by a deploy; and known apps need none.
        let remembered =
            || std::env::var_os("PWD").map(PathBuf::from).filter(|it| it.is_absolute());
        let cwd = std::env::current_dir().or_else(|error| remembered().ok_or(error));
        let cwd = cwd.map_err(|error| {
            Failure::failed(format!("could not find the current folder: {error}"))
                .hint("it may have been removed; `cd` somewhere else")
        })?;
        let mut caller = Caller::new(cwd, environment(), self.home.root().into());
        caller.argv = std::env::args_os().map(|word| ByteString::new(word.into_vec())).collect();
        if let (Ok(program), Some(first)) = (std::env::current_exe(), caller.argv.first_mut()) {
            *first = path_bytes(&program);
        }
        if self.home.is_pm2() || self.called_as.is_pm2() {
            caller.delay = Delay::Fixed(Span::ZERO);
        }
        (caller.logs, caller.pids) = (self.home.logs(), self.home.pids());
        caller.names = self.names();
        Ok(caller)
    }

    /// The names of known apps. Files are called by them as PM2 does it only where we are called so; nobody else has to ask.
    fn names(&self) -> Vec<AppName> {
        let client = if self.called_as.is_pm2() { self.find().ok().flatten() } else { None };
        let list = List { select: Vec::new(), usage: false, host: false };
        let listing = client.and_then(|mut client| quick(&mut client, &list).ok());
        let rows = listing.map_or_else(Vec::new, |listing| listing.rows);
        rows.iter().filter_map(|row| AppName::parse(&row.name).ok()).collect()
    }
}

/// Asks what is answered at once.
pub(crate) fn quick<C: Call + Clone>(client: &mut Client, call: &C) -> Result<C::Reply, Failure> {
    Ok(client.call(call, Deadline::after(QUICK))?)
}

/// This shell's environment. A name that is not UTF-8 can't be set by any config and is left out.
pub(crate) fn environment() -> Environment {
    let mut environment = Environment::new();
    for (name, value) in std::env::vars_os() {
        if let Some(name) = name.to_str() {
            environment.set(name, ByteString::new(value.into_vec()));
        }
    }
    environment
}

/// Whether only `all` is meant, which no daemon at all satisfies (pain 79).
fn is_all(words: &[String]) -> bool {
    words.iter().all(|word| word == "all")
}
