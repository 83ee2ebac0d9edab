//! Flags on a known app: `restart web --max-memory-restart 300M`, `start web --name site`. Its spec is changed in what
//! was given and nothing else, then the daemon takes it over as it does a file's.

use std::collections::BTreeMap;

use pm_client::{Client, Deadline};
use pm_config::{Overrides, Typed, amended};
use pm_protocol::{Existing, Outcome, Patience, Rename, Start};
use pm_spec::options::KeySpec;
use pm_spec::{AppSpec, Select};

use crate::cli::StartFlags;
use crate::commands::support::described::described;
use crate::commands::support::{resend, targets};
use crate::failure::{Exit, Failure};
use crate::session::{Session, environment};

/// Restarts or reloads these apps as given; what was down is started. One that gets a new name keeps its numbers, its
/// logs and its counters.
pub(crate) fn renew(
    session: &Session,
    client: &mut Client,
    select: Vec<Select>,
    (overrides, flags, existing): (&Overrides, &StartFlags, Existing),
) -> Result<Vec<Outcome>, Failure> {
    let described = described(client, select)?.descriptions;
    let mut known: BTreeMap<(String, String), (u32, AppSpec)> = BTreeMap::new();
    for one in described {
        known.entry((one.row.name, one.row.namespace)).or_insert((one.row.id, one.spec));
    }
    if overrides.given.has("name") && known.len() > 1 {
        let message = "could not give several apps one name";
        return Err(Failure::new(Exit::Input, message));
    }
    let caller = session.caller()?;
    let (overrides, nulls) = without_nulls(session, overrides);
    let mut apps = Vec::new();
    for (id, mut spec) in known.into_values() {
        if flags.update_env {
            spec.env = spec.seen_from(&environment());
        }
        let (mut app, warnings) =
            amended(&spec, &caller, &overrides).map_err(|it| targets::unusable_script(&it))?;
        for warning in &warnings {
            session.console.talk(&warning.to_string());
        }
        for key in overrides.given.keys() {
            app.nulled.remove(key.name);
        }
        for key in &nulls {
            key.take(&mut app, &AppSpec::usual());
            app.nulled.insert(key.name.into());
        }
        if (&app.name, &app.namespace) != (&spec.name, &spec.namespace) {
            let (name, namespace) = (app.name.clone(), app.namespace.clone());
            let call = Rename { select: vec![Select::Id(id)], name, namespace };
            client.call(&call, Deadline::NEVER)?;
        }
        apps.push(app);
    }
    let wait = if flags.no_wait { Patience::Spawned } else { Patience::Settled };
    let no_deps = flags.no_deps;
    Ok(resend::start(client, Start { apps, existing, wait, no_deps })?.outcomes)
}

/// What was given but for the word `null`, and the keys for which that was: called as PM2, they are as usual again.
fn without_nulls(session: &Session, overrides: &Overrides) -> (Overrides, Vec<&'static KeySpec>) {
    let mut rest = overrides.clone();
    if !session.called_as.is_pm2() {
        return (rest, Vec::new());
    }
    let is_null = |key: &&KeySpec| overrides.given.get(key.name) == Some(&Typed::word("null"));
    // These two say what the app is.
    let is_free = |key: &&KeySpec| !["name", "namespace", "script", "args"].contains(&key.name);
    let nulls: Vec<_> = overrides.given.keys().filter(is_null).filter(is_free).collect();
    for key in &nulls {
        rest.given.remove(key.name);
    }
    (rest, nulls)
}
