//! The name this program was called by, and its home. For texts that say what to type: called as `pm2` it has another home than as
//! `pm`. The only place that knows it; texts write a command as `pm ...` between backticks.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use pm_pm2::CalledAs;
use pm_protocol::{Home, HomeError};

/// `pm2` under PM2's names, else `pm`.
pub(crate) fn name() -> &'static str {
    name_of(CalledAs::of(&std::env::args_os().next().unwrap_or_default()))
}

/// The home of who is called so.
pub(crate) fn home(program: &OsStr) -> Result<Home, HomeError> {
    let name = Path::new(program).file_name().unwrap_or_default().to_string_lossy();
    let variable = |name: &str| {
        let set = std::env::var_os(name).filter(|value| !value.is_empty());
        set.or_else(|| if name == "HOME" { users_home() } else { None })
    };
    Home::find(&name, variable)
}

/// What passwd(5) says, for who is called without variables (cron, `env -i`). `/` is what accounts have that have none.
fn users_home() -> Option<OsString> {
    let account = pm_os::user::by_number(rustix::process::geteuid().as_raw()).ok()?;
    (account.home != Path::new("/")).then(|| account.home.into_os_string())
}

fn name_of(called_as: CalledAs) -> &'static str {
    if called_as.is_pm2() { "pm2" } else { "pm" }
}

/// A text of ours, or of the daemon, with the commands in it as they are to be typed here.
pub(crate) fn as_called(text: &str) -> String {
    renamed(text, name())
}

fn renamed(text: &str, name: &str) -> String {
    ["`", "`sudo "].iter().fold(text.to_owned(), |text, before| {
        text.replace(&format!("{before}pm "), &format!("{before}{name} "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_named_as_we_were_called() {
        assert_eq!(name(), "pm");
        for (called, name) in
            [("/usr/bin/pm2", "pm2"), ("pm2-runtime", "pm2"), ("pm", "pm"), ("x", "pm")]
        {
            assert_eq!(name_of(CalledAs::of(called.as_ref())), name);
        }
        let text = "`pm set a` or `sudo pm get`; npm modules, `npm init` and pm itself are left";
        assert_eq!(renamed(text, "pm"), text);
        let there = "`pm2 set a` or `sudo pm2 get`; npm modules, `npm init` and pm itself are left";
        assert_eq!(renamed(text, "pm2"), there);
    }
}
