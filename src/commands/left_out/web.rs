//! `pm web` in a build without it.

use crate::cli::WebArgs;
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(_: &Session, _: WebArgs) -> Result<Report, Failure> {
    Err(Failure::left_out("panel"))
}

/// Alerts of files are sent by nobody.
pub(super) mod filed {
    use std::path::PathBuf;

    use pm_config::EcosystemAlerts;

    use crate::prelude::Session;

    pub(crate) fn keep(session: &Session, files: &[(PathBuf, Option<EcosystemAlerts>)]) {
        if let Some((file, _)) = files.iter().find(|(_, alerts)| alerts.is_some()) {
            let text = format!(
                "warning: nobody sends the alerts of {}: this build has no panel",
                file.display()
            );
            session.console.talk(&text);
        }
    }

    pub(crate) fn forget(_: &Session, _: &[PathBuf]) {}
}

/// What nobody has written down.
pub(super) mod usage {
    use pm_spec::Select;

    use crate::prelude::{Failure, Session};
    use crate::render::usage::InstanceUsage;

    #[expect(clippy::unnecessary_wraps, reason = "as it is where there is a panel")]
    pub(crate) fn of(
        _: &Session,
        _: Vec<Select>,
        _: (u64, u64),
    ) -> Result<Vec<InstanceUsage>, Failure> {
        Ok(Vec::new())
    }
}

/// Clients of Supervisor are answered by nobody.
#[expect(clippy::unnecessary_wraps, reason = "as in a build with it")]
pub(crate) mod rpc {
    use std::path::Path;

    use pm_spec::AppSpec;

    use crate::prelude::{Failure, Session};

    pub(crate) fn app_of_file(_: &Session, _: &Path) -> Result<Vec<AppSpec>, Failure> {
        Ok(Vec::new())
    }

    pub(crate) fn of_file(_: &Session, _: &Path) -> Result<(), Failure> {
        Ok(())
    }
}
