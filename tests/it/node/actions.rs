//! Actions and figures that Node apps announce over their channel.

use pm_testkit::{Home, signal};
use serde_json::{Value, json};

use crate::apps::kib;

/// Says what it is, then waits; `told` is what it was told.
const APP: &str = r"
const fs = require('node:fs');
const offer = (action_name, more) =>
  process.send({ type: 'axm:action', data: { action_name, action_type: 'custom', arity: 0, ...more } });
const reply = (action_name, value) =>
  process.send({ type: 'axm:reply', data: { at: Date.now(), action_name, return: value } });
offer('hello', { opts: { comment: 'greets' } });
for (const name of ['echo', 'nothing', 'never', 'die']) offer(name);
process.send({ type: 'axm:monitor', data: { Queue: { value: 7, unit: 'jobs' }, 'Loop delay': { value: '1.25', unit: 'ms' } } });
process.on('message', (message) => {
  fs.appendFileSync('told', JSON.stringify(message) + '\n');
  switch (message.msg || message) {
    case 'hello': return reply('hello', { z: 1, a: [process.env.NODE_APP_INSTANCE] });
    case 'echo': return reply('echo', message.opts);
    case 'nothing': return reply('nothing');
    case 'die': return process.exit(0);
  }
});
";

/// Starts the app and waits until so many processes of it have said everything.
fn start(home: &Home, config: &str, count: usize) {
    home.file("app.js", APP);
    home.file("app.json5", config);
    home.run(["start", "app.json5"]).ok();
    home.wait_until("figures of all", || {
        let known = |entry: &Value| !entry["pm2_env"]["axm_monitor"]["Queue"].is_null();
        env(home).iter().filter(|entry| known(entry)).count() == count
    });
}

fn env(home: &Home) -> Vec<Value> {
    home.run(["jlist"]).ok().json().as_array().unwrap().clone()
}

#[test]
fn actions_are_announced_asked_for_and_answered() {
    let home = Home::new();
    start(&home, "{ name: 'web', script: 'app.js', instances: 2 }", 2);
    let both = home.run(["trigger", "web", "hello"]).ok();
    assert_eq!(
        both.out(),
        "2 processes have received command hello\n\
         [web:0:default]={\"z\":1,\"a\":[\"0\"]}\n[web:1:default]={\"z\":1,\"a\":[\"1\"]}\n"
    );
    let one = home.run(["trigger", "1", "echo", "a b"]).ok();
    assert_eq!(one.out(), "1 processes have received command echo\n[web:1:default]=\"a b\"\n");
    let none = home.run(["trigger", "id:0", "nothing"]).ok();
    assert!(none.out().ends_with("\n[web:0:default]=undefined\n"), "{}", none.out());
    let told = std::fs::read_to_string(home.work().join("told")).unwrap();
    let told: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let asked = json!({ "msg": "echo", "opts": "a b", "id": "1" });
    assert_eq!(told, [json!("hello"), json!("hello"), asked, json!("nothing")]);
    let json = home.run(["trigger", "web", "hello", "--json"]).ok().json();
    assert_eq!(json[1]["returned"], json!({ "z": 1, "a": ["1"] }));
    let described = home.run(["describe", "0"]).ok().out();
    for line in
        ["Actions available", "  hello    greets", "Code metrics value", "  Queue       7 jobs"]
    {
        assert!(described.lines().any(|one| one == line), "{line}: {described}");
    }
    let env = &env(&home)[0]["pm2_env"];
    assert_eq!(env["axm_actions"][0]["opts"]["comment"], "greets");
    assert_eq!(env["axm_monitor"]["Loop delay"], json!({ "value": "1.25", "unit": "ms" }));
    home.run(["stop", "web"]).ok();
    let env = &self::env(&home)[0]["pm2_env"];
    assert_eq!([&env["axm_actions"], &env["axm_monitor"]], [&json!([]), &json!({})]);
    home.run(["trigger", "web", "hello"]).ends(1).complains("`web` does not run");
}

#[test]
fn what_can_not_be_asked_says_why_and_what_could_be() {
    let home = Home::new();
    start(&home, "{ name: 'web', script: 'app.js' }", 1);
    let script = home.script("plain.sh", "exec sleep 1000");
    home.run(["start", script.to_str().unwrap(), "--name", "plain"]).ok();
    let unknown = home.run(["trigger", "web", "hullo"]).ends(1);
    unknown.complains("offers the action `hullo`").complains("die, echo, hello, never, nothing");
    home.run(["trigger", "plain", "hello"]).ends(1).complains("`plain` has no channel");
    home.run(["trigger", "nobody", "hello"]).ends(1).complains("no app matches `nobody`");
    home.run(["trigger", "web", "hello", "--timeout", "soon"]).ends(2).complains("no time to wait");
    // Of all of them those are asked that offer it.
    let all = home.run(["trigger", "all", "hello"]).ok();
    assert!(all.out().starts_with("1 processes have received"), "{}", all.out());
    let late = home.run(["trigger", "web", "never", "--timeout", "50ms"]).ends(4);
    late.complains("[web:0:default] did not answer within 50ms");
    home.run(["trigger", "web", "die"]).ends(1).complains("ended or closed its channel");
}

#[test]
fn law7_actions_are_known_to_the_next_daemon() {
    let home = Home::new();
    start(&home, "{ name: 'web', script: 'app.js' }", 1);
    let before = home.hello();
    signal(before.pid, 9);
    home.wait_until("a new daemon", || home.hello().incarnation > before.incarnation);
    let answer = home.run(["trigger", "web", "hello"]).ok();
    assert!(answer.out().contains("[web:0:default]={\"z\":1"), "{}", answer.out());
    assert_eq!(home.row("web").restarts, 0);
}

#[test]
fn an_app_that_says_anything_harms_nobody() {
    let home = Home::new();
    home.file(
        "evil.js",
        r"
let deep = 1; for (let i = 0; i < 100; i++) deep = [deep];
const figures = {};
for (let i = 0; i < 20000; i++) figures['m\u001b[2J\u009b31m\n' + i] = { value: '\u001b]0;x\u0007' + i, unit: 'u' };
process.send({ type: 'axm:monitor', data: figures });
process.send({ type: 'axm:monitor', data: { ['n'.repeat(6 << 20)]: 1, deep } });
process.send({ type: 'axm:option:configuration', data: { deep, name: '\u001b[2J', ok: 'heard' } });
for (let i = 0; i < 5000; i++) process.send({ type: 'axm:action', data: { action_name: 'a\u001b[2J' + i, deep: i ? undefined : deep } });
for (const odd of [null, 7, [], {}, { type: 'axm:reply', data: {} }, { type: 'axm:reply', data: null }, { type: {}, data: {} }]) process.send(odd);
process.on('message', (name) => {
  process.send({ type: 'axm:reply', data: { action_name: name, return: { text: '\u009b2J\u202e', deep } } });
});
",
    );
    home.file("app.js", APP);
    home.run(["start", "evil.js", "--name", "evil"]).ok();
    home.run(["start", "app.js", "--name", "web"]).ok();
    home.wait_until("the last of it", || {
        let list = env(&home);
        let actions = list[0]["pm2_env"]["axm_actions"].as_array().unwrap().len();
        actions >= 256 && !list[1]["pm2_env"]["axm_monitor"]["Queue"].is_null()
    });
    let escapes = ['\u{1b}', '\u{9b}', '\u{7}', '\u{202e}'];
    for words in [["describe", "evil"], ["trigger", "all"], ["list", "evil"]] {
        let run = if words[0] == "trigger" {
            home.run(["trigger", "evil", "a\u{1b}[2J7"]).ok()
        } else {
            home.run(words).ok()
        };
        assert!(!run.out().contains(escapes), "{words:?}: {:?}", run.out());
    }
    let refused = home.run(["trigger", "evil", "nosuch"]).ends(1);
    assert!(!refused.err.contains(escapes), "{:?}", refused.err);
    assert!(home.run(["trigger", "web", "hello"]).ok().out().contains("{\"z\":1"));
    let env = &env(&home)[0]["pm2_env"];
    let size = |key: &str| env[key].to_string().len();
    assert!(size("axm_actions") + size("axm_monitor") + size("axm_options") < 64 << 10);
    assert_eq!(env["axm_options"]["ok"], "heard");
    let daemon = kib(home.hello().pid, "VmRSS");
    assert!(daemon < 64 << 10, "{daemon} KiB");
}

#[test]
fn more_than_fits_into_one_answer_is_listed_all_the_same() {
    let home = Home::new();
    let script = home.script("plain.sh", "exec sleep 1000");
    // Of one variable the kernel takes 128 KiB.
    let big = "x".repeat(120 << 10);
    home.pm(["start", script.to_str().unwrap(), "--name", "big", "-i", "40"])
        .env("BIG", &big)
        .run()
        .ok();
    let list = env(&home);
    let ids: Vec<_> = list.iter().filter_map(|entry| entry["pm_id"].as_u64()).collect();
    assert_eq!(ids, (0..40).collect::<Vec<_>>());
    assert!(list.iter().all(|entry| entry["pm2_env"]["BIG"] == big.as_str()));
}

#[test]
fn inspect_opens_a_node_app_for_a_debugger_and_nothing_else() {
    let home = Home::new();
    home.file("app.js", "console.log('up'); setInterval(() => {}, 1e6);\n");
    // A free port, for other tests inspect too.
    let config = "[{ name: 'web', script: 'app.js', node_args: '--inspect-port=0' }]";
    home.file("app.json5", config);
    home.run(["start", "app.json5"]).ok();
    let script = home.script("plain.sh", "exec sleep 1000");
    home.run(["start", script.to_str().unwrap(), "--name", "plain"]).ok();
    let logs = home.home().logs();
    home.wait_file(logs.join("web-out.log"), |seen| seen == b"up\n");
    home.run(["inspect", "web"]).ok().says("the debugger listens");
    home.wait_file(logs.join("web-error.log"), |seen| {
        String::from_utf8_lossy(seen).contains("Debugger listening on ws://127.0.0.1:")
    });
    home.run(["inspect", "plain"]).ends(1).complains("Node does not run it");
    let rows = home.rows();
    assert!(rows.iter().all(|row| row.restarts == 0 && row.pid != 0), "{rows:?}");
}
