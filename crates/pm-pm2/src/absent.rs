//! Verbs of PM2 that need its hosted dashboard, npm or its JavaScript daemon: one clear sentence each.

use crate::refused::Refused;

/// What is not here, and what there is instead.
#[derive(Clone, Copy, Debug)]
pub struct Absent(&'static str, &'static str);

impl Absent {
    /// One sentence and a hint.
    pub fn refusal(&self) -> Refused {
        Refused::failed(self.0).hint(self.1)
    }
}

/// `link`, `plus`, `login` and the like.
pub const HOSTED: Absent = Absent(
    "PM2's hosted dashboard is not part of pm: nothing leaves this machine",
    "`pm monit` shows and steers the apps",
);

/// `create`: PM2 asks which sample of its own to copy.
pub const CREATE: Absent = Absent(
    "there are no sample projects in pm",
    "`pm init` writes an ecosystem file to begin with",
);

/// `autoinstall`: PM2 looks for services to monitor and installs modules for them.
pub const AUTOINSTALL: Absent = Absent(
    "there are no modules to be installed: npm modules are not part of pm",
    "`pm install NAME` says what is built in instead",
);

/// `deepUpdate`: PM2 has npm install its newest version.
pub const DEEP_UPDATE: Absent = Absent(
    "pm fetches nothing from the network, not even itself",
    "replace the one binary, then `pm update`: apps run on",
);

/// `package`, `publish`, `module:generate`.
pub const MODULES: Absent = Absent(
    "modules of PM2 are neither made nor published by pm",
    "`npm init` and `npm publish` make packages",
);

/// `profile:cpu`, `profile:mem`: they look into PM2's JavaScript daemon.
pub const PROFILE: Absent = Absent(
    "pm's daemon is no JavaScript and has no V8 profile",
    "`pm inspect NAME` opens a Node app for a profiler; `perf` looks into the daemon",
);

/// `install-otel`, `uninstall-otel`.
pub const TELEMETRY: Absent = Absent(
    "OpenTelemetry is not injected into apps",
    "load it yourself: --node-args \"--require @opentelemetry/auto-instrumentations-node/register\"",
);
