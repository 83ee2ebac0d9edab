//! Manual pages, one for each command, as parcels install them: made of the grammar, so that they say what `--help` says.
//! `PM_MAN=FOLDER cargo test --bin pm man_pages` writes them there.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use clap::CommandFactory;

use super::{Cli, help};

#[test]
fn man_pages_of_all_commands() {
    let own = tempfile::tempdir().unwrap();
    let folder = std::env::var_os("PM_MAN").map_or_else(|| own.path().to_owned(), PathBuf::from);
    fs::create_dir_all(&folder).unwrap();
    let mut all = Cli::command();
    for command in all.get_subcommands_mut() {
        let examples = help::examples(command.get_name());
        if !examples.is_empty() {
            *command = command.clone().after_long_help(format!("Examples:\n{examples}"));
        }
    }
    clap_mangen::generate_to(all.clone(), &folder).unwrap();
    let page = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    assert!(page("pm.1").contains("pm\\-start(1)"));
    let start = page("pm-start.1");
    assert!(start.contains("\\-\\-update\\-env") && start.contains("pm start"), "{start}");
    for command in all.get_subcommands().filter(|command| !command.is_hide_set()) {
        let about = command.get_about().unwrap().to_string();
        let first = about.split_once(' ').unwrap().0;
        assert!(page(&format!("pm-{}.1", command.get_name())).contains(first), "{about}");
    }
    let pages: Vec<OsString> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!pages.contains(&"pm-daemon.1".into()), "what nobody types has a page");
}
