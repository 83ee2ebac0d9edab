//! A known app changed in what the command line gives.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use pm_spec::{AppSpec, options};

use crate::caller::{Caller, Overrides};
use crate::diagnose::{ConfigPlace, Diagnosis, Diagnostic};
use crate::given::{Typed, flag_of};
use crate::{listen, preset, read};

/// A known app with what the command line gives, and nothing else changed. It is read as if the app were started anew
/// where it runs, with its own environment; then only what was given is taken over. With it comes what works
/// but perhaps not as meant.
pub fn amended(
    spec: &AppSpec,
    caller: &Caller,
    overrides: &Overrides,
) -> Result<(AppSpec, Vec<Diagnostic>), Diagnosis> {
    let given = &overrides.given;
    let mut all = given.clone();
    all.or("name", || Typed::word(spec.name.as_str()));
    all.or("cwd", || Typed::Words(vec![spec.cwd.clone()]));
    all.or("interpreter", || Typed::Words(vec![spec.interpreter.clone().unwrap_or("none".into())]));
    for name in given.keys().flat_map(|key| key.beside) {
        if let Some(key) = options::key(name) {
            all.or(name, || Typed::of(&key.value(spec)));
        }
    }
    let caller = Caller { env: spec.env.clone(), ..caller.clone() };
    let overrides = Overrides { given: all, ..overrides.clone() };
    let fresh = read::script(OsStr::from_bytes(spec.script.as_bytes()), &caller, &overrides)?;
    let mut amended = spec.clone();
    for (key, fresh) in given.keys().zip(fresh.apps.iter().cycle()) {
        key.take(&mut amended, fresh);
    }
    amended.derived.retain(|key| {
        let stays = |fresh: &AppSpec| fresh.derived.contains(key);
        let own = preset::is_one_of(key) || key.as_bytes() == b"listen";
        let is_kept = key.as_bytes() == b"cwd" && !given.has("cwd");
        own || is_kept || fresh.apps.iter().all(stays)
    });
    preset::settle_again(&mut amended, |name| given.has(name));
    if !given.has("listen") {
        listen::follow_again(&mut amended);
    }
    let is_declared = amended.declared_env.iter().any(|name| name.as_bytes() == b"PWD");
    if given.has("cwd") && !is_declared {
        amended.env.set("PWD", amended.cwd.clone());
    }
    let flags: Vec<_> = given.keys().map(flag_of).collect();
    let is_of_these =
        |at: ConfigPlace| matches!(at, ConfigPlace::Flag(flag) if flags.contains(&flag));
    let warnings = fresh.warnings.into_iter().filter(|warning| is_of_these(warning.place));
    Ok((amended, warnings.collect()))
}
