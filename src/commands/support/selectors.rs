//! What selectors mean that only the command line knows: `/regex/` over names, and, called as `pm2`, PM2's order where
//! one word fits several kinds (we refuse those, pain 52).

use std::collections::BTreeSet;
use std::path::Path;

use pm_client::{CallError, Client, Deadline};
use pm_config::near;
use pm_protocol::{Code, List, Row};
use pm_spec::{AppSpec, Select};
use regex_lite::Regex;

use crate::commands::support::{described, listing};
use crate::prelude::{Failure, Session};
use crate::session::QUICK;

/// The selectors these words mean. The list is asked for at most once, and only where it is needed.
pub(crate) fn selects(
    session: &Session,
    client: &mut Client,
    words: &[String],
) -> Result<Vec<Select>, Failure> {
    let mut rows = None;
    let mut selects = Vec::new();
    for word in words {
        selects.extend(one(session, client, word, &mut rows)?);
    }
    Ok(selects)
}

/// The selectors one word means.
pub(crate) fn one(
    session: &Session,
    client: &mut Client,
    word: &str,
    rows: &mut Option<Vec<Row>>,
) -> Result<Vec<Select>, Failure> {
    if let Some(project) = word.strip_prefix(PROJECT).filter(|name| !name.is_empty()) {
        return of_project(client, project);
    }
    if let Some(group) = word.strip_suffix(":*").filter(|group| !group.is_empty()) {
        return of_group(group, &listing::rows(client)?);
    }
    let select = Select::parse(word).map_err(|error| Failure::input(error.to_string()))?;
    let pattern = pattern(word)?;
    if pattern.is_none() && !(session.called_as.is_pm2() && matches!(select, Select::Word(_))) {
        return Ok(vec![select]);
    }
    let rows = match rows {
        Some(rows) => rows,
        None => rows.insert(listing::rows(client)?),
    };
    match pattern {
        Some(pattern) => named_like(word, &pattern, rows),
        None => Ok(vec![first_kind(word, rows).unwrap_or(select)]),
    }
}

/// All of a group of Supervisor: `group:process`, or what alone is called so.
fn of_group(group: &str, rows: &[Row]) -> Result<Vec<Select>, Failure> {
    let is_own = |name: &str| {
        name == group || name.strip_prefix(group).is_some_and(|rest| rest.starts_with(':'))
    };
    let names = listing::names(rows).into_iter().filter(|name| is_own(name));
    let own: Vec<_> = names.map(|name| Select::Name(name.into())).collect();
    if own.is_empty() {
        let failure = Failure::failed(format!("no app is of a group {group}"));
        return Err(failure.hint("`pm list` shows what there is"));
    }
    Ok(own)
}

/// How a project is named among apps.
pub(crate) const PROJECT: &str = "project:";

/// All instances of a project.
fn of_project(client: &mut Client, project: &str) -> Result<Vec<Select>, Failure> {
    let all = described::known(client)?.descriptions;
    let name = |spec: &AppSpec| spec.project.as_ref().map(|name| name.display().into_owned());
    let own = all.iter().filter(|one| name(&one.spec).as_deref() == Some(project));
    let own: Vec<_> = own.map(|one| Select::Id(one.row.id)).collect();
    if !own.is_empty() {
        return Ok(own);
    }
    let known: BTreeSet<_> = all.iter().filter_map(|one| name(&one.spec)).collect();
    let failure = Failure::failed(format!("no app is of a project {project}"));
    let near = near(project, known.iter().map(String::as_str));
    Err(match near.first() {
        Some(near) => failure.hint(format!("did you mean `{PROJECT}{near}`?")),
        None if known.is_empty() => failure,
        None => {
            failure.hint(format!("there are: {}", known.into_iter().collect::<Vec<_>>().join(", ")))
        }
    })
}

/// Rows of what is selected; nothing if there is no such thing.
pub(crate) fn rows(session: &Session, words: &[String]) -> Result<Vec<Row>, Failure> {
    let client =
        if session.called_as.is_pm2() { session.find()? } else { session.find_for(words)? };
    let Some(mut client) = client else {
        session.warn_of_rival();
        return Ok(Vec::new());
    };
    let select = selects(session, &mut client, words)?;
    let list = List { select, usage: false, host: false };
    match client.call(&list, Deadline::after(QUICK)) {
        Ok(listing) => Ok(listing.rows),
        // PM2's scripts get an empty answer.
        Err(CallError::Refused(refusal))
            if session.called_as.is_pm2() && refusal.code == Code::NotFound =>
        {
            Ok(Vec::new())
        }
        Err(error) => Err(error.into()),
    }
}

/// `/web|api/`, as PM2 takes it; an expression that takes more than linear time can't be written.
fn pattern(word: &str) -> Result<Option<Regex>, Failure> {
    let inside = word.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
    let Some(inside) = inside.filter(|inside| !inside.is_empty() && !Path::new(word).exists())
    else {
        return Ok(None);
    };
    let bad = |error| {
        Failure::input(format!("could not understand {word}: {error}"))
            .hint("look-around and back-references can't be used")
    };
    Regex::new(inside).map(Some).map_err(bad)
}

fn named_like(word: &str, pattern: &Regex, rows: &[Row]) -> Result<Vec<Select>, Failure> {
    let names = listing::names(rows).into_iter().filter(|name| pattern.is_match(name));
    let meant: Vec<_> = names.map(|name| Select::Name(name.into())).collect();
    if meant.is_empty() {
        let message = format!("no app matches {word}");
        return Err(Failure::failed(message).hint("`pm list` shows what there is"));
    }
    Ok(meant)
}

/// PM2's order: name, then namespace, then number. A script's path is left to the daemon, who knows it.
pub(crate) fn first_kind(word: &str, rows: &[Row]) -> Option<Select> {
    if rows.iter().any(|row| row.name == word) {
        return Some(Select::Name(word.into()));
    }
    if rows.iter().any(|row| row.namespace == word) {
        return Some(Select::Namespace(word.into()));
    }
    let id = word.parse().ok()?;
    rows.iter().any(|row| row.id == id).then_some(Select::Id(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Exit;
    use pm_protocol::Status;
    use pm_testkit::samples;

    fn row(id: u32, name: &str, namespace: &str) -> Row {
        Row { namespace: namespace.into(), ..samples::row(id, name, Status::Online) }
    }

    #[test]
    fn an_expression_stands_between_slashes() {
        assert!(pattern("web").unwrap().is_none() && pattern("/").unwrap().is_none());
        assert!(pattern("/usr/bin/").unwrap().is_none(), "a folder is a folder");
        let rows = [row(0, "web-1", "a"), row(1, "api", "a"), row(2, "web-1", "b")];
        let web = pattern("/^web/").unwrap().unwrap();
        assert_eq!(named_like("/^web/", &web, &rows).unwrap(), [Select::Name("web-1".into())]);
        assert_eq!(named_like("/x/", &web, &[]).unwrap_err().exit, Exit::Failed);
        assert_eq!(pattern("/(?=a)/").unwrap_err().exit, Exit::Input);
    }

    #[test]
    fn a_group_is_what_its_name_begins() {
        let rows = [row(0, "g:a", "g"), row(1, "g", "default"), row(2, "gg:a", "gg")];
        let names = ["g", "g:a"].map(|name| Select::Name(name.into()));
        assert_eq!(of_group("g", &rows).unwrap(), names);
        assert_eq!(of_group("x", &rows).unwrap_err().exit, Exit::Failed);
    }

    #[test]
    fn pm2_takes_the_first_kind_that_fits() {
        let rows = [row(0, "a", "b"), row(1, "b", "1"), row(2, "0", "c")];
        assert_eq!(first_kind("b", &rows), Some(Select::Name("b".into())));
        assert_eq!(first_kind("1", &rows), Some(Select::Namespace("1".into())));
        assert_eq!(first_kind("0", &rows), Some(Select::Name("0".into())));
        assert_eq!(first_kind("2", &rows), Some(Select::Id(2)));
        assert_eq!(first_kind("nope", &rows), None);
    }
}
