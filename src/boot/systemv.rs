//! A script for /etc/init.d with LSB headers and a chkconfig line.

use super::quote::shell_path;
use super::{MARK, Unit};

/// The script.
pub(super) fn script(unit: &Unit) -> String {
    let Unit { service, user, .. } = unit;
    let program = shell_path(&unit.program);
    let words = unit.variables.iter().map(|(name, path)| format!("{name}={}", shell_path(path)));
    let variables = words.collect::<Vec<_>>().join("\n");
    let names = unit.variables.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" ");
    format!(
        r#"#!/bin/sh
# {MARK}
#
# chkconfig: 2345 98 02
# description: Apps of {user}, kept running by pm
#
### BEGIN INIT INFO
# Provides:          {service}
# Required-Start:    $local_fs $remote_fs $network
# Required-Stop:     $local_fs $remote_fs $network
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: Apps of {user}, kept running by pm
### END INIT INFO

program={program}
{variables}
export {names}

as_user() {{
	if [ "$(id -un)" = {user} ]; then
		"$program" "$@"
	else
		# Our words are plain; what need not be so travels in the environment.
		PM_PROGRAM="$program" su -s /bin/sh {user} -c "exec \"\$PM_PROGRAM\" $*"
	fi
}}

case "$1" in
start)
	as_user guardian --launch --resurrect
	;;
stop)
	as_user -s kill
	;;
restart|force-reload)
	as_user -s kill
	as_user guardian --launch --resurrect
	;;
reload)
	as_user reload all
	;;
status)
	as_user -s guardian --status
	;;
*)
	echo "usage: $0 start|stop|restart|reload|force-reload|status" >&2
	exit 2
	;;
esac
"#
    )
}
