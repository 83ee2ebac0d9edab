//! `pm domain` with the real Caddy and nginx of the machine, each a process of the test with a config of its own.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use pm_testkit::{Home, Run, free_port, signal};

use crate::homes::as_nobody;
use crate::http::{Answer, raw};

/// Says what it was sent; a call for a WebSocket is answered and echoed.
const APP: &str = r#"
import socket, sys, threading
at = sys.argv[1]
if at.startswith("/"):
    server = socket.socket(socket.AF_UNIX); server.bind(at)
else:
    server = socket.socket(); server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", int(at)))
server.listen()
def serve(s):
    head = b""
    while b"\r\n\r\n" not in head:
        got = s.recv(4096)
        if not got: return
        head += got
    if b"upgrade: websocket" in head.lower() and b"connection: upgrade" in head.lower():
        s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        while True:
            got = s.recv(4096)
            if not got: return
            s.sendall(got.upper())
    s.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(head), head))
    s.close()
while True:
    s, _ = server.accept()
    threading.Thread(target=serve, args=(s,), daemon=True).start()
"#;

/// Asks over TLS, whoever signed the certificate.
const ASK: &str = r#"
import socket, ssl, sys
port, name = int(sys.argv[1]), sys.argv[2]
tls = ssl._create_unverified_context()
s = tls.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname=name)
s.sendall(b"GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % name.encode())
all = b""
while True:
    got = s.recv(4096)
    if not got: break
    all += got
print(all.decode())
"#;

/// A web server of the test.
pub(crate) struct Proxy {
    kind: &'static str,
    pub(crate) config: PathBuf,
    /// Where it answers: plain HTTP, and its TLS.
    ports: (u16, u16),
    child: Option<Child>,
}

impl Proxy {
    /// With a config that reads our files, not running yet.
    fn new(home: &Home, kind: &'static str) -> Self {
        let work = home.work();
        let at = work.display();
        let ports = (free_port(), free_port());
        let (name, text) = match kind {
            "caddy" => (
                "etc/Caddyfile",
                format!(
                    "{{\n\tadmin localhost:{}\n\thttp_port {}\n\thttps_port {}\n\tlocal_certs\n\
                     \tskip_install_trust\n\tstorage file_system {at}/store\n}}\n\
                     import pm.d/*.caddy\n",
                    free_port(),
                    ports.0,
                    ports.1
                ),
            ),
            _ => (
                "etc/nginx.conf",
                format!(
                    "user root;\ndaemon off;\npid {at}/nginx.pid;\nerror_log {at}/nginx.log;\nevents {{}}\n\
                     http {{\n    access_log off;\n    client_body_temp_path {at}/body;\n    \
                     server {{ listen {}; server_name old.example.org; }}\n    \
                     include {at}/etc/conf.d/*.conf;\n}}\n",
                    ports.0
                ),
            ),
        };
        Self { kind, config: home.file(name, text), ports, child: None }
    }

    pub(crate) fn running(home: &Home, kind: &'static str) -> Self {
        let mut proxy = Self::new(home, kind);
        proxy.start(home);
        proxy
    }

    fn start(&mut self, home: &Home) {
        self.stop();
        let mut command = Command::new(program(self.kind));
        match self.kind {
            "caddy" => command.args(["run", "--adapter", "caddyfile", "--config"]),
            _ => command.arg("-c"),
        };
        command.arg(&self.config).env("HOME", home.work());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap());
        let config = fs::read_to_string(&self.config).unwrap();
        let admin = config.split("admin localhost:").nth(1).and_then(|it| it.lines().next());
        let port = admin.map_or(self.ports.0, |port| port.parse().unwrap());
        home.wait_until("the web server listens", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Its workers go with it.
            signal(child.id(), 15);
            child.wait().unwrap();
        }
    }

    fn folder(&self) -> PathBuf {
        let name = if self.kind == "caddy" { "pm.d" } else { "conf.d" };
        self.config.parent().unwrap().join(name)
    }

    /// The file of a domain.
    fn file(&self, name: &str) -> PathBuf {
        let ending = if self.kind == "caddy" { "caddy" } else { "conf" };
        self.folder().join(format!("pm-{name}.{ending}"))
    }

    /// `pm domain ...` with this web server.
    fn domain(&self, home: &Home, words: &[&str]) -> Run {
        self.call(home, words).run()
    }

    fn call(&self, home: &Home, words: &[&str]) -> pm_testkit::Invocation {
        let config = self.config.to_str().unwrap();
        home.pm([&["domain"], words, &["--config", config]].concat())
    }

    /// What a domain answers; nothing where it has no certificate, or nobody listens.
    fn answer(&self, name: &str) -> String {
        if self.kind == "caddy" {
            let port = self.ports.1.to_string();
            let output = Command::new("python3").args(["-c", ASK, &port, name]).output().unwrap();
            return String::from_utf8_lossy(&output.stdout).into_owned();
        }
        get(self.ports.0, name).text()
    }

    /// All files of its config, by what stands in them.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut all = vec![(self.config.clone(), fs::read(&self.config).unwrap())];
        for entry in fs::read_dir(self.folder()).into_iter().flatten() {
            let path = entry.unwrap().path();
            all.push((path.clone(), fs::read(path).unwrap()));
        }
        all.sort();
        all
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop();
    }
}

fn program(kind: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.map(|folder| folder.join(kind)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("this test needs {kind}: apt install {kind}"))
}

fn get(port: u16, name: &str) -> Answer {
    raw(port, &format!("GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"))
}

/// The app `shop`, which listens at a port or a socket.
fn shop(home: &Home, at: &str) {
    let app = home.file("app.py", APP);
    let app = app.to_str().unwrap();
    home.run(["start", app, "--name", "shop", "--interpreter", "python3", "--", at]).ok();
    if let Ok(port) = at.parse::<u16>() {
        home.wait_until("pm sees where the app listens", || {
            home.row("shop").usage.listens.iter().any(|at| at.port() == port)
        });
    }
}

pub(crate) fn listens(home: &Home) -> u16 {
    let port = free_port();
    shop(home, &port.to_string());
    port
}

/// Until a domain is answered by the app.
pub(crate) fn served(home: &Home, proxy: &Proxy, name: &str) {
    home.wait_until(&format!("{name} is served"), || {
        proxy.answer(name).to_lowercase().contains(&format!("\nhost: {name}"))
    });
}

pub(crate) const NAME: &str = "shop.example.org";

fn a_domain_leads_to_an_app_until_it_is_removed(kind: &'static str) {
    let home = Home::new();
    let port = listens(&home);
    let mut proxy = Proxy::running(&home, kind);
    let before = proxy.files();
    let at = proxy.ports.0.to_string();
    let words: &[&str] = if kind == "nginx" { &["--listen", &at] } else { &[] };
    let add = |more: &[&str]| {
        let own = ["add", "Shop.example.org", "shop"];
        proxy.domain(&home, &[&own, words, more].concat())
    };

    // It is shown first, and nothing is done without a yes.
    let file = proxy.file(NAME);
    let shown = add(&["--dry-run"]).ok();
    let head =
        format!("# pm domain {{\"name\":\"{NAME}\",\"app\":\"shop\",\"to\":\"127.0.0.1:{port}\"");
    shown.says(&format!("would write {}", file.display())).says(&head).says("would run ");
    let plan = add(&["--dry-run", "--json"]).ok().json();
    assert_eq!(plan["commands"].as_array().unwrap().len(), 2, "{plan:#}");
    add(&[]).ends(2).complains("nothing was done: nobody could be asked");
    assert_eq!(proxy.files(), before);

    let done = add(&["--yes"]).ok();
    done.says(&format!("{NAME} leads to shop"));
    assert_eq!(fs::read_to_string(&file).unwrap(), plan["text"].as_str().unwrap());
    served(&home, &proxy, NAME);
    proxy.start(&home);
    served(&home, &proxy, NAME);

    // The same name again, whoever asks for it.
    proxy.domain(&home, &["add", NAME, "shop", "--yes"]).ends(1).complains("leads to shop already");

    // It was told where the config is, and remembers it.
    let list = || home.run(["domain", "list", "--json"]).ok().json();
    let row = &list()["domains"][0];
    assert_eq!((&row["name"], &row["app"]), (&NAME.into(), &"shop".into()));
    assert_eq!((&row["proxy"], &row["note"]), (&kind.into(), &serde_json::Value::Null));
    home.run(["domain", "list"]).ok().says(NAME).says(&format!("127.0.0.1:{port}"));
    home.run(["delete", "shop"]).ok();
    assert_eq!(list()["domains"][0]["note"], "no app");
    assert!(file.exists());

    home.run(["domain", "remove", NAME]).ok().says("no longer served");
    assert!(!file.exists() && list()["domains"].as_array().unwrap().is_empty());
    assert_eq!(proxy.files(), before);
    home.run(["domain", "remove", NAME]).ends(1).complains("no domain is called");
    home.wait_until("nobody answers", || !proxy.answer(NAME).contains("shop.example.org"));
}

#[test]
fn caddy_serves_a_domain_and_serves_it_again_when_it_was_restarted() {
    a_domain_leads_to_an_app_until_it_is_removed("caddy");
}

#[test]
fn nginx_serves_a_domain_and_serves_it_again_when_it_was_restarted() {
    a_domain_leads_to_an_app_until_it_is_removed("nginx");
}

#[test]
fn what_a_proxy_refuses_is_undone_and_told_in_its_words() {
    for (kind, broken, words) in [
        ("caddy", "a.example.org {\n\tnonsense\n}\n", "unrecognized directive: nonsense"),
        ("nginx", "nonsense;\n", "unknown directive \"nonsense\""),
    ] {
        let home = Home::new();
        listens(&home);
        let mut proxy = Proxy::running(&home, kind);
        let good = fs::read_to_string(&proxy.config).unwrap();
        let add =
            |name: &str| proxy.domain(&home, &["add", name, "shop", "--yes", "--listen", "1"]);

        // A config that is broken already, and that of nobody's doing.
        fs::write(&proxy.config, format!("{good}{broken}")).unwrap();
        let before = proxy.files();
        add(NAME).ends(1).complains(words).complains("nothing was done");
        assert_eq!(proxy.files(), before);

        // A config that does not read our files.
        let without: Vec<_> = good.lines().filter(|line| !line.contains("*.c")).collect();
        fs::write(&proxy.config, without.join("\n") + "\n").unwrap();
        let before = proxy.files();
        let run = add(NAME).ends(1).complains("does not read the files in");
        run.complains("hint: once, a line of its own").complains("everything is as it was");
        assert_eq!(proxy.files(), before);

        // Names others serve.
        let other = if kind == "caddy" { "old.example.org {\n}\n" } else { "" };
        fs::write(&proxy.config, format!("{good}{other}")).unwrap();
        add("OLD.example.org").ends(1).complains("old.example.org is served already");

        // A file of somebody else is nobody's to write or to take away.
        fs::create_dir_all(proxy.folder()).unwrap();
        fs::write(proxy.file(NAME), "# mine\n").unwrap();
        add(NAME).ends(1).complains("pm did not write it");
        proxy.domain(&home, &["remove", NAME]).ends(1).complains("pm did not write it");
        assert_eq!(fs::read(proxy.file(NAME)).unwrap(), b"# mine\n");
        fs::remove_file(proxy.file(NAME)).unwrap();

        // One that does not run can't take anything over.
        proxy.stop();
        let before = proxy.files();
        let run = proxy.domain(&home, &["add", NAME, "shop", "--yes"]).ends(1);
        run.complains("could not run `").complains("everything is as it was");
        assert_eq!(proxy.files(), before);
    }
}

/// A program of this name that stays where its first word is this one, and else is the real one.
fn stays(home: &Home, kind: &str, word: &str) -> String {
    let real = program(kind);
    let reached = home.work().join("reached");
    let body = format!(
        "for it in \"$@\"; do if [ \"$it\" = \"{word}\" ]; then : >{}; exec sleep 1000; fi; done\nexec {} \"$@\"",
        reached.display(),
        real.display()
    );
    let script = home.script(format!("bin/{kind}"), &body);
    format!("{}:{}", script.parent().unwrap().display(), std::env::var("PATH").unwrap())
}

#[test]
fn what_a_killed_command_left_is_put_back_by_the_next() {
    for (kind, word) in [("caddy", "validate"), ("nginx", "-t")] {
        let home = Home::new();
        listens(&home);
        let proxy = Proxy::running(&home, kind);
        let at = proxy.ports.0.to_string();
        let words: &[&str] = if kind == "nginx" { &["--listen", &at] } else { &[] };
        let add = |name| [&["add", name, "shop", "--yes"], words].concat();
        let path = stays(&home, kind, word);
        let killed = |words: &[&str]| {
            let mut call = proxy.call(&home, words).env("PATH", &path).background();
            home.wait_until("it asks the web server", || home.work().join("reached").exists());
            call.signal(9);
            call.wait();
            fs::remove_file(home.work().join("reached")).unwrap();
        };
        let note =
            || proxy.domain(&home, &["list", "--json"]).ok().json()["domains"][0]["note"].clone();

        killed(&add(NAME));
        assert!(proxy.file(NAME).exists());
        assert!(note().as_str().unwrap().starts_with("not finished"), "{kind}");
        let run = proxy.domain(&home, &add("two.example.org")).ok();
        run.complains(&format!("put back {NAME} as it was"));
        assert!(!proxy.file(NAME).exists());
        served(&home, &proxy, "two.example.org");

        // The same of one that was to go.
        let before = proxy.files();
        killed(&["remove", "two.example.org"]);
        assert!(!proxy.file("two.example.org").exists());
        assert!(note().as_str().unwrap().starts_with("not finished"), "{kind}");
        let run = proxy.domain(&home, &add(NAME)).ok();
        run.complains("put back two.example.org as it was");
        served(&home, &proxy, "two.example.org");
        served(&home, &proxy, NAME);
        proxy.domain(&home, &["remove", NAME]).ok();
        assert_eq!(proxy.files(), before);
    }
}

#[test]
fn a_socket_is_led_to_and_a_websocket_passes() {
    for kind in ["caddy", "nginx"] {
        let home = Home::new();
        let socket = home.work().join("shop.sock");
        let socket = socket.to_str().unwrap();
        shop(&home, socket);
        home.wait_until("the app listens", || Path::new(socket).exists());
        let proxy = Proxy::running(&home, kind);
        let add = |more: &[&str]| {
            let at = proxy.ports.0.to_string();
            let listen: &[&str] = if kind == "nginx" { &["--listen", &at] } else { &[] };
            let own = ["add", NAME, "shop", "--yes"];
            proxy.domain(&home, &[&own, listen, more].concat())
        };
        add(&[]).ends(1).complains("could not find out where shop listens");
        add(&["--socket", "/tmp/a b"]).ends(2).complains("could not name the socket");
        add(&["--socket", socket]).ok().says(&format!("unix:{socket}"));
        served(&home, &proxy, NAME);
        if kind == "nginx" {
            websocket(&home, proxy.ports.0);
        }
    }
}

fn websocket(home: &Home, port: u16) {
    let head = format!(
        "GET / HTTP/1.1\r\nHost: {NAME}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    );
    let until = |stream: &mut TcpStream, end: &[u8]| {
        let (mut seen, mut byte) = (Vec::new(), [0]);
        while !seen.ends_with(end) && stream.read(&mut byte).unwrap() == 1 {
            seen.push(byte[0]);
        }
        seen
    };
    // Right after a reload a worker of before may still answer.
    home.wait_until("a WebSocket is answered", || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        if !until(&mut stream, b"\r\n\r\n").starts_with(b"HTTP/1.1 101 ") {
            return false;
        }
        stream.write_all(b"hello").unwrap();
        until(&mut stream, b"HELLO").ends_with(b"HELLO")
    });
}

#[test]
fn nothing_but_a_domain_and_one_app_gets_into_a_file() {
    let home = Home::new();
    listens(&home);
    let proxy = Proxy::new(&home, "caddy");
    let before = proxy.files();
    for bad in [
        "shop",
        "a.b;",
        "{$HOME}.b",
        "a.b\n}",
        "../a.b",
        "*.a.b",
        "127.0.0.1",
        "中文.example",
        "a b.c",
    ] {
        let config = proxy.config.to_str().unwrap();
        home.run(["domain", "add", "--yes", "--config", config, "--", bad, "shop"])
            .ends(2)
            .complains("as a domain");
    }
    let add = |app: &str| proxy.domain(&home, &["add", NAME, app, "--yes"]);
    add("nosuch").ends(1).complains("no app matches");
    let other = home.work().join("app.py");
    let other = [other.to_str().unwrap(), "--interpreter", "python3", "--name", "other"];
    let at = free_port().to_string();
    home.run([&["start"], &other[..], &["--", &at]].concat()).ok();
    add("all").ends(2).complains("a domain leads to one app");
    home.run(["domain", "add", NAME, "shop", "--config", "/nosuch"]).ends(2).complains("/nosuch");
    assert_eq!(proxy.files(), before);
}

#[test]
fn who_may_not_write_there_is_told_what_root_types() {
    assert!(rustix::process::geteuid().is_root(), "this test becomes another user: run it as root");
    let home = Home::new();
    let mut proxy = Proxy::new(&home, "caddy");
    // Its own authority is root's to read; here it needs none.
    let text = fs::read_to_string(&proxy.config).unwrap();
    let plain = |line: &&str| !line.contains("storage") && !line.contains("skip_install_trust");
    let text: Vec<_> = text.lines().filter(plain).collect();
    fs::write(&proxy.config, text.join("\n").replace("local_certs", "auto_https off") + "\n")
        .unwrap();
    proxy.start(&home);
    let at = proxy.ports.0.to_string();
    let served = |name: &str| {
        home.wait_until(&format!("{name} is served"), || {
            get(proxy.ports.0, name).text().to_lowercase().contains(&format!("host: {name}"))
        });
    };
    let root = home.home().root();
    fs::create_dir_all(root).unwrap();
    std::os::unix::fs::chown(root, Some(65534), Some(65534)).unwrap();
    let config = proxy.config.to_str().unwrap();
    let app = home.file("app.py", APP);
    let port = free_port().to_string();
    let start =
        ["start", app.to_str().unwrap(), "--interpreter", "python3", "--name", "shop", "--", &port];
    let started = as_nobody(&home, &start);
    assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
    let add = [
        "domain", "add", NAME, "shop", "--port", &port, "--listen", &at, "--config", config,
        "--yes",
    ];
    let refused = as_nobody(&home, &add);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("only root may") && !proxy.folder().exists(), "{told}");
    let dry = [&add[..add.len() - 1], &["--dry-run"]].concat();
    let shown = String::from_utf8(as_nobody(&home, &dry).stdout).unwrap();
    assert!(shown.contains("which takes root: sudo env PM_HOME="), "{shown}");
    // The line as it stands there does it.
    let line = told.lines().find_map(|line| line.strip_prefix("hint: sudo ")).unwrap();
    let output = Command::new("sh").args(["-c", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    served(NAME);
    let listed = as_nobody(&home, &["domain", "list", "--config", config]);
    assert!(String::from_utf8_lossy(&listed.stdout).contains(NAME));

    // Whose folder it is needs no root.
    std::os::unix::fs::chown(proxy.folder(), Some(65534), None).unwrap();
    let two = add.map(|word| if word == NAME { "two.example.org" } else { word });
    let own = as_nobody(&home, &two);
    assert!(own.status.success(), "{}", String::from_utf8_lossy(&own.stderr));
    served("two.example.org");
    home.run(["kill"]).ok();
}
