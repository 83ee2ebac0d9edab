//! The shop of `examples/shop/`: eight apps that need each other come up in order, survive the end of each, and go down in
//! reverse.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use pm_testkit::{Home, free_port, signal};

const FILE: &str = "shop/ecosystem.json5";

/// A copy of the example, so that nothing of a test is left in it.
struct Shop {
    home: Home,
    port: u16,
}

impl Shop {
    fn new() -> Self {
        let home = Home::new();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/shop");
        for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
            if file.file_type().unwrap().is_file() {
                home.file(Path::new("shop").join(file.file_name()), fs::read(file.path()).unwrap());
            }
        }
        Self { home, port: free_port() }
    }

    fn pm(&self, words: &[&str]) -> pm_testkit::Run {
        self.home.pm(words).env("SHOP_PORT", self.port.to_string()).run()
    }

    fn asked(&self, head: &str, body: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        write!(stream, "{head} HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}", body.len()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.contains(" 20").then_some(answer)
    }

    /// An order goes through everybody's hands.
    fn sells(&self, item: &str) {
        let sent = format!("\"item\": \"{item}\", \"state\": \"sent\"");
        self.home.wait_until("an order is taken", || self.asked("POST /orders", item).is_some());
        self.home.wait_until("it is sent", || {
            self.asked("GET /", "").is_some_and(|orders| orders.contains(&sent))
        });
    }

    /// The names in the lines of the daemon's log that have this before and behind them.
    fn told(&self, before: &str, behind: &str) -> Vec<String> {
        let text = fs::read_to_string(self.home.home().diary()).unwrap_or_default();
        let name = |line: &str| {
            let (_, rest) = line.split_once(before)?;
            Some(rest.split_once(behind)?.0.to_owned())
        };
        text.lines().filter_map(name).collect()
    }

    fn begun(&self) -> Vec<String> {
        let named = self.told("App [", "] starting in");
        named.iter().map(|it| it.split(':').next().unwrap_or_default().to_owned()).collect()
    }
}

/// Whether those come in this order, each before all of the next group.
fn follow(all: &[String], groups: &[&[&str]]) {
    let place = |name: &str| {
        let at = all.iter().position(|it| it == name);
        at.unwrap_or_else(|| panic!("{name} is not among {all:?}"))
    };
    for pair in groups.windows(2) {
        let last = pair[0].iter().map(|name| place(name)).max();
        let next = pair[1].iter().map(|name| place(name)).min();
        assert!(last < next, "{:?} come before {:?}: {all:?}", pair[0], pair[1]);
    }
}

const WORKERS: &[&str] = &["packer", "sender", "tips"];

#[test]
fn the_shop_opens_in_order_outlives_each_of_its_apps_and_closes_in_reverse() {
    let shop = Shop::new();
    let home = &shop.home;
    let up = shop.pm(&["up", FILE]).ends(1).says("web (").says("report (");
    up.says("runs at its times").says("importer (").complains("barcodes");
    follow(&shop.begun(), &[&["db"], &["migrate"], WORKERS, &["web"]]);
    assert!(!shop.begun().contains(&"report".to_owned()), "a job waits for its time");
    shop.pm(&["why", "importer"]).ok().says("-m pip install barcodes");
    shop.sells("pear");
    // Whoever is killed is there again, and nobody else is begun for it.
    for name in ["db", "packer", "sender", "tips", "web"] {
        let pids = || home.rows().into_iter().map(|row| (row.name, row.pid));
        let mut before: Vec<_> = pids().filter(|(other, _)| other != "importer").collect();
        let pid = home.row(name).pid;
        signal(pid, 9);
        home.wait_rows("it is up again", |rows| {
            rows.iter().any(|row| row.name == name && row.pid != pid && row.standing() == "online")
        });
        shop.sells(&format!("pear {name}"));
        before.retain(|(other, _)| other != name);
        assert!(before.iter().all(|one| pids().any(|now| now == *one)), "{name}: {before:?}");
    }
    let web = home.row("web").pid;
    shop.pm(&["restart", "db"]).ok();
    assert_eq!(home.row("web").pid, web);
    shop.pm(&["run", "migrate"]).ok();
    shop.pm(&["run", "report"]).ok();
    let report = fs::read_to_string(home.work().join("shop/report.txt")).unwrap();
    assert_eq!(report, "sent: 6\n");
    // What is as the file says is left alone; the broken one begins anew by itself whenever its pause is over.
    let others = || shop.begun().into_iter().filter(|name| name != "importer").count();
    let begun = others();
    shop.pm(&["up", FILE, "--dry-run"]).ok();
    assert_eq!(begun, others());
    let stopped = shop.told("Stopping app:", " id:").len();
    shop.pm(&["down", FILE]).ok();
    follow(&shop.told("Stopping app:", " id:")[stopped..], &[&["web"], WORKERS, &["db"]]);
    assert!(home.rows().is_empty());
}
