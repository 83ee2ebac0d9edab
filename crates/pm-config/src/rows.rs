//! Keys that need nothing but their own value, read as their rows say.

use std::collections::BTreeSet;

use pm_spec::options::{Access, KeyKind, KeySpec, keys};
use pm_spec::{AppSpec, Bytes, Environment, Span};

use crate::fields::{AppFields, Field, whole};
use crate::tree::{ConfigNode, Value};

/// Reads them all. What is not set is as PM2's variable for it in `env` says.
pub(crate) fn read(app: &mut AppFields<'_>, spec: &mut AppSpec, env: &Environment) {
    for key in keys() {
        let knob = key.knob.and_then(|name| env.get(name));
        if let Some(text) = knob.filter(|text| !text.is_empty()) {
            turn(key, spec, text.display().trim());
        }
        one(app, key, spec);
    }
}

/// PM2 takes no notice of a variable that means nothing.
fn turn(key: &KeySpec, spec: &mut AppSpec, text: &str) {
    match &key.kind {
        KeyKind::Switch(at) => *(at.put)(spec) = text == "true",
        KeyKind::Span(at) => set(at, spec, Span::parse(text).ok()),
        KeyKind::Word(_, _, read) => {
            read(spec, text);
        }
        KeyKind::Count(..)
        | KeyKind::Size(_)
        | KeyKind::Codes(_)
        | KeyKind::Variables
        | KeyKind::Special(_)
        | KeyKind::Unused => {}
    }
}

fn one(app: &mut AppFields<'_>, key: &'static KeySpec, spec: &mut AppSpec) {
    match &key.kind {
        KeyKind::Switch(at) => set(at, spec, app.switch(key.name)),
        KeyKind::Count(at, least) => set(at, spec, count(app, key.name, *least)),
        KeyKind::Span(at) => set(at, spec, app.span(key.name)),
        KeyKind::Codes(at) => set(at, spec, codes(app, key.name)),
        KeyKind::Size(at) => {
            let value = app.get(key.name).map(|field| &field.node.value);
            let is_off = matches!(value, Some(Value::Bool(false)));
            let size = if is_off { Some(Bytes::new(0)) } else { app.size(key.name) };
            // 0: none.
            set(at, spec, size.map(|size| Some(size).filter(|size| size.get() > 0)));
        }
        KeyKind::Word(_, what, read) => {
            if let Some(field) = app.get(key.name)
                && word(field).is_none_or(|text| !text.is_empty() && !read(spec, &text))
            {
                app.refuse::<()>(field, what);
            }
        }
        KeyKind::Variables | KeyKind::Special(_) | KeyKind::Unused => {}
    }
}

fn set<T>(at: &Access<T>, spec: &mut AppSpec, value: Option<T>) {
    if let Some(value) = value {
        *(at.put)(spec) = value;
    }
}

fn count(app: &mut AppFields<'_>, key: &'static str, least: u32) -> Option<u32> {
    let field = app.get(key)?;
    let count = whole(&field.node.value).and_then(|count| u32::try_from(count).ok());
    let count = count.filter(|count| *count >= least);
    count.or_else(|| app.refuse(field, &format!("a whole number, {least} or more")))
}

fn codes(app: &mut AppFields<'_>, key: &'static str) -> Option<BTreeSet<u8>> {
    const WHAT: &str = "an exit code, 0 to 255, or a list of them";
    let field = app.get(key)?;
    let one = |node: &ConfigNode| whole(&node.value).and_then(|code| u8::try_from(code).ok());
    let mut codes = BTreeSet::new();
    for node in field.node.each() {
        match one(node) {
            Some(code) => drop(codes.insert(code)),
            None => drop(app.refuse::<()>(Field { key: field.key, node }, WHAT)),
        }
    }
    Some(codes)
}

/// Text, or a number as text, or what YAML makes of `no`.
fn word(field: Field<'_>) -> Option<String> {
    if let Value::Bool(on) = &field.node.value {
        return Some(on.to_string());
    }
    String::from_utf8(field.node.value.as_name()?.into_bytes()).ok()
}
