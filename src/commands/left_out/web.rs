//! `pm web` in a build without it.

use crate::cli::WebArgs;
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(_: &Session, _: WebArgs) -> Result<Report, Failure> {
    Err(Failure::left_out("panel"))
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
