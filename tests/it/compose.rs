//! A Compose project as people live with it, and the page about Compose.

use std::fs;

use pm_testkit::Home;

use crate::comparisons::names_tests_that_are_there;

const FILE: &str = r#"
name: shop
services:
  db:
    command: sh -c "touch up; exec sleep 1000"
    healthcheck: {test: test -e up, interval: 20ms}
    restart: always
  migrate:
    command: ["sh", "-c", "echo migrated $$WHO to ${VERSION}"]
    environment: {WHO: "shop"}
    depends_on: {db: {condition: service_healthy}}
  web:
    command: sleep 1000
    depends_on: {migrate: {condition: service_completed_successfully}}
    ports: ["80:80"]
    deploy: {replicas: 2}
  debug: {command: sleep 1000, profiles: [debug]}
"#;

fn names(home: &Home) -> Vec<String> {
    home.rows().into_iter().map(|row| row.name).collect()
}

#[test]
fn a_compose_file_comes_up_changes_and_goes_as_it_stands() {
    let home = Home::new();
    home.file("compose.yaml", FILE);
    home.file(".env", "VERSION=1\n");
    home.run(["check", "compose.yaml"]).ok();
    home.run(["up"]).ok();
    assert_eq!(names(&home), ["db", "migrate", "web", "web"]);
    let log = home.home().logs().join("migrate-out.log");
    assert_eq!(fs::read_to_string(&log).unwrap(), "migrated shop to 1\n");
    let before: Vec<_> = home.rows().iter().map(|row| row.pid).collect();
    home.run(["up", "--profile", "debug"]).ok().says("web (2) unchanged");
    assert_eq!(names(&home), ["db", "migrate", "web", "web", "debug"]);
    // What lies beside it is laid over it.
    home.file("compose.override.yaml", "services: {db: {environment: {LEVEL: all}}}\n");
    home.run(["up"]).ok().says("env.LEVEL added: all").says("web (2) unchanged");
    let after: Vec<_> = home.rows().iter().map(|row| row.pid).collect();
    assert!(before[0] != after[0] && before[2..4] == after[2..4], "{before:?} {after:?}");
    home.run(["stop", "compose.yaml"]).ok();
    home.run(["down"]).ok();
    assert!(names(&home).is_empty());
}

#[test]
fn the_model_is_printed_as_compose_prints_it() {
    let home = Home::new();
    home.file("compose.yaml", FILE);
    home.file("over.yaml", "services: {web: {image: \"img:${VERSION:-2}\", build: .}}\n");
    let model = home.run(["config", "--format", "json"]).ok();
    let model: serde_json::Value = serde_json::from_str(&model.out()).unwrap();
    assert_eq!(model["services"]["web"]["depends_on"]["migrate"]["required"], true);
    assert_eq!(model["services"]["migrate"]["environment"]["WHO"], "shop");
    assert_eq!(model["services"]["debug"], serde_json::Value::Null);
    let yaml = home.run(["config"]).ok().out();
    home.file("again.yaml", &yaml);
    let again = home.run(["config", "-f", "again.yaml", "--format", "json"]).ok();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&again.out()).unwrap(), model, "{yaml}");
    let both = ["config", "-f", "compose.yaml", "-f", "over.yaml"];
    let run = |more: &[&str]| home.run(both.iter().chain(more)).ok().out();
    assert_eq!(run(&["--services", "--profile", "debug"]), "db\ndebug\nmigrate\nweb\n");
    assert_eq!(run(&["--images"]), "img:2\n");
    assert_eq!(run(&["-q"]), "");
    home.file("over.yaml", "services: {web: {imagee: x}}\n");
    home.run(both).ends(2).complains("over.yaml:1:18: error: unknown key `imagee` in `web`");
    // Without a Compose file it is what PM2 makes of it.
    home.run(["config", "a", "b"]).ok();
    assert_eq!(home.run(["config", "a"]).ok().out(), "b\n");
}

#[test]
fn a_compose_file_becomes_an_ecosystem_file() {
    let home = Home::new();
    home.file("compose.yaml", FILE);
    home.run(["import", "compose.yaml"])
        .ok()
        .says("compose.yaml:15  web ports            no effect")
        .says("wrote ecosystem.json5: 3 apps");
    home.run(["check", "ecosystem.json5"]).ok();
}

/// An engine that runs what it is given on this machine, and writes down what it was asked.
const ENGINE: &str = r#"
echo "$*" >>"$WORK/asked"
case $1 in
build) ;;
network | volume) [ "$2" = create ] ;;
run)
    trap 'echo "bye $MODE"; exit 42' TERM
    [ "$MODE" ] && echo "up $MODE" || trap '' TERM
    : >"$WORK/running"
    while :; do sleep 1000 & wait $!; done ;;
exec) [ -e "$WORK/running" ] && [ "$3" = healthy ] ;;
esac"#;

#[test]
fn services_with_an_image_run_by_the_engine_and_end_with_their_own_code() {
    let home = Home::new();
    home.script("podman", &ENGINE.replace("$WORK", home.work().to_str().unwrap()));
    home.file("ctx/Dockerfile", "FROM scratch\n");
    home.file(
        "compose.yaml",
        "name: shop\nservices:\n  web:\n    build: ./ctx\n    environment: {MODE: fast}\n    healthcheck: {test: [CMD, healthy], interval: 20ms}\n  host: {command: sleep 1000, depends_on: {web: {condition: service_healthy}}}\n",
    );
    let engine = home.work().join("podman");
    let run = |args: &[&str]| home.pm(args).env("PM_ENGINE", &engine).run().ok();
    run(&["up"]);
    assert_eq!(names(&home), ["web-build", "web", "host"]);
    run(&["stop", "web"]);
    let log = fs::read_to_string(home.home().logs().join("web-out.log")).unwrap();
    assert_eq!(log, "up fast\nbye fast\n");
    home.run(["history", "web"]).ok().says("exited with code 42");
    let asked = fs::read_to_string(home.work().join("asked")).unwrap();
    let asked: Vec<_> = asked.lines().collect();
    let first = |begins: &str| {
        let found = asked.iter().position(|line| line.starts_with(begins));
        found.unwrap_or_else(|| panic!("{begins}\n{asked:#?}"))
    };
    let order = [
        "build --tag shop-web",
        "rm -f shop-web-1",
        "network create",
        "run --name shop-web-1 --rm",
        "exec shop-web-1 healthy",
    ];
    let mut places: Vec<_> = order.map(first).to_vec();
    // It may be asked before it is there: that it is well it says later.
    places[4] = asked.iter().rposition(|line| line.starts_with(order[4])).unwrap();
    assert!(places.is_sorted(), "{asked:#?}");
    run(&["down"]);
    assert!(names(&home).is_empty());
}

/// What a broken engine does is what `broken` says.
const BROKEN: &str = r#"
case $(cat "$WORK/broken"):$1 in
stopped:*)
    echo "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?" >&2
    exit 1 ;;
hangs:* | hangs_later:rm) exec sleep 1000 ;;
away:image) exit 1 ;;
away:pull)
    echo 'Error: initializing source docker://img:latest: pinging container registry registry-1.docker.io: Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host' >&2
    exit 125 ;;
program:run)
    echo 'Error: crun: executable file `serve` not found in $PATH: No such file or directory: OCI runtime attempted to invoke a command that was not found' >&2
    exit 127 ;;
esac"#;

#[test]
fn an_engine_that_hangs_is_stopped_or_lacks_an_image_is_told() {
    let home = Home::new();
    home.script("docker", &BROKEN.replace("$WORK", home.work().to_str().unwrap()));
    home.file(
        "compose.yaml",
        "name: shop\nservices:\n  web: {image: img, stop_grace_period: 0s}\n  host: {command: sleep 1000}\n",
    );
    let engine = home.work().join("docker");
    let run = |broken: &str, words: &[&str]| {
        home.file("broken", broken);
        home.pm(words).env("PM_ENGINE", &engine).env("PM_ENGINE_PATIENCE", "1").run()
    };
    for words in [&["up"][..], &["start", "compose.yaml"], &["apply", "compose.yaml"]] {
        run("stopped", words)
            .ends(1)
            .complains("docker does not work: Cannot connect to the Docker daemon")
            .complains("nothing was done")
            .complains("systemctl start docker");
        run("hangs", words)
            .ends(1)
            .complains("docker gave no answer to `docker version` within 1 s");
        assert!(names(&home).is_empty(), "nothing half done");
    }
    let away = run("away", &["up"]).ends(1);
    away.complains("img is not on this machine, and its registry can't be reached");
    run("program", &["restart", "web"]).ends(1).complains("img has no such program");
    assert_eq!(home.row("host").status, pm_protocol::Status::Online, "the others go their way");
    // One that hangs only later is told by the app.
    run("hangs_later", &["restart", "web", "--no-wait"]);
    home.wait_file(home.home().logs().join("web-error.log"), |log| {
        String::from_utf8_lossy(log).contains("docker gives no answer: `rm -f shop-web-1`")
    });
    home.file(
        "compose.yaml",
        "name: shop\nservices:\n  web: {image: img, volumes: [\"data:/d\"]}\nvolumes: {data: {}}\n",
    );
    run("hangs", &["down", "-v"])
        .ends(1)
        .complains("could not remove volume shop_data: the engine gives no answer");
}

#[test]
fn commands_of_services_of_both_kinds_go_with_their_runs() {
    let home = Home::new();
    home.script("podman", &ENGINE.replace("$WORK", home.work().to_str().unwrap()));
    home.file(
        "compose.yaml",
        "name: shop\nservices:\n  web:\n    image: img\n    environment: {MODE: fast}\n    pre_stop: [{command: [leave, it], user: root}]\n  host:\n    command: sleep 1000\n    post_start: [{command: touch up}]\n    pre_stop: [{command: touch left}]\n",
    );
    let engine = home.work().join("podman");
    let run = |args: &[&str]| home.pm(args).env("PM_ENGINE", &engine).run().ok();
    run(&["up"]);
    home.wait_until("its command has run", || home.work().join("up").exists());
    assert!(!home.work().join("left").exists());
    run(&["stop", "host", "web"]);
    assert!(home.work().join("left").exists());
    let asked = fs::read_to_string(home.work().join("asked")).unwrap();
    assert!(asked.contains("exec --user root shop-web-1 leave it\n"), "{asked}");
}

#[test]
fn the_page_of_compose_names_tests_that_are_there() {
    names_tests_that_are_there("compose.md");
}
