//! What is done to processes: started, stopped, signalled, written to.

use std::thread;

use pm_client::Client;
use pm_protocol::{Input, Patience, SendSignal};
use pm_spec::{ByteString, Select, Signal};
use pm_xmlrpc::{RpcFault, RpcValue};

use super::fault::FaultCode;
use super::params::Params;
use super::{RpcAnswer, RpcDesk};
use crate::commands::supervisorctl::acts::{ActEnd, ids, start, stop};
use crate::commands::supervisorctl::event_pool::RemoteNews;
use crate::commands::supervisorctl::processes::{Meant, Supervised, SupervisorState};
use crate::prelude::quick;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RpcDeed {
    Start { waits: bool },
    Stop { waits: bool },
    Signal(Signal),
}

impl RpcDeed {
    /// Which of a group it is for; and what is said of another that is named alone.
    fn is_for(self, state: SupervisorState) -> Result<(), FaultCode> {
        let (is_for, otherwise) = match self {
            Self::Start { .. } => (!state.is_running(), FaultCode::AlreadyStarted),
            Self::Stop { .. } => (state.is_running(), FaultCode::NotRunning),
            Self::Signal(_) => (state.takes_signals(), FaultCode::NotRunning),
        };
        if is_for { Ok(()) } else { Err(otherwise) }
    }
}

impl RpcDesk {
    /// `startProcess` and its like.
    pub(super) fn act(&self, name: &str, params: &mut Params) -> RpcAnswer {
        let is_all = name.contains("All");
        let target = if is_all { String::new() } else { params.text()? };
        let deed = if name.starts_with("start") {
            RpcDeed::Start { waits: params.waits() }
        } else if name.starts_with("stop") {
            RpcDeed::Stop { waits: params.waits() }
        } else {
            let signal = params.text()?;
            // Whoever is unknown is told of first.
            let known = Signal::parse(&signal.to_uppercase());
            let bad = || FaultCode::BadSignal.because(&signal);
            let signal = known.map_err(|_| bad());
            if signal.is_err() && !is_all {
                self.meant(name, &target)?;
            }
            RpcDeed::Signal(signal?)
        };
        if is_all {
            return self.several_done(&self.all()?, deed);
        }
        let all = self.meant(name, &target)?;
        let is_group = name.ends_with("Group") || Meant::read(&target).process.is_none();
        match all.as_slice() {
            [one] if !is_group => self.one_done(one, &target, deed),
            all => self.several_done(all, deed),
        }
    }

    /// The processes a name means, which are not none.
    fn meant(&self, method: &str, target: &str) -> Result<Vec<Supervised>, RpcFault> {
        let mut all = self.all()?;
        if method.ends_with("Group") {
            all.retain(|one| one.group == target);
        } else {
            let meant = Meant::read(target);
            all.retain(|one| one.is_meant(&meant));
        }
        if all.is_empty() { Err(FaultCode::BadName.because(target)) } else { Ok(all) }
    }

    fn one_done(&self, one: &Supervised, name: &str, deed: RpcDeed) -> RpcAnswer {
        deed.is_for(one.state).map_err(|otherwise| otherwise.because(name))?;
        let became = done(self.client()?, std::slice::from_ref(one), deed)?;
        became.into_iter().next().map_or(Ok(()), |became| became.map_err(|it| it.of(one, name)))?;
        Ok(true.into())
    }

    /// Those it is not for are passed over; those that fail are told of first, as Supervisor finds them.
    fn several_done(&self, all: &[Supervised], deed: RpcDeed) -> RpcAnswer {
        let all: Vec<_> =
            all.iter().filter(|one| deed.is_for(one.state).is_ok()).cloned().collect();
        let became = done(self.client()?, &all, deed)?;
        let (failed, well): (Vec<_>, Vec<_>) =
            all.iter().zip(became).partition(|(_, became)| became.is_err());
        let told = failed.into_iter().chain(well).map(|(one, became)| {
            let became = became.map_err(|why| why.of(one, &one.namespec()));
            told(one, became)
        });
        Ok(RpcValue::List(told.collect()))
    }

    /// `sendRemoteCommEvent`: a line for each pool of listeners, whoever wants to hear it.
    pub(super) fn announce(&self, news: &RemoteNews) -> RpcAnswer {
        let all = self.all()?;
        let pools: Vec<_> = all.iter().filter(|one| one.is_pool && one.pid != 0).collect();
        if !pools.is_empty() {
            let mut bytes = serde_json::to_vec(news).unwrap_or_default();
            bytes.push(b'\n');
            let bytes = ByteString::new(bytes);
            quick(&mut self.client()?, &Input { select: ids(&pools), bytes })?;
        }
        Ok(true.into())
    }

    /// `sendProcessStdin`.
    pub(super) fn type_to(&self, name: &str, text: &str) -> RpcAnswer {
        let one = self.one(name)?;
        if one.pid == 0 || one.state == SupervisorState::Stopping {
            return Err(FaultCode::NotRunning.because(name));
        }
        let bytes = ByteString::from(text);
        let outcomes =
            quick(&mut self.client()?, &Input { select: vec![Select::Id(one.id)], bytes })?;
        if outcomes.outcomes.iter().any(|outcome| outcome.what.is_failure()) {
            return Err(FaultCode::NoFile.because(name));
        }
        Ok(true.into())
    }
}

/// What became of one, as lists have it.
pub(super) fn told(one: &Supervised, became: Result<(), RpcFault>) -> RpcValue {
    let (status, description) = match became {
        Ok(()) => (80, "OK".to_owned()),
        Err(fault) => (fault.code, fault.text),
    };
    RpcValue::Struct(vec![
        ("name".into(), one.process.as_str().into()),
        ("group".into(), one.group.as_str().into()),
        ("status".into(), RpcValue::Int(status)),
        ("description".into(), description.into()),
    ])
}

/// Why it did not come true for one, in the words of `supervisorctl`.
struct Undone(&'static str);

impl Undone {
    fn of(&self, one: &Supervised, name: &str) -> RpcFault {
        let program = one.program.display();
        match self.0 {
            "no such file" => FaultCode::NoFile.because(format!("can't find command '{program}'")),
            "file is not executable" => FaultCode::NotExecutable
                .because(format!("command at '{program}' is not executable")),
            "spawn error" => FaultCode::SpawnError.because(name),
            why => FaultCode::Failed.because(why),
        }
    }
}

/// Does it to all at once; `Ok`: it is so, or is on its way where nobody waits.
fn done(
    mut client: Client,
    all: &[Supervised],
    deed: RpcDeed,
) -> Result<Vec<Result<(), Undone>>, RpcFault> {
    let each: Vec<_> = all.iter().collect();
    let became = match deed {
        RpcDeed::Start { waits } => {
            let wait = if waits { Patience::Settled } else { Patience::Spawned };
            start(&mut client, &each, wait)?
        }
        RpcDeed::Stop { waits: true } => stop(&mut client, &each)?,
        RpcDeed::Stop { waits: false } => {
            let all = all.to_vec();
            drop(thread::spawn(move || stop(&mut client, &all.iter().collect::<Vec<_>>()).is_ok()));
            return Ok(each.iter().map(|_| Ok(())).collect());
        }
        RpcDeed::Signal(_) if each.is_empty() => Vec::new(),
        RpcDeed::Signal(signal) => {
            quick(&mut client, &SendSignal { select: ids(&each), signal })?;
            each.iter().map(|_| ActEnd::Done).collect()
        }
    };
    let became = became.into_iter().map(|became| match became {
        ActEnd::Done => Ok(()),
        ActEnd::Not(why, _) => Err(Undone(why)),
    });
    Ok(became.collect())
}
