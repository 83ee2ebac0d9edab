//! `pm port`: where an app listens now, one address a line (Compose).

use std::collections::BTreeSet;
use std::net::SocketAddr;

use pm_protocol::{List, Row};

use crate::cli::PortArgs;
use crate::commands::support::selectors;
use crate::prelude::{Failure, Report, Session, quick};
use crate::render::json::value;
use crate::render::{lines, safe_text};

pub(super) fn run(session: &Session, args: &PortArgs) -> Result<Report, Failure> {
    let mut client = session.need()?;
    let select = selectors::selects(session, &mut client, std::slice::from_ref(&args.app))?;
    let rows = quick(&mut client, &List { select, usage: true, host: false })?.rows;
    let all = addresses(&rows);
    let meant: Vec<_> =
        all.iter().filter(|at| args.port.is_none_or(|port| at.port() == port)).collect();
    if meant.is_empty() {
        return Err(nowhere(args, &rows, &all));
    }
    let text = || lines(meant.iter().map(ToString::to_string));
    Ok(Report::new(session.console, text, || value(&meant)))
}

/// Each once, by port: instances may share a socket.
fn addresses(rows: &[Row]) -> Vec<SocketAddr> {
    let all: BTreeSet<_> =
        rows.iter().flat_map(|row| &row.usage.listens).map(|at| (at.port(), *at)).collect();
    all.into_iter().map(|(_, at)| at).collect()
}

fn nowhere(args: &PortArgs, rows: &[Row], all: &[SocketAddr]) -> Failure {
    let app = safe_text(&args.app);
    match args.port {
        _ if rows.iter().all(|row| row.pid == 0) => {
            Failure::failed(format!("{app} does not run")).hint(format!("`pm start {app}`"))
        }
        Some(port) if !all.is_empty() => {
            let others: Vec<_> = all.iter().map(ToString::to_string).collect();
            let others = others.join(" ");
            Failure::failed(format!("{app} does not listen on port {port}, but on {others}"))
        }
        _ => Failure::failed(format!("{app} listens nowhere"))
            .hint(format!("`pm why {app}` tells whether it is still to come")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pm_protocol::Status;
    use pm_testkit::samples;

    #[test]
    fn each_address_is_told_once_by_port() {
        let mut rows = [1, 2].map(|id| samples::row(id, "web", Status::Online));
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        rows[0].usage.listens = vec![at("127.0.0.1:443"), at("[::1]:80")];
        rows[1].usage.listens = vec![at("127.0.0.1:443"), at("127.0.0.1:80")];
        assert_eq!(addresses(&rows), ["127.0.0.1:80", "[::1]:80", "127.0.0.1:443"].map(at));
    }
}
