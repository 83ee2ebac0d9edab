//! The hidden half that never dies. Only this file names `pm-guardian`.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use pm_guardian::{
    GuardianError, GuardianOutcome, GuardianPlan, StandbyOutcome, resume, run as live, stand_by,
};
use pm_os::session::{READY_FD, inherited};
use pm_protocol::Home;

use crate::cli::GuardianArgs;
use crate::launch;
use crate::prelude::{Exit, Failure, Report};

/// Lives as guardian until the daemon lets it go.
pub(super) fn run(home: &Home, args: &GuardianArgs) -> Result<Report, Failure> {
    if args.status {
        let message = "no guardian runs in this home";
        return match launch::find(home)? {
            Some(_) => Ok(Report::default()),
            None => Err(Failure::new(Exit::NoDaemon, message)),
        };
    }
    if args.launch {
        if launch::find(home)?.is_none() {
            launch::begin(home, if args.resurrect { &[c"--resurrect"] } else { &[] })?;
        }
        return Ok(Report::default());
    }
    if let Some(state) = args.resume {
        return ended(resume(state));
    }
    if args.foreground {
        return foreground(home, args);
    }
    let ready = args.ready.then(|| inherited(READY_FD)).flatten();
    let predecessor = if args.predecessor { Some(predecessor()?) } else { None };
    let plan = GuardianPlan { ready, predecessor, ..plan(home, args)? };
    ended(live(plan))
}

fn plan(home: &Home, args: &GuardianArgs) -> Result<GuardianPlan, Failure> {
    let program = launch::own_program()?;
    let program = CString::new(program.as_os_str().as_bytes()).unwrap_or_default();
    let mut daemon = vec![program, c"daemon".into()];
    daemon.extend(args.resurrect.then(|| c"--resurrect".into()));
    Ok(GuardianPlan {
        socket: home.socket().into(),
        lock: home.lock(),
        daemon_log: home.diary(),
        daemon,
        resume: vec![c"guardian".into(), c"--resume".into()],
        ready: None,
        predecessor: None,
    })
}

/// For service managers. Where another guardian has this home (a shell began it, or the daemon of a dead one made it)
/// we stand by, so that who stops us stops the apps and who watches us sees them looked after.
fn foreground(home: &Home, args: &GuardianArgs) -> Result<Report, Failure> {
    launch::alone(home)?;
    launch::prepare(home)?;
    std::env::set_current_dir("/")
        .map_err(|error| Failure::failed(format!("could not change to /: {error}")))?;
    loop {
        match live(plan(home, args)?) {
            Ok(GuardianOutcome::Existing) => {}
            life => return ended(life),
        }
        match stand_by(home.socket(), &home.lock()) {
            Ok(StandbyOutcome::TakeOver) => {}
            Ok(StandbyOutcome::Ended) => return Ok(Report::default()),
            Err(error) => return Err(Failure::could_not(Exit::Failed, &error)),
        }
    }
}

/// The orphaned daemon hands its link over as standard input; that descriptor itself can't be given away.
fn predecessor() -> Result<OwnedFd, Failure> {
    std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .map_err(|error| Failure::failed(format!("could not take over the daemon's link: {error}")))
}

fn ended(life: Result<GuardianOutcome, GuardianError>) -> Result<Report, Failure> {
    match life {
        Ok(_) => Ok(Report::default()),
        Err(error) => Err(Failure::could_not(Exit::Failed, &error)),
    }
}
