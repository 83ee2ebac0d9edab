//! The wire's goldens: what older programs wrote must be understood for ever. Within a protocol version fields are only
//! added, so what is read and written again holds at least what the sample holds. The samples were heard on a real
//! socket.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use pm_protocol::{CALLS, Call, Frame, Request};
use serde::Serialize;
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/wire")
}

fn frames(file: &str) -> Vec<(String, Frame)> {
    let path = folder().join(file);
    let text = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; every call has a sample", path.display()));
    let frame = |line: &str| {
        let frame = serde_json::from_str(line);
        (line.to_owned(), frame.unwrap_or_else(|error| panic!("{file}: {error} in {line}")))
    };
    text.lines().map(frame).collect()
}

/// Everything of `old` is in `new`.
fn holds(new: &Value, old: &Value) -> bool {
    match (new, old) {
        (Value::Object(new), Value::Object(old)) => {
            old.iter().all(|(key, old)| new.get(key).is_some_and(|new| holds(new, old)))
        }
        (Value::Array(new), Value::Array(old)) => {
            new.len() == old.len() && new.iter().zip(old).all(|(new, old)| holds(new, old))
        }
        // Short decimals become long ones on their way through 32 bits.
        (Value::Number(new), Value::Number(old)) => {
            let (new, old) = (new.as_f64().unwrap(), old.as_f64().unwrap());
            (new - old).abs() <= old.abs() * 1e-6
        }
        (new, old) => new == old,
    }
}

/// What was read and is written again has lost nothing.
fn is_kept(sample: &str, read: impl Serialize) {
    let (old, new) = (serde_json::from_str(sample).unwrap(), serde_json::to_value(read).unwrap());
    assert!(holds(&new, &old), "read\n{sample}\nwrote\n{new}");
}

/// The reply is the kind that was asked for, also with a field that isn't known yet.
fn answers<C: Call>(_: &C, reply: &str) {
    let read = C::read(reply).unwrap();
    is_kept(reply, read);
    let newer = reply.replacen('{', "{\"from_the_future\":[1],", 1).replace(",}", "}");
    C::read(&newer).unwrap();
}

fn check(request: &Request, reply: &str) {
    match request {
        Request::Ping(call) => answers(call, reply),
        Request::Start(call) => answers(call, reply),
        Request::Raise(call) => answers(call, reply),
        Request::RunJobs(call) => answers(call, reply),
        Request::Stop(call) => answers(call, reply),
        Request::Restart(call) => answers(call, reply),
        Request::Reload(call) => answers(call, reply),
        Request::Delete(call) => answers(call, reply),
        Request::Scale(call) => answers(call, reply),
        Request::Rename(call) => answers(call, reply),
        Request::Reset(call) => answers(call, reply),
        Request::SendSignal(call) => answers(call, reply),
        Request::Input(call) => answers(call, reply),
        Request::Trigger(call) => answers(call, reply),
        Request::List(call) => answers(call, reply),
        Request::Describe(call) => answers(call, reply),
        Request::Logs(call) => answers(call, reply),
        Request::Flush(call) => answers(call, reply),
        Request::ReloadLogs(call) => answers(call, reply),
        Request::Save(call) => answers(call, reply),
        Request::Resurrect(call) => answers(call, reply),
        Request::Kill(call) => answers(call, reply),
        Request::Update(call) => answers(call, reply),
        Request::Watch(call) => answers(call, reply),
    }
}

/// `SendSignal` -> `send_signal`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[test]
fn every_call_has_a_sample_that_is_understood() {
    for name in CALLS {
        let file = format!("{}.jsonl", snake(name));
        let frames = frames(&file);
        let [(asked, Frame::Call(one, request)), (told, Frame::Reply(other, reply))] = &frames[..]
        else {
            panic!("{file} is not a call and its reply");
        };
        assert_eq!(one, other, "{file}");
        assert!(asked.contains(&format!("\"call\":\"{}\"", snake(name))), "{file}: {asked}");
        is_kept(asked, &frames[0].1);
        is_kept(told, &frames[1].1);
        check(request, reply.get());
    }
}

#[test]
fn every_other_frame_has_a_sample_that_is_understood() {
    for (file, count) in [("changes.jsonl", 6), ("refused.jsonl", 10), ("hello.jsonl", 2)] {
        let frames = frames(file);
        assert_eq!(frames.len(), count, "{file}");
        for (line, frame) in &frames {
            is_kept(line, frame);
        }
    }
}

#[test]
fn no_sample_is_for_nothing() {
    let mut known: BTreeSet<String> =
        CALLS.iter().map(|name| format!("{}.jsonl", snake(name))).collect();
    known.extend(["changes.jsonl", "refused.jsonl", "hello.jsonl"].map(str::to_owned));
    let found: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(found, known);
}
