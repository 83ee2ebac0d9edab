//! What people of Compose type besides `up` and `down`: `up --wait`, `ps`, `wait`, `exec`, `run --rm`.

use std::fs;

use pm_testkit::{Home, Run};
use serde_json::{Value, json};

const FILE: &str = r#"
name: shop
services:
  db:
    command: sleep 1000
    healthcheck: {test: test -e well, interval: 20ms, retries: 1}
  migrate: {command: "true", depends_on: {db: {condition: service_healthy}}}
  web:
    command: sh -c 'exec sleep 1000'
    entrypoint: []
    environment: {WHO: "shop"}
    working_dir: site
    depends_on: {migrate: {condition: service_completed_successfully}}
"#;

fn names(home: &Home) -> Vec<String> {
    home.rows().into_iter().map(|row| row.name).collect()
}

fn shop() -> Home {
    let home = Home::new();
    home.file("compose.yaml", FILE);
    home.file("well", "");
    home.file("site/page", "hello\n");
    home
}

/// What is asked of it is PROJECT's `ps` in JSON: state and status of each service.
fn standing(run: &Run) -> Vec<(String, String, String)> {
    let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    let lines = run.out();
    let all = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    all.map(|one| (text(&one, "Name"), text(&one, "State"), text(&one, "Status"))).collect()
}

#[test]
fn up_waits_until_all_is_well_and_says_who_is_not() {
    let home = shop();
    home.run(["up", "-d", "--wait", "--remove-orphans", "--scale", "web=2"]).ok();
    assert_eq!(names(&home), ["db", "migrate", "web", "web"]);
    assert_eq!(home.row("db").health.map(pm_spec::Health::as_str), Some("healthy"));
    // Nothing is left to wait for; what is scaled to nothing is not there.
    home.run(["up", "--wait", "--scale", "web=0"]).ok();
    assert_eq!(names(&home), ["db", "migrate"]);
    for (word, told) in [("wep=1", "did you mean web?"), ("web", "NAME=N"), ("web=-1", "NAME=N")] {
        home.run(["up", "--scale", word]).ends(2).complains(told);
    }
    fs::remove_file(home.work().join("well")).unwrap();
    home.wait_rows("it is unhealthy", |rows| rows.iter().any(pm_protocol::Row::is_unhealthy));
    home.run(["up", "--wait"]).ends(1).complains("db is unhealthy");
    home.run(["down"]).ok();

    let slow = "name: slow\nservices:\n  slow: {command: sleep 1000, healthcheck: {test: \"false\", interval: 10s, start_period: 1h}}\n";
    home.file("compose.yaml", slow);
    home.run(["up", "--wait-timeout", "1"]).ends(1).complains("slow is not up and healthy in time");
    home.file("compose.yaml", "name: once\nservices:\n  once: {command: \"true\"}\n");
    home.run(["up"]).ok();
    home.run(["up", "--wait"]).ends(1).complains("once ");
}

#[test]
fn watch_restarts_what_develop_says_until_the_next_up() {
    let home = Home::new();
    home.file("src/page", "1");
    home.file("src/notes.log", "1");
    let develop =
        "develop: {watch: [{path: src, action: sync+restart, target: /src, ignore: ['*.log']}]}";
    home.file(
        "compose.yaml",
        format!("name: shop\nservices:\n  web:\n    command: sleep 1000\n    {develop}\n"),
    );
    home.run(["up"]).ok();
    let pid = home.row("web").pid;
    home.run(["watch"]).ok();
    assert_eq!(home.row("web").pid, pid, "it is not restarted for that");
    assert!(home.row("web").watching);
    home.file("src/notes.log", "2");
    home.file("src/page", "2");
    home.wait_new_pid("web", pid);
    home.run(["up"]).ok();
    assert!(!home.row("web").watching);
    home.run(["up", "--watch"]).ok();
    assert!(home.row("web").watching);
    assert_eq!(home.row("web").restarts, 1);
}

#[test]
fn services_are_listed_waited_for_and_told_apart_as_compose_does() {
    let home = shop();
    // Before a project is up, `ps` is what users of PM2 know.
    home.run(["ps"]).ok();
    home.run(["up", "--wait"]).ok();
    home.run(["start", "/bin/sleep", "--name", "other", "--", "1000"]).ok();
    let list = home.run(["ps"]).ok();
    let lines: Vec<Vec<String>> =
        list.out().lines().map(|it| it.split_whitespace().map(str::to_owned).collect()).collect();
    assert_eq!(lines[0], ["NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS"]);
    assert_eq!((lines.len(), &*lines[1][0], &*lines[2][0]), (3, "shop-db-1", "shop-web-1"));
    assert!(list.out().contains("(healthy)") && !list.out().contains("other"), "{}", list.out());
    let all = standing(&home.run(["ps", "-a", "--format", "json"]).ok());
    assert_eq!(all[1].0, "shop-migrate-1");
    assert!(all[1].1 == "exited" && all[1].2.starts_with("Exited (0) "), "{all:?}");
    assert_eq!(home.run(["ps", "--services"]).ok().out(), "db\nweb\n");
    let ids = format!("{}\n", home.row("web").id);
    assert_eq!(home.run(["ps", "-q", "web"]).ok().out(), ids);
    home.run(["ps", "nobody"]).ends(1).complains("no such service: nobody");
    let listed = home.run(["ps", "--sort", "name"]).ok().out();
    assert!(listed.contains("other"), "what `list` alone has is of `list`: {listed}");
    let projects = home.run(["ls", "--projects", "--json"]).ok().json();
    let file = home.work().join("compose.yaml").display().to_string();
    let shop = json!({ "Name": "shop", "Status": "exited(1), running(2)", "ConfigFiles": file });
    assert_eq!(projects, json!([shop]));

    assert_eq!(home.run(["wait", "migrate"]).ok().out(), "0\n");
    let mut waiting = home.pm(["wait", "web"]).background();
    home.run(["stop", "web"]).ok();
    assert_eq!((waiting.wait_for("143\n"), waiting.wait()), ("143\n".to_owned(), 143));
    home.run(["wait", "nobody"]).ends(1);

    let hash = |name: &str| home.run(["config", "--hash", name]).ok().out();
    let both = (hash("web"), hash("db"));
    assert_eq!(hash("*").lines().count(), 3);
    home.file(
        "compose.override.yaml",
        "services: {web: {scale: 2, environment: {MORE: \"1\"}}, db: {scale: 3}}\n",
    );
    assert!(hash("web") != both.0 && hash("db") == both.1, "{both:?}");
    home.run(["config", "--hash", "nobody"]).ends(1);
}

#[test]
fn commands_run_beside_a_service_or_once_in_its_place() {
    let home = shop();
    home.run(["up", "--wait"]).ok();
    let seen = home.run([
        "exec",
        "-e",
        "MORE=1",
        "web",
        "sh",
        "-c",
        "echo $WHO $MORE $NODE_APP_INSTANCE -w; cat page; exit 7",
    ]);
    assert_eq!((seen.code, seen.out()), (7, "shop 1 0 -w\nhello\n".to_owned()));
    let typed = home.pm(["exec", "-T", "-w", "..", "web", "cat"]).input("typed\n").run().ok();
    assert_eq!(typed.out(), "typed\n");
    let id = home.row("web").id.to_string();
    assert_eq!(
        home.run(["exec", &id, "sh", "-c", "pwd"]).ok().out().trim_end().rsplit('/').next(),
        Some("site")
    );
    home.run(["exec", "web", "no-such-program"])
        .ends(127)
        .complains("could not run no-such-program");
    home.run(["exec", "--index", "2", "web", "true"])
        .ends(1)
        .complains("web has 1 instance and none is number 2");
    home.run(["exec", "migrate", "true"]).ends(1).complains("migrate does not run");
    assert!(rustix::process::geteuid().is_root(), "this test becomes another user: run it as root");
    let who = "id -u; id -G; echo $USER; setpriv --reuid 0 true 2>/dev/null || echo for good";
    let nobody = home.run(["exec", "-u", "65534:65534", "-w", "/", "web", "sh", "-c", who]).ok();
    assert_eq!(nobody.out(), "65534\n65534\nnobody\nfor good\n");

    // In its place: it need not run, what it depends on does, and nobody sees it in a list.
    home.run(["down"]).ok();
    let once = home.run([
        "run",
        "--rm",
        "-e",
        "WHO=me",
        "web",
        "sh",
        "-c",
        "echo $WHO --rm; cat page; exit 3",
    ]);
    assert_eq!((once.code, once.out()), (3, "me --rm\nhello\n".to_owned()));
    assert_eq!(names(&home), ["db", "migrate"]);
    home.run(["down"]).ok();
    let alone = home.run(["run", "--rm", "--no-deps", "web", "echo", "alone"]).ok();
    assert_eq!((alone.out(), names(&home)), ("alone\n".to_owned(), Vec::new()));
    let entry = "name: shop\nservices:\n  say: {entrypoint: [echo, says], command: [it]}\n  bad: {command: \"false\"}\n  needs: {command: \"true\", depends_on: {bad: {condition: service_completed_successfully}}}\n";
    home.file("compose.yaml", entry);
    assert_eq!(home.run(["run", "--rm", "say"]).ok().out(), "says it\n");
    assert_eq!(home.run(["run", "--rm", "say", "more", "-n"]).ok().out(), "says more -n\n");
    home.run(["run", "--rm", "needs", "echo", "never"]).ends(1);
    home.run(["run", "--rm", "nobody", "true"]).ends(1);
}

/// An engine whose volumes are files, and whose containers print what they were asked for.
const ENGINE: &str = r#"
echo "$*" >>"$WORK/asked"
case "$1 $2" in
"volume create") for name; do :; done; : >"$WORK/vol.$name" ;;
"volume inspect") [ -e "$WORK/vol.$3" ] ;;
"volume rm") [ -e "$WORK/used" ] && { echo "volume is in use" >&2; exit 1; }; rm "$WORK/vol.$3" ;;
"network inspect") ;;
run*) case "$3" in *-run-*) echo "once $MODE"; exit 6 ;; esac
    trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done ;;
exec*) echo "in $*"; exit 5 ;;
esac"#;

#[test]
fn the_engine_runs_commands_in_containers_and_removes_volumes() {
    let home = Home::new();
    home.script("podman", &ENGINE.replace("$WORK", home.work().to_str().unwrap()));
    home.file(
        "compose.yaml",
        "name: shop\nservices:\n  web:\n    image: img\n    entrypoint: [serve, all]\n    command: [now]\n    environment: {MODE: fast}\n    ports: [\"8080:80\"]\n    volumes: [data:/d, theirs:/t]\nvolumes: {data: {}, theirs: {external: true}}\n",
    );
    let engine = home.work().join("podman");
    let run = |args: &[&str]| home.pm(args).env("PM_ENGINE", &engine).run();
    let volume = |name: &str| home.work().join(format!("vol.{name}")).exists();
    home.file("vol.theirs", "");
    run(&["up"]).ok();
    home.wait_until("its volume is made", || volume("shop_data"));
    let list = run(&["ps"]).ok();
    list.says("img").says("\"all now\"").says("0.0.0.0:8080->80/tcp");
    let inside = run(&["exec", "-u", "root", "-w", "/x", "-e", "A=1", "web", "ls", "-l"]);
    let told = "in exec --interactive --user root --workdir /x --env A=1 shop-web-1 ls -l\n";
    assert_eq!((inside.code, inside.out()), (5, told.to_owned()));
    let once = run(&["run", "--rm", "web", "check", "-v"]);
    assert_eq!((once.code, once.out()), (6, "once fast\n".to_owned()));
    let asked = fs::read_to_string(home.work().join("asked")).unwrap();
    let once = asked.lines().find(|line| line.contains("-run-")).unwrap();
    assert!(once.ends_with("--interactive img all check -v"), "{once}");
    assert!(once.contains("oneoff=True") && !once.contains("--publish"), "{once}");

    run(&["down"]).ok();
    assert!(volume("shop_data"), "without -v they stay");
    home.file("used", "");
    run(&["down", "-v"]).ends(1).complains("could not remove volume shop_data: volume is in use");
    fs::remove_file(home.work().join("used")).unwrap();
    run(&["down", "--volumes"]).ok();
    assert!(!volume("shop_data") && volume("theirs"));
}
