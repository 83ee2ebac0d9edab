#!/usr/bin/env python3
"""Packs one built `pm` for each way of installing it. Nothing is compiled or published here.

    parcels/build.py BINARY MAN_PAGES OUT [KIND...]     kinds: tar deb rpm wheel npm sbom; default: all but rpm

Equal inputs make equal parcels, byte for byte: all times are SOURCE_DATE_EPOCH (default: that of the last commit), all
owners root. PARCEL_LEVEL is how hard they are compressed, 1 to 9 (default). `deb` needs dpkg-deb, `rpm` needs rpmbuild, `sbom` needs cargo. docs/install.md says how each is installed.
"""

import base64
import gzip
import hashlib
import io
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import textwrap
import tomllib
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEXT = "Keeps programs running on a server: restarts, logs, health, reloads without a gap"
LEVEL = int(os.environ.get("PARCEL_LEVEL", "9"))
LONG = TEXT + """.
One file names the apps, one command starts them. They survive the death and the update of their manager, and no byte of
their output is lost."""
MACHINES = {  # as each system calls them
    "x86_64": {"deb": "amd64", "npm": "x64"},
    "aarch64": {"deb": "arm64", "npm": "arm64"},
}


def version():
    return tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]


def epoch():
    known = os.environ.get("SOURCE_DATE_EPOCH")
    if known is None:
        known = subprocess.check_output(["git", "log", "-1", "--format=%ct"], cwd=ROOT, text=True)
    return int(known)


def completion(binary, shell):
    return subprocess.check_output([binary, "completion", shell], env={"PM_HOME": "/nonexistent"})


def files(binary, pages):
    """What every system installation has, by its place below the root: the bytes and the mode."""
    found = {"usr/bin/pm": (binary.read_bytes(), 0o755)}
    for page in sorted(pages.glob("*.1")):
        found[f"usr/share/man/man1/{page.name}.gz"] = (packed(page.read_bytes()), 0o644)
    places = {
        "bash": "bash-completion/completions/pm",
        "zsh": "zsh/vendor-completions/_pm",
        "fish": "fish/vendor_completions.d/pm.fish",
    }
    for shell, place in places.items():
        found[f"usr/share/{place}"] = (completion(binary, shell), 0o644)
    for name, place in {
        "schema/ecosystem.json": "pm/ecosystem.schema.json",
        "ecosystem.example.json5": "doc/pm/examples/ecosystem.json5",
    }.items():
        found[f"usr/share/{place}"] = ((ROOT / name).read_bytes(), 0o644)
    return found


def packed(data):
    """gzip without a name and a time."""
    return gzip.compress(data, LEVEL, mtime=0)


def entry(name, data, mode):
    told = tarfile.TarInfo(name)
    told.size, told.mode, told.mtime = len(data), mode, epoch()
    told.uname = told.gname = "root"
    return told


def tarball(out, name, contents):
    """A .tar.gz of files, without entries for folders."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for place, (data, mode) in sorted(contents.items()):
            tar.addfile(entry(place, data, mode), io.BytesIO(data))
    (out / name).write_bytes(packed(raw.getvalue()))


def licences():
    return {name: ((ROOT / name).read_bytes(), 0o644) for name in ("LICENSE-MIT", "LICENSE-APACHE")}


def tar(out, contents, machine):
    folder = f"pm-{version()}-{machine}-linux"
    inside = {place.removeprefix("usr/"): one for place, one in contents.items()} | licences()
    tarball(out, f"{folder}.tar.gz", {f"{folder}/{place}": one for place, one in inside.items()})


def laid(root, contents):
    """The files below a folder, for tools that want to see them."""
    for place, (data, mode) in contents.items():
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(mode)
    for folder, _, names in os.walk(root):
        os.chmod(folder, 0o755)
        for path in [folder, *(os.path.join(folder, name) for name in names)]:
            os.utime(path, (epoch(), epoch()))


def copyright_text():
    mit = (ROOT / "LICENSE-MIT").read_text()
    body = "\n".join(f" {line}" if line.strip() else " ." for line in mit.splitlines())
    return (
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
        "Upstream-Name: pm\n\nFiles: *\nCopyright: the pm authors\n"
        "License: Apache-2.0 or Expat\n\nLicense: Apache-2.0\n"
        " See /usr/share/common-licenses/Apache-2.0\n\nLicense: Expat\n" + body + "\n"
    )


def wrapped(text):
    """As an extended description: a blank before each line, and none longer than 80."""
    return "\n".join(f" {line}" for line in textwrap.wrap(text.replace("\n", " "), 76))


def deb(out, contents, machine):
    number, arch = f"{version()}-1", MACHINES[machine]["deb"]
    date = subprocess.check_output(["date", "-u", "-R", "-d", f"@{epoch()}"], text=True).strip()
    news = f"pm ({number}) unstable; urgency=medium\n\n  * Built from its source tree; CHANGELOG.md there says what is new.\n\n -- The pm authors <pm@example.invalid>  {date}\n"
    own = {
        "usr/share/doc/pm/changelog.Debian.gz": (packed(news.encode()), 0o644),
        "usr/share/doc/pm/copyright": (copyright_text().encode(), 0o644),
        "usr/share/lintian/overrides/pm": ((ROOT / "parcels/lintian-overrides").read_bytes(), 0o644),
    }
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(temporary) / "pm"
        everything = contents | own
        size = sum(len(data) for data, _ in everything.values()) // 1024 + 1
        control = (
            f"Package: pm\nVersion: {number}\nArchitecture: {arch}\nSection: admin\nPriority: optional\n"
            f"Installed-Size: {size}\nMaintainer: The pm authors <pm@example.invalid>\n"
            "Recommends: curl\nSuggests: openssh-client\n"
            f"Description: ecosystem process manager\n{wrapped(LONG)}\n"
        )
        sums = "".join(
            f"{hashlib.md5(data).hexdigest()}  {place}\n" for place, (data, _) in sorted(everything.items())
        )
        everything["DEBIAN/control"] = (control.encode(), 0o644)
        everything["DEBIAN/md5sums"] = (sums.encode(), 0o644)
        laid(root, everything)
        subprocess.run(
            ["dpkg-deb", f"-z{LEVEL}", "--root-owner-group", "--build", root, out / f"pm_{number}_{arch}.deb"],
            env=os.environ | {"SOURCE_DATE_EPOCH": str(epoch())}, check=True, stdout=subprocess.DEVNULL,
        )


def rpm(out, contents, machine):
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(temporary) / "root"
        laid(root, contents | {f"usr/share/licenses/pm/{name}": one for name, one in licences().items()})
        listed = "\n".join(f"/{path.relative_to(root)}" for path in sorted(root.rglob("*")) if path.is_file())
        spec = pathlib.Path(temporary) / "pm.spec"
        spec.write_text(
            f"Name: pm\nVersion: {version()}\nRelease: 1\nSummary: {TEXT}\nLicense: MIT OR Apache-2.0\n"
            f"AutoReqProv: no\n%description\n{TEXT}.\n%install\ncp -a {root}/. %{{buildroot}}/\n%files\n{listed}\n"
        )
        flags = {
            "_topdir": temporary + "/top", "_rpmdir": str(out), "_build_name_fmt": "%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm",
            "__strip": "/bin/true", "debug_package": "%{nil}", "__brp_compress": "%{nil}", "_buildhost": "reproducible",
            "use_source_date_epoch_as_buildtime": "1", "clamp_mtime_to_source_date_epoch": "1", "__os_install_post": "%{nil}",
        }
        defines = [part for name, value in flags.items() for part in ("--define", f"{name} {value}")]
        subprocess.run(
            ["rpmbuild", "-bb", "--quiet", "--target", machine, *defines, spec],
            env=os.environ | {"SOURCE_DATE_EPOCH": str(epoch())}, check=True,
        )


def wheel(out, contents, machine):
    """PEP 427: the binary as a script, so that no Python runs when `pm` is typed."""
    name, tag = f"pm_ecosystem-{version()}", f"py3-none-manylinux_2_17_{machine}.musllinux_1_2_{machine}"
    meta = (
        f"Metadata-Version: 2.1\nName: pm-ecosystem\nVersion: {version()}\nSummary: {TEXT}\n"
        "License: MIT OR Apache-2.0\nDescription-Content-Type: text/markdown\n\n"
    )
    tags = "".join(f"Tag: py3-none-{one}\n" for one in tag.removeprefix("py3-none-").split("."))
    inside = {
        f"{name}.data/scripts/pm": contents["usr/bin/pm"],
        f"{name}.dist-info/METADATA": (meta.encode() + (ROOT / "README.md").read_bytes(), 0o644),
        f"{name}.dist-info/WHEEL": (f"Wheel-Version: 1.0\nGenerator: pm\nRoot-Is-Purelib: false\n{tags}".encode(), 0o644),
    }
    inside |= {f"{name}.dist-info/licenses/{file}": one for file, one in licences().items()}
    record = ""
    for place, (data, _) in sorted(inside.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{place},sha256={digest},{len(data)}\n"
    inside[f"{name}.dist-info/RECORD"] = (f"{record}{name}.dist-info/RECORD,,\n".encode(), 0o644)
    with zipfile.ZipFile(out / f"{name}-{tag}.whl", "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as whl:
        for place, (data, mode) in sorted(inside.items()):
            told = zipfile.ZipInfo(place, (1980, 1, 1, 0, 0, 0))
            told.external_attr, told.compress_type = (0o100000 | mode) << 16, zipfile.ZIP_DEFLATED
            whl.writestr(told, data, compresslevel=LEVEL)


def npm(out, contents, machine):
    """The binary itself is the command: neither Node nor an install script runs."""
    about = {
        "name": "pm-ecosystem", "version": version(), "description": TEXT, "license": "MIT OR Apache-2.0",
        "bin": {"pm": "bin/pm"}, "os": ["linux"], "cpu": [MACHINES[machine]["npm"]],
    }
    inside = {
        "package/package.json": ((json.dumps(about, indent=2) + "\n").encode(), 0o644),
        "package/bin/pm": contents["usr/bin/pm"],
        "package/README.md": ((ROOT / "README.md").read_bytes(), 0o644),
    }
    inside |= {f"package/{name}": one for name, one in licences().items()}
    tarball(out, f"pm-ecosystem-{version()}-{MACHINES[machine]['npm']}.tgz", inside)


def sbom(out, _contents, machine):
    """CycloneDX 1.5: what is linked into the binary, with licences. One without a licence we may ship under is an error."""
    told = json.loads(subprocess.check_output(
        ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", f"{machine}-unknown-linux-gnu"],
        cwd=ROOT,
    ))
    packages = {one["id"]: one for one in told["packages"]}
    nodes = {one["id"]: one for one in told["resolve"]["nodes"]}
    root = next(id for id, one in packages.items() if one["name"] == "pm" and one["source"] is None)
    linked, waiting = set(), [root]
    while waiting:
        one = waiting.pop()
        if one in linked:
            continue
        linked.add(one)
        for dependency in nodes[one]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                waiting.append(dependency["pkg"])
    ours = {"MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "Unicode-3.0", "Unlicense", "0BSD", "CC0-1.0"}
    parts = []
    for id in sorted(linked, key=lambda id: (packages[id]["name"], packages[id]["version"])):
        one = packages[id]
        expression = re.sub(r"\s*/\s*", " OR ", one["license"] or "none")
        words = re.sub(r"[()]", "", expression)
        if not any(set(choice.split(" AND ")) <= ours for choice in words.split(" OR ")):
            sys.exit(f"sbom: {one['name']} {one['version']} has the licence {one['license']}: may pm be shipped with it?")
        part = {"type": "library", "name": one["name"], "version": one["version"], "licenses": [{"expression": expression}]}
        if one["source"]:
            part["purl"] = f"pkg:cargo/{one['name']}@{one['version']}"
        parts.append(part)
    document = {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": {"type": "application", "name": "pm", "version": version()}},
        "components": parts,
    }
    (out / "pm.cdx.json").write_text(json.dumps(document, indent=1) + "\n")


KINDS = {"tar": tar, "deb": deb, "rpm": rpm, "wheel": wheel, "npm": npm, "sbom": sbom}


def main():
    if len(sys.argv) < 4 or any(kind not in KINDS for kind in sys.argv[4:]):
        sys.exit(__doc__)
    binary, pages, out = (pathlib.Path(word).resolve() for word in sys.argv[1:4])
    if not list(pages.glob("*.1")):
        sys.exit(f"no man pages in {pages}: `PM_MAN={pages} cargo test --bin pm man_pages` writes them")
    out.mkdir(parents=True, exist_ok=True)
    contents = files(binary, pages)
    for kind in sys.argv[4:] or [kind for kind in KINDS if kind != "rpm"]:
        if kind in ("deb", "rpm") and shutil.which({"deb": "dpkg-deb", "rpm": "rpmbuild"}[kind]) is None:
            sys.exit(f"{kind}: no {'dpkg-deb' if kind == 'deb' else 'rpmbuild'} on this machine")
        KINDS[kind](out, contents, platform.machine())
    for path in sorted(out.iterdir()):
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}")


if __name__ == "__main__":
    main()
