//! The channel of apps in fork mode: readiness, shutdown by message, descriptors they send, nonsense.

use pm_testkit::Home;

#[test]
fn p13_an_app_that_waits_to_be_ready_is_up_when_it_says_so() {
    let home = Home::new();
    home.file(
        "ready.js",
        "setTimeout(() => process.send('ready'), 1200);\nsetInterval(() => {}, 1000);\n",
    );
    home.run(["start", "ready.js", "--wait-ready", "--listen-timeout", "20s"]).ok();
    assert_eq!(home.row("ready").status.as_str(), "online");
    assert!(home.row("ready").pid != 0);
}

#[test]
fn p13_an_app_that_never_says_that_it_is_ready_is_not_online() {
    let home = Home::new();
    home.file("never.js", "setInterval(() => {}, 1000);\n");
    let run = home.run(["start", "never.js", "--wait-ready", "--listen-timeout", "300ms"]).ends(1);
    run.says("goes on as launching").says("did not say within 300ms that it is ready");
    let again = home.run(["restart", "never"]).ends(1);
    assert!(!again.out().contains("failed") && !again.err.contains("failed"), "{}", again.out());
    let row = home.row("never");
    assert_eq!(row.status.as_str(), "launching", "it runs on and may still say so");
    assert!(row.pid != 0);
    home.file("dies.js", "setTimeout(() => process.exit(3), 100);\n");
    home.run(["start", "dies.js", "--wait-ready", "--no-autorestart"]).ends(1);
}

#[test]
fn any_program_can_say_that_it_is_ready() {
    let home = Home::new();
    let script = home.script(
        "app.sh",
        "sleep 0.3; eval \"echo '\\\"ready\\\"' >&$NODE_CHANNEL_FD\"; while :; do sleep 1; done",
    );
    let script = script.to_string_lossy().into_owned();
    home.run(["start", &script, "--name", "sh", "--wait-ready", "--listen-timeout", "20s"]).ok();
    assert_eq!(home.row("sh").status.as_str(), "online");
}

#[test]
fn an_app_is_asked_to_stop_by_a_message() {
    let home = Home::new();
    home.file(
        "polite.js",
        "process.on('SIGINT', () => console.log('signal'));\n\
         process.on('message', (m) => { console.log('got ' + m); process.exit(7); });\n\
         process.send('ready');\n",
    );
    home.run(["start", "polite.js", "--shutdown-with-message", "--wait-ready"]).ok();
    home.run(["stop", "polite"]).ok();
    let log = home.home().logs().join("polite-out.log");
    home.wait_file(&log, |log| log == b"got shutdown\n");
    // Who closed its channel can't be told, so it gets the signal.
    home.file(
        "deaf.js",
        "process.send('ready', () => process.disconnect());\n\
         process.on('disconnect', () => console.log('closed'));\n\
         process.on('SIGINT', () => { console.log('signal'); process.exit(0); });\n\
         setInterval(() => {}, 1000);\n",
    );
    home.run(["start", "deaf.js", "--shutdown-with-message", "--wait-ready"]).ok();
    let log = home.home().logs().join("deaf-out.log");
    home.wait_file(&log, |log| log == b"closed\n");
    home.run(["stop", "deaf"]).ok();
    home.wait_file(&log, |log| log == b"closed\nsignal\n");
}

#[test]
fn a_descriptor_that_an_app_sends_does_not_hold_up_its_messages() {
    let home = Home::new();
    home.file(
        "sender.js",
        "const server = require('node:net').createServer().listen(0, () => {\n\
           process.send({ a: 1 }, server, () => console.log('handle'));\n\
           process.send('ready', () => console.log('after'));\n\
         });\n",
    );
    home.run(["start", "sender.js", "--wait-ready", "--listen-timeout", "20s"]).ok();
    let log = home.home().logs().join("sender-out.log");
    home.wait_file(&log, |log| log == b"handle\nafter\n");
}

#[test]
fn nonsense_on_a_channel_hurts_nobody() {
    let home = Home::new();
    let lines = [
        "",
        "{",
        "[[[[",
        "nonsense",
        "{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Native\"}",
        "{\"cmd\":\"NODE_HANDLE_ACK\"}",
        "{\"cmd\":\"NODE_CLUSTER\",\"ack\":7,\"accepted\":true}",
        "{\"cmd\":\"NODE_CLUSTER\",\"act\":\"queryServer\",\"port\":99999999}",
        "{\"type\":\"axm:monitor\",\"data\":7}",
    ];
    let text: String = lines.map(|line| format!("{line}\n")).concat();
    home.file("lines", text);
    home.script(
        "odd.sh",
        "eval \"cat lines >&$NODE_CHANNEL_FD\"; head -c 20000000 /dev/zero | eval \"cat >&$NODE_CHANNEL_FD\"\n\
         eval \"printf '\\n\\\"ready\\\"\\n' >&$NODE_CHANNEL_FD\"; while :; do sleep 1; done",
    );
    let daemon = home.run(["start", "odd.sh", "--wait-ready", "--listen-timeout", "20s"]).ok();
    drop(daemon);
    assert_eq!(home.hello().incarnation, 1, "the daemon lives");
}
