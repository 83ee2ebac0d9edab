//! The steps: how they are written. What they do is in `world.rs`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::signals::{Reaction, Which};

pub(crate) const HELP: &str = "\
--ready-after MS          wait, then print \"ready\"
--live MS|forever         wait
--exit N                  exit with N
--on-term REACTION        ignore, exit:N or delay:MS (then exit 0)
--on-int REACTION         the same for SIGINT
--setsid                  lead a session from now on
--fork N                  start N children that live on
--fork-setsid             start a child that lives on in a session of its own
--double-fork             start a grandchild that lives on, orphaned, in another session
--clean-env               the same, without any environment
--hop MS                  for so long, have a successor started and exit, again and again
--line SIZE               print so many bytes without a line end
--nl                      print a line end
--lines N[:LEN]           print numbered lines of LEN bytes, line end included
--pause US                wait so many microseconds after each of the following lines
--bytes HEX               print these bytes
--eat SIZE                allocate and touch memory, keep it
--burn MS                 use so much CPU time
--listen PORT             answer HTTP, print \"listening PORT\"; 0 = any port; a socket found open counts instead
--print-env NAME          print the variable's value, or \"<unset>\"
--print-cwd               print the current folder
--print-args              print all arguments, one a line
--print-pid               print our process number
--stderr                  following output goes to stderr
--stdout                  following output goes to stdout
--close-stdout            let go of stdout (it becomes /dev/null)
--segv                    die of SIGSEGV
--write-file PATH         append \"start PID\" to a file
Sizes take K, M, G, KiB, MiB, GiB (powers of 1024).
";

/// What can't be done, completing "could not ...".
pub(crate) type Trouble = String;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Print(Print),
    ReadyAfter(Duration),
    Live(Duration),
    Exit(u8),
    React(Which, Reaction),
    Setsid,
    Multiply(Kin),
    Hop(Duration),
    Middleman(Environment),
    Pause(Duration),
    Eat(usize),
    Burn(Duration),
    Stderr,
    Stdout,
    CloseStdout,
    Segv,
    WriteFile(PathBuf),
}

/// Something to put out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Print {
    Help,
    Line(usize),
    LineEnd,
    Lines(u64, usize),
    Bytes(Vec<u8>),
    Listen(u16),
    Env(OsString),
    Cwd,
    Args,
    Pid,
}

/// Whom to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kin {
    Children(u32),
    Runaway,
    Orphan(Environment),
}

/// What environment an orphan gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Environment {
    Kept,
    Empty,
}

/// Reads the command line.
pub(crate) fn parse(arguments: &[OsString]) -> Result<Vec<Step>, Trouble> {
    let mut rest = arguments.iter();
    let mut steps = Vec::new();
    while let Some(flag) = rest.next() {
        let flag = flag.to_str().ok_or("read a flag that is not UTF-8")?;
        let mut value = || rest.next().ok_or(format!("read {flag}: its value is missing"));
        let step = match plain(flag) {
            Some(step) => step,
            None => valued(flag, value()?)?,
        };
        let last = matches!(step, Step::Middleman(_));
        steps.push(step);
        if last {
            // The rest is for the one it starts.
            break;
        }
    }
    Ok(steps)
}

fn plain(flag: &str) -> Option<Step> {
    Some(match flag {
        "--help" => Step::Print(Print::Help),
        "--setsid" => Step::Setsid,
        "--fork-setsid" => Step::Multiply(Kin::Runaway),
        "--double-fork" => Step::Multiply(Kin::Orphan(Environment::Kept)),
        "--clean-env" => Step::Multiply(Kin::Orphan(Environment::Empty)),
        "--middleman" => Step::Middleman(Environment::Kept),
        "--clean-middleman" => Step::Middleman(Environment::Empty),
        "--nl" => Step::Print(Print::LineEnd),
        "--print-cwd" => Step::Print(Print::Cwd),
        "--print-args" => Step::Print(Print::Args),
        "--print-pid" => Step::Print(Print::Pid),
        "--stderr" => Step::Stderr,
        "--stdout" => Step::Stdout,
        "--close-stdout" => Step::CloseStdout,
        "--segv" => Step::Segv,
        _ => return None,
    })
}

fn valued(flag: &str, value: &OsString) -> Result<Step, Trouble> {
    match flag {
        "--print-env" => return Ok(Step::Print(Print::Env(value.clone()))),
        "--write-file" => return Ok(Step::WriteFile(value.into())),
        _ => {}
    }
    let text = value.to_str().ok_or(format!("read {flag}: its value is not UTF-8"))?;
    let bad = || format!("read {flag}: {text} is no value for it");
    let step = match flag {
        "--ready-after" => milliseconds(text).map(Step::ReadyAfter),
        "--live" if text == "forever" => Some(Step::Live(Duration::MAX)),
        "--live" => milliseconds(text).map(Step::Live),
        "--exit" => text.parse().ok().map(Step::Exit),
        "--on-term" => reaction(text).map(|reaction| Step::React(Which::Term, reaction)),
        "--on-int" => reaction(text).map(|reaction| Step::React(Which::Int, reaction)),
        "--fork" => text.parse().ok().map(|count| Step::Multiply(Kin::Children(count))),
        "--hop" => milliseconds(text).map(Step::Hop),
        "--line" => size(text).map(|size| Step::Print(Print::Line(size))),
        "--lines" => lines(text),
        "--pause" => text.parse().ok().map(|micros| Step::Pause(Duration::from_micros(micros))),
        "--bytes" => hex(text).map(|bytes| Step::Print(Print::Bytes(bytes))),
        "--eat" => size(text).map(Step::Eat),
        "--burn" => milliseconds(text).map(Step::Burn),
        "--listen" => text.parse().ok().map(|port| Step::Print(Print::Listen(port))),
        _ => return Err(format!("understand {flag}; try --help")),
    };
    step.ok_or_else(bad)
}

fn milliseconds(text: &str) -> Option<Duration> {
    text.strip_suffix("ms").unwrap_or(text).parse().ok().map(Duration::from_millis)
}

fn reaction(text: &str) -> Option<Reaction> {
    if text == "ignore" {
        return Some(Reaction::Ignore);
    }
    match text.split_once(':')? {
        ("exit", code) => code.parse().ok().map(Reaction::Exit),
        ("delay", delay) => delay.parse().ok().map(Reaction::Delay),
        _ => None,
    }
}

fn size(text: &str) -> Option<usize> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let shift = match text.get(digits.len()..)? {
        "" | "B" => 0,
        "K" | "KiB" => 10,
        "M" | "MiB" => 20,
        "G" | "GiB" => 30,
        _ => return None,
    };
    digits.parse::<usize>().ok()?.checked_mul(1 << shift)
}

fn lines(text: &str) -> Option<Step> {
    let (count, length) = text.split_once(':').unwrap_or((text, "100"));
    // Eight digits, a blank and the line end are the least.
    let length = length.parse().ok().filter(|&length| length >= 10)?;
    Some(Step::Print(Print::Lines(count.parse().ok()?, length)))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}
