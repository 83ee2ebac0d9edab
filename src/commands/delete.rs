//! `pm delete`.

use std::collections::BTreeSet;

use pm_client::Client;
use pm_protocol::{Delete, Outcome, Outcomes, Row, What};
use pm_spec::Select;

use crate::cli::TargetArgs;
use crate::commands::support::{finish, listing, progress, resend, targets};
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: &TargetArgs) -> Result<Report, Failure> {
    let Some((mut client, select)) = targets::meant(session, args)? else {
        return finish::nothing(session, "nothing to delete");
    };
    let done = progress::during(session, "deleting", || surely(&mut client, select))?;
    finish::report(session, &mut client, done.outcomes, u64::MAX, "nothing to delete")
}

/// Deletes, however many daemons it takes: after a lost answer what is still listed is asked for again, by number.
pub(super) fn surely(client: &mut Client, select: Vec<Select>) -> Result<Outcomes, Failure> {
    let doomed = listing::rows_of(client, select.clone())?;
    let done = resend::surely(client, Delete { select }, |client, _| {
        let select = left(&doomed, &listing::rows(client)?);
        let again = (!select.is_empty()).then_some(Delete { select });
        Ok((again.into_iter().collect(), Vec::new()))
    })?;
    Ok(deleted(&doomed, done.outcomes))
}

/// What is still there of what was to go. A number alone might be another app's by now.
fn left(doomed: &[Row], there: &[Row]) -> Vec<Select> {
    let same = |one: &Row| there.iter().any(|row| (row.id, &row.name) == (one.id, &one.name));
    doomed.iter().filter(|one| same(one)).map(|one| Select::Id(one.id)).collect()
}

/// What was said, and of the rest what its absence says.
fn deleted(doomed: &[Row], mut outcomes: Vec<Outcome>) -> Outcomes {
    let told: BTreeSet<u32> = outcomes.iter().map(|outcome| outcome.id).collect();
    let untold = doomed.iter().filter(|row| !told.contains(&row.id));
    outcomes.extend(untold.map(|row| Outcome {
        id: row.id,
        name: row.name.clone(),
        what: What::Deleted,
        pid: 0,
        error_log: None,
        note: None,
        exit: None,
    }));
    outcomes.sort_by_key(|outcome| outcome.id);
    Outcomes { outcomes, warning: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pm_protocol::{Frame, Frames, Listing, Request, Row, Status, encode};
    use pm_testkit::samples;
    use std::io::{Read, Write};
    use std::os::unix::net::{UnixListener, UnixStream};

    /// A daemon on the home's socket that answers each call as told, on a new connection each; `None` dies instead.
    fn answers(
        home: &pm_protocol::Home,
        script: Vec<Option<serde_json::Value>>,
    ) -> std::thread::JoinHandle<Vec<Request>> {
        let listener = UnixListener::bind(home.socket()).unwrap();
        std::thread::spawn(move || {
            let mut asked = Vec::new();
            let mut open: Option<(UnixStream, Frames)> = None;
            for answer in script {
                let (mut stream, mut frames) =
                    open.take().unwrap_or_else(|| (listener.accept().unwrap().0, Frames::new()));
                let number = loop {
                    match frames.next_frame().unwrap() {
                        Some(Frame::Hello(hello)) => {
                            stream.write_all(&encode(&Frame::Hello(hello)).unwrap()).unwrap();
                        }
                        Some(Frame::Call(number, request)) => {
                            asked.push(request);
                            break number;
                        }
                        Some(Frame::Reply(..) | Frame::Refused(..) | Frame::News(..)) | None => {
                            let mut bytes = [0; 4096];
                            let count = stream.read(&mut bytes).unwrap();
                            assert!(count > 0, "the client left");
                            frames.push(&bytes[..count]);
                        }
                    }
                };
                if let Some(answer) = answer {
                    let raw = serde_json::value::to_raw_value(&answer).unwrap();
                    stream.write_all(&encode(&Frame::Reply(number, raw)).unwrap()).unwrap();
                    open = Some((stream, frames));
                }
            }
            asked
        })
    }

    #[test]
    fn after_a_lost_answer_only_what_is_still_there_is_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let home = pm_protocol::Home::at(dir.path().into(), None).unwrap();
        let listing = |rows: &[(u32, &str)]| {
            let rows: Vec<_> = rows.iter().map(|(id, name)| row(*id, name)).collect();
            Some(serde_json::to_value(Listing { rows, now: 1, host: None, warning: None }).unwrap())
        };
        let done = deleted(&[row(2, "b")], Vec::new());
        let daemon = answers(
            &home,
            vec![
                listing(&[(1, "a"), (2, "b"), (3, "c")]),
                None,
                // Number 3 is somebody else's by now.
                listing(&[(2, "b"), (3, "new")]),
                Some(serde_json::to_value(done).unwrap()),
            ],
        );
        let mut client = Client::open(&home).unwrap();
        let select = vec![Select::Word("a".into()), Select::Word("b".into())];
        let told = surely(&mut client, select.clone()).unwrap();
        assert_eq!(told.outcomes.iter().map(|one| one.id).collect::<Vec<_>>(), [1, 2, 3]);
        let asked = daemon.join().unwrap();
        assert_eq!(asked[1], Delete { select }.into());
        assert_eq!(asked[3], Delete { select: vec![Select::Id(2)] }.into());
    }

    fn row(id: u32, name: &str) -> Row {
        samples::row(id, name, Status::Online)
    }
}
