//! One host: this machine, or one that `ssh` reaches. It runs scripts there and tells how they ended.

use std::ffi::OsString;
use std::io;
use std::process::{Command, ExitStatus, Stdio};

use pm_config::Deployment;

use crate::deploy::script::remote;
use crate::error::Pm2Error;
use crate::shell::local;

/// What ssh ends with when it is ssh that failed (ssh(1)).
const UNREACHED: i32 = 255;

/// A place where scripts run.
#[derive(Debug)]
pub struct DeployHost<'a> {
    /// As the config says.
    pub deployment: &'a Deployment,
    /// Its name for `ssh`.
    pub name: &'a str,
    /// Whether what is run there may write to our standard output.
    pub shows: bool,
}

impl DeployHost<'_> {
    /// Runs a script; `what` completes "could not".
    pub(super) fn run(&self, what: &str, script: &str) -> Result<(), Pm2Error> {
        let mut command = self.command(script);
        if !self.shows {
            command.stdout(io::stderr());
        }
        let status = command.status().map_err(|error| self.missing(&error))?;
        self.judge(what, status)
    }

    /// Runs a script and gives what it prints.
    pub(super) fn read(&self, what: &str, script: &str) -> Result<String, Pm2Error> {
        let mut command = self.command(script);
        let output = command.stderr(Stdio::inherit()).stdin(Stdio::null()).output();
        let output = output.map_err(|error| self.missing(&error))?;
        self.judge(what, output.status)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// PM2's rule: this very word means no ssh.
    fn is_here(&self) -> bool {
        self.name == "localhost"
    }

    fn command(&self, script: &str) -> Command {
        if self.is_here() {
            return local(script);
        }
        let mut command = Command::new("ssh");
        command.args(self.options()).arg(self.target()).arg(remote(script));
        command
    }

    fn options(&self) -> Vec<OsString> {
        let it = self.deployment;
        let mut options: Vec<OsString> = Vec::new();
        for option in &it.ssh_options {
            options.extend(["-o".into(), option.into()]);
        }
        // Who is silent is given up. The first word counts: what the file says goes before.
        for option in ["ConnectTimeout=10", "ServerAliveInterval=15"] {
            options.extend(["-o".into(), option.into()]);
        }
        if it.needs_tty {
            options.push("-t".into());
        }
        if it.forward_agent {
            options.push("-A".into());
        }
        if let Some(port) = it.port {
            options.extend(["-p".into(), port.to_string().into()]);
        }
        if let Some(key) = &it.key {
            options.extend(["-i".into(), expanded(key)]);
        }
        options
    }

    fn target(&self) -> String {
        match &self.deployment.user {
            Some(user) => format!("{user}@{}", self.name),
            None => self.name.into(),
        }
    }

    fn judge(&self, what: &str, status: ExitStatus) -> Result<(), Pm2Error> {
        if status.success() {
            return Ok(());
        }
        let name = self.name;
        if !self.is_here() && status.code() == Some(UNREACHED) {
            let message = format!("could not {what} on {name}: ssh failed");
            return Err(
                Pm2Error::failed(message).hint(format!("try `ssh {}` by itself", self.target()))
            );
        }
        Err(Pm2Error::failed(format!("could not {what} on {name}: {}", ended(status))))
    }

    fn missing(&self, error: &io::Error) -> Pm2Error {
        let program = if self.is_here() { "sh" } else { "ssh" };
        Pm2Error::failed(format!("could not run {program}: {error}"))
    }
}

/// `it ended with 3`, `it was ended by signal 9`.
pub(super) fn ended(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("it ended with {code}"),
        None => format!("it was ended: {status}"),
    }
}

/// A key file; `~/` is the caller's home.
fn expanded(key: &str) -> OsString {
    match (key.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => std::path::Path::new(&home).join(rest).into(),
        (_, _) => key.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_an_argument_of_its_own() {
        let deployment = Deployment {
            user: Some("ann".into()),
            port: Some(2222),
            key: Some("/k y".into()),
            ssh_options: vec!["StrictHostKeyChecking=no".into(), "A=b c; reboot".into()],
            forward_agent: true,
            needs_tty: true,
            ..Deployment::default()
        };
        let host = DeployHost { deployment: &deployment, name: "web1", shows: true };
        let command = host.command("true");
        let words: Vec<_> = command.get_args().map(|word| word.to_str().unwrap()).collect();
        let (script, words) = words.split_last().unwrap();
        assert_eq!(
            words,
            [
                "-o",
                "StrictHostKeyChecking=no",
                "-o",
                "A=b c; reboot",
                "-o",
                "ConnectTimeout=10",
                "-o",
                "ServerAliveInterval=15",
                "-t",
                "-A",
                "-p",
                "2222",
                "-i",
                "/k y",
                "ann@web1"
            ]
        );
        assert_eq!(*script, remote("true"));
        let here = DeployHost { name: "localhost", ..host };
        assert_eq!(here.command("true").get_program(), "sh");
    }
}
