//! `pm web link`: whoever has it is let in, once.

use pm_spec::Span;
use pm_web::{AppPattern, ControlCall, ControlReply, LinkWish, Role};
use serde_json::json;

use super::control::{must_ask, other_version};
use crate::cli::WebLinkArgs;
use crate::prelude::{Failure, Report, Session};
use crate::words::talk;

pub(super) fn run(session: &Session, args: &WebLinkArgs) -> Result<Report, Failure> {
    let stays = args.stays.as_deref().map(|text| {
        Span::parse(text)
            .map_err(|error| Failure::input(error.to_string()).hint("such as 30m, 8h or 2d"))
    });
    let wish = LinkWish {
        name: user_name(),
        role: role(&args.role),
        apps: AppPattern::from(args.apps.clone().unwrap_or_default()),
        stays_ms: stays.transpose()?.map(Span::as_millis),
    };
    let url = made(session, wish)?;
    let text = || format!("{url}\n");
    Ok(Report::new(session.console, text, || json!({ "url": url })))
}

/// What `pm web` says when it is up.
pub(super) fn first(
    session: &Session,
    listen: &str,
    url: &str,
    port: Option<u16>,
) -> Result<Report, Failure> {
    let apps = AppPattern::default();
    let wish = LinkWish { name: user_name(), role: Role::Admin, apps, stays_ms: None };
    let link = made(session, wish)?;
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let tunnel = port.filter(|_| url.starts_with("http://"));
    let tunnel =
        tunnel.map(|port| format!("ssh -L {port}:127.0.0.1:{port} {}@{host}", user_name()));
    let text = || {
        let tunnel = tunnel
            .as_ref()
            .map(|line| format!("\nfrom another machine, first type there:\n\n  {line}\n"));
        let text = format!(
            "the panel listens on {listen}; open within ten minutes, once:\n\n  {link}\n{}\n\
             another link: `pm web link`; `pm web stop` ends it; an admin of the panel may do what a shell of {} may\n",
            tunnel.unwrap_or_default(),
            user_name()
        );
        talk(&text).into_owned()
    };
    let json = || json!({ "url": link, "listen": listen, "tunnel": tunnel });
    Ok(Report::new(session.console, text, json))
}

fn made(session: &Session, wish: LinkWish) -> Result<String, Failure> {
    let ControlReply::Link { url, .. } = must_ask(session, &ControlCall::Link(wish))? else {
        return Err(other_version());
    };
    Ok(url)
}

/// A role as typed; the grammar takes no other words.
pub(super) fn role(typed: &str) -> Role {
    Role::ALL.into_iter().find(|role| role.name() == typed).unwrap_or_default()
}

/// Who types this.
pub(super) fn user_name() -> String {
    let uid = rustix::process::getuid().as_raw();
    pm_os::user::by_number(uid).map_or_else(|_| uid.to_string(), |account| account.name)
}
