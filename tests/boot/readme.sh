#!/bin/bash
# The README's section "From nothing", typed word for word in a bare Debian: five Python projects run, and run again after a
# reboot. Then the other parcels are installed, run the example and are removed without a trace.
#
#   tests/boot/readme.sh [PARCELS]          PARCELS: the folder that parcels/build.py filled, target/parcels if left out
#
# What it needs stands in container.sh; the projects' own packages come from where pip has them from. BARE_ROOT keeps the installed
# system for the next time. Ends after twenty minutes in any case.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
if [ -z "${BOOT_BOUNDED:-}" ]; then
	exec env BOOT_BOUNDED=1 timeout --kill-after=20 1200 "$0" "$@"
fi
parcels=${1:-$here/target/parcels}
base=${BARE_ROOT:-/var/tmp/pm-bare-base}
. "$here/tests/boot/container.sh"

# As typed by somebody who has signed in: the first command that fails ends it.
typed() { inside PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 sh -ec "cd $1 && . /dev/stdin"; }
# What those say that have a port in the file, and that the bot has looked.
said() {
	for port in $(grep -o 'ready: "tcp://127.0.0.1:[0-9]*' "$root/srv/ecosystem.json5" | grep -o '[0-9]*$'); do
		inside python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())' "http://127.0.0.1:$port/"
	done | sort
	inside pm logs bot --nostream --lines 5 --raw | grep -om 1 "looked with requests"
}
all_five() { test "$(said)" = "$(printf 'api\nblog\nshop\nsite\nlooked with requests')"; }

project() {
	mkdir -p "$root/srv/$1"
	printf '%s\n' "$2" >"$root/srv/$1/requirements.txt"
	cat >"$root/srv/$1/$3"
}

install_system systemd,systemd-sysv,dbus
project shop "flask
gunicorn" app.py <<'PY'
from flask import Flask

app = Flask(__name__)


@app.get("/")
def index():
    return "shop"
PY
project blog "flask
gunicorn" app.py <<'PY'
from flask import Flask

app = Flask(__name__)


@app.get("/")
def index():
    return "blog"
PY
project api "fastapi
uvicorn" main.py <<'PY'
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

app = FastAPI()


@app.get("/", response_class=PlainTextResponse)
def index():
    return "api"
PY
project site "starlette
uvicorn" main.py <<'PY'
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

app = Starlette(routes=[Route("/", lambda request: PlainTextResponse("site"))])
PY
project bot "requests" bot.py <<'PY'
import time

import requests

if __name__ == "__main__":
    while True:
        print("looked with requests", requests.__version__, flush=True)
        time.sleep(5)
PY
cp "$parcels"/*.deb "$parcels"/*.whl "$parcels"/*.tar.gz "$root/srv/"
# Certificates are this machine's affair.
if [ -n "${PIP_CERT:-}" ]; then
	mkdir -p "$root/usr/local/share/ca-certificates"
	cp "$PIP_CERT" "$root/usr/local/share/ca-certificates/all.crt"
	printf '[global]\ncert = /usr/local/share/ca-certificates/all.crt\n' >"$root/etc/pip.conf"
fi

boot
begun=$SECONDS
lines=$(sed -n '/^## From nothing/,/^## /p' "$here/README.md" | sed -n '/^```sh$/,/^```$/p' | grep -v '^```')
test -n "$lines" || fail "the README has no such section"
printf '%s\n' "$lines" | grep -v '^reboot' | typed /srv || fail "what the README says"
say "ok: typed in $((SECONDS - begun)) s"

until_true "five apps" all_five
printf '%s\n' "$lines" | grep -q '^reboot$' || fail "the README does not reboot"
before=$leader
inside reboot || true
is_another() { find_leader && test "$leader" != "$before"; }
until_true "another boot" is_another
until_true "the boot" is_running
until_true "five apps after the reboot" all_five
test "$(inside pm jlist | python3 -c 'import json, sys; print(len([p for p in json.load(sys.stdin) if p["pm2_env"]["status"] == "online"]))')" = 5 || fail "not five apps"
say "ok: five apps run after a reboot"

# Each parcel brings the same program: it is installed, runs the example, and is removed.
example() {
	inside PM_HOME=/tmp/home "$1" start /usr/share/doc/pm/examples/ecosystem.json5 >/dev/null || fail "the example with $1"
	inside PM_HOME=/tmp/home "$1" list
	inside PM_HOME=/tmp/home "$1" kill >/dev/null
}
gone() { for path in "$@"; do test ! -e "$root$path" || fail "$path is left"; done; }
example pm
inside sh -ec 'python3 -m venv /tmp/venv && /tmp/venv/bin/pip install --quiet --no-index /srv/*.whl'
example /tmp/venv/bin/pm
inside /tmp/venv/bin/pip uninstall --quiet --yes pm-ecosystem
gone /tmp/venv/bin/pm
inside sh -ec 'mkdir /tmp/archive && cd /tmp/archive && tar --strip-components 1 -xzf /srv/pm-*.tar.gz'
example /tmp/archive/bin/pm
inside pm unstartup >/dev/null
inside pm kill >/dev/null
inside apt-get purge --yes --quiet pm >/dev/null
gone /usr/bin/pm /usr/share/doc/pm /usr/share/man/man1/pm.1.gz /etc/systemd/system/pm-root.service
say "ok: Debian package, wheel and archive are installed, run the example and leave nothing"
power_off
say "all is well"
