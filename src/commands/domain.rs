//! `pm domain`: a domain leads to an app by a file for the web server that is there, which is shown, checked by that web
//! server, taken over by it, and put back where it refuses.

mod change;
mod name;
mod proxy;
mod snippet;
mod target;

use std::path::Path;

use serde::Serialize;
use serde_json::json;

use crate::called;
use crate::cli::{DomainAddArgs, DomainArgs, DomainRemoveArgs, DomainVerb, ProxyFlags, ProxyKind};
use crate::commands::support::{ask, listing};
use crate::launch;
use crate::prelude::{Failure, Report, Session};
use crate::render::domains::{self, DomainRow};
use crate::render::json::value;

use name::DomainName;
use proxy::{ProxyPlace, line};
use snippet::SnippetHead;

pub(super) fn run(session: &Session, args: &DomainArgs) -> Result<Report, Failure> {
    match &args.verb {
        None => list(session, &ProxyFlags::default()),
        Some(DomainVerb::Add(args)) => add(session, args),
        Some(DomainVerb::List(flags)) => list(session, flags),
        Some(DomainVerb::Remove(args)) => remove(session, args),
    }
}

/// What would be done.
#[derive(Debug, Serialize)]
struct DomainPlan {
    #[serde(flatten)]
    head: SnippetHead,
    proxy: ProxyKind,
    config: String,
    file: String,
    /// What the file will be; `None`: it goes.
    text: Option<String>,
    commands: Vec<Vec<String>>,
    /// What root has to type, if it takes root.
    sudo: Option<String>,
}

impl DomainPlan {
    fn new(session: &Session, place: &ProxyPlace, head: SnippetHead, text: Option<String>) -> Self {
        let file = DomainName::parse(&head.name).map(|name| place.file(&name).path);
        Self {
            head,
            proxy: place.kind,
            config: place.config.display().to_string(),
            file: file.map(|file| file.display().to_string()).unwrap_or_default(),
            text,
            commands: vec![place.check(), place.reload()],
            sudo: (!change::may_write(place)).then(|| sudo(session)),
        }
    }

    /// What is done, a line each; `would` stands before each verb.
    fn shown(&self, would: &str) -> String {
        let verb = if self.text.is_some() { "write" } else { "remove" };
        let text = self.text.as_ref().map(|text| format!("\n{text}\n")).unwrap_or_default();
        let runs = self.commands.iter().map(|argv| format!("{would}run {}\n", line(argv)));
        let root = self.sudo.as_ref().map(|line| format!("which takes root: {line}\n"));
        let runs = runs.chain(root).collect::<String>();
        format!("{would}{verb} {}\n{text}{runs}", self.file)
    }

    /// What only root can do is not tried by anybody else.
    fn refuse(&self) -> Result<(), Failure> {
        let Some(sudo) = &self.sudo else { return Ok(()) };
        let message = format!("could not write {}: only root may", self.file);
        Err(Failure::failed(message).hint(sudo.clone()))
    }
}

/// This call as root types it.
fn sudo(session: &Session) -> String {
    let own = launch::own_program().map(|path| path.display().to_string());
    let set = session.home.variables().into_iter();
    let set = set.map(|(name, path)| format!("{name}={}", path.display()));
    let words = std::env::args().skip(1).filter(|word| word != "--json" && word != "--dry-run");
    let argv: Vec<_> = ["sudo".to_owned(), "env".into()]
        .into_iter()
        .chain(set)
        .chain([own.unwrap_or_else(|_| called::name().into())])
        .chain(words)
        .collect();
    line(&argv)
}

fn add(session: &Session, args: &DomainAddArgs) -> Result<Report, Failure> {
    let name = DomainName::parse(&args.name)?;
    let place = ProxyPlace::one(session, &args.place)?;
    let (app, to) = target::find(session, args)?;
    let home = session.home.root().display().to_string();
    let head = SnippetHead { name: name.as_str().into(), app, to: snippet::shown(&to), home };
    let has_v6 = Path::new("/proc/net/if_inet6").exists();
    let text = head.snippet(place.kind, &to, (args.listen, has_v6));
    let plan = DomainPlan::new(session, &place, head, Some(text.clone()));
    if args.dry_run {
        // What was not finished will be put back first.
        if !place.file(&name).before.exists() {
            refuse_taken(&place, &name)?;
        }
        return Ok(Report::new(session.console, || plan.shown("would "), || value(&plan)));
    }
    plan.refuse()?;
    if args.yes {
        session.console.talk(plan.shown("").trim_end());
    } else {
        session.console.complain(plan.shown("would ").trim_end());
        if !ask::is_possible(session) {
            let hint = "--yes does it without asking, --dry-run only shows it";
            return Err(Failure::input("nothing was done: nobody could be asked").hint(hint));
        }
        if !ask::go_on()? {
            return Ok(Report::said(session.console, "domain", "nothing was done"));
        }
    }
    let lock = change::hold(&place)?;
    change::mend(session, &place)?;
    refuse_taken(&place, &name)?;
    change::carry_out(&place, &name, Some(&text))?;
    drop(lock);
    proxy::remember(session, &place);
    let said = domains::served(&plan.head.name, &plan.head.app, &plan.head.to, place.kind);
    let json = || json!({ "done": "domain", "message": said.trim_end(), "plan": value(&plan) });
    Ok(Report::talk(session.console, || said.clone(), json))
}

/// A name is served once, by us or by others.
fn refuse_taken(place: &ProxyPlace, name: &DomainName) -> Result<(), Failure> {
    let shown = name.as_str();
    let file = place.file(name);
    let path = file.path.display();
    let Some(head) = place.head(name) else {
        if file.path.exists() {
            return Err(Failure::failed(format!("could not write {path}: pm did not write it")));
        }
        let (program, config) = (place.kind.program(), place.config.display());
        let names = place.served().map_err(|words| {
            Failure::failed(format!(
                "{program} refuses {config} as it is, nothing was done: {words}"
            ))
            .hint(format!("once `{}` is content, the same again", line(&place.check())))
        })?;
        if names.contains(shown) {
            let message = format!("{shown} is served already, by {config} or what it includes");
            return Err(Failure::failed(message).hint("take it out there first"));
        }
        return Ok(());
    };
    let failure = Failure::failed(format!("{shown} leads to {} already ({path})", head.app));
    Err(failure.hint(format!("`pm domain remove {shown}` takes it away")))
}

fn remove(session: &Session, args: &DomainRemoveArgs) -> Result<Report, Failure> {
    let name = DomainName::parse(&args.name)?;
    let shown = name.as_str();
    let all = ProxyPlace::meant(session, &args.place)?;
    let places = all.into_iter().filter(|place| place.names().contains(&name));
    let Some(place) = places.into_iter().next() else {
        let message = format!("no domain is called {shown}");
        return Err(Failure::failed(message).hint("`pm domain list` shows what there is"));
    };
    let path = place.file(&name).path;
    let Some(head) = place.head(&name) else {
        let message = format!("could not remove {}: pm did not write it", path.display());
        return Err(Failure::failed(message));
    };
    if head.home != session.home.root().display().to_string() {
        let message = format!("could not remove {shown}: it is of another home, {}", head.home);
        return Err(Failure::failed(message).hint("PM_HOME says which home is meant"));
    }
    let plan = DomainPlan::new(session, &place, head, None);
    if args.dry_run {
        return Ok(Report::new(session.console, || plan.shown("would "), || value(&plan)));
    }
    plan.refuse()?;
    let _lock = change::hold(&place)?;
    change::mend(session, &place)?;
    // It may have been a domain only that was never finished.
    if path.exists() {
        change::carry_out(&place, &name, None)?;
    }
    Ok(Report::said(session.console, "domain", &format!("{shown} is no longer served")))
}

fn list(session: &Session, flags: &ProxyFlags) -> Result<Report, Failure> {
    let client = session.find()?;
    let apps = client.map(|mut client| listing::rows(&mut client)).transpose()?;
    let apps = apps.unwrap_or_default();
    let home = session.home.root().display().to_string();
    let places = ProxyPlace::meant(session, flags)?;
    let mut rows = Vec::new();
    for place in &places {
        for name in place.names() {
            let file = place.file(&name);
            let Some(head) = place.head(&name).filter(|head| head.home == home) else { continue };
            let is_there = apps.iter().any(|row| row.name == head.app);
            let note = if file.before.exists() {
                Some("not finished: the next add or remove puts it back")
            } else {
                (!is_there).then_some("no app")
            };
            rows.push(DomainRow {
                name: head.name,
                app: head.app,
                to: head.to,
                proxy: place.kind,
                file: file.path.display().to_string(),
                note,
            });
        }
    }
    let proxies: Vec<_> = places
        .iter()
        .map(|place| json!({ "proxy": place.kind, "config": place.config.display().to_string() }))
        .collect();
    let json = || json!({ "domains": value(&rows), "proxies": proxies });
    Ok(Report::new(session.console, || domains::list(&rows, session.console.look), json))
}
