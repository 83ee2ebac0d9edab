#!/bin/bash
# A real boot: systemd as process 1 of a container that this script makes (debootstrap, systemd-nspawn), the apps of root
# as a unit of the machine and those of a user as a unit of their own, then power off and on.
#
#   tests/boot/boot.sh [PM]          PM: the binary, target/*/release/pm if left out
#
# Needs root, debootstrap and systemd-nspawn (packages debootstrap, systemd-container), about 300 MB and, the first time,
# a Debian mirror (debootstrap's own choice, or MIRROR). BOOT_ROOT keeps the installed system for the next time. Ends after ten minutes in any case.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
if [ -z "${BOOT_BOUNDED:-}" ]; then
	exec env BOOT_BOUNDED=1 timeout --kill-after=20 600 "$0" "$@"
fi
pm=${1:-$(ls "$here"/target/release/pm "$here"/target/*/release/pm 2>/dev/null | head -n 1)}
base=${BOOT_ROOT:-/var/tmp/pm-boot-base}
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
as_user() {
	inside setpriv --reuid 1000 --regid 1000 --init-groups env HOME=/home/deploy USER=deploy XDG_RUNTIME_DIR=/run/user/1000 "$@"
}
is_running() { inside systemctl is-system-running | grep -Eq 'running|degraded'; }

boot() {
	# Without a machine manager to register with; the console goes to a file.
	systemd-nspawn --quiet --boot --directory "$root" --machine "$(basename "$root")" --register=no --keep-unit \
		--console=pipe >"$root.console" 2>&1 </dev/null &
	nspawn=$!
	until_true "the container" pgrep -P "$nspawn"
	leader=$(pgrep -P "$nspawn" | head -n 1)
	until_true "the boot" is_running
}
power_off() {
	inside systemctl poweroff || true
	until_true "the shutdown" sh -c "! kill -0 $nspawn"
	wait "$nspawn" || true
	nspawn= leader=
	rm -f "$root.console"
}

# status USER-FUNCTION NAME
status() { "$1" pm jlist | python3 -c 'import json, sys
print(next((p["pm2_env"]["status"] for p in json.load(sys.stdin) if p["name"] == sys.argv[1]), "unknown"))' "$2"; }
pid() { "$1" pm pid "$2"; }
is() { test "$(status "$1" "$2")" = "$3"; }
sum() { sha256sum "$root$1" | cut -d' ' -f1; }

command -v systemd-nspawn >/dev/null || fail "systemd-nspawn is not installed"
test -x "$pm" || fail "no binary at $pm"
if [ ! -e "$base/etc/debian_version" ]; then
	debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,procps,python3-minimal \
		bookworm "$base" ${MIRROR:+"$MIRROR"} >"$root/debootstrap.log" 2>&1 || fail "debootstrap: $(tail -n 3 "$root/debootstrap.log")"
	rm -f "$root/debootstrap.log"
fi
cp -a "$base/." "$root"
rm -f "$root/etc/machine-id"
install -m 755 "$pm" "$root/usr/local/bin/pm"
chroot "$root" useradd --create-home --uid 1000 deploy
mkdir -p "$root/srv"
cat >"$root/srv/web.py" <<'PY'
import os, time
print("up", os.environ.get("COLOUR"), flush=True)
time.sleep(1e6)
PY
printf '#!/bin/sh\nexec sleep 1000000\n' >"$root/srv/idle"
chmod 755 "$root/srv/idle"

boot
say "booted: $(inside systemctl --version | head -n 1)"

# Root's apps, as a unit of the machine.
inside sh -c 'cd /srv && COLOUR=blue pm start web.py --name web -i 2 && pm start idle --name idle && pm stop idle' >/dev/null
inside pm save >/dev/null
inside pm startup
inside systemctl is-enabled --quiet pm-root || fail "the unit is not enabled"
inside pm kill >/dev/null
list=$(sum /root/.pm/saved.json)

# A user's, as a unit of their own with lingering.
inside loginctl enable-linger deploy
until_true "the user's manager" test -S "$root/proc/$leader/root/run/user/1000/bus" -o -S "/proc/$leader/root/run/user/1000/bus"
as_user sh -c 'cd /srv && pm start idle --name mine' >/dev/null
as_user pm save >/dev/null
as_user pm startup systemd-user
as_user pm kill >/dev/null
power_off

boot
until_true "root's apps after the boot" is inside web online
is inside idle stopped || fail "idle is $(status inside idle)"
test "$(pid inside web | wc -w)" = 2 || fail "web has pids: $(pid inside web)"
inside systemctl is-active --quiet pm-root || fail "the unit is not active"
main=$(inside systemctl show -p MainPID --value pm-root)
inside grep -q pm-root.service "/proc/$(pid inside web | head -n 1)/cgroup" || fail "web is not in the unit's cgroup"
inside grep -aq 'COLOUR=blue' "/proc/$(pid inside web | head -n 1)/environ" || fail "web lost its environment"
say "ok: root's apps are back after a boot, in the unit's cgroup, with their environment"
until_true "the user's app after the boot" is as_user mine online
as_user systemctl --user is-active --quiet pm || fail "the user's unit is not active"
say "ok: the user's apps are back after a boot, without a login"
test "$(sum /root/.pm/saved.json)" = "$list" || fail "the shutdown rewrote the saved list"
say "ok: the shutdown left the saved list alone"

# The main process is killed: the apps stay, and the unit is active again.
before=$(pid inside web)
inside systemctl kill --kill-who=main --signal=KILL pm-root
until_true "another main process" sh -c "test \"\$(nsenter -t $leader -a -- systemctl show -p MainPID --value pm-root)\" != $main"
until_true "an active unit" inside systemctl is-active --quiet pm-root
until_true "an answer" inside pm ping
test "$(pid inside web)" = "$before" || fail "web: $before became $(pid inside web)"
say "ok: a killed guardian costs no app"

inside systemctl reload pm-root
until_true "web after the reload" is inside web online
test "$(pid inside web)" != "$before" || fail "the reload did nothing"
say "ok: systemctl reload"

inside systemctl stop pm-root
for one in $(inside pgrep -f web.py || true); do fail "web survived the stop as $one"; done
test "$(sum /root/.pm/saved.json)" = "$list" || fail "the stop rewrote the saved list"
inside systemctl start pm-root
until_true "root's apps after stop and start" is inside web online
say "ok: systemctl stop takes everything down, start brings it back"

inside pm kill >/dev/null
until_true "an inactive unit" sh -c "test \"\$(nsenter -t $leader -a -- systemctl is-active pm-root)\" = inactive"
sleep 3
test "$(inside systemctl is-active pm-root)" = inactive || fail "pm kill was undone"
say "ok: pm kill stays"

inside pm unstartup
test ! -e "$root/etc/systemd/system/pm-root.service" || fail "the unit is still there"
power_off
boot
until_true "the user's app after the second boot" is as_user mine online
! inside pgrep -f web.py >/dev/null || fail "web was started although unstartup was said"
say "ok: after unstartup nothing of root's comes back, the user's does"
power_off
say "all is well"
