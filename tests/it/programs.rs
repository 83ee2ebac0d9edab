//! Configs that are programs, through the command line: where their talk goes, what runs them, what they cost others.

use std::io::{Read, Write};
use std::net::TcpStream;

use pm_testkit::{Home, free_port};

const CONFIG: &str = "console.log('talk'); process.stdout.write('more\\n'); console.error('loud');
module.exports = { apps: [{ name: 'web', script: '/bin/sleep', args: ['1000'], env: { BY: process.versions.quickjs ? 'builtin' : 'node' } }] };";

fn by(home: &Home) -> String {
    let described = home.run(["env", "web", "--json"]).ok().json();
    described["BY"].as_str().unwrap_or("nobody").to_owned()
}

#[test]
fn what_a_config_prints_is_talk() {
    let home = Home::new();
    home.file("ecosystem.config.js", CONFIG);
    for engine in ["builtin", "node"] {
        let run =
            home.run(["start", "ecosystem.config.js", "--json", "--config-runtime", engine]).ok();
        let outcomes = run.json();
        assert_eq!(outcomes[0]["name"], "web", "standard output is data: {}", run.out());
        for line in ["talk", "more", "loud"] {
            let run = home.run(["check", "ecosystem.config.js", "--config-runtime", engine]).ok();
            run.complains(line);
        }
        assert_eq!(by(&home), engine);
    }
}

#[test]
fn every_verb_that_takes_a_config_takes_a_program() {
    let home = Home::new();
    home.file("pm.config.cjs", CONFIG);
    for verb in ["start", "restart", "reload", "stop", "start", "delete"] {
        home.run([verb, "pm.config.cjs"]).ok();
    }
    assert!(home.rows().is_empty());
    // Without a word the file that lies here is taken.
    home.file("ecosystem.config.js", CONFIG);
    home.run(["start"]).ok();
    assert_eq!(home.rows().len(), 1);
}

#[test]
fn a_config_that_throws_starts_nothing() {
    let home = Home::new();
    home.file("ecosystem.config.js", "const a = 1;\nmodule.exports = { apps: [b] };\n");
    home.run(["start", "ecosystem.config.js", "--config-runtime", "builtin"])
        .ends(2)
        .complains("ecosystem.config.js:2:27: error: ReferenceError: b is not defined\n")
        .complains("nothing was done");
    home.run(["start", "ecosystem.config.js", "--config-runtime", "python"]).ends(2);
}

#[test]
fn static_folders_of_a_config_are_served() {
    let home = Home::new();
    home.file("www/hello.txt", "hello");
    let port = free_port();
    home.file(
        "ecosystem.config.js",
        format!("module.exports = {{ apps: [], static: [{{ path: './www', port: {port}, host: '127.0.0.1' }}] }};"),
    );
    home.run(["start", "ecosystem.config.js"]).ok().says(&format!("static-page-server-{port}"));
    let mut answer = String::new();
    home.wait_until("the folder is served", || {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
        stream.write_all(b"GET /hello.txt HTTP/1.0\r\n\r\n").unwrap();
        answer.clear();
        stream.read_to_string(&mut answer).is_ok()
    });
    assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
}

#[test]
fn configs_on_standard_input_and_parts_of_configs_are_acted_on() {
    let home = Home::new();
    let app = |name: &str| format!("{{ name: '{name}', script: '/bin/sleep', args: '1000' }}");
    let all = format!("[{}, {}, {}]", app("a"), app("b"), app("c"));
    home.file("eco.json5", &all);
    let on_input = |verb: &str| home.pm([verb, "-"]).input(all.clone()).run().ok();
    let online = |home: &Home| home.rows().iter().filter(|row| row.pid != 0).count();
    on_input("start");
    let before = home.row("a").pid;
    on_input("restart");
    assert_ne!(home.row("a").pid, before);
    on_input("stop");
    assert_eq!(online(&home), 0);
    for (only, verb, left) in [("a,b", "start", 2), ("b c", "restart", 3), ("a c", "stop", 1)] {
        home.run([verb, "eco.json5", "--only", only]).ok();
        assert_eq!(online(&home), left, "{verb} --only {only}");
    }
    home.run(["delete", "eco.json5", "--only", "a,b"]).ok();
    assert_eq!(home.rows().len(), 1);
    on_input("delete");
    assert!(home.rows().is_empty());
}
