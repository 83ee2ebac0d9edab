#!/sbin/openrc-run
# {{mark}}

name="pm ({{user}})"
description="Apps of {{user}}, kept running by pm"
program={{program}}
{{variables}}
export {{names}}

depend() {
	{{network}}
	after firewall
}

as_user() {
	if [ "$(id -un)" = {{user}} ]; then
		"$program" "$@"
	else
		# Our words are plain; what need not be so travels in the environment.
		PM_PROGRAM="$program" su -s /bin/sh {{user}} -c "exec \"\$PM_PROGRAM\" $*"
	fi
}

start() {
	ebegin "Starting $name"
	as_user guardian --launch --resurrect
	eend $?
}

stop() {
	ebegin "Stopping $name"
	as_user -s kill
	eend $?
}

status() {
	if as_user -s guardian --status 2>/dev/null; then
		einfo "status: started"
	else
		einfo "status: stopped"
		return 3
	fi
}
