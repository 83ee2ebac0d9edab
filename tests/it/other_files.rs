//! Files of further managers as people live with them, and the page about them.

use std::fs;

use pm_testkit::{Home, signal};

use crate::comparisons::names_tests_that_are_there;

#[test]
fn a_procfile_comes_up_with_ports_and_variables_and_scales() {
    let home = Home::new();
    let seen = "echo $TOKEN > seen.$PORT; exec sleep 1000";
    home.file("Procfile", format!("web: {seen}\nworker: {seen}\nrelease: touch released\n"));
    home.file(".env", "PORT=4000\nTOKEN=s3cret\n");
    home.run(["check", "Procfile"]).ok();
    let report = home.run(["import", "Procfile", "--dry-run"]).ok();
    assert!(!report.out().contains("s3cret"), "{}", report.out());
    home.run(["up"]).ok();
    let file = |name: &str| fs::read_to_string(home.work().join(name)).unwrap_or_default();
    for port in ["4000", "4100"] {
        home.wait_until(port, || file(&format!("seen.{port}")) == "s3cret\n");
    }
    home.run(["scale", "web", "2"]).ok();
    home.wait_until("the second web", || file("seen.4001") == "s3cret\n");
    assert!(!home.work().join("released").exists(), "it is only made known");
    let text = home.run(["describe", "web"]).ok().out();
    assert!(!text.contains("s3cret"), "{text}");
    home.run(["delete", "Procfile"]).ok();
    assert!(home.rows().is_empty());
}

#[test]
fn units_of_systemd_come_up_in_order_and_by_the_clock() {
    let home = Home::new();
    let work = home.work().display().to_string();
    let service = format!("[Service]\nWorkingDirectory={work}\n");
    home.file("vars", "TOKEN='s3cret'\n");
    home.file(
        "init.service",
        format!("{service}Type=oneshot\nExecStart=/bin/sh -c 'echo init >> order'\n"),
    );
    home.file(
        "web.service",
        format!(
            "[Unit]\nRequires=init.service\nAfter=init.service\n{service}Restart=always\n\
             EnvironmentFile={work}/vars\nExecStartPre=/bin/sh -c 'echo pre >> order'\n\
             ExecStart=/bin/sh -c 'echo $$0 $$TOKEN >> order; exec sleep 1000' ${{TOKEN}}\n"
        ),
    );
    home.run(["start", "web.service", "init.service"]).ok();
    let order = home.work().join("order");
    let once = "init\npre\ns3cret s3cret\n";
    home.wait_file(&order, |bytes| bytes == once.as_bytes());
    let text = home.run(["describe", "web"]).ok().out();
    assert!(!text.contains("s3cret"), "{text}");
    let pid = home.row("web").pid;
    signal(pid, 9);
    home.wait_new_pid("web", pid);
    home.wait_file(&order, |bytes| bytes == format!("{once}pre\ns3cret s3cret\n").as_bytes());
    home.file("job.service", format!("{service}Type=oneshot\nExecStart=/bin/sh -c 'touch done'\n"));
    home.file("job.timer", "[Timer]\nOnCalendar=*-01-01 00:00\nPersistent=true\n");
    home.run(["start", "job.timer"]).ok();
    assert!(!home.work().join("done").exists(), "its time has not come");
    home.run(["run", "job"]).ok();
    home.wait_until("the job is done", || home.work().join("done").exists());
    home.run(["delete", "web.service", "init.service", "job.service"]).ok();
    assert!(home.rows().is_empty());
}

#[test]
fn what_goes_with_a_unit_goes_with_each_of_its_runs() {
    let home = Home::new();
    let work = home.work().display().to_string();
    home.file("token", "s3cret");
    home.script("web", "trap 'echo told >>order; exit 0' TERM\ncat \"$CREDENTIALS_DIRECTORY/token\" >got\nwhile :; do sleep 0.02; done");
    home.script("leave", "[ \"$1\" = \"$(cat pid)\" ] && echo leaves >>order");
    home.file(
        "web.service",
        format!(
            "[Service]\nWorkingDirectory={work}\nLoadCredential=token:{work}/token\nExecStart={work}/web\n\
             ExecStartPost=/bin/sh -c 'echo $$MAINPID >pid'\nExecStop={work}/leave $MAINPID\n\
             ExecStopPost=/bin/sh -c 'echo over $$PM_EXIT_CODE >>order'\n"
        ),
    );
    home.run(["start", "web.service"]).ok();
    let pid = format!("{}\n", home.row("web").pid);
    home.wait_file(home.work().join("pid"), |bytes| bytes == pid.as_bytes());
    home.wait_file(home.work().join("got"), |bytes| bytes == b"s3cret");
    home.run(["stop", "web"]).ok();
    let order = fs::read_to_string(home.work().join("order")).unwrap();
    assert_eq!(order, "leaves\ntold\nover 0\n");
}

#[test]
fn the_page_of_other_files_names_tests_that_are_there() {
    let own = [
        include_str!("other_files.rs"),
        include_str!("../../crates/pm-config/tests/it/procfiles.rs"),
        include_str!("../../crates/pm-config/tests/it/units.rs"),
    ];
    names_tests_that_are_there("other-files.md", &own);
}
