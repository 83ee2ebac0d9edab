//! Calls to the daemon: commands, each in a thread of its own as it may take as long as an app takes to stop, and
//! descriptions, one at a time and only the last one asked for.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Builder;
use std::time::Duration;

use pm_client::{CallError, Client, Deadline};
use pm_protocol::{
    Call, Code, Delete, Describe, Flush, Home, Outcomes, Patience, Raise, Reload, Restart, Scale,
    Stop,
};
use pm_spec::Select;

use crate::error::TuiError;
use crate::message::{Msg, Operation, OperationResult, Verb};

/// Longer waits for a description mean that the daemon is in trouble, which the feed tells.
const PATIENCE: Duration = Duration::from_secs(10);
/// Requests for descriptions that may wait; all but the last are dropped anyway.
const REQUESTS: usize = 64;

/// Starts a command; its end comes as a message.
pub(super) fn begin(home: &Home, sender: &SyncSender<Msg>, command: Operation) {
    let (home, to, known) = (home.clone(), sender.clone(), command.clone());
    let work = move || {
        let end = perform(&home, &command).unwrap_or_else(|error| end_after(&error));
        // If nobody listens, somebody quit; the daemon does it all the same.
        drop(to.send(Msg::Done(command, end)));
    };
    if let Err(error) = Builder::new().name("command".into()).spawn(work) {
        let end = OperationResult::Failed(format!("no thread: {error}"), None);
        // The queue can be full here only if a flood is on; then the next change tells.
        drop(sender.try_send(Msg::Done(known, end)));
    }
}

fn perform(home: &Home, command: &Operation) -> Result<OperationResult, CallError> {
    let mut client = Client::open(home)?;
    let select: Vec<_> = command.ids.iter().map(|id| Select::Id(*id)).collect();
    let (env, wait) = (None, Patience::Settled);
    match command.verb {
        Verb::Start => outcomes(&mut client, &Raise { select, env, wait, no_deps: false }),
        Verb::Stop => outcomes(&mut client, &Stop { select }),
        Verb::Restart => outcomes(&mut client, &Restart { select, env, wait, no_deps: false }),
        Verb::Reload => outcomes(&mut client, &Reload { select, env, force: false, again: None }),
        Verb::Delete => outcomes(&mut client, &Delete { select }),
        Verb::Scale(to) => outcomes(&mut client, &Scale { select, to }),
        Verb::Flush => {
            let flushed = client.call(&Flush { select }, Deadline::NEVER)?;
            Ok(OperationResult::Flushed(flushed.files.len()))
        }
    }
}

fn outcomes<C>(client: &mut Client, call: &C) -> Result<OperationResult, CallError>
where
    C: Call<Reply = Outcomes> + Clone,
{
    client.call(call, Deadline::NEVER).map(|reply| OperationResult::Outcomes(reply.outcomes))
}

fn end_after(error: &CallError) -> OperationResult {
    if let CallError::Refused(refusal) = error {
        return OperationResult::Failed(refusal.message.clone(), refusal.hint.clone());
    }
    if matches!(error, CallError::Lost) {
        let hint = "the list shows what became of it".into();
        return OperationResult::Failed("the daemon was replaced meanwhile".into(), Some(hint));
    }
    OperationResult::Failed(error.to_string(), None)
}

/// Starts who asks for descriptions; what it is sent are ids. If too many wait already, the daemon is away, and the
/// snapshot after that requests again.
pub(super) fn describer(home: Home, sender: SyncSender<Msg>) -> Result<SyncSender<u32>, TuiError> {
    let (requests, inbox) = sync_channel(REQUESTS);
    let work = move || {
        // It ends when either side is gone.
        describe_all(&home, &inbox, &sender).unwrap_or_default();
    };
    let thread = Builder::new().name("describe".into()).spawn(work);
    thread.map_err(|error| TuiError::Thread("descriptions", error))?;
    Ok(requests)
}

fn describe_all(home: &Home, inbox: &Receiver<u32>, sender: &SyncSender<Msg>) -> Option<()> {
    let mut client = None;
    loop {
        let mut id = inbox.recv().ok()?;
        while let Ok(later) = inbox.try_recv() {
            id = later;
        }
        let described = match &mut client {
            Some(client) => describe(client, id),
            none => Client::open(home)
                .map_err(CallError::Connect)
                .and_then(|opened| describe(none.insert(opened), id)),
        };
        match described {
            Ok(description) => sender.send(Msg::Described(id, description)).ok()?,
            // The feed tells what is wrong, and requests again when it is over.
            Err(_) => client = None,
        }
    }
}

fn describe(
    client: &mut Client,
    id: u32,
) -> Result<Option<Box<pm_protocol::Description>>, CallError> {
    let call = Describe { select: vec![Select::Id(id)], known: false };
    match client.call(&call, Deadline::after(PATIENCE)) {
        Ok(mut reply) => Ok(reply.descriptions.pop().map(Box::new)),
        Err(CallError::Refused(refusal)) if refusal.code == Code::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
