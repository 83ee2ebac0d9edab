//! How a command ended on another machine, and what to do about it.

use std::process::ExitStatus;

use crate::prelude::Failure;

/// How it ended on a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostEnd {
    /// The command ran there and ended with this code.
    Code(u8),
    /// ssh did not get there, and says why.
    Away(String),
    /// It did not answer in time.
    Late,
    /// ssh itself could not be run.
    NoSsh(String),
    /// What it said can't be read.
    Strange,
}

/// What ssh ends with if it is the one that failed (ssh(1)).
const SSH_FAILED: i32 = 255;

impl HostEnd {
    /// A shell's code for a program that is not there.
    pub(crate) const NOT_FOUND: u8 = 127;

    /// What became of ssh.
    pub(crate) fn of(status: ExitStatus) -> Self {
        match status.code() {
            Some(SSH_FAILED) => Self::Away(String::new()),
            Some(code) => Self::Code(u8::try_from(code).unwrap_or(1)),
            None => Self::NoSsh("it was ended by a signal".into()),
        }
    }

    pub(crate) fn is_well(&self) -> bool {
        *self == Self::Code(0)
    }

    /// In a few words.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Code(Self::NOT_FOUND) => "there is no pm".into(),
            Self::Code(code) => format!("exit code {code}"),
            Self::Away(why) if why.is_empty() => "could not get there by ssh".into(),
            Self::Away(why) => format!("could not get there: {why}"),
            Self::Late => "no answer in time".into(),
            Self::NoSsh(why) => format!("could not run ssh: {why}"),
            Self::Strange => "its answer can't be read; is it another version of pm?".into(),
        }
    }

    /// What to do about it.
    pub(crate) fn cure(&self, host: &str) -> Option<String> {
        let known = match self {
            Self::Code(Self::NOT_FOUND) => format!("`pm bootstrap {host}` brings it there"),
            Self::Away(why) if why.contains("Permission denied") => {
                format!(
                    "`ssh {host}` has to get in without asking: a key that ssh-agent knows (`ssh-add`)"
                )
            }
            Self::Away(why) if why.contains("Host key") => {
                format!("`ssh {host}` once, and look at the key it shows")
            }
            Self::Away(why) if why.is_empty() => {
                format!(
                    "`ssh {host}` has to get in; what asks for a word needs ssh-agent (`ssh-add`)"
                )
            }
            Self::NoSsh(_) => "install OpenSSH's client".into(),
            Self::Code(_) | Self::Away(_) | Self::Late | Self::Strange => return None,
        };
        Some(known)
    }

    /// As the end of the whole command.
    pub(crate) fn failure(&self, host: &str) -> Failure {
        Failure { hint: self.cure(host), ..Failure::failed(format!("{host}: {}", self.told())) }
    }
}
