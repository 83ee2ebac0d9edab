//! Which ports are free: not listened on, and not claimed by an app that is known, whether it runs or not.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;

use pm_os::listening::holder;
use pm_scout::PortClaim;
use pm_spec::AppSpec;

use crate::commands::support::{described, port_conflict};
use crate::launch;
use crate::prelude::{Failure, Session};
use crate::render::added::GivenPort;

/// Ports that somebody has or wants, and who.
#[derive(Debug, Default)]
pub(super) struct PortUse {
    claimed: BTreeMap<u16, String>,
}

/// Whether an app is a `pm add` itself, as the panel runs it: the port among its words is for another.
fn adds(spec: &AppSpec) -> bool {
    let is_pm =
        launch::own_program().is_ok_and(|own| own.as_os_str().as_bytes() == spec.script.as_bytes());
    is_pm && spec.args.first().is_some_and(|word| word.as_bytes() == b"add")
}

impl PortUse {
    /// What the known apps claim; no daemon is started for that.
    pub(super) fn look(session: &Session, own: &[String]) -> Result<Self, Failure> {
        let mut claimed = BTreeMap::new();
        if let Some(mut client) = session.find()? {
            for one in described::known(&mut client)?.descriptions {
                let name = one.spec.name.to_string();
                let listens = one.row.usage.listens.iter().map(std::net::SocketAddr::port);
                let ports = listens.chain(port_conflict::given(&one.spec));
                if !own.contains(&name) && !adds(&one.spec) {
                    claimed.extend(ports.map(|port| (port, format!("{name}, an app of yours"))));
                }
            }
        }
        Ok(Self { claimed })
    }

    fn taken(&self, port: u16) -> Option<String> {
        let claimed = self.claimed.get(&port).cloned();
        claimed.or_else(|| {
            let holder = holder(port)?;
            Some(if holder.pid == 0 {
                "a process of another user".into()
            } else {
                format!("{} (pid {})", holder.command, holder.pid)
            })
        })
    }

    /// The port for a claim; `wanted` is what people have asked for.
    pub(super) fn give(&mut self, name: &str, claim: &PortClaim, wanted: Option<u16>) -> GivenPort {
        let number = wanted.unwrap_or(claim.number);
        let place = claim.evidence.as_ref().map(|it| format!("{}:{}", it.file, it.line));
        let place = place.unwrap_or_default();
        let taken = self.taken(number);
        let given = match (taken, claim.is_fixed, wanted) {
            (_, true, Some(wanted)) if wanted != claim.number => GivenPort {
                number: claim.number,
                instead: None,
                blocker: Some(format!(
                    "the port {} of {name} stands in {place}: it can only be changed there",
                    claim.number
                )),
            },
            (None, ..) => GivenPort { number, instead: None, blocker: None },
            (Some(who), true, _) => GivenPort {
                number,
                instead: None,
                blocker: Some(format!("port {number}, written in {place}, is taken by {who}")),
            },
            (Some(who), false, Some(_)) => GivenPort {
                number,
                instead: None,
                blocker: Some(format!("port {number} is taken by {who}: --port names another")),
            },
            (Some(who), false, None) => {
                let free = (number..u16::MAX).find(|port| self.taken(*port).is_none());
                let instead = Some(format!("{number} is taken by {who}"));
                GivenPort { number: free.unwrap_or(number), instead, blocker: None }
            }
        };
        self.claimed.insert(given.number, format!("{name}, which is to be added"));
        given
    }
}
