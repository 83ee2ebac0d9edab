//! The two hidden halves. Only this file names `pm-guardian` and `pm-daemon` (house 4.3).

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use pm_guardian::{GuardianPlan, resume, run};
use pm_os::session::{READY_FD, inherited};
use pm_protocol::Home;

use crate::cli::GuardianArgs;
use crate::failure::{Exit, Failure};
use crate::launch;
use crate::report::Report;

/// Lives as guardian until the daemon lets it go.
pub(super) fn guardian(home: &Home, args: &GuardianArgs) -> Result<Report, Failure> {
    if let Some(state) = args.resume {
        return ended(resume(state));
    }
    let ready = args.ready.then(|| inherited(READY_FD)).flatten();
    let predecessor = if args.predecessor { Some(predecessor()?) } else { None };
    let program = launch::own_program()?;
    let program = CString::new(program.as_os_str().as_bytes()).unwrap_or_default();
    ended(run(GuardianPlan {
        socket: home.socket().into(),
        lock: home.lock(),
        diary: home.diary(),
        daemon: vec![program, c"daemon".into()],
        resume: vec![c"guardian".into(), c"--resume".into()],
        ready,
        predecessor,
    }))
}

/// The orphaned daemon hands its link over as standard input; that descriptor itself can't be given away.
fn predecessor() -> Result<OwnedFd, Failure> {
    std::io::stdin().as_fd().try_clone_to_owned().map_err(|error| {
        Failure::new(Exit::Failed, format!("could not take over the daemon's link: {error}"))
    })
}

fn ended(
    life: Result<pm_guardian::Outcome, pm_guardian::GuardianError>,
) -> Result<Report, Failure> {
    match life {
        Ok(_) => Ok(Report::Nothing),
        Err(error) => Err(Failure::could_not(Exit::Failed, &error)),
    }
}

/// Lives as daemon; started by a guardian only.
pub(super) fn daemon(home: &Home) -> Result<Report, Failure> {
    match pm_daemon::run(home) {
        Ok(()) => Ok(Report::Nothing),
        Err(error) => Err(Failure::could_not(Exit::Failed, &error)),
    }
}
