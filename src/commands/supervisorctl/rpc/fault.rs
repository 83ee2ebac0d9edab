//! Supervisor's faults.

use pm_xmlrpc::RpcFault;

use crate::prelude::Failure;

/// What went wrong, as clients compare it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultCode {
    UnknownMethod = 1,
    IncorrectParameters = 2,
    BadArguments = 3,
    SignatureUnsupported = 4,
    ShutdownState = 6,
    BadName = 10,
    BadSignal = 11,
    NoFile = 20,
    NotExecutable = 21,
    Failed = 30,
    SpawnError = 50,
    AlreadyStarted = 60,
    NotRunning = 70,
    AlreadyAdded = 90,
    StillRunning = 91,
    CantReread = 92,
}

impl FaultCode {
    const fn name(self) -> &'static str {
        match self {
            Self::UnknownMethod => "UNKNOWN_METHOD",
            Self::IncorrectParameters => "INCORRECT_PARAMETERS",
            Self::BadArguments => "BAD_ARGUMENTS",
            Self::SignatureUnsupported => "SIGNATURE_UNSUPPORTED",
            Self::ShutdownState => "SHUTDOWN_STATE",
            Self::BadName => "BAD_NAME",
            Self::BadSignal => "BAD_SIGNAL",
            Self::NoFile => "NO_FILE",
            Self::NotExecutable => "NOT_EXECUTABLE",
            Self::Failed => "FAILED",
            Self::SpawnError => "SPAWN_ERROR",
            Self::AlreadyStarted => "ALREADY_STARTED",
            Self::NotRunning => "NOT_RUNNING",
            Self::AlreadyAdded => "ALREADY_ADDED",
            Self::StillRunning => "STILL_RUNNING",
            Self::CantReread => "CANT_REREAD",
        }
    }

    pub(super) fn plain(self) -> RpcFault {
        RpcFault { code: self as i32, text: self.name().to_owned() }
    }

    pub(super) fn because(self, what: impl std::fmt::Display) -> RpcFault {
        RpcFault { code: self as i32, text: format!("{}: {what}", self.name()) }
    }
}

/// What fails here for reasons of ours.
impl From<Failure> for RpcFault {
    fn from(failure: Failure) -> Self {
        let why = failure.to_string();
        match why.split_once("CANT_REREAD: ") {
            Some((_, why)) => FaultCode::CantReread.because(why),
            None => FaultCode::Failed.because(why.trim_start_matches("error: ")),
        }
    }
}
