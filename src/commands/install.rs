//! `pm install MODULE`: nothing to do where the module's work is built in.

use crate::called::as_called;
use crate::cli::AnyArgs;
use crate::failure::{Exit, Failure};
use crate::report::Report;
use crate::session::Session;

/// Modules of PM2 whose work is done here, and by what.
pub(super) const BUILT_IN: [(&str, &str); 4] = [
    (
        "pm2-logrotate",
        "log rotation is built in and on: 10 MiB a file, ten kept, compressed; the keys log_max_size, log_keep and \
         log_compress of an app change that",
    ),
    ("pm2-server-monit", "figures of the machine are built in: `pm monit`, `pm slist`"),
    ("pm2-auto-pull", "`pm pull NAME` fetches and reloads; a cron_restart job can call it"),
    ("pm2-web", "`pm monit` shows and steers the apps"),
];

pub(super) fn run(session: &Session, args: &AnyArgs) -> Result<Report, Failure> {
    Ok(Report::said(session.console, "install", &instead(&args.words)?))
}

fn instead(words: &[String]) -> Result<String, Failure> {
    let module = words.iter().find(|word| !word.starts_with('-')).map_or("", String::as_str);
    // A version may follow: pm2-logrotate@2.7.0.
    let name = module.split('@').next().unwrap_or(module);
    let known = BUILT_IN.iter().find(|(known, _)| *known == name);
    if let Some((_, instead)) = known {
        return Ok(as_called(&format!("{name}: {instead}")));
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
        assert_eq!(told("left-pad").unwrap_err().exit, Exit::Failed);
    }
}
