# What the scripts beside it share: a container that boots systemd as process 1. They set `base`, where its installed system is kept.
# Needs root, debootstrap and systemd-nspawn (packages debootstrap, systemd-container), about 300 MB and, the first time,
# a Debian mirror (debootstrap's own choice, or MIRROR).
root=$(mktemp -d /var/tmp/pm-boot-XXXXXX)
nspawn=
leader=

say() { printf '%s\n' "$*"; }
fail() {
	say "FAILED: $*" >&2
	if [ -n "$leader" ]; then
		inside systemctl --no-pager status pm-root 2>&1 | tail -n 20 >&2 || true
		inside journalctl --no-pager -n 30 2>&1 >&2 || true
		inside cat /root/.pm/pm.log >&2 || true
	fi
	exit 1
}
clean() {
	if [ -n "$nspawn" ]; then kill "$nspawn" 2>/dev/null || true; wait "$nspawn" 2>/dev/null || true; fi
	rm -rf "$root"
}
trap clean EXIT

# Waits until a command succeeds, a minute at most.
until_true() {
	what=$1
	shift
	for _ in $(seq 300); do
		if "$@" >/dev/null 2>&1; then return 0; fi
		sleep 0.2
	done
	fail "$what did not come true"
}

inside() { nsenter --target "$leader" --all --wd -- env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin HOME=/root "$@"; }
# Process 1 as we see it; a reboot makes another.
find_leader() { leader=$(pgrep -P "$nspawn" | head -n 1) && test -n "$leader"; }
is_running() { find_leader && inside systemctl is-system-running | grep -Eq 'running|degraded'; }

boot() {
	# Without a machine manager to register with; the console goes to a file.
	systemd-nspawn --quiet --boot --directory "$root" --machine "$(basename "$root")" --register=no --keep-unit \
		--console=pipe >"$root.console" 2>&1 </dev/null &
	nspawn=$!
	until_true "the container" find_leader
	until_true "the boot" is_running
}
power_off() {
	inside systemctl poweroff || true
	until_true "the shutdown" sh -c "! kill -0 $nspawn"
	wait "$nspawn" || true
	nspawn= leader=
	rm -f "$root.console"
}

# A system of its own in $root, with the packages $1 beside the least that Debian has; kept in $base for the next time.
install_system() {
	command -v systemd-nspawn >/dev/null || fail "systemd-nspawn is not installed"
	if [ ! -e "$base/etc/debian_version" ]; then
		debootstrap --variant=minbase --include="$1" bookworm "$base" ${MIRROR:+"$MIRROR"} >"$root/debootstrap.log" 2>&1 ||
			fail "debootstrap: $(tail -n 3 "$root/debootstrap.log")"
		rm -f "$root/debootstrap.log"
	fi
	cp -a "$base/." "$root"
	rm -f "$root/etc/machine-id"
}
