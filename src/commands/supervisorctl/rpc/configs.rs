//! Groups that come and go with the file.

use pm_spec::Select;
use pm_xmlrpc::RpcValue;

use super::fault::FaultCode;
use super::{RpcAnswer, RpcDesk};
use crate::commands::delete;
use crate::commands::supervisorctl::configs::{GroupChange, converge, group, known};

impl RpcDesk {
    /// `reloadConfig`: tells what would change.
    pub(super) fn reread(&self) -> RpcAnswer {
        let reread = self.controller().read(&mut self.client()?)?;
        let list = |of| RpcValue::List(reread.groups(of).map(|it| it.as_str().into()).collect());
        let all = [GroupChange::Available, GroupChange::Changed, GroupChange::Disappeared];
        Ok(RpcValue::List(vec![RpcValue::List(all.map(list).into())]))
    }

    pub(super) fn add_group(&self, name: &str) -> RpcAnswer {
        let mut client = self.client()?;
        let reread = self.controller().read(&mut client)?;
        if reread.groups.get(name) == Some(&GroupChange::Available) {
            let apps = reread.apps.into_iter().filter(|app| group(app) == name).collect();
            converge(&mut client, apps)?;
            return Ok(true.into());
        }
        if known(&mut client)?.iter().any(|one| group(&one.spec) == name) {
            return Err(FaultCode::AlreadyAdded.because(name));
        }
        Err(FaultCode::BadName.because(name))
    }

    pub(super) fn remove_group(&self, name: &str) -> RpcAnswer {
        let all = self.all()?;
        let own: Vec<_> = all.iter().filter(|one| one.group == name).collect();
        if own.is_empty() {
            return Err(FaultCode::BadName.because(name));
        }
        if own.iter().any(|one| !one.state.is_stopped()) {
            return Err(FaultCode::StillRunning.because(name));
        }
        let ids = own.iter().map(|one| Select::Id(one.id)).collect();
        delete::surely(&mut self.client()?, ids)?;
        Ok(true.into())
    }
}
