//! Which app a domain is for, and where that listens: what people say, what the daemon sees, what the app was told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};

use pm_protocol::Description;
use pm_spec::{ByteString, ListenAddress};

use super::snippet::{reached, socket};
use crate::cli::DomainAddArgs;
use crate::commands::support::described::described;
use crate::commands::support::selectors;
use crate::prelude::{Failure, Session};
use crate::render::safe;

/// The app's name, and where it listens.
pub(super) fn find(
    session: &Session,
    args: &DomainAddArgs,
) -> Result<(String, ListenAddress), Failure> {
    let mut client = session.need()?;
    let select = selectors::selects(session, &mut client, std::slice::from_ref(&args.app))?;
    let all = described(&mut client, select)?.descriptions;
    let names: BTreeSet<_> = all.iter().map(|one| one.row.name.clone()).collect();
    let names: Vec<_> = names.into_iter().collect();
    let [name] = names.as_slice() else {
        let message = format!("a domain leads to one app, not to {}", names.join(", "));
        return Err(Failure::input(message));
    };
    Ok((name.clone(), place(name, &all, args)?))
}

fn place(name: &str, all: &[Description], args: &DomainAddArgs) -> Result<ListenAddress, Failure> {
    if let Some(path) = &args.socket {
        return socket(path).ok_or_else(|| unnameable(&path.as_str().into()));
    }
    let mut seen: BTreeMap<u16, SocketAddr> = BTreeMap::new();
    // The first is by IPv4 where it is both.
    let mut listens: Vec<_> = all.iter().flat_map(|one| &one.row.usage.listens).collect();
    listens.sort();
    for at in listens {
        seen.entry(at.port()).or_insert(reached(*at));
    }
    let local = |port: u16| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
    if let Some(port) = args.port {
        return Ok(ListenAddress::Tcp(seen.get(&port).copied().unwrap_or(local(port))));
    }
    let declared = all.iter().flat_map(|one| &one.spec.listen).map(|socket| &socket.at);
    let declared: BTreeSet<_> = declared.cloned().collect();
    let told = all.iter().filter_map(|one| one.spec.env.get("PORT")?.display().parse().ok());
    let told = told.map(|port| ListenAddress::Tcp(local(port))).collect();
    let seen = seen.into_values().map(ListenAddress::Tcp).collect();
    let known: [BTreeSet<ListenAddress>; 3] = [seen, declared, told];
    let Some(places) = known.into_iter().find(|places| !places.is_empty()) else {
        let message = format!("could not find out where {name} listens");
        return Err(Failure::failed(message).hint("--port or --socket says where"));
    };
    let shown: Vec<_> = places.iter().map(super::snippet::shown).collect();
    match places.into_iter().collect::<Vec<_>>().as_slice() {
        [ListenAddress::Tcp(at)] => Ok(ListenAddress::Tcp(reached(*at))),
        [ListenAddress::Unix(path)] => socket(&path.display()).ok_or_else(|| unnameable(path)),
        _ => {
            let message = format!("{name} listens in several places: {}", shown.join(", "));
            Err(Failure::input(message).hint("--port or --socket says which is meant"))
        }
    }
}

fn unnameable(path: &ByteString) -> Failure {
    let message = format!("could not name the socket `{}` in a config", safe(path));
    Failure::input(message)
        .hint("an absolute path of letters, digits and /._-+ can be named everywhere")
}
