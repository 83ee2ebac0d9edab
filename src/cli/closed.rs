//! What follows the app of `exec` and of `run --rm` is another program's: it is put behind `--`, where none of it is an option of ours.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use pm_pm2::CalledAs;
use pm_pm2::dialect::CommandLine;

/// Options of theirs that are followed by a value.
const VALUED: [&str; 7] = ["-e", "--env", "-u", "--user", "-w", "--workdir", "--index"];

/// The command line with that `--`, unless it has one.
pub(super) fn closed(called_as: CalledAs, mut argv: Vec<OsString>) -> Vec<OsString> {
    let is_one = |word: &OsString| word == "exec" || word == "run";
    let Some(at) = argv.iter().position(is_one) else { return argv };
    let line = CommandLine::new(called_as, argv.clone());
    let Some(verb) = line.verb().filter(|verb| argv[at] == *verb) else { return argv };
    let mut is_closed = verb == "exec";
    let mut app = at + 1;
    while let Some(word) = argv.get(app).filter(|word| word.as_bytes().starts_with(b"-")) {
        if word == "--" {
            return argv;
        }
        is_closed |= word == "--rm";
        app += if VALUED.iter().any(|known| word == known) { 2 } else { 1 };
    }
    let has_more = argv.get(app + 1).is_some_and(|next| next != "--");
    if is_closed && has_more {
        argv.insert(app + 1, "--".into());
    }
    argv
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_of_another_program_is_closed_off() {
        for (line, closed_line) in [
            ("exec web ls -u x", "exec web -- ls -u x"),
            ("-s exec -u root -T -e A=1 web ls", "-s exec -u root -T -e A=1 web -- ls"),
            ("exec web -- ls", "exec web -- ls"),
            ("exec web", "exec web"),
            ("run --rm -w /x web ls -l", "run --rm -w /x web -- ls -l"),
            ("run backup other --no-wait", "run backup other --no-wait"),
            ("run backup --rm", "run backup --rm"),
            ("start exec", "start exec"),
            ("list", "list"),
        ] {
            let words = |line: &str| -> Vec<OsString> {
                std::iter::once("pm").chain(line.split(' ')).map(OsString::from).collect()
            };
            assert_eq!(closed(CalledAs::Pm, words(line)), words(closed_line), "{line}");
        }
    }
}
