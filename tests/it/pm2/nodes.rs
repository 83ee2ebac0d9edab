//! Node's own: cluster mode, readiness, messages, actions.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::lists::plain;
use super::side::{Notes, compare, scenarios};
use super::tool::{Tool, libraries};

/// Which worker answers, or nobody.
fn ask(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}

const SERVER: &str = "const http = require('http');
http.createServer((_, answer) => answer.end(process.env.NODE_APP_INSTANCE)).listen(process.env.PORT, '127.0.0.1');
";

fn cluster(tool: &Tool, notes: &mut Notes) {
    tool.file("server.js", SERVER);
    // A port of its own for each tool: both run at the same time.
    let free = pm_testkit::free_port();
    tool.words(&["start", "server.js", "--name", "web", "-i", "2"])
        .env("PORT", free.to_string())
        .run();
    let mut seen = std::collections::BTreeSet::new();
    tool.wait("an answer of both workers", || {
        seen.extend(ask(free));
        seen.len() == 2
    });
    notes.put("workers", json!(seen));
    let modes = |tool: &Tool| {
        let list = tool.jlist();
        let one = |entry: &Value| {
            let env = &entry["pm2_env"];
            json!([env["exec_mode"], env["status"], env["restart_time"], env["instances"]])
        };
        Value::Array(list.iter().map(one).collect())
    };
    notes.put("started", modes(tool));
    notes.put("reload", tool.call("reload web").code);
    notes.put("reloaded", modes(tool));
    tool.wait("an answer after the reload", || ask(free).is_some());
    notes.put("scale", tool.call("scale web 3").code);
    notes.put("scaled", modes(tool));
    notes.put("stop", tool.call("stop web").code);
    notes.put("nobody listens", ask(free).is_none());
}

fn readiness(tool: &Tool, notes: &mut Notes) {
    tool.file(
        "ready.js",
        "setTimeout(() => process.send('ready'), 300);\nsetInterval(() => {}, 1e6);\n",
    );
    notes.put(
        "code",
        tool.call("start ready.js --name soon --wait-ready --listen-timeout 20000").code,
    );
    let entry = tool.entry("soon");
    notes.put("state", json!([entry["pm2_env"]["status"], entry["pm2_env"]["wait_ready"]]));
    notes.put("restart", tool.call("restart soon").code);
}

fn shutdown_by_message(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.js", "probe.js");
    tool.ok("start probe.js --name web --shutdown-with-message");
    tool.wait_lives(1);
    notes.put("stop", tool.call("stop web").code);
    notes.put("events", json!(tool.lives()[0].events));
}

fn exec_modes(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.js", "probe.js");
    let forced = json!({ "script": "probe.js", "exec_mode": "cluster", "execute_command": true });
    tool.file("forced.json", &json!({ "apps": [forced] }).to_string());
    tool.app("probe.py", "probe.py");
    for (key, line) in [
        ("node", "start probe.js"),
        ("node -i 1", "start probe.js -i 1"),
        ("node -i 2 -x", "start probe.js -i 2 -x"),
        ("python -i 2", "start probe.py -i 2"),
        ("a file", "start forced.json"),
    ] {
        tool.ok(line);
        let list = tool.jlist();
        let modes: Vec<_> =
            list.iter().map(|entry| entry["pm2_env"]["exec_mode"].clone()).collect();
        notes.put(key, json!(modes));
        tool.ok("delete all");
    }
}

const OFFERING: &str = r"
const fs = require('fs');
const offer = (name, more) =>
  process.send({ type: 'axm:action', data: { action_name: name, action_type: 'custom', arity: 0, ...more } });
const reply = (name, value) => process.send({ type: 'axm:reply', data: { return: value, action_name: name } });
offer('echo', { arity: 1, opts: { comment: 'says it again' } });
offer('hello');
process.send({ type: 'axm:monitor', data: { Queue: { value: 7, unit: 'jobs' }, Plain: { value: 'x' } } });
process.on('message', (message) => {
  fs.appendFileSync('told', JSON.stringify(message) + '\n');
  if (message === 'hello') reply('hello', { z: 1, a: [null, 'b'] });
  else reply('echo', message.opts);
});
";

/// What a `trigger` that is answered prints, without colours, and its exit code; and what `app.js` was told, which it writes down.
///
/// PM2 waits for as many answers as there are apps, and learns that number on another socket than the answers: where an
/// answer is first (a busy machine), it is shown but never counted, and the command waits for ever. Then PM2 is asked again.
fn triggered(tool: &Tool, line: &str) -> (Value, Vec<Value>) {
    const COUNT: &str = "processes have received command";
    let words: Vec<&str> = line.split_whitespace().collect();
    let told = tool.work().join("told");
    loop {
        std::fs::remove_file(&told).ok();
        let mut run = tool.words(&words).background();
        let seen = run.wait_until("an answer", |seen| seen.contains(COUNT) && seen.contains("]="));
        if tool.name == "PM2" && seen.find("]=") < seen.find(COUNT) {
            continue;
        }
        let code = run.wait();
        let lines: Vec<String> = plain(&run.seen_so_far()).lines().map(str::to_owned).collect();
        let told = std::fs::read_to_string(&told).unwrap_or_default();
        let told = told.lines().map(|line| serde_json::from_str(line).unwrap());
        return (json!([code, lines]), told.collect());
    }
}

fn actions(tool: &Tool, notes: &mut Notes) {
    tool.file("app.js", OFFERING);
    tool.ok("start app.js --name web --namespace back --no-pmx");
    let measured = |entry: &Value| entry["pm2_env"]["axm_monitor"]["Queue"].is_object();
    let entry = tool.wait_entry("web", measured);
    notes.put("axm_monitor", entry["pm2_env"]["axm_monitor"].clone());
    notes.put("axm_actions[0]", entry["pm2_env"]["axm_actions"][0].clone());
    let mut told = Vec::new();
    for line in [
        "trigger web hello",
        "trigger 0 hello",
        "trigger all hello",
        "trigger back hello",
        "trigger web echo loud",
        "trigger 0 echo loud",
        "trigger web echo",
    ] {
        let (said, heard) = triggered(tool, line);
        notes.put(line, said);
        told.extend(heard);
    }
    let file = tool.work().join("told");
    std::fs::remove_file(&file).unwrap();
    for line in ["trigger web nosuch", "trigger nobody hello", "trigger web"] {
        notes.put(line, tool.call(line).code);
    }
    notes.put("told", told);
    notes.put("told of what nobody offers", std::fs::read_to_string(&file).unwrap_or_default());
    let text = plain(&tool.ok("describe web").out());
    let words = |line: &str| {
        let words = line.split([' ', '│']).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join(" ")
    };
    let lines: Vec<_> = text.lines().map(words).collect();
    for line in ["Actions available", "Code metrics value", "Queue 7 jobs", "Plain x"] {
        notes.put(&format!("described {line}"), lines.iter().any(|one| one == line));
    }
    for name in ["hello", "echo"] {
        let is_there = lines.iter().any(|line| line.split(' ').next() == Some(name));
        notes.put(&format!("described {name}"), is_there);
    }
    tool.ok("stop web");
    notes.put("stopped", tool.call("trigger web hello").code);
    let entry = tool.entry("web");
    notes.put("axm_monitor when stopped", entry["pm2_env"]["axm_monitor"].clone());
}

/// The libraries that apps made for PM2 announce themselves with.
fn app_libraries(tool: &Tool, notes: &mut Notes) {
    tool.file(
        "io.js",
        "const io = require('@pm2/io').init();\n\
         io.metric({ name: 'Users', unit: 'people' }).set(42);\n\
         io.action('db:clean', { comment: 'empties it' }, (reply) => reply({ cleaned: true }));\n\
         io.action('say', (param, reply) => reply('got ' + param));\n\
         setInterval(() => {}, 1e6);\n",
    );
    tool.file(
        "tx.js",
        "const tx2 = require('tx2');\n\
         tx2.metric('Users', () => 17, 'u');\n\
         tx2.action('hello', (reply) => reply({ yes: [1] }));\n\
         tx2.action('para', 'x', (param, reply) => reply(param));\n\
         setInterval(() => {}, 1e6);\n",
    );
    for name in ["io", "tx"] {
        let start = ["start", &format!("{name}.js"), "--name", name];
        tool.words(&start).env("NODE_PATH", libraries()).run();
        let users = |entry: &Value| entry["pm2_env"]["axm_monitor"]["Users"].clone();
        let entry = tool.wait_entry(name, |entry| users(entry)["value"].is_number());
        notes.put(&format!("{name} metric"), users(&entry));
    }
    for line in
        ["trigger io db:clean", "trigger io say hello", "trigger tx hello", "trigger tx para 7"]
    {
        notes.put(line, triggered(tool, line).0);
    }
}

/// A script that was made of another: what it says of an error.
fn source_maps(tool: &Tool, notes: &mut Notes) {
    let said = "require('fs').writeFileSync(process.env.name, new Error('it').stack);setInterval(()=>{},1e6)";
    tool.file("made.js", &format!("{said}\n//# sourceMappingURL=made.js.map\n"));
    let map = json!({ "version": 3, "sources": ["source.ts"], "names": [], "mappings": "AAAA" });
    tool.file("made.js.map", &map.to_string());
    let config = |name: &str, key: &str| {
        let mut app = json!({ "name": name, "script": "made.js" });
        app[key] = true.into();
        app
    };
    let apps =
        [config("wanted", "source_map_support"), config("not", "disable_source_map_support")];
    tool.file("two.json", &json!({ "apps": apps }).to_string());
    for (name, line) in [
        ("usual", "start made.js --name usual"),
        ("cluster", "start made.js --name cluster -i 1"),
        ("forced", "start made.js --name forced --source-map-support"),
        ("off", "start made.js --name off --disable-source-map-support"),
        ("wanted", "start two.json --only wanted"),
        ("not", "start two.json --only not"),
    ] {
        tool.ok(line);
        let file = tool.work().join(name);
        let read = || std::fs::read_to_string(&file).unwrap_or_default();
        tool.wait("the stack of an error", || read().contains(".js") || read().contains(".ts"));
        notes.put(name, read().contains("source.ts"));
    }
}

/// Standard input: what it is, what comes through it, and that it never ends.
fn words_for_apps(tool: &Tool, notes: &mut Notes) {
    tool.file(
        "app.js",
        "const fs = require('fs');\n\
         const say = (what) => fs.appendFileSync('said', what + '\\n');\n\
         say('tty ' + Boolean(process.stdin.isTTY) + ' file ' + fs.fstatSync(0).isFile());\n\
         process.stdin.on('data', (text) => { say('heard ' + text); console.log('got ' + text); });\n\
         process.stdin.on('end', () => say('end'));\n",
    );
    tool.ok("start app.js --name web");
    let said = || std::fs::read_to_string(tool.work().join("said")).unwrap_or_default();
    let wait = |text: &str| tool.wait(text, || said().contains(text));
    wait("tty");
    notes.put("send", tool.call("send 0 one").code);
    wait("heard one");
    notes.put("send more words", tool.call("send 0 two words").code);
    wait("heard two");
    notes.put("send by name", tool.call("send web three").code);
    for line in ["send 7 x", "send 0", "attach"] {
        notes.put(line, tool.call(line).code);
    }
    let mut attached = tool.words(&["attach", "0"]).typed().background();
    // Nobody announces that PM2 listens: what is said again and again is heard at last.
    tool.wait("its output", || {
        attached.type_in("typed\n");
        attached.seen_so_far().contains("got typed")
    });
    attached.end_input();
    notes.put("attached", attached.wait());
    tool.ok("stop web");
    notes.put("send to the stopped", tool.call("send 0 x").code);
    let lines: Vec<String> = said().lines().map(str::to_owned).collect();
    let with = |text: &str| lines.iter().filter(|line| line.contains(text)).collect::<Vec<_>>();
    notes.put("what it is", json!(with("tty")));
    notes.put("what it heard", json!([with("heard one"), with("heard typed").first()]));
    notes.put("what it heard of more words", json!(with("heard two")));
    notes.put("whether it ended", json!(with("end").is_empty()));
}

fn marks(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.js", "probe.js");
    tool.ok("start probe.js --name web");
    tool.wait_lives(1);
    let before = tool.entry("web");
    for line in ["monitor web", "unmonitor web", "monitor all", "monitor nobody"] {
        notes.put(line, tool.call(line).code);
        notes.put(&format!("after {line}"), tool.entry("web")["pm2_env"]["_km_monitored"].clone());
    }
    let after = tool.entry("web");
    let counts = |entry: &Value| json!([entry["pid"], entry["pm2_env"]["restart_time"]]);
    notes.put("it ran on", counts(&before) == counts(&after));
}

#[test]
fn node_side_by_side() {
    let all = scenarios![
        cluster,
        readiness,
        shutdown_by_message,
        exec_modes,
        actions,
        app_libraries,
        source_maps,
        words_for_apps,
        marks,
    ];
    compare("node", &all);
}
