//! The lines among an app's last ones that tell what went wrong, for what a runtime prints after an error (Node's stack) is
//! long and says less.

/// So many lines of a story are told, from the error on.
const LINES: usize = 20;

/// So many indented lines before an error are looked at.
const MOST_BEFORE: usize = 6;

/// Of more, so many from the end: there are languages that say last what is wrong.
const LATEST: usize = 7;

/// So many last lines where none looks like an error.
pub(crate) const PLAIN: usize = 10;

/// So many on the page of an app.
const FEW: usize = 5;

/// The lines that tell what went wrong: what is shown and what is explained are these. Of Python's tracebacks it is the
/// last whole one and what follows it; of anything else it begins with the first line that looks like an error.
pub(crate) fn story(mut lines: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    drop_how_gunicorn_went(&mut lines);
    if let Some(traceback) = Traceback::last(&lines) {
        lines.truncate(traceback.until);
        lines.drain(..traceback.first);
        return lines;
    }
    let Some(error) = lines.iter().position(|line| is_error(line)) else {
        lines.drain(..lines.len().saturating_sub(PLAIN));
        return lines;
    };
    lines.drain(..first_of(&lines, error));
    lines
}

/// When its workers end at once, the main process of gunicorn ends in a traceback, too, which says only that they did: why,
/// each of them has said before.
fn drop_how_gunicorn_went(lines: &mut Vec<Vec<u8>>) {
    while let Some(own) = Traceback::last(lines) {
        let is_own = lines[own.exception].starts_with(b"gunicorn.errors.HaltServer:");
        if !is_own || !lines[..own.first].iter().any(|line| is_error(line)) {
            return;
        }
        lines.truncate(own.first);
    }
}

/// As many lines of a story as a start tells.
pub(crate) fn most(mut story: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    if story.len() > LINES {
        if let Some(traceback) = Traceback::last(&story) {
            // What a server says of its own end is not what ended it.
            story.truncate((traceback.exception + 1).max(LINES));
        }
        let latest = story.len() - LATEST;
        story.splice(LINES - LATEST - 1..latest, [b"...".to_vec()]);
    }
    story
}

/// As many as the page of an app has: Python says last what is wrong, others first.
pub(crate) fn few(mut story: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    if let Some(traceback) = Traceback::last(&story) {
        story.truncate(traceback.exception + 1);
    } else if story.iter().any(|line| is_error(line)) {
        story.truncate(FEW);
    }
    story.drain(..story.len().saturating_sub(FEW));
    story
}

/// Where a traceback lies in lines.
struct Traceback {
    /// Where it begins, or the first of those that led to it.
    first: usize,
    /// The line of its exception.
    exception: usize,
    /// Where the next one begins that is not whole yet, or all lines end.
    until: usize,
}

impl Traceback {
    /// The last one whose exception is there.
    fn last(lines: &[Vec<u8>]) -> Option<Self> {
        let begins: Vec<usize> = (0..lines.len()).filter(|at| is_traceback(&lines[*at])).collect();
        let exception = |begin: usize| {
            let is_frame =
                |line: &Vec<u8>| line.first().is_none_or(|it| matches!(it, b' ' | b'\t'));
            let frames = lines[begin + 1..].iter().take_while(|line| is_frame(line)).count();
            Some(begin + 1 + frames).filter(|at| *at < lines.len())
        };
        let whole = begins.iter().rposition(|begin| exception(*begin).is_some())?;
        let leads = |two: &&[usize]| {
            let end = exception(two[0]).unwrap_or(two[1]);
            lines[end..two[1]].iter().any(|line| is_link(line))
        };
        let leading = begins[..=whole].windows(2).rev().take_while(leads).count();
        Some(Self {
            first: begins[whole - leading],
            exception: exception(begins[whole])?,
            until: begins.get(whole + 1).copied().unwrap_or(lines.len()),
        })
    }
}

/// Some loggers put words of theirs before it.
fn is_traceback(line: &[u8]) -> bool {
    line.trim_ascii_end().ends_with(b"Traceback (most recent call last):")
        && line.first().is_some_and(|byte| !byte.is_ascii_whitespace())
}

/// What Python says between two tracebacks of which one led to the other.
fn is_link(line: &[u8]) -> bool {
    line.starts_with(b"During handling of the above exception")
        || line.starts_with(b"The above exception was the direct cause")
}

/// Where the story of an error begins: Python says file and line of a wrong syntax before it, all of it indented, Node
/// from `FILE:LINE` on, in a few lines without indentation.
fn first_of(lines: &[Vec<u8>], error: usize) -> usize {
    let is_indented =
        |line: &Vec<u8>| line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
    let before = lines.get(..error).unwrap_or_default();
    let of_node = before.iter().rev().take(MOST_BEFORE).position(|line| ends_in_place(line));
    if let Some(back) = of_node {
        return error - back - 1;
    }
    let own = before.iter().rev().take_while(|line| is_indented(line)).take(MOST_BEFORE).count();
    // What follows a line that stands further left belongs to that one, unless it begins by naming a file.
    let first = error - own;
    let names_a_file = |line: &Vec<u8>| line.trim_ascii_start().starts_with(b"File \"");
    if lines.get(first).is_some_and(names_a_file) { first } else { error }
}

/// Whether a line is `FILE:LINE`, the file by its path or address.
fn ends_in_place(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    let place = line.strip_prefix("file://").unwrap_or(&line).rsplit_once(':');
    place.is_some_and(|(file, line)| file.starts_with('/') && line.parse::<u32>().is_ok())
}

/// Whether a line looks like one that tells of an error, in any language.
fn is_error(line: &[u8]) -> bool {
    // gunicorn has no other word for what it does not find.
    line.starts_with(b"Failed to ")
        || line.split(|byte| !byte.is_ascii_alphanumeric()).any(|word| {
            let word = word.to_ascii_lowercase();
            let is_kind = [&b"error"[..], b"exception"].iter().any(|end| word.ends_with(end));
            is_kind
                || matches!(&*word, b"traceback" | b"panic" | b"panicked" | b"fatal" | b"uncaught")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<Vec<u8>> {
        text.lines().map(|line| line.as_bytes().to_vec()).collect()
    }

    #[test]
    fn the_error_comes_first_whatever_follows_it() {
        let node = "listening soon\nnode:events:487\n      throw er;\n      ^\n\nError: listen EADDRINUSE :::80\n    \
                    at Server\n    at node:net\n";
        assert_eq!(story(lines(node)).first().unwrap(), b"Error: listen EADDRINUSE :::80");
        for place in ["/srv/two.js:1", "file:///srv/two.mjs:12"] {
            let node = format!(
                "up\n{place}\nconst x = ;\n          ^\n\nSyntaxError: Unexpected token ';'\n    at wrap\n"
            );
            assert_eq!(story(lines(&node)).first().unwrap(), place.as_bytes());
        }
        for line in [
            "[ERROR] no",
            "TypeError: x",
            "thread 'main' panicked at",
            "java.io.IOException",
            "fatal: no",
        ] {
            assert!(is_error(line.as_bytes()), "{line}");
        }
        for line in ["0 errors", "stderr is here", "terrors", "", "a warning"] {
            assert!(!is_error(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn a_python_syntax_error_keeps_its_file_and_line() {
        let python = "warming up\n  File \"/srv/app.py\", line 3\n    def f(:\n          ^\nSyntaxError: invalid syntax\n";
        assert_eq!(story(lines(python)).first().unwrap(), b"  File \"/srv/app.py\", line 3");
        assert_eq!(story(lines(python)).len(), 4);
    }

    #[test]
    fn a_few_lines_of_an_error_say_what_it_is() {
        let frames = "  File \"a.py\", line 3\n    b()\n".repeat(4);
        let python = format!(
            "Traceback (most recent call last):\n{frames}KeyError: 'x'\n[ERROR] Worker failed\n"
        );
        let told = few(story(lines(&python)));
        assert_eq!((told.len(), told.last().unwrap().as_slice()), (FEW, &b"KeyError: 'x'"[..]));
        let node = format!("Error: no\n{}", "    at x\n".repeat(9));
        assert_eq!(few(story(lines(&node)))[0], b"Error: no");
        assert_eq!(few(lines("1\n2\n3\n4\n5\n6"))[0], b"2");
    }

    #[test]
    fn an_exception_is_told_whatever_its_server_says_after_it() {
        let frames = "  File \"arbiter.py\", line 3\n    worker.init_process()\n".repeat(4);
        let gunicorn = format!(
            "[INFO] Booting worker\n[ERROR] Exception in worker process\nTraceback (most recent call last):\n{frames}\
             ModuleNotFoundError: No module named 'flask'\n[INFO] Worker exiting (pid: 7)\n{}",
            "[ERROR] Worker (pid:7) exited with code 3\n[ERROR] Shutting down: Master\n".repeat(9)
        );
        let exception = b"ModuleNotFoundError: No module named 'flask'".to_vec();
        assert_eq!(few(story(lines(&gunicorn))).last(), Some(&exception));
        assert!(most(story(lines(&gunicorn))).contains(&exception));
        let attribute = "[INFO] Booting worker\nFailed to find attribute 'application' in 'app'.\n[INFO] Worker exiting\n\
                         [ERROR] Worker (pid:7) was sent SIGTERM!\n[ERROR] Shutting down: Master\n";
        let told = few(story(lines(attribute)));
        assert_eq!(told[0], b"Failed to find attribute 'application' in 'app'.");
    }

    #[test]
    fn of_tracebacks_the_last_whole_one_is_told_with_what_led_to_it() {
        let one = |kind: &str| {
            format!("Traceback (most recent call last):\n  File \"a.py\", line 3\n{kind}\n")
        };
        let half = "Traceback (most recent call last):\n  File \"a.py\", line 3";
        let link = "\nDuring handling of the above exception, another exception occurred:\n\n";
        let text = [&one("ValueError: old"), &one("KeyError: 'x'"), link, &one("OSError: y"), half]
            .concat();
        let told = story(lines(&text));
        assert_eq!(told[2], b"KeyError: 'x'");
        assert_eq!(told.last().unwrap(), b"OSError: y");
    }

    #[test]
    fn what_ended_the_workers_of_gunicorn_is_told_and_not_how_their_main_process_went() {
        let one = |frame: &str, kind: &str| {
            format!("Traceback (most recent call last):\n  File \"{frame}\", line 3\n{kind}\n")
        };
        let halt = "gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>";
        let link = "\nDuring handling of the above exception, another exception occurred:\n\n";
        let own = [&one("arbiter.py", halt), link, &one("arbiter.py", halt)].concat();
        let wrong = one("app.py", "SyntaxError: '(' was never closed");
        let ended = "[INFO] Worker exiting (pid: 7)\n[ERROR] Worker (pid:7) exited with code 3.\n";
        let told = few(story(lines(&[&wrong, ended, &wrong, ended, &own].concat())));
        assert_eq!(told.last().unwrap(), b"SyntaxError: '(' was never closed");
        let attribute =
            "Failed to find attribute 'api' in 'app'.\n[INFO] Worker exiting (pid: 7)\n";
        let told = few(story(lines(&[attribute, &own].concat())));
        assert_eq!(told[0], b"Failed to find attribute 'api' in 'app'.");
        assert_eq!(story(lines(&own)).last().unwrap(), halt.as_bytes());
    }

    #[test]
    fn a_long_story_keeps_its_beginning_and_its_end() {
        let frames: Vec<_> = (0..40).map(|number| format!("  frame {number}")).collect();
        let python = format!(
            "start\nTraceback (most recent call last):\n{}\nValueError: x",
            frames.join("\n")
        );
        let told = most(story(lines(&python)));
        assert_eq!(told.len(), LINES);
        assert!(told[0].starts_with(b"Traceback") && told[LINES - 1] == b"ValueError: x");
        assert!(told.contains(&b"...".to_vec()));
        let plain: Vec<_> = (0..30).map(|number| number.to_string()).collect();
        assert_eq!(story(lines(&plain.join("\n"))).first().unwrap(), b"20");
    }
}
