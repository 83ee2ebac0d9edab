//! What makes a machine start our apps when it boots: the text of a service file for each init system, and the commands
//! that enable it. Pure; `commands/startup.rs` writes files and runs commands.

mod platform;
mod quote;
mod unit;

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

pub(crate) use platform::Platform;
pub(crate) use unit::{MARK, Unit};

impl Unit {
    /// The service file: a template, filled in.
    pub(crate) fn text(&self) -> String {
        let template = match self.platform {
            Platform::Systemd => include_str!("system.unit"),
            Platform::SystemdUser => include_str!("user.unit"),
            Platform::Openrc => include_str!("openrc.sh"),
            Platform::SystemV => include_str!("systemv.sh"),
        };
        let template = template.replace("{{service}}", include_str!("service.unit"));
        let is_unit = matches!(self.platform, Platform::Systemd | Platform::SystemdUser);
        let quoted = |before: &str, path: &Path| {
            if is_unit { quote::systemd(before, path) } else { quote::shell(before, path) }
        };
        let variables = self.variables.iter();
        let variables: Vec<_> =
            variables.map(|(name, path)| quoted(&format!("{name}="), path)).collect();
        let names: Vec<_> = self.variables.iter().map(|(name, _)| *name).collect();
        let value = |name: &str| match name {
            "mark" => MARK.into(),
            "name" => self.service.clone(),
            "user" => self.user.clone(),
            "program" => quoted("", &self.program),
            "variables" => variables.join(if is_unit { " " } else { "\n" }),
            "names" => names.join(" "),
            _ => self.network().into(),
        };
        let part = |part: &str| match part.split_once("}}") {
            Some((name, rest)) => value(name) + rest,
            None => part.into(),
        };
        template.split("{{").map(part).collect()
    }

    /// What has the service wait for the network, or for an address.
    const fn network(&self) -> &'static str {
        match (self.platform, self.wait_ip) {
            (Platform::Openrc, true) => "need net",
            (Platform::Openrc, false) => "use net",
            (_, true) => "Wants=network-online.target\nAfter=network-online.target",
            (_, false) => "After=network.target",
        }
    }

    /// Whether the platform lets a service run a program of this path: systemd allows no quotes, backslashes and
    /// control characters in it.
    pub(crate) fn is_nameable(&self) -> bool {
        let odd = |byte: &u8| byte.is_ascii_control() || b"'\"\\".contains(byte);
        match self.platform {
            Platform::Systemd | Platform::SystemdUser => {
                !self.program.as_os_str().as_bytes().iter().any(odd)
            }
            Platform::Openrc | Platform::SystemV => true,
        }
    }

    /// Where it goes.
    pub(crate) fn path(&self) -> PathBuf {
        let name = &self.service;
        match self.platform {
            Platform::Systemd => format!("/etc/systemd/system/{name}.service").into(),
            Platform::SystemdUser => self.config.join(format!("systemd/user/{name}.service")),
            Platform::Openrc | Platform::SystemV => format!("/etc/init.d/{name}").into(),
        }
    }

    /// Its permissions.
    pub(crate) const fn mode(&self) -> u32 {
        match self.platform {
            Platform::Openrc | Platform::SystemV => 0o755,
            Platform::Systemd | Platform::SystemdUser => 0o644,
        }
    }

    /// What makes the machine heed it; `has` tells whether a program is installed.
    pub(crate) fn enabling(&self, has: impl Fn(&str) -> bool) -> Vec<Vec<String>> {
        let name = self.service.as_str();
        let steps: &[&[&str]] = match self.platform {
            Platform::Systemd => &[&["systemctl", "daemon-reload"], &["systemctl", "enable", name]],
            Platform::SystemdUser => &[
                &["systemctl", "--user", "daemon-reload"],
                &["systemctl", "--user", "enable", name],
                // Without it the apps would end with the last session, and not start before the first one.
                &["loginctl", "enable-linger", &self.user],
            ],
            Platform::Openrc => &[&["rc-update", "add", name, "default"]],
            Platform::SystemV if has("update-rc.d") => &[&["update-rc.d", name, "defaults"]],
            Platform::SystemV => &[&["chkconfig", "--add", name], &["chkconfig", name, "on"]],
        };
        owned(steps)
    }

    /// What makes the machine forget it; before the file is removed.
    pub(crate) fn disabling(&self, has: impl Fn(&str) -> bool) -> Vec<Vec<String>> {
        let name = self.service.as_str();
        let steps: &[&[&str]] = match self.platform {
            Platform::Systemd => &[&["systemctl", "disable", name]],
            Platform::SystemdUser => &[&["systemctl", "--user", "disable", name]],
            Platform::Openrc => &[&["rc-update", "del", name, "default"]],
            Platform::SystemV if has("update-rc.d") => &[&["update-rc.d", "-f", name, "remove"]],
            Platform::SystemV => &[&["chkconfig", "--del", name]],
        };
        owned(steps)
    }
}

fn owned(steps: &[&[&str]]) -> Vec<Vec<String>> {
    steps.iter().map(|step| step.iter().map(ToString::to_string).collect()).collect()
}

/// Whether a service may have this name: it becomes a file name and a word in commands run by root.
pub(crate) fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.-@:".contains(c);
    (1..=128).contains(&name.len()) && name.chars().all(fits) && !name.starts_with(['-', '.'])
}

#[cfg(test)]
mod tests;
