//! Sockets for workers: bound and listening at once, so that callers wait in the backlog instead of being refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::Path;

use pm_os::listener::{remove_socket, set_socket_mode};
use pm_os::spawn::Credentials;
use rustix::io::Errno;
use rustix::net::netdevice::name_to_index;
use rustix::net::{
    AddressFamily, SocketAddrAny, SocketAddrUnix, SocketFlags, SocketType, bind, getsockname,
    listen, socket_with, sockopt,
};
use serde_json::{Value, json};

use crate::query::{Query, SocketKind};

/// IPv6 only (libuv's `UV_TCP_IPV6ONLY`, `UV_UDP_IPV6ONLY`).
const ONLY_V6: i64 = 1;
/// UDP addresses may be used again (libuv's `UV_UDP_REUSEADDR`).
const REUSE: i64 = 4;

/// Whether other sockets may share its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    Alone,
    /// One of several on the same port, on `port` if the first of them has found a free one.
    Port(Option<u16>),
}

/// As whom a unix socket is made and removed: a worker gets what its user could have made, and loses only that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Maker {
    /// Its app runs as we do.
    Us,
    /// Its app runs as somebody else.
    User(Credentials),
}

impl Maker {
    /// As whom an app runs, if not as we do.
    pub fn of(user: Option<&Credentials>) -> Self {
        user.map_or(Self::Us, |user| Self::User(user.clone()))
    }

    /// Does something with the rights of the maker.
    pub fn act<T: Send>(&self, work: impl FnOnce() -> Result<T, Errno> + Send) -> Result<T, Errno> {
        match self {
            Self::Us => work(),
            Self::User(user) => user.act(work),
        }
    }

    /// As it is written down for the next daemon.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Us => json!({}),
            Self::User(user) => json!({"uid": user.uid, "gid": user.gid, "groups": user.groups}),
        }
    }

    /// Undoes `to_json`; `None` if that wrote something else.
    pub fn parse(value: &Value) -> Option<Self> {
        if value.as_object()?.is_empty() {
            return Some(Self::Us);
        }
        let number = |value: &Value| u32::try_from(value.as_u64()?).ok();
        let groups = value.get("groups")?.as_array()?.iter().map(number).collect::<Option<_>>()?;
        let (uid, gid) = (number(value.get("uid")?)?, number(value.get("gid")?)?);
        Some(Self::User(Credentials { uid, gid, groups }))
    }
}

/// Makes the socket that is asked for.
pub(crate) fn open(query: &Query, sharing: Sharing, maker: &Maker) -> Result<OwnedFd, Errno> {
    match query.kind {
        SocketKind::Descriptor => Err(Errno::INVAL),
        _ if query.fd.is_some() => Err(Errno::INVAL),
        SocketKind::Path => maker.act(|| path(query)),
        SocketKind::Tcp4 | SocketKind::Tcp6 | SocketKind::Udp4 | SocketKind::Udp6 => {
            internet(query, sharing)
        }
    }
}

fn path(query: &Query) -> Result<OwnedFd, Errno> {
    let path = query.address.as_deref().ok_or(Errno::INVAL)?;
    let address = match path.strip_prefix('\0') {
        Some(name) => SocketAddrUnix::new_abstract_name(name.as_bytes())?,
        None => SocketAddrUnix::new(path)?,
    };
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags(), None)?;
    bind(&socket, &address)?;
    let mode = match (query.readable_all, query.writable_all) {
        (false, false) => None,
        (true, false) => Some(0o444),
        (false, true) => Some(0o222),
        (true, true) => Some(0o666),
    };
    if let Some(more) = mode {
        // libuv does it as well; a path that is gone by now serves nobody.
        set_socket_mode(Path::new(path), |mode| mode | more).ok();
    }
    listen(&socket, query.backlog)?;
    Ok(socket)
}

/// Tries the address, or where none is given both kinds of any address, as Node does.
fn internet(query: &Query, sharing: Sharing) -> Result<OwnedFd, Errno> {
    let port = u16::try_from(query.port).map_err(|_| Errno::INVAL)?;
    let port = match sharing {
        Sharing::Port(Some(found)) if port == 0 => found,
        Sharing::Port(_) | Sharing::Alone => port,
    };
    let Some(host) = query.address.as_deref().filter(|host| !host.is_empty()) else {
        let ipv4 = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let first =
            if query.kind == SocketKind::Udp4 { ipv4 } else { Ipv6Addr::UNSPECIFIED.into() };
        return one(query, SocketAddr::new(first, port), sharing).or_else(|error| match error {
            Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL | Errno::INVAL => {
                one(query, SocketAddr::new(ipv4, port), sharing)
            }
            other => Err(other),
        });
    };
    one(query, address_of(host, port)?, sharing)
}

/// Node has looked the name up already; what comes is a number, perhaps with a zone (`fe80::1%eth0`).
fn address_of(host: &str, port: u16) -> Result<SocketAddr, Errno> {
    let (host, zone) = host.split_once('%').unwrap_or((host, ""));
    let ip: IpAddr = host.parse().map_err(|_| Errno::INVAL)?;
    let mut address = SocketAddr::new(ip, port);
    if let (SocketAddr::V6(v6), false) = (&mut address, zone.is_empty()) {
        v6.set_scope_id(zone.parse().or_else(|_| index_of(zone))?);
    }
    Ok(address)
}

fn index_of(interface: &str) -> Result<u32, Errno> {
    let any = socket_with(AddressFamily::INET6, SocketType::DGRAM, flags(), None)?;
    name_to_index(any, interface).map_err(|_| Errno::NODEV)
}

fn one(query: &Query, address: SocketAddr, sharing: Sharing) -> Result<OwnedFd, Errno> {
    let is_udp = query.kind.is_udp();
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let kind = if is_udp { SocketType::DGRAM } else { SocketType::STREAM };
    let socket = socket_with(family, kind, flags(), None)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, query.flags & ONLY_V6 != 0)?;
    }
    if !is_udp || query.flags & REUSE != 0 {
        sockopt::set_socket_reuseaddr(&socket, true)?;
    }
    if matches!(sharing, Sharing::Port(_)) {
        sockopt::set_socket_reuseport(&socket, true)?;
    }
    bind(&socket, &address)?;
    if !is_udp {
        listen(&socket, query.backlog)?;
    }
    Ok(socket)
}

/// libuv does not do it for sockets it receives.
fn flags() -> SocketFlags {
    SocketFlags::CLOEXEC | SocketFlags::NONBLOCK
}

/// Where it listens, as Node's `getsockname` tells it; null for a path.
pub(crate) fn name_of(socket: &OwnedFd) -> Value {
    let Some(address) = address(socket) else { return Value::Null };
    let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
    json!({"address": address.ip().to_string(), "family": family, "port": address.port()})
}

/// Its port, if it has one.
pub(crate) fn port_of(socket: &OwnedFd) -> Option<u16> {
    address(socket).map(|address| address.port())
}

/// Its address, if it is one of the internet.
pub(crate) fn address(socket: &OwnedFd) -> Option<SocketAddr> {
    getsockname(socket).ok().and_then(|any: SocketAddrAny| SocketAddr::try_from(any).ok())
}

/// Removes the path of a unix socket that nobody listens on any more.
pub(crate) fn unlink(query: &Query, maker: &Maker) {
    if let (SocketKind::Path, Some(path)) = (query.kind, query.address.as_deref())
        && !path.starts_with('\0')
    {
        // Gone already, or no longer theirs to remove: either way it stays as it is.
        maker.act(|| remove_socket(Path::new(path), None)).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn query(text: &str) -> Query {
        Query::parse(&serde_json::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn a_free_port_is_found_and_may_be_shared_on_purpose_only() {
        let first = query(r#"{"address":"127.0.0.1","port":0,"addressType":4}"#);
        let socket = open(&first, Sharing::Alone, &Maker::Us).unwrap();
        let port = port_of(&socket).unwrap();
        let again = query(&format!(r#"{{"address":"127.0.0.1","port":{port},"addressType":4}}"#));
        assert_eq!(open(&again, Sharing::Alone, &Maker::Us).unwrap_err(), Errno::ADDRINUSE);
        let one = open(&first, Sharing::Port(None), &Maker::Us).unwrap();
        let two = open(&first, Sharing::Port(port_of(&one)), &Maker::Us).unwrap();
        assert_eq!(port_of(&one), port_of(&two));
    }

    #[test]
    fn any_host_is_both_kinds_and_a_path_is_a_path() {
        let any =
            open(&query(r#"{"port":0,"addressType":4}"#), Sharing::Alone, &Maker::Us).unwrap();
        assert!(["::", "0.0.0.0"].contains(&name_of(&any)["address"].as_str().unwrap()));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let text =
            format!(r#"{{"address":{path:?},"port":-1,"addressType":-1,"writableAll":true}}"#);
        let asked = query(&text);
        let socket = open(&asked, Sharing::Alone, &Maker::Us).unwrap();
        assert!(name_of(&socket).is_null());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o222, 0o222);
        unlink(&asked, &Maker::Us);
        assert!(!path.exists());
    }

    #[test]
    fn what_cannot_be_is_an_error_number() {
        for (text, error) in [
            (r#"{"fd":7,"addressType":null}"#, Errno::INVAL),
            (r#"{"address":"nonsense","port":1,"addressType":4}"#, Errno::INVAL),
            (r#"{"port":70000,"addressType":4}"#, Errno::INVAL),
            // Only names of interfaces are zones.
            (r#"{"address":"fe80::1%../net/lo","port":1,"addressType":6}"#, Errno::NODEV),
            (r#"{"address":"192.0.2.1","port":0,"addressType":4}"#, Errno::ADDRNOTAVAIL),
        ] {
            assert_eq!(
                open(&query(text), Sharing::Alone, &Maker::Us).unwrap_err(),
                error,
                "{text}"
            );
        }
    }

    #[test]
    fn what_took_the_place_of_a_socket_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let asked = query(&format!(r#"{{"address":{path:?},"port":-1,"addressType":-1}}"#));
        let socket = open(&asked, Sharing::Alone, &Maker::Us).unwrap();
        std::fs::rename(&path, folder.path().join("away")).unwrap();
        std::fs::write(&path, "precious").unwrap();
        unlink(&asked, &Maker::Us);
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(folder.path().join("away"), &path).unwrap();
        unlink(&asked, &Maker::Us);
        assert!(path.is_symlink() && folder.path().join("away").exists());
        drop(socket);
    }

    #[test]
    fn the_next_daemon_knows_whose_a_socket_is_or_that_it_does_not() {
        let user = Credentials { uid: 33, gid: 7, groups: vec![7, 8] };
        for maker in [Maker::Us, Maker::User(user)] {
            assert_eq!(Maker::parse(&maker.to_json()), Some(maker));
        }
        for text in ["null", r#"{"uid":33}"#, r#"{"uid":33,"gid":7,"groups":["x"]}"#, "0"] {
            assert_eq!(Maker::parse(&serde_json::from_str(text).unwrap()), None, "{text}");
        }
    }
}
