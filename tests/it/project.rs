//! `init`, `pull`, `backward`, `forward`, `logrotate`, `report`, and the verbs that only say what there is instead.

use std::fs;
use std::path::Path;
use std::process::Command;

use pm_testkit::Home;

fn git(folder: &Path, words: &str) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@example.com"]);
    let output = command
        .args(words.split(' '))
        .current_dir(folder)
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {words}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A remote with commits one, two and three, and an app in a clone at `one` whose output says which commit it runs.
fn repository(home: &Home, post_update: &str) {
    let work = home.work();
    git(&work, "init -q --bare -b main remote.git");
    git(&work, "clone -q remote.git dev");
    home.script("dev/app", "cat name; exec sleep 1000");
    let app = format!("{{ name: 'web', script: './app', post_update: {post_update} }}");
    home.file("dev/ecosystem.json5", format!("{{ apps: [{app}] }}"));
    for (number, name) in ["one", "two", "three"].into_iter().enumerate() {
        home.file("dev/name", format!("{name}\n"));
        git(&work.join("dev"), "add -A");
        git(&work.join("dev"), &format!("commit -q -m {name}"));
        git(&work.join("dev"), "push -q -u origin HEAD:main");
        if number == 0 {
            git(&work, "clone -q -b main remote.git live");
        }
    }
    home.pm(["start", "ecosystem.json5"]).dir(work.join("live")).run().ok();
}

/// Waits until the app has said this last.
fn runs(home: &Home, name: &str) {
    let log = home.home().logs().join("web-out.log");
    home.wait_file(log, |bytes| bytes.ends_with(format!("{name}\n").as_bytes()));
}

#[test]
fn an_app_is_pulled_forward_and_backward() {
    let home = Home::new();
    repository(&home, "['cat name >> ../updates', 'true']");
    let updates = || fs::read_to_string(home.work().join("updates")).unwrap_or_default();
    runs(&home, "one");
    let first = home.row("web").pid;
    home.run(["pull", "web"]).ok();
    runs(&home, "three");
    assert_ne!(home.row("web").pid, first);
    assert_eq!(updates(), "three\n");
    let pid = home.row("web").pid;
    home.run(["pull", "web"]).ok().says("nothing to do");
    assert_eq!(home.row("web").pid, pid, "nothing new, no reload");
    home.run(["backward", "web"]).ok();
    runs(&home, "two");
    home.run(["backward", "web"]).ok();
    runs(&home, "one");
    home.run(["backward", "web"]).ends(1).complains("no commit before this one");
    home.run(["forward", "web"]).ok();
    runs(&home, "two");
    home.run(["forward", "web"]).ok();
    runs(&home, "three");
    home.run(["forward", "web"]).ok().says("nothing to do");
    let two = git(&home.work().join("live"), "rev-parse HEAD^");
    home.run(["pull", "web", &two[..8]]).ok();
    runs(&home, "two");
    home.run(["pull", "web", "nosuch"]).ends(1).complains("no commit nosuch");
    home.run(["pull", "web", "--", "--output=x"]).ends(1).complains("no commit --output=x");
    home.run(["pull", "nosuch"]).ends(1).complains("nosuch");
    assert_eq!(updates(), "three\ntwo\none\ntwo\nthree\ntwo\n");
}

#[test]
fn what_is_not_committed_is_not_lost_and_a_failed_update_is_taken_back() {
    let home = Home::new();
    repository(&home, "['false']");
    let live = home.work().join("live");
    let head = git(&live, "rev-parse HEAD");
    let pid = home.row("web").pid;
    home.file("live/name", "mine\n");
    home.run(["pull", "web"]).ends(1).complains("not committed");
    assert_eq!(fs::read_to_string(live.join("name")).unwrap(), "mine\n");
    git(&live, "checkout -q -- name");
    home.run(["pull", "web"]).ends(1).complains("post_update `false`").complains("is back at");
    assert_eq!(git(&live, "rev-parse HEAD"), head);
    assert_eq!(home.row("web").pid, pid, "the app was left alone");
    let script = home.script("plain/app", "exec sleep 1000");
    home.pm(["start", "./app"]).dir(script.parent().unwrap()).run().ok();
    home.run(["pull", "app"]).ends(1).complains("runs in no git repository");
}

#[test]
fn a_file_to_begin_with_is_right_and_replaces_nothing() {
    for kind in [&[][..], &["simple"]] {
        for (format, name) in [
            ("js", "ecosystem.config.js"),
            ("json5", "ecosystem.json5"),
            ("yaml", "ecosystem.yaml"),
        ] {
            let home = Home::new();
            home.file("index.js", "");
            let words = [&["init", "--format", format], kind].concat();
            home.run(&words).ok().says(name);
            let file = home.work().join(name);
            let text = fs::read_to_string(&file).unwrap();
            let run = home.run(["check", name, "--env", "production"]);
            // Without a Node here there is nothing to run index.js with, which is no fault of the file's.
            let told = run.out() + &run.err;
            assert!(!told.contains("unknown") && !told.contains("expected"), "{name}: {told}");
            if kind.is_empty() {
                home.run(["deploy", name, "production", "help"]).ok();
            }
            fs::write(&file, "mine").unwrap();
            home.run(&words).ends(1).complains("it is there already");
            assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
            home.run([&words[..], &["--force"]].concat()).ok();
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
        }
    }
    let home = Home::new();
    home.run(["ecosystem"]).ok();
    assert!(home.work().join("ecosystem.config.js").exists(), "PM2's other word for it");
}

#[test]
fn logrotate_gets_a_file_it_understands() {
    let home = Home::named("home with blank");
    let script = home.script("app", "exec sleep 1000");
    home.run(["start", script.to_str().unwrap()]).ok();
    let folder = home.work().join("logrotate.d");
    fs::create_dir(&folder).unwrap();
    let shown = home.run(["logrotate", "--print"]).ok().out();
    assert!(shown.contains("rotate 12") && shown.contains("weekly"), "{shown}");
    assert!(shown.starts_with(&format!("\"{}/*.log\"", home.home().logs().display())), "{shown}");
    let into = ["logrotate", "--folder", folder.to_str().unwrap()];
    let dry = home.run([&into[..], &["--dry-run"]].concat()).ok().out();
    assert!(dry.starts_with(&format!("would write {}/pm-", folder.display())), "{dry}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    home.run(into).ok().complains(&format!("writing {}/pm-", folder.display()));
    let written: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(written.len(), 1);
    assert!(written[0].file_name().unwrap().to_str().unwrap().starts_with("pm-"));
    assert_eq!(fs::read_to_string(&written[0]).unwrap(), shown);
    home.run(["logrotate", "-u", "../evil"]).ends(2);
    home.run(["logrotate", "-u", "nosuchuser"]).ends(2).complains("nosuchuser");
    // Where logrotate is installed it says what it thinks of the file.
    let Ok(output) = Command::new("logrotate").arg("-d").arg(&written[0]).output() else { return };
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !told.contains("error:"), "{told}");
}

#[test]
fn p38_a_report_tells_much_and_no_secret() {
    let home = Home::new();
    let run = home.pm(["report"]).env("PM_TOKEN", "hunter2").run().ok();
    run.says("none runs").says("PM_TOKEN: ***");
    assert!(!home.home().socket().exists(), "looking started a daemon");
    let script = home.script("app", "exec sleep 1000");
    let words = ["start", script.to_str().unwrap(), "--name", "web"];
    home.pm(words).env("API_KEY", "hunter2").run().ok();
    let run = home.pm(["report"]).env("PM2_SECRET", "hunter2").run().ok();
    let version = format!("version: {}", env!("CARGO_PKG_VERSION"));
    let run = run.says(&version).says("0 web: online").says("kernel: Linux").says("--- log");
    let run = run.says(home.home().root().to_str().unwrap());
    assert!(!run.out().contains("hunter2"), "{}", run.out());
    let json = home.run(["report", "--json"]).ok().json();
    assert_eq!(json["apps"][0]["name"], "web");
    assert_eq!(json["daemon"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn what_makes_no_sense_here_says_so() {
    let home = Home::new();
    home.run(["create"]).ends(1).complains("pm init");
    home.run(["autoinstall"]).ends(1).complains("npm modules are not part of pm");
    home.run(["deepUpdate"]).ends(1).complains("pm update");
    home.run(["examples"]).ok().says("pm start ecosystem.json5");
}
