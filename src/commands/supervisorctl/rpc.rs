//! Supervisor's methods over XML-RPC: each call is answered as `supervisord` answers it.

mod acts;
mod configs;
mod fault;
mod logs;
mod methods;
mod params;
mod shows;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use pm_client::Client;
use pm_protocol::Ping;
use pm_xmlrpc::{RpcCall, RpcFace, RpcFault, RpcValue};

use super::Controller;
use super::configs::quiet;
use super::event_pool::RemoteNews;
use crate::commands::kill;
use crate::prelude::{Session, quick};
use fault::FaultCode;
use params::Params;

/// What clients know as `supervisord`.
pub(crate) struct RpcDesk {
    session: Session,
    /// Supervisor's file, if its programs are what is run here.
    file: Option<PathBuf>,
    identifier: String,
    /// Whether everything is being ended.
    leaves: AtomicBool,
}

/// What a method gives.
type RpcAnswer = Result<RpcValue, RpcFault>;

impl RpcDesk {
    /// For these programs.
    pub(crate) fn new(session: &Session, file: Option<PathBuf>, identifier: String) -> Self {
        let session = quiet(session);
        Self { session, file, identifier, leaves: AtomicBool::new(false) }
    }

    fn controller(&self) -> Controller<'_> {
        Controller { session: &self.session, file: self.file.clone(), exit: 0 }
    }

    fn client(&self) -> Result<Client, RpcFault> {
        let found = self.session.find()?;
        found.ok_or_else(|| FaultCode::Failed.because("no pm runs in this home"))
    }

    /// One call; those within `system.multicall` as well.
    fn answer(&self, name: &str, given: Vec<RpcValue>) -> RpcAnswer {
        let method = methods::find(name).ok_or_else(|| FaultCode::UnknownMethod.plain())?;
        if given.len() > method.params().count() {
            return Err(FaultCode::IncorrectParameters.plain());
        }
        if self.leaves.load(Ordering::Relaxed) && name.starts_with("supervisor.") {
            return Err(FaultCode::ShutdownState.plain());
        }
        let mut params = Params::new(given);
        match method.name {
            "supervisor.getAPIVersion" | "supervisor.getVersion" => Ok("3.0".into()),
            "supervisor.getSupervisorVersion" => Ok(env!("CARGO_PKG_VERSION").into()),
            "supervisor.getIdentification" => Ok(self.identifier.as_str().into()),
            "supervisor.getState" => Ok(RpcValue::Struct(vec![
                ("statecode".into(), RpcValue::Int(1)),
                ("statename".into(), "RUNNING".into()),
            ])),
            "supervisor.getPID" => {
                let pid = quick(&mut self.client()?, &Ping {})?.pid;
                Ok(RpcValue::capped(pid.into()))
            }
            "supervisor.shutdown" => Ok(self.shutdown()),
            "supervisor.restart" => self.restart(),
            "supervisor.sendRemoteCommEvent" => {
                let (kind, data) = (params.text()?, params.text()?);
                self.announce(&RemoteNews { kind, data })
            }
            "system.multicall" => Ok(self.several(&params.list()?)),
            name if name.starts_with("system.") => methods::told(name, &mut params),
            name => self.processes(name, &mut params),
        }
    }

    fn processes(&self, name: &str, params: &mut Params) -> RpcAnswer {
        let name = name.trim_start_matches("supervisor.");
        match name {
            "getProcessInfo" => self.shown(&params.text()?),
            "getAllProcessInfo" => self.all_shown(),
            "getAllConfigInfo" => self.config_shown(),
            "reloadConfig" => self.reread(),
            "addProcessGroup" => self.add_group(&params.text()?),
            "removeProcessGroup" => self.remove_group(&params.text()?),
            "sendProcessStdin" => self.type_to(&params.text()?, &params.text()?),
            _ if name.contains("Log") => self.log_call(name, params),
            _ => self.act(name, params),
        }
    }

    /// Answers as Supervisor does: each value as it is, each fault as a struct.
    fn several(&self, calls: &[RpcValue]) -> RpcValue {
        let one = |call: &RpcValue| {
            let Some(RpcValue::Text(name)) = call.field("methodName") else {
                return Err(FaultCode::IncorrectParameters.because("No methodName"));
            };
            if name == "system.multicall" {
                let why = "Recursive system.multicall forbidden";
                return Err(FaultCode::IncorrectParameters.because(why));
            }
            let given = match call.field("params") {
                Some(RpcValue::List(given)) => given.clone(),
                _ => Vec::new(),
            };
            self.answer(name, given)
        };
        let shown = |call: &RpcValue| {
            one(call).unwrap_or_else(|fault| {
                RpcValue::Struct(vec![
                    ("faultCode".into(), RpcValue::Int(fault.code)),
                    ("faultString".into(), fault.text.into()),
                ])
            })
        };
        RpcValue::List(calls.iter().map(shown).collect())
    }

    /// Everything ends, this program with it: the answer goes out first.
    fn shutdown(&self) -> RpcValue {
        self.leaves.store(true, Ordering::Relaxed);
        let session = self.session.clone();
        drop(thread::spawn(move || kill::run(&session).is_ok()));
        true.into()
    }

    fn restart(&self) -> RpcAnswer {
        let controller = self.controller();
        controller.file()?;
        let (session, file) = (self.session.clone(), controller.file);
        drop(thread::spawn(move || Controller { session: &session, file, exit: 0 }.anew().is_ok()));
        Ok(true.into())
    }
}

impl RpcFace for RpcDesk {
    fn call(&self, call: RpcCall) -> RpcAnswer {
        self.answer(&call.method, call.params)
    }

    fn log(&self, path: &str) -> Option<PathBuf> {
        if path.trim_start_matches('/').starts_with("mainlogtail") {
            return Some(self.session.home.diary());
        }
        let rest = path.trim_start_matches('/').strip_prefix("logtail/")?;
        let (name, channel) = rest.split_once('/').unwrap_or((rest, "stdout"));
        self.log_file(name, channel).ok().flatten().filter(|path| Path::new(path).exists())
    }
}
