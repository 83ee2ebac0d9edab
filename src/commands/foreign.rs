//! PM2's verbs that need its hosted dashboard, npm or its JavaScript daemon: one clear sentence each, and 0 only where
//! what was asked for is there already.

use crate::called::{self, as_called};
use crate::failure::{Exit, Failure};
use crate::report::Report;

/// `link`, `plus`, `login` and the like.
pub(super) fn hosted() -> Result<Report, Failure> {
    let message = "PM2's hosted dashboard is not part of pm: nothing leaves this machine";
    Err(Failure::new(Exit::Failed, message).hint("`pm monit` shows and steers the apps"))
}

/// Modules of PM2 whose work is done here, and by what.
const BUILT_IN: [(&str, &str); 4] = [
    (
        "pm2-logrotate",
        "log rotation is built in and on: 10 MiB a file, ten kept, compressed; the keys log_max_size, log_keep and \
         log_compress of an app change that",
    ),
    ("pm2-server-monit", "figures of the machine are built in: `pm monit`, `pm slist`"),
    ("pm2-auto-pull", "`pm pull NAME` fetches and reloads; a cron_restart job can call it"),
    ("pm2-web", "`pm monit` shows and steers the apps"),
];

/// `install MODULE`: nothing to do where the module's work is built in.
pub(super) fn install(words: &[String]) -> Result<Report, Failure> {
    let module = words.iter().find(|word| !word.starts_with('-')).map_or("", String::as_str);
    // A version may follow: pm2-logrotate@2.7.0.
    let name = module.split('@').next().unwrap_or(module);
    let known = BUILT_IN.iter().find(|(known, _)| *known == name);
    if let Some((_, instead)) = known {
        let text = as_called(&format!("{name}: {instead}"));
        return Ok(Report::Said { done: "install", text });
    }
    let message = match module {
        "" => "could not install a module: npm modules are not part of pm".into(),
        module => format!("could not install {module}: npm modules are not part of pm"),
    };
    let hint = if name.contains("prometheus") || name.contains("metrics") {
        "`pm jlist` and `pm slist` give the figures as JSON for an exporter of your own"
    } else {
        "start it as an app: `npm install` it, then `pm start` its script"
    };
    Err(Failure::new(Exit::Failed, message).hint(hint))
}

/// `uninstall MODULE`: what never was here is gone.
pub(super) fn uninstall(words: &[String]) -> Result<Report, Failure> {
    let module = words.first().map_or("no module", String::as_str);
    if BUILT_IN.iter().any(|(known, _)| *known == module) {
        let text = format!("{module} is not installed; what is built in stays");
        return Ok(Report::Said { done: "uninstall", text });
    }
    let message = format!("could not uninstall {module}: npm modules are not part of pm");
    Err(Failure::new(Exit::Failed, message).hint("an app is removed by `pm delete NAME`"))
}

/// `create`: PM2 asks which sample of its own to copy.
pub(super) fn create() -> Result<Report, Failure> {
    let message = "there are no sample projects in pm";
    Err(Failure::new(Exit::Failed, message)
        .hint("`pm init` writes an ecosystem file to begin with"))
}

/// `autoinstall`: PM2 looks for services to monitor and installs modules for them.
pub(super) fn autoinstall() -> Result<Report, Failure> {
    let message = "there are no modules to be installed: npm modules are not part of pm";
    Err(Failure::new(Exit::Failed, message).hint("`pm install NAME` says what is built in instead"))
}

/// `deepUpdate`: PM2 has npm install its newest version.
pub(super) fn deep_update() -> Result<Report, Failure> {
    let message = "pm fetches nothing from the network, not even itself";
    Err(Failure::new(Exit::Failed, message)
        .hint("replace the one binary, then `pm update`: apps run on"))
}

/// `examples`.
pub(super) fn examples() -> Report {
    let text = include_str!("foreign/examples.txt");
    Report::Text(text.replace("  pm ", &format!("  {} ", called::name())))
}

/// `package`, `publish`, `module:generate`.
pub(super) fn modules() -> Result<Report, Failure> {
    let message = "modules of PM2 are neither made nor published by pm";
    Err(Failure::new(Exit::Failed, message).hint("`npm init` and `npm publish` make packages"))
}

/// `profile:cpu`, `profile:mem`: they look into PM2's JavaScript daemon.
pub(super) fn profile() -> Result<Report, Failure> {
    let message = "pm's daemon is no JavaScript and has no V8 profile";
    Err(Failure::new(Exit::Failed, message)
        .hint("`pm inspect NAME` opens a Node app for a profiler; `perf` looks into the daemon"))
}

/// `install-otel`, `uninstall-otel`.
pub(super) fn telemetry() -> Result<Report, Failure> {
    let message = "OpenTelemetry is not injected into apps";
    Err(Failure::new(Exit::Failed, message)
        .hint("load it yourself: --node-args \"--require @opentelemetry/auto-instrumentations-node/register\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn modules_whose_work_is_built_in_are_there_already() {
        for line in ["pm2-logrotate", "pm2-logrotate@2.7.0", "--safe pm2-server-monit"] {
            let Ok(Report::Said { text, .. }) = install(&words(line)) else { panic!("{line}") };
            assert!(text.contains("built in"), "{text}");
        }
        assert!(uninstall(&words("pm2-logrotate")).is_ok());
        let refused = install(&words("pm2-prometheus-exporter")).unwrap_err();
        assert!(refused.hint.unwrap().contains("jlist"));
        for refused in [install(&words("left-pad")), uninstall(&words("left-pad")), hosted()] {
            assert_eq!(refused.unwrap_err().exit, Exit::Failed);
        }
    }
}
