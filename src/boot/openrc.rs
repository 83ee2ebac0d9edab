//! An `OpenRC` script. Guardian and daemon look after each other, so no supervisor is put on top.

use super::quote::shell_path;
use super::{MARK, Unit};

/// The script.
pub(super) fn script(unit: &Unit) -> String {
    let Unit { user, wait_ip, .. } = unit;
    let program = shell_path(&unit.program);
    let words = unit.variables.iter().map(|(name, path)| format!("{name}={}", shell_path(path)));
    let variables = words.collect::<Vec<_>>().join("\n");
    let names = unit.variables.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" ");
    // `need net` waits until a network service is up.
    let network = if *wait_ip { "need net" } else { "use net" };
    format!(
        r#"#!/sbin/openrc-run
# {MARK}

name="pm ({user})"
description="Apps of {user}, kept running by pm"
program={program}
{variables}
export {names}

depend() {{
	{network}
	after firewall
}}

as_user() {{
	if [ "$(id -un)" = {user} ]; then
		"$program" "$@"
	else
		# Our words are plain; what need not be so travels in the environment.
		PM_PROGRAM="$program" su -s /bin/sh {user} -c "exec \"\$PM_PROGRAM\" $*"
	fi
}}

start() {{
	ebegin "Starting $name"
	as_user guardian --launch --resurrect
	eend $?
}}

stop() {{
	ebegin "Stopping $name"
	as_user -s kill
	eend $?
}}

status() {{
	if as_user -s guardian --status 2>/dev/null; then
		einfo "status: started"
	else
		einfo "status: stopped"
		return 3
	fi
}}
"#
    )
}
