//! The guardian with real processes: this program plays guardian, daemon and test.
//! Run with a word to pick tests by name, or with `figures` to measure instead.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]
#![expect(clippy::print_stdout, reason = "a test without the usual harness")]
#![expect(unsafe_code, reason = "the puppet makes its children with clone(2)")]

mod cases;
mod ends;
mod figures;
mod keeping;
mod lives;
mod losses;
mod places;
mod puppet;
mod world;

use std::env;
use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::process::ExitCode;

use pm_guardian::{GuardianPlan, resume, run};

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let result = match words.first().map(String::as_str) {
        Some("guardian") => run(plan(None)),
        Some("heir") => {
            let number = env::var(world::HEIR_LINK).unwrap().parse().unwrap();
            let link = pm_guardian::Link::inherit_number(number).unwrap();
            run(plan(Some(link.as_fd().try_clone_to_owned().unwrap())))
        }
        Some("resume") => resume(words[1].parse().unwrap()),
        Some("daemon") => {
            puppet::serve();
            return ExitCode::SUCCESS;
        }
        Some("figures") => {
            figures::print();
            return ExitCode::SUCCESS;
        }
        _ => return test(words.iter().find(|word| !word.starts_with('-'))),
    };
    match result {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn plan(predecessor: Option<OwnedFd>) -> GuardianPlan {
    let home = PathBuf::from(env::var_os(world::HOME).unwrap());
    let program = env::current_exe().unwrap();
    let program = CString::new(OsStr::as_bytes(program.as_os_str())).unwrap();
    let ready = predecessor.is_none().then(|| {
        let ready = std::io::stdout().as_fd().try_clone_to_owned().unwrap();
        // The test reads to the end, which is when this process has no other copy.
        let null = std::fs::File::create("/dev/null").unwrap();
        rustix::stdio::dup2_stdout(&null).unwrap();
        ready
    });
    GuardianPlan {
        socket: home.join("pm.sock"),
        lock: home.join("pm.lock"),
        daemon_log: home.join("pm.diary"),
        daemon: vec![program, c"daemon".to_owned()],
        resume: vec![c"resume".to_owned()],
        ready,
        predecessor,
    }
}

fn test(filter: Option<&String>) -> ExitCode {
    let mut failed = Vec::new();
    for (name, case) in cases::ALL {
        if filter.is_none_or(|word| name.contains(word.as_str())) {
            let is_good = catch_unwind(case).is_ok();
            println!("test {name} ... {}", if is_good { "ok" } else { "FAILED" });
            if !is_good {
                failed.push(*name);
            }
        }
    }
    println!("\n{} failed: {failed:?}", failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
