//! Which init system a machine has, by PM2's names and PM2's order of looking.

/// An init system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Platform {
    /// systemd, started with the machine.
    Systemd,
    /// systemd, started for one user; needs lingering to begin without a login.
    SystemdUser,
    /// `OpenRC` (Alpine, Gentoo).
    Openrc,
    /// Scripts in /etc/init.d with LSB headers.
    SystemV,
}

/// A name that is none of a platform we can serve.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnknownPlatform {
    /// Whether PM2 knows it: a system `pm` does not run on.
    pub(crate) is_pm2s: bool,
}

impl Platform {
    /// Reads our names and PM2's.
    pub(crate) fn parse(name: &str) -> Result<Self, UnknownPlatform> {
        match name {
            "systemd" | "ubuntu" | "centos" | "arch" | "oracle" => Ok(Self::Systemd),
            "systemd-user" => Ok(Self::SystemdUser),
            "openrc" | "gentoo" => Ok(Self::Openrc),
            "systemv" | "upstart" | "ubuntu14" | "ubuntu12" | "centos6" | "amazon" => {
                Ok(Self::SystemV)
            }
            "launchd" | "macos" | "darwin" | "rcd" | "freebsd" | "rcd-openbsd" | "openbsd"
            | "smf" | "solaris" | "sunos" => Err(UnknownPlatform { is_pm2s: true }),
            _ => Err(UnknownPlatform { is_pm2s: false }),
        }
    }

    /// The platform whose tool is installed; `has` tells whether a program is.
    pub(crate) fn find(has: impl Fn(&str) -> bool) -> Option<Self> {
        [
            ("systemctl", Self::Systemd),
            ("update-rc.d", Self::SystemV),
            ("chkconfig", Self::SystemV),
            ("rc-update", Self::Openrc),
        ]
        .into_iter()
        .find_map(|(tool, platform)| has(tool).then_some(platform))
    }

    /// Its name, as [`Platform::parse`] reads it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::SystemdUser => "systemd-user",
            Self::Openrc => "openrc",
            Self::SystemV => "systemv",
        }
    }

    /// Whether only root can install there.
    pub(crate) fn needs_root(self) -> bool {
        self != Self::SystemdUser
    }
}
