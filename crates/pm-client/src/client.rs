//! A daemon that may be replaced at any moment, as one partner: calls that can be repeated are.

use std::time::Duration;

use pm_protocol::{Call, Hello, Home, Request};

use crate::connect::ConnectError;
use crate::daemon_connection::{CallError, DaemonConnection};
use crate::wait::{Deadline, pause};

/// How long a connection may take. A guardian without a daemon answers at once (its backlog), so this is generous.
const CONNECT: Duration = Duration::from_secs(5);

/// How often a lost call is repeated before we say so; a daemon that dies of the call itself must not be asked
/// for ever.
const MOST_ATTEMPTS: u32 = 5;

/// Asks the daemon of a home, over as many connections as it takes.
#[derive(Debug)]
pub struct Client {
    home: Home,
    connection: Option<DaemonConnection>,
}

impl Client {
    /// Connects.
    pub fn open(home: &Home) -> Result<Self, ConnectError> {
        let connection = DaemonConnection::open(home, CONNECT)?;
        Ok(Self { home: home.clone(), connection: Some(connection) })
    }

    /// The daemon's hello, once it has answered something.
    pub fn peer(&self) -> Option<&Hello> {
        self.connection.as_ref().and_then(DaemonConnection::peer)
    }

    /// Asks, and waits for the answer. If the daemon is replaced meanwhile, a [`repeatable`] call is asked again
    /// (the guardian keeps the socket); any other ends as [`CallError::Lost`], and the caller looks at the list
    /// before it does anything twice.
    pub fn call<C: Call + Clone>(
        &mut self,
        call: &C,
        deadline: Deadline,
    ) -> Result<C::Reply, CallError> {
        let request: Request = call.clone().into();
        let attempts = if repeatable(&request) { MOST_ATTEMPTS } else { 1 };
        for attempt in 0..attempts {
            if attempt > 0 {
                pause(Duration::from_millis(20 << attempt), deadline);
            }
            let mut connection = match self.connection.take() {
                Some(connection) => connection,
                // Between two guardians there may be no socket for a moment.
                None => match DaemonConnection::open(&self.home, CONNECT) {
                    Err(error) if attempt + 1 < attempts && error.is_no_daemon() => continue,
                    opened => opened?,
                },
            };
            match connection.call(call.clone(), deadline) {
                Err(CallError::Lost) => {}
                // The answer may still come; nobody must take it for that of a later call.
                Err(CallError::Late) => return Err(CallError::Late),
                answered => {
                    self.connection = Some(connection).filter(|connection| !connection.is_over());
                    return answered;
                }
            }
        }
        Err(CallError::Lost)
    }
}

/// Whether asking twice is the same as asking once.
///
/// `Start`, `Raise`, `RunJobs`, `Restart`, `Reload`, `SendSignal`, `Trigger`, `Input` are not: a second run, signal or answer would be a second one.
/// `Delete` and `Rename` are not: the second answer would be "no such app". `Update` ends the daemon on purpose.
pub fn repeatable(request: &Request) -> bool {
    match request {
        Request::Ping(_)
        | Request::Stop(_)
        | Request::Scale(_)
        | Request::Reset(_)
        | Request::List(_)
        | Request::Describe(_)
        | Request::Logs(_)
        | Request::Flush(_)
        | Request::ReloadLogs(_)
        | Request::Save(_)
        | Request::Resurrect(_)
        | Request::Kill(_)
        | Request::Watch(_) => true,
        Request::Start(_)
        | Request::Raise(_)
        | Request::RunJobs(_)
        | Request::Rename(_)
        | Request::Restart(_)
        | Request::Reload(_)
        | Request::Delete(_)
        | Request::SendSignal(_)
        | Request::Trigger(_)
        | Request::Input(_)
        | Request::Update(_) => false,
    }
}
