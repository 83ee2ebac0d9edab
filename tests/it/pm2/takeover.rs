//! `pm takeover pm2`: the apps of a live PM2 move here, and back.

use std::fs;

use pm_protocol::Status;
use pm_testkit::{Home, Run};
use serde_json::Value;

use super::tool::Tool;

fn takeover(home: &Home, tool: &Tool, words: &str) -> Run {
    let own = ["takeover"].into_iter().chain(words.split(' '));
    home.pm(own).env("PM2_HOME", tool.home()).run()
}

/// Names and how they stand here.
fn here(home: &Home) -> Vec<(String, Status)> {
    let mut rows: Vec<_> = home.rows().into_iter().map(|row| (row.name, row.status)).collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    rows
}

/// Names and how they stand there.
fn there(tool: &Tool) -> Vec<(String, String)> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut all: Vec<_> = tool
        .jlist()
        .iter()
        .map(|entry| (word(&entry["name"]), word(&entry["pm2_env"]["status"])))
        .collect();
    all.sort();
    all
}

fn all(status: &str) -> Vec<(String, String)> {
    let names = ["one", "pair", "pair", "picky", "slow", "watched"];
    let all = names.map(|name| (name.to_owned(), status.to_owned()));
    let down = ("down".to_owned(), "stopped".to_owned());
    [down].into_iter().chain(all).collect()
}

/// Five that run (one of them twice), and one that does not; `slow` ends when it may, `picky` can't run here.
#[test]
fn a_live_pm2_moves_here_and_back() {
    let (tool, home) = (Tool::real(), Home::new());
    tool.file(
        "say.sh",
        "echo $FLAVOUR ${PM_HOME:+here} > flavour.$1; while :; do sleep 0.1; done\n",
    );
    let slow = "trap 'while ! test -e release; do sleep 0.05; done; exit 0' INT\n\
                while :; do sleep 0.05; done\n";
    tool.file("slow.sh", slow);
    tool.file("picky.sh", "test -z \"$PM_HOME\" || exit 3\nwhile :; do sleep 0.1; done\n");
    let ecosystem = r#"{ "apps": [
        { "name": "one", "script": "say.sh", "args": "one", "min_uptime": 100, "env": { "FLAVOUR": "old" } },
        { "name": "pair", "script": "say.sh", "args": "pair", "min_uptime": 100, "instances": 2 },
        { "name": "watched", "script": "say.sh", "args": "watched", "min_uptime": 100, "watch": true, "ignore_watch": ["*"] },
        { "name": "down", "script": "say.sh", "args": "down" },
        { "name": "slow", "script": "slow.sh", "min_uptime": 100, "kill_timeout": 60000 },
        { "name": "picky", "script": "picky.sh" }
    ] }"#;
    tool.file("ecosystem.json", ecosystem);
    tool.ok("start ecosystem.json");
    tool.ok("stop down");
    assert_eq!(there(&tool), all("online"));
    takeover(&home, &tool, "pm2 --dry-run").ok().says("stopped").says("slow");
    assert!(here(&home).is_empty());
    // Killed while PM2 stops the second last of them.
    let moving = ["takeover", "pm2", "--yes"];
    let mut moving = home.pm(moving).env("PM2_HOME", tool.home()).background();
    tool.wait_status("slow", "stopping");
    moving.signal(9);
    moving.wait();
    let up = |name: &str| (name.to_owned(), Status::Online);
    let moved = vec![
        ("down".to_owned(), Status::Stopped),
        up("one"),
        up("pair"),
        up("pair"),
        up("watched"),
    ];
    assert_eq!(here(&home), moved);
    tool.file("release", "");
    home.run(["takeover", "--undo", "--yes"])
        .ok()
        .says("gave back 5 programs: slow, down, watched");
    assert_eq!((here(&home), there(&tool)), (Vec::new(), all("online")));
    assert_eq!(tool.entry("watched")["pm2_env"]["watch"], true);
    takeover(&home, &tool, "pm2 --yes")
        .ends(1)
        .says("picky did not come up here: ")
        .says("it is in PM2 again as it was")
        .says("5 of 6 programs moved here: one, pair, watched, down, slow")
        .says("`pm takeover pm2` goes on");
    let mut with_slow = moved;
    with_slow.push(up("slow"));
    with_slow.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(here(&home), with_slow);
    tool.wait("the variables of PM2", || {
        fs::read_to_string(tool.work().join("flavour.one")).is_ok_and(|it| it == "old here\n")
    });
    for (name, status) in there(&tool) {
        assert_eq!(status, if name == "picky" { "online" } else { "stopped" }, "{name}");
    }
    assert_eq!(tool.entry("watched")["pm2_env"]["watch"], false);
    home.run(["takeover", "pm2", "--undo", "--yes"]).ok().says("gave back 5 programs");
    assert_eq!((here(&home), there(&tool)), (Vec::new(), all("online")));
    tool.ok("delete picky");
    takeover(&home, &tool, "pm2 --all --yes")
        .ok()
        .says("5 of 5 programs moved here")
        .says("pm2 unstartup");
    assert_eq!(here(&home), with_slow);
    home.run(["takeover", "--undo", "--yes"]).ok();
}
