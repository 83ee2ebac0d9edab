//! `pm ps`: the services of the Compose project that is up here, as Compose lists them; else PM2's `ps`, which is `list`.

use std::path::PathBuf;

use pm_config::{Overrides, read};
use pm_protocol::{Description, List, Row};
use pm_spec::Select;
use serde_json::Value;

use crate::cli::PsArgs;
use crate::commands::list;
use crate::commands::support::changes::{self, ProjectHome};
use crate::commands::support::targets::{self, unusable};
use crate::commands::support::{compose_files, described, resend};
use crate::prelude::{Failure, Report, Session, quick};
use crate::render::lines;
use crate::render::services::{self, ServiceState};

pub(super) fn run(session: &Session, args: &PsArgs) -> Result<Report, Failure> {
    let asks_list = session.called_as.is_pm2() || args.list.is_told_something();
    let project = if asks_list { None } else { project(session, args)? };
    let Some(project) = project else {
        if args.is_composes() {
            let failure = Failure::input("there is no Compose file here");
            return Err(failure.hint("`pm ps -f FILE`; `pm list` shows all apps"));
        }
        return list::run(session, &args.list);
    };
    let mut members = members(session, &project)?;
    if members.is_empty() && !args.is_composes() {
        return list::run(session, &args.list);
    }
    let (named, all) = (&args.list.apps, args.all);
    if let Some(odd) = named.iter().find(|name| members.iter().all(|it| it.row.name != **name)) {
        return Err(Failure::failed(format!("no such service: {odd}")));
    }
    members.retain(|it| {
        let is_asked = named.is_empty() || named.contains(&it.row.name);
        is_asked && (all || ServiceState::of(it).is_up())
    });
    shown(session, args, &members)
}

impl PsArgs {
    /// Whether something of it only Compose has.
    pub(crate) fn is_composes(&self) -> bool {
        let is_flagged = self.all || self.quiet || self.services || self.format.is_some();
        is_flagged || !self.files.is_empty()
    }
}

impl crate::cli::ListArgs {
    /// Whether something of it only `list` has.
    fn is_told_something(&self) -> bool {
        self.whole || self.watch || self.check || self.projects || self.sort.is_some()
    }
}

/// The project that is meant; `None`: no Compose file lies here, or one of ours counts more.
fn project(session: &Session, args: &PsArgs) -> Result<Option<ProjectHome>, Failure> {
    let caller = session.caller()?;
    if args.files.is_empty() && targets::own_file(&caller.cwd).is_some() {
        return Ok(None);
    }
    let files = compose_files::files(&args.files, &caller);
    let Some(file) = files.first() else { return Ok(None) };
    let project = read::project(file, &caller, &Overrides::default());
    let project = project.map_err(|diagnosis| unusable(&diagnosis))?;
    let folder = pm_config::absolute(file, &caller.cwd).parent().map(PathBuf::from);
    Ok(project.zip(folder).map(|(name, folder)| (name.as_str().into(), folder)))
}

fn members(session: &Session, project: &ProjectHome) -> Result<Vec<Description>, Failure> {
    let Some(mut client) = session.find()? else { return Ok(Vec::new()) };
    let mut all = described::known(&mut client)?.descriptions;
    all.retain(|one| changes::project(&one.spec).as_ref() == Some(project));
    all.sort_by(|one, other| (&one.row.name, one.row.slot).cmp(&(&other.row.name, other.row.slot)));
    Ok(all)
}

fn shown(session: &Session, args: &PsArgs, members: &[Description]) -> Result<Report, Failure> {
    if args.services {
        let mut names: Vec<_> = members.iter().map(|it| it.row.name.as_str()).collect();
        names.dedup();
        let json = || names.iter().copied().collect();
        return Ok(Report::new(session.console, || lines(names.iter().copied()), json));
    }
    if args.quiet {
        let ids: Vec<_> = members.iter().map(|it| it.row.id.to_string()).collect();
        return Ok(Report::new(session.console, || lines(&ids), || ids.iter().cloned().collect()));
    }
    let select: Vec<_> = members.iter().map(|it| Select::Id(it.row.id)).collect();
    let (mut rows, mut now) = (Vec::new(), resend::now());
    if let Some(mut client) = session.find()?.filter(|_| !select.is_empty()) {
        let listing = quick(&mut client, &List { select, usage: true, host: false })?;
        (rows, now) = (listing.rows, listing.now);
    }
    let row = |one: &Description| rows.iter().find(|row: &&Row| row.id == one.row.id);
    let pairs: Vec<_> = members.iter().filter_map(|one| Some((one, row(one)?))).collect();
    let documents = || services::documents(&pairs, now);
    let text = || match args.format.as_deref() {
        Some("json") => lines(documents().iter().map(Value::to_string)),
        _ => services::text(&pairs, now),
    };
    Ok(Report::new(session.console, text, || documents().into()))
}
