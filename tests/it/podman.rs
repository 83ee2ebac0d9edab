//! Compose files in real containers: Debian's podman, rootless, without a network. Images are made from scratch, with a static busybox.
//!
//! Everything is in a mount namespace of its own: a fresh `/run` and `/dev/shm`, where podman keeps what two of it must not share, and a
//! `/dev/net/tun` for everybody, as udev makes it and a bare machine does not.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use pm_testkit::{Home, Invocation, Run, copy_pm, free_port, signal};

use crate::article::wait_answer;

/// Becomes uid 65534 with a `/run` of its own; `$0` is the folder of everything, the rest what is run.
const ROOTLESS: &str = r#"set -e
mount --bind "$0/tun" /dev/net/tun
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mkdir -p /run/user/65534
chown 65534 /run/user/65534
exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@""#;

/// What a machine without systemd and without the right to raise limits needs.
const CONTAINERS: &str = r#"[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
"#;

const DOCKERFILE: &str = r#"FROM scratch
COPY busybox /bin/busybox
COPY busybox /bin/sh
COPY hello /www/hello
CMD ["/bin/sh", "-c", "trap 'echo bye; exit 42' TERM; echo serving; /bin/busybox httpd -f -p 5000 -h /www & wait"]
"#;

/// A user without rights, with a podman of its own.
struct Rootless(Home);

impl Rootless {
    fn new() -> Self {
        let root = rustix::process::geteuid().is_root();
        assert!(root, "this test becomes another user: run it as root");
        let home = Home::new();
        let folder = home.work().parent().unwrap().to_path_buf();
        copy_pm(&folder.join("pm"));
        let busybox =
            ["/usr/bin/busybox", "/bin/busybox"].into_iter().find(|it| Path::new(it).exists());
        let busybox = busybox.unwrap_or_else(|| panic!("no busybox here (Debian: busybox-static)"));
        home.file("project1/Dockerfile", DOCKERFILE);
        home.file("project1/hello", "hello");
        fs::copy(busybox, home.work().join("project1/busybox")).unwrap();
        fs::write(folder.join("containers.conf"), CONTAINERS).unwrap();
        let at = |name: &str| folder.join(name).display().to_string();
        let storage =
            format!("[storage]\ndriver = \"vfs\"\nrootless_storage_path = \"{}\"\n", at("images"));
        fs::write(folder.join("storage.conf"), storage).unwrap();
        let done = Command::new("mknod").args([&at("tun"), "c", "10", "200"]).status().unwrap();
        assert!(done.success(), "no device could be made");
        let done =
            Command::new("chown").arg("-R").arg("65534:65534").arg(&folder).status().unwrap();
        assert!(done.success());
        fs::set_permissions(folder.join("tun"), Permissions::from_mode(0o666)).unwrap();
        Self(home)
    }

    fn pm(&self, words: &[&str]) -> Run {
        let folder = self.0.work().parent().unwrap().to_path_buf();
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", ROOTLESS]).arg(&folder).arg(folder.join("pm"));
        command.args(words).current_dir(self.0.work()).env_clear();
        command.env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").env("HOME", &folder);
        command.env("XDG_RUNTIME_DIR", "/run/user/65534").env("PM_HOME", self.0.home().root());
        command.env("CONTAINERS_CONF", folder.join("containers.conf"));
        command.env("CONTAINERS_STORAGE_CONF", folder.join("storage.conf"));
        Invocation::new(command, self.0.home().root()).run()
    }

    fn statuses(&self) -> Vec<(String, String)> {
        self.0.rows().into_iter().map(|row| (row.name, row.status.as_str().to_owned())).collect()
    }

    /// Waits until a log is this.
    fn logged(&self, file: &str, text: &str) {
        self.0.wait_file(self.0.home().logs().join(file), |log| log == text.as_bytes());
    }

    /// Who watches over containers, and lives as long as they do: conmon is told where the images lie.
    fn remains(&self) -> Vec<u32> {
        let images = self.0.work().parent().unwrap().join("images").display().to_string();
        let own = lines().into_iter().filter(|(_, line)| line.contains(&images));
        own.map(|(pid, _)| pid).collect()
    }
}

impl Drop for Rootless {
    /// Also a test that failed leaves no container behind.
    fn drop(&mut self) {
        self.0.run(["-s", "kill"]);
        for pid in self.remains() {
            let inside = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
            let inside = inside.unwrap_or_default();
            Command::new("kill").arg("-9").args(inside.split_whitespace()).output().ok();
        }
    }
}

/// Command lines, with a blank between words.
fn lines() -> Vec<(u32, String)> {
    let read = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        Some((pid, String::from_utf8_lossy(&line).replace('\0', " ")))
    };
    fs::read_dir("/proc").unwrap().flatten().filter_map(read).collect()
}

fn all(words: &[(&str, &str)]) -> Vec<(String, String)> {
    words.iter().map(|(name, status)| ((*name).to_owned(), (*status).to_owned())).collect()
}

#[test]
fn services_of_both_kinds_live_with_rootless_podman() {
    let there = Rootless::new();
    let home = &there.0;
    // The founding article's own.
    let port = free_port();
    let file = format!("services:\n  web-app-1: {{build: ./project1, ports: [\"{port}:5000\"]}}\n");
    home.file("compose.yaml", file);
    there.pm(&["up"]).ok();
    assert_eq!(there.statuses(), all(&[("web-app-1-build", "stopped"), ("web-app-1", "online")]));
    assert_eq!(wait_answer(home, port), "hello");
    there.logged("web-app-1-out.log", "serving\n");
    there.pm(&["logs", "web-app-1", "--nostream"]).ok().says("serving");
    there.pm(&["stop", "web-app-1"]).ok();
    home.run(["history", "web-app-1"]).ok().says("exited with code 42");
    there.logged("web-app-1-out.log", "serving\nbye\n");
    there.pm(&["down"]).ok();
    assert!(home.rows().is_empty());
    // An image that is not here, and a registry where nobody answers.
    home.file("compose.yaml", "services:\n  gone: {image: localhost/nobody-made-this}\n");
    let told = there.pm(&["up"]).ends(1);
    told.complains("localhost/nobody-made-this is not on this machine")
        .complains("podman load -i FILE");
    there.pm(&["down"]).ok();

    // Both kinds, each waiting for the other; whatever the image is of was built above.
    let mark = home.work().parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    let file = format!(
        r#"name: shop
x-image: &image {{image: localhost/work-web-app-1}}
services:
  web:
    <<: *image
    command: [/bin/busybox, httpd, -f, -r, {mark}, -p, "5000", -h, /www]
    healthcheck: {{test: [CMD, busybox, wget, -qO/dev/null, "127.0.0.1:5000/hello"], interval: 100ms, retries: 999}}
    restart: always
    stop_grace_period: 0s
    ports: ["{port}:5000"]
  migrate:
    <<: *image
    command: [/bin/sh, -c, "echo migrated $$WHO"]
    environment: {{WHO: shop}}
    depends_on: {{web: {{condition: service_healthy}}}}
  host:
    command: [sh, -c, "echo host; exec sleep 1000"]
    depends_on: {{migrate: {{condition: service_completed_successfully}}}}
  debug: {{<<: *image, profiles: [debug]}}
"#
    );
    home.file("shop.yaml", file);
    there.pm(&["up", "shop.yaml"]).ok();
    let up = [("web", "online"), ("migrate", "stopped"), ("host", "online")];
    assert_eq!(there.statuses(), all(&up));
    there.logged("migrate-out.log", "migrated shop\n");
    assert_eq!(wait_answer(home, port), "hello");
    let before = home.rows();
    // The container is killed from outside while no daemon is there to see it.
    let inside = lines()
        .into_iter()
        .find(|(_, line)| line.starts_with("/bin/busybox ") && line.contains(&mark));
    let daemon = home.hello().pid;
    signal(daemon, 9);
    signal(inside.unwrap().0, 9);
    let web = home.wait_new_pid("web", before[0].pid);
    assert!(web.restarts > 0);
    assert_eq!(home.row("host").pid, before[2].pid);
    assert_ne!(home.hello().pid, daemon);
    home.run(["history", "web"]).ok().says("with code 137");
    assert_eq!(wait_answer(home, port), "hello");
    there.pm(&["up", "shop.yaml", "--profile", "debug"]).ok().says("web (0) unchanged");
    assert_eq!(home.row("debug").status.as_str(), "online");
    assert!(!there.remains().is_empty(), "containers have somebody who watches over them");
    there.pm(&["down", "shop.yaml"]).ok();
    assert!(home.rows().is_empty());
    home.wait_until("nothing of a container is left", || there.remains().is_empty());
}
