#!/bin/bash
# A real boot: systemd as process 1 of a container that this script makes (debootstrap, systemd-nspawn), the apps of root
# as a unit of the machine and those of a user as a unit of their own, then power off and on.
#
#   tests/boot/boot.sh [PM]          PM: the binary, target/*/release/pm if left out
#
# What it needs stands in container.sh. BOOT_ROOT keeps the installed system for the next time. Ends after ten minutes in any case.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
if [ -z "${BOOT_BOUNDED:-}" ]; then
	exec env BOOT_BOUNDED=1 timeout --kill-after=20 600 "$0" "$@"
fi
pm=${1:-$(ls "$here"/target/release/pm "$here"/target/*/release/pm 2>/dev/null | head -n 1)}
base=${BOOT_ROOT:-/var/tmp/pm-boot-base}
. "$here/tests/boot/container.sh"

as_user() {
	inside setpriv --reuid 1000 --regid 1000 --init-groups env HOME=/home/deploy USER=deploy XDG_RUNTIME_DIR=/run/user/1000 "$@"
}

# status USER-FUNCTION NAME
status() { "$1" pm jlist | python3 -c 'import json, sys
print(next((p["pm2_env"]["status"] for p in json.load(sys.stdin) if p["name"] == sys.argv[1]), "unknown"))' "$2"; }
pid() { "$1" pm pid "$2"; }
is() { test "$(status "$1" "$2")" = "$3"; }
sum() { sha256sum "$root$1" | cut -d' ' -f1; }

test -x "$pm" || fail "no binary at $pm"
install_system systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,procps,python3-minimal
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
