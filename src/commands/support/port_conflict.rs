//! An app that can't have its port: who has it, and what to do.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use pm_client::{Client, Deadline};
use pm_os::listening::{PortHolder, holder};
use pm_protocol::{Description, List, Row};
use pm_spec::AppSpec;

use crate::called;
use crate::session::QUICK;

/// Who has the port that these lines complain of. Nothing where they complain of none, or nobody has it any more.
pub(crate) fn told(
    client: &mut Client,
    described: &Description,
    lines: &[Vec<u8>],
) -> Option<String> {
    let complaints: Vec<_> = lines.iter().filter(|line| complains(line)).collect();
    if complaints.is_empty() {
        return None;
    }
    let said = complaints.iter().flat_map(|line| numbers(line));
    // There are servers that don't say which.
    let given = given(&described.spec);
    let (port, holder) = said.chain(given).find_map(|port| Some((port, holder(port)?)))?;
    if pm_spec::tcp_addresses(&described.spec.listen).iter().any(|at| at.port() == port) {
        return Some(format!(
            "port {port} is open for this app already, by its `listen`: it finds it at descriptor 3 (`LISTEN_FDS`, see \
             sd_listen_fds(3)); one that opens its port itself needs no `listen`"
        ));
    }
    who(client, described, port, &holder)
}

/// Who has the port at which we could not listen for an app (`listen on tcp://ADDRESS: ...`).
pub(crate) fn of_ours(client: &mut Client, described: &Description, why: &str) -> Option<String> {
    let (_, place) = why.split_once("listen on tcp://")?;
    let (address, _) = place.split_once(": ")?;
    let port = address.parse::<SocketAddr>().ok()?.port();
    who(client, described, port, &holder(port)?)
}

fn who(
    client: &mut Client,
    described: &Description,
    port: u16,
    holder: &PortHolder,
) -> Option<String> {
    let list = List { select: Vec::new(), usage: true, host: false };
    let rows = client.call(&list, Deadline::after(QUICK)).map(|listing| listing.rows);
    let rows = rows.unwrap_or_default();
    let has_it = |row: &&Row| row.usage.listens.iter().any(|at| at.port() == port);
    words(port, (described, holder), rows.iter().find(has_it))
}

fn words(
    port: u16,
    (one, holder): (&Description, &PortHolder),
    ours: Option<&Row>,
) -> Option<String> {
    let pm = called::name();
    Some(match ours {
        // Meanwhile it has it.
        Some(row) if row.id == one.row.id => return None,
        Some(row) if row.name == one.row.name => format!(
            "port {port} is taken by another instance of this app (id {}, pid {}): `instances: 1`, or \
             `increment_var: \"PORT\"` for a port each",
            row.id, row.pid
        ),
        Some(row) => format!(
            "port {port} is taken by {} (id {}, pid {}): give one of them another, or `{pm} stop {}`",
            row.name, row.id, row.pid, row.id
        ),
        None if holder.pid == 0 => format!(
            "port {port} is taken by a process of another user: root sees which by `ss -ltnp`; stop it, or use another port"
        ),
        None => format!(
            "port {port} is taken by {} (pid {}), which is no app of {pm}: stop it, or use another port",
            holder.command, holder.pid
        ),
    })
}

/// Whether a line says, in any language, that an address is taken.
fn complains(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line).to_ascii_lowercase();
    ["in use", "eaddrinuse", "addrinuse"].iter().any(|word| line.contains(word))
}

/// Numbers in a line that could be ports, the last first: what comes before may be a date or a part of an address.
pub(super) fn numbers(line: &[u8]) -> Vec<u16> {
    let words = line.rsplit(|byte| !byte.is_ascii_digit());
    let numbers = words.filter_map(|word| std::str::from_utf8(word).ok()?.parse().ok());
    numbers.filter(|port| *port != 0).collect()
}

/// Ports among what an app is given.
pub(crate) fn given(spec: &AppSpec) -> BTreeSet<u16> {
    let args = spec.args.iter().flat_map(|arg| numbers(arg.as_bytes()));
    let env = spec.env.get("PORT").into_iter().flat_map(|port| numbers(port.as_bytes()));
    args.chain(env).collect()
}

#[cfg(test)]
mod tests {
    use pm_protocol::Status;
    use pm_testkit::samples::row;

    use super::*;
    use crate::commands::support::failing::described;

    #[test]
    fn who_has_its_port_by_now_is_not_told_that_it_is_taken() {
        let holder = PortHolder { pid: 7, command: "gunicorn".into() };
        let told = |by: Option<&Row>| words(8123, (&described(), &holder), by);
        assert_eq!(told(Some(&row(0, "web", Status::Online))), None);
        for (by, text) in [
            (Some(row(1, "web", Status::Online)), "another instance of this app (id 1"),
            (Some(row(1, "api", Status::Online)), "taken by api (id 1"),
            (None, "taken by gunicorn (pid 7)"),
        ] {
            assert!(told(by.as_ref()).is_some_and(|told| told.contains(text)), "{text}");
        }
    }

    #[test]
    fn complaints_of_many_servers_are_known_with_their_port() {
        for line in [
            "Error: listen EADDRINUSE: address already in use :::8123",
            "[2026-11-29 10:00:00 +0000] [98] [ERROR] Connection in use: ('127.0.0.1', 8123)",
            "ERROR:    [Errno 98] error while attempting to bind on address ('0.0.0.0', 8123): address already in use",
            "Port 8123 is in use by another program. Either identify and stop that program",
            "listen tcp :8123: bind: address already in use",
            "Failed to listen on localhost:8123 (reason: Address already in use)",
            "Address already in use - bind(2) for \"127.0.0.1\" port 8123 (Errno::EADDRINUSE)",
            "Web server failed to start. Port 8123 was already in use.",
            "nginx: [emerg] bind() to 0.0.0.0:8123 failed (98: Address already in use)",
        ] {
            assert!(complains(line.as_bytes()), "{line}");
            assert!(numbers(line.as_bytes()).contains(&8123), "{line}");
        }
        assert!(!complains(b"GET /in/user 200") && !complains(b"listening on 8123"));
        assert_eq!(numbers(b"70000 0 x 12 65535"), [65_535, 12]);
    }
}
