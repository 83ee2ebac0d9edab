//! The panel as an app: it comes, comes again, is killed, and goes, and no app notices.

use std::net::TcpStream;

use pm_spec::Status;
use pm_testkit::{Home, free_port, signal};
use rustix::event::{Timespec, poll};

use super::desk::{ask, begin, desk, key, request};
use crate::homes::rests;

#[test]
fn the_panel_is_an_app_that_may_be_killed() {
    let home = Home::new();
    home.run(["start", "sleep", "--name", "web", "--", "1000"]).ok();
    let port = free_port();
    let at = format!("127.0.0.1:{port}");
    let said = home.run(["web", "--listen", &at]).ok();
    let tunnel = format!("ssh -L {port}:127.0.0.1:{port} ");
    let said = said.says(&format!("http://{at}/#link=")).says(&tunnel).out();
    let (first, web) = (home.row("pm-web"), home.row("web"));
    assert_eq!((first.namespace.as_str(), first.status), ("pm", Status::Online));
    // Once more only makes another link.
    let again = home.run(["web"]).ok().out();
    assert_ne!(said, again);
    let json = home.run(["web", "--json"]).ok().json();
    assert!(json["url"].as_str().unwrap().starts_with(&format!("http://{at}/#link=")));
    assert_eq!(home.row("pm-web").pid, first.pid);
    let key = key(&home, port, &[]);
    let (status, stream) = begin(port, &request("GET", "/api/events?topics=apps", &key, ""));
    assert_eq!(status, 200);
    // Its death costs a page that has to connect again, with the same key.
    signal(first.pid, 9);
    home.wait_new_pid("pm-web", first.pid);
    home.wait_until("it is back", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    drop(stream);
    assert_eq!(ask(port, "GET", "/api/session", &key, "").status, 200);
    assert_eq!(home.row("web").pid, web.pid);
    // The daemon's death costs nothing either.
    signal(home.hello().pid, 9);
    home.wait_until("apps are shown", || {
        let answer = ask(port, "GET", "/api/apps", &key, "");
        answer.status == 200 && answer.text().contains("\"web\"")
    });
    assert_eq!(home.row("web").pid, web.pid);
    // Another place is another start of it; who is signed in stays so.
    let other = free_port();
    home.run(["web", "--listen", &other.to_string()]).ok().says(&format!(":{other}/#link="));
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    assert_eq!(ask(other, "GET", "/api/session", &key, "").status, 200);
    assert_eq!(home.rows().iter().filter(|row| row.name == "pm-web").count(), 1);
    home.run(["web", "stop"]).ok();
    home.run(["web", "stop"]).ok();
    assert!(TcpStream::connect(("127.0.0.1", other)).is_err());
    home.run(["web", "link"]).ends(3).complains("`pm web` starts it");
    assert_eq!(home.row("web").pid, web.pid);
    // As it was.
    home.run(["web"]).ok().says(&format!(":{other}/#link="));
    // A port that is taken is told at once, and not tried for ever.
    home.run(["web", "stop"]).ok();
    let taken = std::net::TcpListener::bind(("127.0.0.1", other)).unwrap();
    let failed = home.run(["web"]);
    assert_ne!(failed.code, 0, "{}", failed.out());
    drop(taken);
}

#[test]
fn law4_while_nobody_looks_nobody_wakes() {
    let home = Home::new();
    home.run(["start", "sleep", "--name", "web", "--", "1000"]).ok();
    let desk = desk(&home);
    let key = key(&home, desk.port, &[]);
    // Somebody looked, and left.
    let wants = "/api/events?topics=apps,usage,host,logs:web";
    let tabs: Vec<_> = (0..5).map(|_| begin(desk.port, &request("GET", wants, &key, ""))).collect();
    assert!(tabs.iter().all(|(status, _)| *status == 200));
    drop(tabs);
    let hello = home.hello();
    let all = || [desk.running.pid(), hello.pid, hello.guardian].map(rests).iter().sum::<u64>();
    let pause = Timespec { tv_sec: 2, tv_nsec: 0 };
    home.wait_until("rest", || {
        let before = all();
        poll(&mut [], Some(&pause)).unwrap();
        all() == before
    });
    let before = all();
    poll(&mut [], Some(&Timespec { tv_sec: 3, tv_nsec: 0 })).unwrap();
    assert_eq!(all(), before, "something woke up for nothing");
}
