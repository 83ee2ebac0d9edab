//! `pull`, `backward`, `forward`: another commit of an app's repository, then its `post_update` lines, then a reload. What
//! is not committed there is never lost, and a failing line takes the repository back.

use pm_config::{path_of, read};
use pm_pm2::repository::{CommitStep, Repository};
use pm_pm2::{Pm2Error, local};
use pm_protocol::{Description, Reload};
use pm_spec::Select;

use crate::commands::support::described::described;
use crate::commands::support::{finish, progress, resend, selectors, targets};
use crate::prelude::{Failure, Report, Session};

/// Brings the repository of an app to another commit.
pub(crate) fn step(session: &Session, word: &str, step: CommitStep<'_>) -> Result<Report, Failure> {
    let mut client = session.need()?;
    let select = selectors::selects(session, &mut client, &[word.to_owned()])?;
    let described = described(&mut client, select)?.descriptions;
    let Some(first) = described.first() else {
        return Err(Failure::failed(format!("no app is called {word}")));
    };
    let repository = repository(first)?;
    let before = repository.head()?;
    repository.is_clean()?;
    repository.go(step)?;
    let after = repository.head()?;
    let name = first.spec.name.as_str();
    if before == after {
        let text = format!("{name} is at {} already: nothing to do", short(&after));
        return Ok(Report::said(session.console, "unchanged", &text));
    }
    session.console.talk(&format!("{name}: {} -> {}", short(&before), short(&after)));
    if let Err(failure) = updated(session, first, &repository) {
        repository.git(&["reset", "-q", "--hard", &before])?;
        return Err(failure.hint(format!("the repository is back at {}", short(&before))));
    }
    let select = vec![Select::Name(name.to_owned())];
    let asked = resend::now();
    let call = Reload { select, env: None, force: false, again: None };
    let done = progress::during(session, "reloading", || resend::reload(&mut client, call))?;
    finish::report(session, &mut client, done.outcomes, asked, "nothing to reload")
}

/// Runs the lines of `post_update`, as the file says now.
fn updated(session: &Session, app: &Description, at: &Repository) -> Result<(), Failure> {
    let source = app.spec.source.as_ref().map(path_of);
    let file = match source.filter(|file| file.is_file()) {
        Some(file) => file.to_path_buf(),
        None => match targets::default_file(&at.top) {
            Some(name) => at.top.join(name),
            None => return Ok(()),
        },
    };
    let lines = read::post_update(&file, app.spec.name.as_str(), &session.caller()?)
        .map_err(|diagnosis| targets::unusable(&diagnosis))?;
    for line in lines {
        session.console.talk(&format!("  - {line}"));
        let status = local(&line).current_dir(&at.top).stdout(std::io::stderr()).status();
        let status =
            status.map_err(|error| Failure::failed(format!("could not run sh: {error}")))?;
        if !status.success() {
            return Err(Failure::failed(format!("could not do post_update `{line}`: {status}")));
        }
    }
    Ok(())
}

fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}

fn repository(app: &Description) -> Result<Repository, Failure> {
    Repository::around(path_of(&app.spec.cwd)).map_err(|refused| {
        let message = format!("{} runs in no git repository: {}", app.spec.name, refused.message);
        Pm2Error { message, ..refused }.into()
    })
}
