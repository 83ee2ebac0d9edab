//! What the kernel is to be told about an app's processes, from its spec. Pure but for our own limits.

use std::path::PathBuf;

use pm_os::cgroup::GroupLimits;
use pm_os::limits::Nofile;
use pm_os::spawn::{IoTurn, Isolation, IsolationError, IsolationPlan, KernelOrders};
use pm_spec::{AppSpec, Bytes, Cpus, IoPriority, Isolate, ResourceKind, ResourceLimit};
use rustix::process::{Resource, Rlimit, getrlimit};
use rustix::thread::CpuSet;

use crate::{app_user, plan};

/// All of it; `nofile` is the limit of open files that apps have where they say nothing.
pub(crate) fn of(app: &AppSpec, nofile: Option<Nofile>) -> KernelOrders {
    let rules = &app.kernel;
    let limit = |(kind, limit): (&ResourceKind, &ResourceLimit)| {
        let resource = resource(*kind);
        let given = nofile.filter(|_| resource == Resource::Nofile);
        (kind.name(), resource, whole(*limit, given.unwrap_or_else(|| getrlimit(resource))))
    };
    KernelOrders {
        rlimits: rules.rlimits.iter().map(limit).collect(),
        nice: app.nice,
        io: rules.ioprio.map(|turn| match turn {
            IoPriority::Realtime(level) => IoTurn::Realtime(level),
            IoPriority::BestEffort(level) => IoTurn::BestEffort(level),
            IoPriority::Idle => IoTurn::Idle,
        }),
        cpus: (!rules.cpuset.is_empty()).then(|| {
            let mut cpus = CpuSet::new();
            rules.cpuset.numbers().for_each(|cpu| cpus.set(cpu.into()));
            cpus
        }),
        oom_score_adj: rules.oom_score_adj.map(i32::from),
    }
}

/// What it can't reach, ready to be put on; `None`: nothing is out of its reach.
pub(crate) fn isolation(app: &AppSpec) -> Result<Option<Isolation>, IsolationError> {
    let rules = &app.kernel;
    let paths = std::iter::once(&app.cwd).chain(&rules.write_paths).map(plan::path_of);
    Isolation::new(&IsolationPlan {
        write: (!rules.isolate.is_none()).then(|| paths.collect()),
        strict: rules.isolate == Isolate::Strict,
        speaks: app.checks.has_notices(),
        private_tmp: rules.private_tmp.then(|| needed(app)),
        offline: !rules.network,
    })
}

/// Where it begins.
fn needed(app: &AppSpec) -> Vec<PathBuf> {
    let program = [Some(&app.cwd), Some(&app.script), app.interpreter.as_ref()];
    let all = program.into_iter().flatten().chain(&app.kernel.write_paths).map(plan::path_of);
    all.filter(|path| path.is_absolute()).collect()
}

/// What all its processes together may use; `None`: as much as there is.
pub(crate) fn group(app: &AppSpec) -> Option<GroupLimits> {
    let rules = &app.kernel;
    rules.has_group().then(|| GroupLimits {
        memory: rules.mem_limit.map(Bytes::get),
        cpus: rules.cpus.map(Cpus::thousandths),
        pids: rules.pids_limit,
    })
}

/// Whether it says anything that could be refused.
pub(crate) fn asks(app: &AppSpec) -> bool {
    app.nice.is_some() || app.user.is_some() || !app.kernel.is_empty()
}

/// Why no process could be made as the app says, with the rights that we have.
pub(crate) fn denied(app: &AppSpec) -> Option<String> {
    if let Some(Err(failure)) = app.user.as_ref().map(app_user::find) {
        return Some(failure.words());
    }
    let denied = of(app, None).denied().map(|error| error.to_string());
    let denied = denied.or_else(|| isolation(app).err().map(|error| error.to_string()));
    denied.or_else(|| group(app)?.denied().map(|error| error.to_string()))
}

/// With what is not said taken from what holds now.
fn whole(limit: ResourceLimit, now: Rlimit) -> Rlimit {
    let number = |part: Option<u64>| part.unwrap_or(ResourceLimit::UNLIMITED);
    let hard = limit.hard.unwrap_or(number(now.maximum));
    let soft = limit.soft.unwrap_or(number(now.current).min(hard));
    let part = |number| Some(number).filter(|number| *number != ResourceLimit::UNLIMITED);
    Rlimit { current: part(soft), maximum: part(hard) }
}

fn resource(kind: ResourceKind) -> Resource {
    match kind {
        ResourceKind::As => Resource::As,
        ResourceKind::Core => Resource::Core,
        ResourceKind::Cpu => Resource::Cpu,
        ResourceKind::Data => Resource::Data,
        ResourceKind::Fsize => Resource::Fsize,
        ResourceKind::Memlock => Resource::Memlock,
        ResourceKind::Msgqueue => Resource::Msgqueue,
        ResourceKind::Nice => Resource::Nice,
        ResourceKind::Nofile => Resource::Nofile,
        ResourceKind::Nproc => Resource::Nproc,
        ResourceKind::Rss => Resource::Rss,
        ResourceKind::Rtprio => Resource::Rtprio,
        ResourceKind::Rttime => Resource::Rttime,
        ResourceKind::Sigpending => Resource::Sigpending,
        ResourceKind::Stack => Resource::Stack,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_stays_and_never_exceeds_the_hard_limit() {
        let now = Rlimit { current: Some(1024), maximum: None };
        let got = |soft, hard| {
            let limit = whole(ResourceLimit { soft, hard }, now);
            (limit.current, limit.maximum)
        };
        assert_eq!(got(Some(64), None), (Some(64), None));
        assert_eq!(got(None, Some(2048)), (Some(1024), Some(2048)));
        assert_eq!(got(None, Some(512)), (Some(512), Some(512)), "the soft one follows");
        assert_eq!(got(Some(u64::MAX), Some(u64::MAX)), (None, None));
    }
}
