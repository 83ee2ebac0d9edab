//! Projects as people live with them: files of variables, files laid over files, profiles, what is removed with a project.

use pm_testkit::{Home, Run};

const APP: &str = "./app.sh";

/// An app that prints what it was given and stays.
fn home() -> Home {
    let home = Home::new();
    home.script("app.sh", "echo \"A=$A B=$B in $(pwd)\"; exec sleep 1000");
    home
}

fn said(home: &Home, name: &str, line: &str) {
    let log = home.home().logs().join(format!("{name}-out.log"));
    home.wait_file(log, |bytes| {
        String::from_utf8_lossy(bytes).lines().any(|it| it.starts_with(line))
    });
}

fn names(home: &Home) -> Vec<String> {
    home.rows().into_iter().map(|row| row.name).collect()
}

/// Neither on standard output nor on standard error.
fn keeps(run: &Run, secret: &str) {
    assert!(!run.out().contains(secret) && !run.err.contains(secret), "{}{}", run.out(), run.err);
}

#[test]
fn variables_of_a_file_reach_the_app_and_nobody_is_shown_them() {
    let home = home();
    home.file(".env", "A='from file' # c\nB=hunter2\n");
    home.file(
        "eco.yaml",
        format!("apps:\n- {{name: web, script: {APP}, env_file: .env, env: {{A: env}}}}\n"),
    );
    keeps(&home.run(["check", "eco.yaml"]).ok(), "hunter2");
    keeps(&home.run(["apply", "eco.yaml", "--dry-run", "--json"]).ok(), "hunter2");
    keeps(&home.run(["start", "eco.yaml"]).ok(), "hunter2");
    said(&home, "web", "A=env B=hunter2");
    for look in [
        &["describe", "web"][..],
        &["describe", "web", "--json"],
        &["jlist"],
        &["why", "web"],
        &["report"],
    ] {
        keeps(&home.run(look).ok(), "hunter2");
    }
    home.run(["env", "web"]).ok().says("hunter2");
    home.file(".env", "B=sesame\n");
    let run = home.run(["apply", "eco.yaml"]).ok().says("env.B *** -> ***");
    keeps(&run, "sesame");
    said(&home, "web", "A=env B=sesame");
    // A restart by name has what the file said then; a boot, too.
    home.run(["restart", "web"]).ok();
    home.run(["env", "web"]).ok().says("B: sesame");
    home.run(["start", APP, "--name", "flag", "--env-file", ".env"]).ok();
    said(&home, "flag", "A= B=sesame");
    home.file("wrong.env", "A=1\nB='hunter2\n");
    let run = home.run(["start", APP, "--name", "wrong", "--env-file", "wrong.env"]).ends(2);
    let run = run.complains("wrong.env:2:3: error: the value of `B` has no closing quote");
    keeps(&run, "hunter2");
}

#[test]
fn files_on_a_command_line_are_one_config() {
    let home = home();
    home.file("base.yaml", format!("interpolate: true\napps:\n- {{name: web, script: {APP}, env: {{A: '${{A:-base}}', B: base}}}}\n- {{name: job, script: {APP}}}\n"));
    home.file("prod.yaml", "apps:\n- {name: web, env: {B: prod}}\n");
    let files = ["base.yaml", "prod.yaml"];
    home.run(["check", files[0], files[1]]).ok().says("base.yaml + prod.yaml: 2 apps: web, job");
    home.run(["start", files[0], files[1]]).ok();
    said(&home, "web", "A=base B=prod");
    let plan = home
        .pm(["apply", files[0], files[1], "--dry-run", "--json"])
        .env("A", "shell")
        .run()
        .ok()
        .json();
    assert_eq!(
        (&plan[0]["step"], &plan[0]["changes"][0]),
        (&"restart".into(), &"env.A base -> shell".into())
    );
    assert_eq!(plan[1]["step"], "keep");
    home.run(["restart", files[0], files[1]]).ok();
    home.run(["env", "web"]).ok().says("B: prod");
    home.run(["stop", files[0], files[1]]).ok();
    home.run(["start", "prod.yaml"]).ends(2).complains("prod.yaml:2:3: error:");
}

#[test]
fn apps_of_profiles_come_when_asked_and_are_not_gone_when_off() {
    let home = home();
    home.file("eco.yaml", format!("name: shop\napps:\n- {{name: web, script: {APP}}}\n- {{name: mail, script: {APP}, profiles: [dev]}}\n"));
    home.run(["start", "eco.yaml"]).ok();
    assert_eq!(names(&home), ["web"]);
    home.pm(["start", "eco.yaml"]).env("PM_PROFILES", "dev").run().ok();
    assert_eq!(names(&home), ["web", "mail"]);
    let run = home.run(["apply", "eco.yaml", "--prune"]).ok();
    assert!(!run.out().contains("mail (1) deleted"), "{}", run.out());
    assert_eq!(names(&home), ["web", "mail"]);
    home.run(["describe", "web"]).ok().says("shop");
    home.run(["check", "eco.yaml", "--profile", "dve"]).ok().says("did you mean `dev`?");
}

/// A project in a folder, with these apps.
fn project(home: &Home, folder: &str, name: &str, apps: &[&str]) {
    let line = |app: &&str| {
        format!("- {{name: {app}, script: {}}}\n", home.work().join("app.sh").display())
    };
    let apps: String = apps.iter().map(line).collect();
    home.file(format!("{folder}/ecosystem.yaml"), format!("{name}\napps:\n{apps}"));
}

#[test]
fn up_converges_and_down_takes_away_a_project_and_nothing_else() {
    let home = home();
    let call = |folder: &str, words: &[&str]| home.pm(words).dir(home.work().join(folder)).run();
    home.run(["start", APP, "--name", "alone"]).ok();
    project(&home, "shop", "name: shop", &["web", "old"]);
    project(&home, "blog", "", &["blog"]);
    call("shop", &["up", "--dry-run"]).ok().says("+ web: start");
    assert_eq!(names(&home), ["alone"]);
    call("shop", &["up"]).ok();
    call("blog", &["up"]).ok();
    let pid = home.row("web").pid;
    project(&home, "shop", "name: shop", &["web", "new"]);
    call("shop", &["up", "-n"]).ok().says("- old: remove");
    call("shop", &["up"]).ok().says("= web (1) unchanged");
    assert_eq!((names(&home).join(" "), home.row("web").pid), ("alone web blog new".into(), pid));
    home.run(["list", "project:shop"]).ok().says("web").says("new");
    assert!(!home.run(["list", "project:shop"]).ok().out().contains("blog"));
    home.run(["stop", "project:blog"]).ok();
    home.run(["list", "project:shp"]).ends(1).complains("did you mean `project:shop`?");
    // A file with a mistake stops nobody from going down.
    project(&home, "shop", "name: shop", &["web", "new, kill_timeout: soon"]);
    call("shop", &["up"]).ends(2);
    call("shop", &["down"]).ok();
    assert_eq!(names(&home), ["alone", "blog"]);
    call("shop", &["down"]).ok().says("no app of this project is known");
    home.run(["down", "blog/ecosystem.yaml"]).ok();
    assert_eq!(names(&home), ["alone"]);
    home.run(["down"]).ends(2).complains("there is no ecosystem file in");
    home.run(["up"]).ends(2).complains("there is no ecosystem file in");
}

#[test]
fn up_says_by_its_exit_code_that_not_all_are_up() {
    let home = home();
    home.script("fails.sh", "echo 'no such table' >&2; exit 3");
    home.file(
        "eco.yaml",
        format!("apps:\n- {{name: good, script: {APP}}}\n- {{name: bad, script: ./fails.sh}}\n"),
    );
    home.run(["up", "eco.yaml"]).ends(1).complains("no such table");
    home.run(["down", "eco.yaml"]).ok();
    assert!(names(&home).is_empty());
}

#[test]
fn projects_of_one_name_in_two_folders_are_two() {
    let home = home();
    project(&home, "a/app", "", &["one"]);
    project(&home, "b/app", "", &["two"]);
    home.run(["up", "a/app/ecosystem.yaml"]).ok();
    home.run(["up", "b/app/ecosystem.yaml"]).ok();
    assert_eq!(names(&home), ["one", "two"]);
    home.run(["down", "a/app/ecosystem.yaml"]).ok().complains("note: two is of a project app too");
    assert_eq!(names(&home), ["two"]);
    // A file that was renamed is the same project.
    std::fs::rename(home.work().join("b/app/ecosystem.yaml"), home.work().join("b/app/pm.yaml"))
        .unwrap();
    home.file("b/app/pm.yaml", "apps: [{name: three, script: ../../app.sh}]\n");
    home.run(["up", "b/app/pm.yaml"]).ok();
    assert_eq!(names(&home), ["three"]);
}
