//! What is told of processes and of the file.

use std::collections::BTreeSet;

use pm_config::{SupervisorProgram, SupervisorSetting, path_of, supervisor_programs};
use pm_spec::ByteString;
use pm_xmlrpc::{RpcFault, RpcValue};

use super::fault::FaultCode;
use super::{RpcAnswer, RpcDesk};
use crate::commands::supervisorctl::Controller;
use crate::commands::supervisorctl::configs::{group, known};
use crate::commands::supervisorctl::processes::{Meant, Supervised, SupervisorState};
use crate::commands::support::resend;
use crate::commands::support::targets::unusable;

impl RpcDesk {
    /// All processes, by group and name.
    pub(super) fn all(&self) -> Result<Vec<Supervised>, RpcFault> {
        let mut all = Controller::all(&mut self.client()?)?;
        all.sort_by(|a, b| (&a.group, &a.process).cmp(&(&b.group, &b.process)));
        Ok(all)
    }

    /// The one of this name; a group is none.
    pub(super) fn one(&self, name: &str) -> Result<Supervised, RpcFault> {
        let meant = Meant::read(name);
        let bad = || FaultCode::BadName.because(name);
        meant.process.ok_or_else(bad)?;
        self.all()?.into_iter().find(|one| one.is_meant(&meant)).ok_or_else(bad)
    }

    pub(super) fn shown(&self, name: &str) -> RpcAnswer {
        Ok(shown(&self.one(name)?))
    }

    pub(super) fn all_shown(&self) -> RpcAnswer {
        Ok(RpcValue::List(self.all()?.iter().map(shown).collect()))
    }

    pub(super) fn config_shown(&self) -> RpcAnswer {
        let controller = self.controller();
        let caller = self.session.caller()?;
        let programs = supervisor_programs(&controller.file()?, &caller);
        let (mut programs, _) =
            programs.map_err(|diagnosis| FaultCode::CantReread.because(unusable(&diagnosis)))?;
        programs.sort_by(|a, b| a.process.cmp(&b.process));
        let known = known(&mut self.client()?)?;
        let known: BTreeSet<_> = known.iter().map(|one| group(&one.spec)).collect();
        let shown = |one: &SupervisorProgram| setting(one, known.contains(one.group.as_str()));
        Ok(RpcValue::List(programs.iter().map(shown).collect()))
    }
}

fn shown(one: &Supervised) -> RpcValue {
    let seconds = |ms: u64| RpcValue::capped(i64::try_from(ms / 1000).unwrap_or(i64::MAX));
    let file = |path: &Option<ByteString>| {
        let path = path.as_ref().map(|path| path_of(path).to_string_lossy().into_owned());
        RpcValue::Text(path.unwrap_or_default())
    };
    let failed = matches!(one.state, SupervisorState::Backoff | SupervisorState::Fatal);
    let fields = [
        ("name", one.process.as_str().into()),
        ("group", one.group.as_str().into()),
        ("start", seconds(one.began)),
        ("stop", seconds(one.ended)),
        ("now", seconds(resend::now())),
        ("state", RpcValue::Int(one.state.code())),
        ("statename", one.state.word().into()),
        ("spawnerr", if failed { one.about.as_str().into() } else { "".into() }),
        ("exitstatus", RpcValue::Int(one.exit)),
        ("logfile", file(&one.out)),
        ("stdout_logfile", file(&one.out)),
        ("stderr_logfile", file(&one.error)),
        ("pid", RpcValue::capped(one.pid.into())),
        ("description", one.about.as_str().into()),
    ];
    RpcValue::Struct(fields.map(|(key, value)| (key.to_owned(), value)).into())
}

fn setting(one: &SupervisorProgram, is_used: bool) -> RpcValue {
    let number = |number: i64| RpcValue::capped(number);
    let own = [
        ("group", one.group.as_str().into()),
        ("group_prio", number(one.group_priority)),
        ("inuse", is_used.into()),
        ("name", one.process.as_str().into()),
        ("process_prio", number(one.priority)),
    ];
    let settings = one.settings.iter().map(|(key, value)| {
        let value = match value {
            SupervisorSetting::Text(who) if key == "uid" && who != "none" => {
                let account = pm_os::user::find(who);
                account.map_or_else(|_| who.as_str().into(), |it| number(it.uid.into()))
            }
            SupervisorSetting::Text(text) => text.as_str().into(),
            SupervisorSetting::Number(value) => number(*value),
            SupervisorSetting::Switch(value) => (*value).into(),
            SupervisorSetting::Numbers(all) => {
                RpcValue::List(all.iter().map(|value| number(*value)).collect())
            }
        };
        (key.clone(), value)
    });
    let own = own.map(|(key, value)| (key.to_owned(), value));
    RpcValue::Struct(own.into_iter().chain(settings).collect())
}
