//! systemd units (pains 6, 29, 45). The guardian is the main process and stays in the foreground, so there is no pid
//! file to be late or stale; it says it is ready once the saved list is ordered, not when sixty slow apps are up.

use super::quote::systemd as quoted;
use super::unit::{FOREGROUND, MARK, Unit};

/// Why each line is as it is, for whoever reads the unit later.
const LIFE: &str = "\
# One app that runs out of memory is that app's business: it alone is restarted.
OOMPolicy=continue
# Apps outlive guardian and daemon. `stop` asks the guardian, which stops every app and waits for it.
KillMode=process
TimeoutStopSec=300
# Exit code 0 means that somebody said `pm kill`.
Restart=always
RestartPreventExitStatus=0
RestartSec=1
TasksMax=infinity
";

/// For the whole machine.
pub(super) fn system(unit: &Unit) -> String {
    let Unit { user, .. } = unit;
    let network = if unit.wait_ip {
        "Wants=network-online.target\nAfter=network-online.target"
    } else {
        "After=network.target"
    };
    let service = service(unit);
    format!(
        "# {MARK}\n[Unit]\nDescription=Apps of {user}, kept running by pm\n{network}\n\
         StartLimitIntervalSec=0\n\n[Service]\nUser={user}\n{service}LimitNOFILE=1048576\n\n\
         [Install]\nWantedBy=multi-user.target\n"
    )
}

/// For the user who asks, without root.
pub(super) fn own(unit: &Unit) -> String {
    let service = service(unit);
    format!(
        "# {MARK}\n[Unit]\nDescription=Apps kept running by pm\nStartLimitIntervalSec=0\n\n\
         [Service]\n{service}\n[Install]\nWantedBy=default.target\n"
    )
}

fn service(unit: &Unit) -> String {
    let program = quoted("", &unit.program);
    let words = unit.variables.iter().map(|(name, path)| quoted(&format!("{name}="), path));
    let variables = words.collect::<Vec<_>>().join(" ");
    format!(
        "Type=notify\nEnvironment={variables}\nExecStart={program} {FOREGROUND}\n\
         ExecReload={program} reload all\n{LIFE}"
    )
}
