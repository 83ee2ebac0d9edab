//! Files of further managers as people live with them, and the page about them.

use std::fs;

use pm_testkit::Home;

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
fn the_page_of_other_files_names_tests_that_are_there() {
    let own = [
        include_str!("other_files.rs"),
        include_str!("../../crates/pm-config/tests/it/procfiles.rs"),
    ];
    names_tests_that_are_there("other-files.md", &own);
}
