//! Alerts: what is told, to a server of the test that stands for each channel, byte by byte.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use pm_testkit::{Home, PATIENCE, Run};
use serde_json::{Value, json};

use super::desk::{self, ask, audit, code, desk, state, value};

/// A request as it came.
#[derive(Debug)]
pub(super) struct Heard {
    line: String,
    headers: BTreeMap<String, String>,
    body: String,
}

/// Answers each connection with the next of these, the last one again and again; what came is told.
pub(super) fn server(answers: &[(&str, &str)]) -> (u16, Receiver<Heard>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answers: Vec<_> =
        answers.iter().map(|(head, body)| ((*head).to_owned(), (*body).to_owned())).collect();
    let (told, heard) = channel();
    thread::spawn(move || {
        for (at, stream) in listener.incoming().enumerate() {
            let (status, body) = &answers[at.min(answers.len() - 1)];
            let request = request(stream.unwrap(), status, body);
            if told.send(request).is_err() {
                return;
            }
        }
    });
    (port, heard)
}

fn request(mut stream: TcpStream, head: &str, body: &str) -> Heard {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut next = || {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let line = next();
    let mut headers = BTreeMap::new();
    loop {
        let header = next();
        let Some((name, value)) = header.split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").map_or(0, |it| it.parse().unwrap());
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes).unwrap();
    let answer = format!(
        "HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).unwrap();
    Heard { line, headers, body: String::from_utf8(bytes).unwrap() }
}

fn add(home: &Home, name: &str, kind: &str, more: &[&str], told: &str) -> Run {
    let words = [&["web", "alert", "add", name, "--kind", kind], more].concat();
    home.pm(words).input(told.to_owned()).run()
}

/// What Python makes of it: another hand that signs.
fn signed(key: &str, message: &str) -> String {
    let script = "import hmac,hashlib,base64,sys; d=hmac.new(sys.argv[1].encode(), sys.argv[2].encode(), hashlib.sha256); print(base64.b64encode(d.digest()).decode(), d.hexdigest())";
    let done =
        std::process::Command::new("python3").args(["-c", script, key, message]).output().unwrap();
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

#[test]
fn each_channel_gets_what_its_makers_want() {
    let home = Home::new();
    home.run(["web", "alert", "list"]).ok().says("nobody is told").says("5 in 10m");
    let test = |name: &str| home.run(["web", "alert", "test", name]);
    // Our own: JSON, signed with the time.
    let (port, heard) = server(&[("204 No Content", "")]);
    add(&home, "hook", "webhook", &[], &format!("http://127.0.0.1:{port}/in?k=1\ndeep secret\n"))
        .ok();
    test("hook").ok().says("has taken it");
    let one = heard.recv_timeout(PATIENCE).unwrap();
    assert_eq!(
        (one.line.as_str(), one.headers["content-type"].as_str()),
        ("POST /in?k=1 HTTP/1.1", "application/json; charset=utf-8")
    );
    assert!(one.headers["user-agent"].starts_with("pm/"));
    let signature =
        signed("deep secret", &format!("{}.{}", one.headers["x-pm-timestamp"], one.body));
    assert_eq!(
        one.headers["x-pm-signature"],
        format!("sha256={}", signature.split(' ').nth(1).unwrap())
    );
    let body: Value = serde_json::from_str(&one.body).unwrap();
    assert_eq!((&body["version"], &body["test"]), (&json!(1), &json!(true)));
    // The others, with what they answer when all is well.
    let (port, heard) = server(&[("200 OK", "ok")]);
    add(&home, "slack", "slack", &[], &format!("http://127.0.0.1:{port}/services/T0/B0/key\n"))
        .ok();
    test("slack").ok();
    let body: Value = serde_json::from_str(&heard.recv_timeout(PATIENCE).unwrap().body).unwrap();
    is_told(&body["text"]);
    assert_eq!(body.as_object().unwrap().len(), 1);
    let (port, heard) = server(&[("200 OK", r#"{"ok":true,"result":{}}"#)]);
    add(
        &home,
        "tg",
        "telegram",
        &["--chat", "-1007"],
        &format!("http://127.0.0.1:{port}\n12:token\n"),
    )
    .ok();
    test("tg").ok();
    let one = heard.recv_timeout(PATIENCE).unwrap();
    let body: Value = serde_json::from_str(&one.body).unwrap();
    assert_eq!(
        (one.line.as_str(), &body["chat_id"]),
        ("POST /bot12:token/sendMessage HTTP/1.1", &json!("-1007"))
    );
    is_told(&body["text"]);
}

fn is_told(text: &Value) {
    assert!(text.as_str().unwrap().starts_with("[pm "), "{text}");
}

#[test]
fn robots_get_what_their_makers_want_and_nobody_sees_what_opens_them() {
    let home = Home::new();
    let test = |name: &str| home.run(["web", "alert", "test", name]);
    let (port, heard) = server(&[("200 OK", r#"{"errcode":0,"errmsg":"ok"}"#)]);
    let url = format!("http://127.0.0.1:{port}/robot/send?access_token=tk\nSEC1\n");
    add(&home, "ding", "dingtalk", &[], &url).ok();
    test("ding").ok();
    let one = heard.recv_timeout(PATIENCE).unwrap();
    let at = one.line.split("timestamp=").nth(1).unwrap().split('&').next().unwrap();
    let sign = signed("SEC1", &format!("{at}\nSEC1"));
    let sign =
        sign.split(' ').next().unwrap().replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    assert_eq!(
        one.line,
        format!("POST /robot/send?access_token=tk&timestamp={at}&sign={sign} HTTP/1.1")
    );
    let body: Value = serde_json::from_str(&one.body).unwrap();
    assert_eq!(body["msgtype"], "text");
    is_told(&body["text"]["content"]);
    let (port, heard) = server(&[("200 OK", r#"{"code":0,"msg":"success"}"#)]);
    add(&home, "fei", "feishu", &[], &format!("http://127.0.0.1:{port}/hook/id\nSEC2\n")).ok();
    test("fei").ok();
    let body: Value = serde_json::from_str(&heard.recv_timeout(PATIENCE).unwrap().body).unwrap();
    let sign = signed(&format!("{}\nSEC2", body["timestamp"].as_str().unwrap()), "");
    assert_eq!(
        (body["sign"].as_str(), body["msg_type"].as_str()),
        (sign.split(' ').next(), Some("text"))
    );
    is_told(&body["content"]["text"]);
    let (port, heard) = server(&[("200 OK", r#"{"errcode":0,"errmsg":"ok"}"#)]);
    add(
        &home,
        "we",
        "wecom",
        &[],
        &format!("http://127.0.0.1:{port}/cgi-bin/webhook/send?key=k\n"),
    )
    .ok();
    home.run(["web", "alert", "set", "lang", "zh"]).ok();
    test("we").ok();
    let one = heard.recv_timeout(PATIENCE).unwrap();
    assert!(one.body.contains(r#""msgtype":"text""#) && one.body.contains("测试"), "{}", one.body);
    // Nobody is shown what opens them.
    let listed = home.run(["web", "alert", "list"]).ok().says("127.0.0.1").out();
    let told = home.run(["web", "alert", "list", "--json"]).ok().out();
    for secret in ["tk", "key=k", "SEC1", "SEC2", "hook/id"] {
        assert!(!listed.contains(secret) && !told.contains(secret), "{secret}");
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &state(&home).join("alerts.json").metadata().unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_does_not_arrive_says_why_and_nobody_else_is_asked() {
    let home = Home::new();
    let test = |name: &str| home.run(["web", "alert", "test", name]);
    // 200 means nothing; a redirect is not followed.
    let (port, heard) = server(&[("200 OK", r#"{"errcode":310000,"errmsg":"sign not match"}"#)]);
    add(&home, "a", "dingtalk", &[], &format!("http://127.0.0.1:{port}/x?access_token=hidden\n"))
        .ok();
    let said = test("a").ends(1).complains("sign not match").complains("127.0.0.1");
    assert!(!said.err.contains("hidden"), "{}", said.err);
    heard.recv_timeout(PATIENCE).unwrap();
    let (other, strangers) = server(&[("200 OK", "ok")]);
    let moved = format!("302 Found\r\nLocation: http://127.0.0.1:{other}/");
    let (port, _heard) = server(&[(&moved, "")]);
    add(&home, "b", "webhook", &[], &format!("http://127.0.0.1:{port}/\n")).ok();
    test("b").ends(1).complains("302");
    assert!(strangers.try_recv().is_err());
    let closed = pm_testkit::free_port();
    add(&home, "c", "webhook", &[], &format!("http://127.0.0.1:{closed}/hidden\n")).ok();
    let said = test("c").ends(1).complains("could not reach http://127.0.0.1");
    assert!(!said.err.contains("hidden"), "{}", said.err);
    // Without curl it says what to do; what is no address of a channel is refused.
    home.pm(["web", "alert", "test", "c"])
        .env("PATH", "/nowhere")
        .run()
        .ends(1)
        .complains("apt install curl");
    for (kind, more, told, why) in [
        ("slack", &[][..], "file:///etc/passwd\n", "https://"),
        ("slack", &[], "\n", "https://"),
        ("telegram", &[], "\n12:token\n", "--chat"),
        ("mail", &["--from", "a@b"], "smtp://x\n", "--to"),
    ] {
        add(&home, "x", kind, more, told).ends(2).complains(why);
    }
    add(&home, "a b", "slack", &[], "https://x\n").ends(2).complains("letters");
    home.run(["web", "alert", "set", "restarts", "often"]).ends(2).complains("5 in 10m");
    home.run(["web", "alert", "test", "nobody"]).ends(2).complains("nobody");
    home.run(["web", "alert", "remove", "a"]).ok();
    assert!(!home.run(["web", "alert", "list"]).ok().out().contains("dingtalk"));
}

/// A mail server of a few words; all that it was told.
fn mail_server() -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, heard) = channel();
    thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut all, mut is_data) = (String::new(), false);
        stream.write_all(b"220 here\r\n").unwrap();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                break;
            }
            all += &line;
            let answer = match line.trim_end() {
                "." => {
                    is_data = false;
                    "250 kept\r\n"
                }
                _ if is_data => continue,
                "DATA" => {
                    is_data = true;
                    "354 go on\r\n"
                }
                "QUIT" => "221 bye\r\n",
                line if line.starts_with("EHLO") => "250-here\r\n250 AUTH PLAIN\r\n",
                line if line.starts_with("AUTH") => "334 \r\n",
                line if line.starts_with("AHBt") => "235 known\r\n",
                _ => "250 fine\r\n",
            };
            stream.write_all(answer.as_bytes()).unwrap();
        }
        told.send(all).unwrap();
    });
    (port, heard)
}

#[test]
fn a_mail_is_a_mail() {
    let home = Home::new();
    let (port, heard) = mail_server();
    let more = ["--from", "pm@here.example", "--to", "a@x.example,b@y.example", "--user", "pm"];
    add(&home, "post", "mail", &more, &format!("smtp://127.0.0.1:{port}\npass word\n")).ok();
    home.run(["web", "alert", "test", "post"]).ok();
    let said = heard.recv_timeout(PATIENCE).unwrap();
    for line in [
        "MAIL FROM:<pm@here.example>",
        "RCPT TO:<a@x.example>",
        "RCPT TO:<b@y.example>",
        "From: pm <pm@here.example>",
        "To: a@x.example,b@y.example",
        "Content-Transfer-Encoding: base64",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(
            said.lines().any(|it| it == line || it.starts_with(&format!("{line} "))),
            "{line} in {said}"
        );
    }
    // "\0pm\0pass word" in Base64 (RFC 4616).
    assert!(said.contains("AHBtAHBhc3Mgd29yZA=="), "{said}");
    assert!(
        fs::read_dir(state(&home)).unwrap().all(|it| !it
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with("mail"))
    );
    // Elsewhere only in secret.
    let (port, _heard) = mail_server();
    let address = format!("smtp://localhost.localdomain:{port}\n");
    add(&home, "far", "mail", &["--from", "a@b", "--to", "c@d"], &address).ok();
    home.run(["web", "alert", "test", "far"]).ends(1);
}

/// What the panel remembers of alerts.
fn remembered(home: &Home) -> Value {
    let text = fs::read_to_string(state(home).join("alerts-told.json")).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

fn is_raised(of: &Value, app: &str) -> bool {
    of["raised"].as_array().is_some_and(|all| all.iter().any(|it| it["app"] == app))
}

fn is_raised_by_its_file(told: &Value, app: &str) -> bool {
    told["files"].as_object().is_some_and(|all| all.values().any(|of| is_raised(of, app)))
}

/// An app that gives up, of a file with a channel of its own; what comes there.
fn fails_by_a_file(home: &Home) -> Receiver<Heard> {
    let (own, heard) = server(&[("200 OK", "ok")]);
    home.file(
        "ecosystem.json5",
        format!(
            "{{ apps: [{{ name: 'mine', script: 'bad.sh', interpreter: 'sh', max_restarts: 1 }}],\
             alerts: {{ channels: {{ ops: {{ kind: 'slack', url: 'http://127.0.0.1:{own}/key' }} }} }} }}"
        ),
    );
    home.run(["start", "ecosystem.json5", "--no-wait"]);
    heard
}

fn is_for_admins(home: &Home, port: u16, new: &str) {
    for words in [&["--role", "operator"][..], &["--apps", "bad"]] {
        let key = desk::key(home, port, words);
        for (method, body) in [("GET", ""), ("POST", new)] {
            let answer = ask(port, method, "/api/alerts", &key, body);
            assert_eq!((answer.status, code(&answer).as_str()), (403, "not_allowed"));
        }
    }
}

#[test]
fn an_app_that_gives_up_is_told_of_by_the_panel() {
    let home = Home::new();
    let (port, heard) = server(&[("500 Oops", ""), ("200 OK", "")]);
    let desk = desk(&home);
    let admin = desk::key(&home, desk.port, &[]);
    let deed = |body: &Value| {
        let answer = ask(desk.port, "POST", "/api/alerts", &admin, &body.to_string());
        assert_eq!(answer.status, 200, "{}", answer.text());
        value(&answer)
    };
    let hook = format!("http://127.0.0.1:{port}/hidden");
    let new =
        json!({ "deed": "add", "name": "hook", "kind": "webhook", "url": hook, "secret": "deep" });
    let made = deed(&new);
    assert_eq!(made["exit"], 0, "{made}");
    assert!(!made.to_string().contains("hidden") && !made.to_string().contains("deep"));
    assert_eq!(deed(&json!({ "deed": "set", "key": "restarts", "value": "off" }))["exit"], 0);
    assert_eq!(deed(&json!({ "deed": "set", "key": "--help", "value": "x" }))["exit"], 2);
    // One that gave up, one that ended unasked, and one somebody stopped: a message in all, though it takes two tries.
    for (name, script, more) in [
        ("fine", "exec sleep 1000", &[][..]),
        ("once", "until [ -e go ]; do sleep 0.1; done; exit 3", &["--no-autorestart"]),
        ("bad", "exit 3", &["--max-restarts", "1"]),
    ] {
        let file = format!("{name}.sh");
        fs::write(home.work().join(&file), script).unwrap();
        let words = ["start", &file, "--interpreter", "sh", "--name", name, "--no-wait"];
        home.run([&words[..], more].concat());
    }
    let heard_there = fails_by_a_file(&home);
    home.wait_until("the panel has seen that two gave up", || {
        let told = remembered(&home);
        is_raised_by_its_file(&told, "mine") && is_raised(&told, "mine") && is_raised(&told, "bad")
    });
    // The charts of that app show where it began.
    let path = format!("/api/apps/{}/history", home.row("bad").id);
    let marks = value(&ask(desk.port, "GET", &path, &admin, ""))["alerts"].clone();
    assert_eq!((&marks[0]["rule"], &marks[0]["until_ms"]), (&json!("errored"), &Value::Null));
    assert!(marks[0]["from_ms"].as_u64() > Some(0) && marks[1].is_null(), "{marks}");
    fs::write(home.work().join("go"), "").unwrap();
    home.run(["stop", "fine"]).ok();
    let first = heard.recv_timeout(PATIENCE * 3).unwrap();
    let again = heard.recv_timeout(PATIENCE * 3).unwrap();
    assert_eq!(first.body, again.body, "the second try");
    let told: Value = serde_json::from_str(&again.body).unwrap();
    let mut alerts: Vec<_> = told["alerts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| format!("{} {} {}", it["app"], it["rule"], it["state"]))
        .collect();
    alerts.sort();
    let expected = [
        r#""bad" "errored" "raised""#,
        r#""mine" "errored" "raised""#,
        r#""once" "stopped" "raised""#,
    ];
    assert_eq!(alerts, expected, "{told}");
    let there = heard_there.recv_timeout(PATIENCE * 3).unwrap();
    let text = serde_json::from_str::<Value>(&there.body).unwrap()["text"].to_string();
    assert!(text.contains("mine: gave up") && !text.contains("bad: "), "{text}");
    home.wait_until("it is written down that it was told", || {
        let shown = value(&ask(desk.port, "GET", "/api/alerts", &admin, ""));
        assert!(!shown.to_string().contains("hidden") && !shown.to_string().contains("deep"));
        let told = shown["told"].as_array().unwrap();
        told.iter().any(|it| it["channels"]["hook"] == "ok")
    });
    let lines = json!(audit(&home)).to_string();
    assert!(
        lines.contains(r#""alert","add","--kind=webhook""#) && !lines.contains("hidden"),
        "{lines}"
    );
    is_for_admins(&home, desk.port, &new.to_string());
}

#[test]
fn an_app_that_fails_again_and_again_is_told_of_though_it_is_tried_on() {
    let home = Home::new();
    let (port, heard) = server(&[("200 OK", "ok")]);
    let file = |rules: &str| {
        home.file(
            "ecosystem.json5",
            format!(
                "{{ apps: [{{ name: 'flaps', script: 'bad.sh', interpreter: 'sh', restart: 'always', flapping_limit: 3,\
                 max_restarts: 100000, restart_delay: 10 }}],\
                 alerts: {{ restarts: 'off', errored: 'off', {rules}\
                 channels: {{ ops: {{ kind: 'webhook', url: 'http://127.0.0.1:{port}/' }} }} }} }}"
            ),
        )
    };
    home.file("bad.sh", "[ -e go ] && exec sleep 1000; exit 3");
    file("flapping: 'perhaps',");
    home.run(["start", "ecosystem.json5"]).ends(2).complains("wanted is on or off");
    file("");
    home.run(["start", "ecosystem.json5", "--no-wait"]);
    let _desk = desk(&home);
    let told: Value =
        serde_json::from_str(&heard.recv_timeout(PATIENCE * 3).unwrap().body).unwrap();
    let alert = &told["alerts"][0];
    let said = (&alert["app"], &alert["rule"], &alert["state"]);
    assert_eq!(said, (&json!("flaps"), &json!("flapping"), &json!("raised")), "{told}");
    let text = told["text"].as_str().unwrap();
    assert!(
        text.contains("flaps: fails again and again (") && told["alerts"][1].is_null(),
        "{told}"
    );
    // The page and the command line know it by this name.
    home.run(["web", "alert", "set", "flapping", "off"]).ok();
    home.run(["web", "alert", "list"]).ok().says("flapping");
    fs::write(home.work().join("go"), "").unwrap();
    home.wait_status("flaps", "online");
}

#[test]
fn a_file_tells_of_its_own_apps_to_its_own_channels() {
    let home = Home::new();
    let (port, heard) = server(&[("200 OK", "ok")]);
    let file = |more: &str| {
        let fixture = json!(pm_testkit::fixture());
        let apps =
            format!("[{{ name: 'mine', script: {fixture}, args: 'exit 3', max_restarts: 1 }}]");
        home.file("ecosystem.json5", format!("{{ interpolate: true, apps: {apps}{more} }}"))
    };
    let channels = "{ ops: { kind: 'slack', url: 'http://127.0.0.1:${HOOK_PORT}/deep/key' } }";
    file(&format!(", alerts: {{ restart: '1 in 1m', channels: {channels} }}"));
    let start =
        |verb: &str| home.pm([verb, "ecosystem.json5"]).env("HOOK_PORT", port.to_string()).run();
    start("start").ends(2).complains("ecosystem.json5:1:").complains("did you mean `restarts`?");
    // Nobody sends them yet, and that is said; then the panel does.
    file(&format!(", alerts: {{ stopped: false, channels: {channels} }}"));
    start("start").complains("nobody sends the alerts of").complains("pm web --no-listen");
    let desk = desk(&home);
    home.wait_until("it is seen by the file's rules", || {
        let told = remembered(&home);
        is_raised_by_its_file(&told, "mine") && !is_raised(&told, "mine")
    });
    // It is shown as the file's, without what opens it, and changed there only.
    let key = desk::key(&home, desk.port, &[]);
    let shown = value(&ask(desk.port, "GET", "/api/alerts", &key, ""));
    let of = &shown["files"][0];
    assert_eq!((&of["apps"], &of["channels"][0]["name"]), (&json!(["mine"]), &json!("ops")));
    assert_eq!(of["channels"][0]["place"], format!("http://127.0.0.1:{port}"));
    assert_eq!(shown["channels"], json!([]));
    assert!(!shown.to_string().contains("deep"), "{shown}");
    let listed = home.run(["web", "alert", "list"]).ok().says("ecosystem.json5, for mine").out();
    assert!(!listed.contains("deep") && !listed.contains("nobody is told"), "{listed}");
    home.run(["web", "alert", "remove", "ops"]).ends(2).complains("ecosystem.json5");
    home.run(["web", "alert", "test", "ops"]).ok();
    assert_eq!(heard.recv_timeout(PATIENCE).unwrap().line, "POST /deep/key HTTP/1.1");
    // What the file no longer says is no longer told, and a project that is down says nothing.
    let files = || value(&ask(desk.port, "GET", "/api/alerts", &key, ""))["files"].clone();
    start("apply");
    assert_eq!(files().as_array().unwrap().len(), 1);
    file("");
    start("apply");
    assert_eq!(files(), json!([]));
    file(&format!(", alerts: {{ channels: {channels} }}"));
    start("apply");
    assert_eq!(files().as_array().unwrap().len(), 1);
    home.run(["down"]).ok();
    assert_eq!(files(), json!([]));
}
