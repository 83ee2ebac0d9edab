//! A child whose behaviour is its command line: the only test program of this workspace. Its
//! arguments are steps, done in order; after the last one it exits with 0. It never sleeps blindly
//! and writes unbuffered, so a test knows what is out when. `--help` lists the steps.

mod output;
mod relatives;
mod serve;
mod signals;
mod step;
mod world;

use std::ffi::OsString;
use std::process::ExitCode;

use output::Output;
use signals::{Reaction, Which};
use step::{Step, Trouble};
use world::World;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match step::parse(&arguments).and_then(|steps| run(&steps, &arguments)) {
        Ok(code) => code,
        Err(trouble) => {
            // Nobody is left to tell when stderr is gone as well.
            Output::stderr().text(&format!("pm-fixture: could not {trouble}\n")).ok();
            ExitCode::from(64)
        }
    }
}

fn run(steps: &[Step], arguments: &[OsString]) -> Result<ExitCode, Trouble> {
    for which in [Which::Term, Which::Int] {
        // It can fail for no signal of this name.
        signals::react(which, Reaction::Die).ok();
    }
    let mut world = World::new(arguments);
    for step in steps {
        if let Some(code) = world.perform(step)? {
            return Ok(ExitCode::from(code));
        }
    }
    Ok(ExitCode::SUCCESS)
}
