//! `pm bootstrap`: this program to machines that have none, over ssh, and there the unit that starts it at boot.

use std::fs::File;
use std::process::Stdio;

use pm_client::{Colours, plain};
use pm_config::is_host;
use pm_pm2::shell;

use crate::cli::BootstrapArgs;
use crate::commands::hosts::{HostEnd, RemoteCall, Ssh};
use crate::prelude::{Exit, Failure, Report, Session};

/// Where it goes, and that it runs. It takes the place of the old one at once, so that no shell ever finds half of it.
const PUT: &str = "umask 022; mkdir -p \"$d\" && cat >\"$d/.pm.new\" && chmod 755 \"$d/.pm.new\" && \"$d/.pm.new\" --version >/dev/null && \
     mv -f \"$d/.pm.new\" \"$d/pm\" && echo \"$d/pm\"";

/// The folder where programs of their own lie that everybody finds, or at least this user.
const FOLDER: &str = "if [ \"$(id -u)\" = 0 ]; then d=/usr/local/bin; else d=$HOME/.local/bin; fi";

/// What machine it is.
const LOOK: &str = "uname -sm";

pub(super) fn run(session: &Session, args: &BootstrapArgs) -> Result<Report, Failure> {
    let ssh = Ssh::new(&session.home);
    if let Some(bad) = args.machines.iter().find(|host| !is_host(host)) {
        return Err(Failure::input(format!("`{bad}` is no host")).hint("web1 or ann@web1"));
    }
    let mut shown = String::new();
    for host in &args.machines {
        session.console.talk(&format!("--> {host}"));
        let place = bring(&ssh, host, args.folder.as_deref())?;
        shown.extend([host, ": ", &place, "\n"]);
        if !args.no_startup {
            startup(&ssh, host)?;
        }
    }
    Ok(Report::said(session.console, "bootstrapped", shown.trim_end()))
}

/// Brings this program to a machine; says where it lies there.
fn bring(ssh: &Ssh, host: &str, folder: Option<&str>) -> Result<String, Failure> {
    let here = rustix::system::uname();
    let here = format!("{} {}", here.sysname().to_string_lossy(), here.machine().to_string_lossy());
    let there = said(ssh, host, LOOK, Stdio::null())?;
    if there != here {
        let message = format!("{host} is {there}, and this pm is for {here}");
        return Err(Failure::failed(message).hint("build it there, or copy one that was"));
    }
    let program = std::env::current_exe().and_then(File::open);
    let program = program.map_err(|error| Failure::could_not(Exit::Failed, &error))?;
    let folder = folder.map_or(FOLDER.into(), |folder| format!("d={}", shell(folder)));
    said(ssh, host, &format!("{folder}; {PUT}"), program.into())
}

/// What a fixed line for the shell there says.
fn said(ssh: &Ssh, host: &str, line: &str, input: Stdio) -> Result<String, Failure> {
    let mut command = ssh.command(host, false);
    command.arg(line).stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = command.output();
    let output = output.map_err(|error| HostEnd::NoSsh(error.to_string()).failure(host))?;
    let text = |bytes: &[u8]| plain(bytes, Colours::Drop).trim().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let why = text(&output.stderr);
    let end = HostEnd::of(output.status);
    let is_away = matches!(end, HostEnd::Away(_));
    Err(if is_away { HostEnd::Away(why).failure(host) } else { end.failure(host).after(why) })
}

/// Has it start at boot there, as `pm startup` typed there would.
fn startup(ssh: &Ssh, host: &str) -> Result<(), Failure> {
    let call = RemoteCall::new(vec!["startup".into()], &[])?;
    let end = ssh.alone(host, &call);
    if end.is_well() {
        return Ok(());
    }
    let hint = format!(
        "pm lies there now; `pm -H {host} startup` makes the unit once that can be, --no-startup leaves it"
    );
    Err(end.failure(host).hint(hint))
}
