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
    let run = home.run(["apply", "eco.yaml"]).ok();
    run.says("env.B *** -> ***");
    keeps(&run, "sesame");
    said(&home, "web", "A=env B=sesame");
    // A restart by name has what the file said then; a boot, too.
    home.run(["restart", "web"]).ok();
    home.run(["env", "web"]).ok().says("B=sesame");
    home.run(["start", APP, "--name", "flag", "--env-file", ".env"]).ok();
    said(&home, "flag", "A= B=sesame");
    home.file("wrong.env", "A=1\nB='hunter2\n");
    let run = home.run(["start", APP, "--name", "wrong", "--env-file", "wrong.env"]).ends(2);
    run.complains("wrong.env:2:3: error: the value of `B` has no closing quote");
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
    home.run(["env", "web"]).ok().says("B=prod");
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
