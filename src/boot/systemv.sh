#!/bin/sh
# {{mark}}
#
# chkconfig: 2345 98 02
# description: Apps of {{user}}, kept running by pm
#
### BEGIN INIT INFO
# Provides:          {{name}}
# Required-Start:    $local_fs $remote_fs $network
# Required-Stop:     $local_fs $remote_fs $network
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: Apps of {{user}}, kept running by pm
### END INIT INFO

program={{program}}
{{variables}}
export {{names}}

as_user() {
	if [ "$(id -un)" = {{user}} ]; then
		"$program" "$@"
	else
		# Our words are plain; what need not be so travels in the environment.
		PM_PROGRAM="$program" su -s /bin/sh {{user}} -c "exec \"\$PM_PROGRAM\" $*"
	fi
}

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
