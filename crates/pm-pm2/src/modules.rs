//! PM2's modules: npm packages that the daemon runs. Here the work of some is built in.

use crate::refused::Refused;

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

/// What does the work of a module that somebody wants to have installed.
pub fn instead(words: &[String]) -> Result<String, Refused> {
    let module = words.iter().find(|word| !word.starts_with('-')).map_or("", String::as_str);
    // A version may follow: pm2-logrotate@2.7.0.
    let name = module.split('@').next().unwrap_or(module);
    let known = BUILT_IN.iter().find(|(known, _)| *known == name);
    if let Some((_, instead)) = known {
        return Ok(format!("{name}: {instead}"));
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
    Err(Refused::failed(message).hint(hint))
}

/// What is said where a module is to be removed that never was here.
pub fn gone(words: &[String]) -> Result<String, Refused> {
    let module = words.first().map_or("no module", String::as_str);
    if BUILT_IN.iter().any(|(known, _)| *known == module) {
        return Ok(format!("{module} is not installed; what is built in stays"));
    }
    let message = format!("could not uninstall {module}: npm modules are not part of pm");
    Err(Refused::failed(message).hint("an app is removed by `pm delete NAME`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_whose_work_is_built_in_are_there_already() {
        let told = |line: &str| instead(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        for line in ["pm2-logrotate", "pm2-logrotate@2.7.0", "--safe pm2-server-monit"] {
            assert!(told(line).unwrap().contains("built in"), "{line}");
        }
        let refused = told("pm2-prometheus-exporter").unwrap_err();
        assert!(refused.hint.unwrap().contains("jlist"));
        assert!(!told("left-pad").unwrap_err().is_input);
        assert!(gone(&["pm2-logrotate".into()]).is_ok() && gone(&["left-pad".into()]).is_err());
    }
}
