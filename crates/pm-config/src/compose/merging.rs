//! A Compose file laid over another, by the kinds of its keys: tables deep, lists appended, scalars and commands replaced.

use super::said::said;
use super::schema::{Kind, ShortForm, Unique, below};
use crate::tree::{ConfigNode, TableEntry, Value, numbers};

/// Lays `over` over `under`; both are in their long form.
pub(crate) fn merge(under: &mut ConfigNode, over: ConfigNode, kind: &'static Kind, key: &str) {
    let at = over.at;
    match (kind, &mut under.value, over.value) {
        (_, _, Value::Null) => {}
        (Kind::Short(ShortForm::Key("single"), _), old, new) => *old = new,
        (Kind::Short(_, inner), _, value) => merge(under, ConfigNode { at, value }, inner, key),
        (Kind::Table(_), Value::Table(old), Value::Table(new)) if key == "logging" => {
            let driver = |entries: &[TableEntry]| {
                entries.iter().find(|it| it.key == "driver").map(|it| said(&it.node.value))
            };
            let is_same = match (driver(old), driver(&new)) {
                (Some(one), Some(other)) => one == other,
                _ => true,
            };
            if is_same { entries(old, new, kind) } else { *old = new }
        }
        (
            Kind::Table(_) | Kind::Map(_) | Kind::Pairs(_) | Kind::Any,
            Value::Table(old),
            Value::Table(new),
        ) => {
            entries(old, new, kind);
        }
        (Kind::List(_, unique) | Kind::Texts(unique), Value::List(old), Value::List(new)) => {
            old.extend(new);
            unify(old, *unique);
        }
        (Kind::Any, Value::List(old), Value::List(new)) => old.extend(new),
        (Kind::Hosts, Value::List(old), Value::List(new)) => {
            for node in new {
                if !old.iter().any(|known| said(&known.value) == said(&node.value)) {
                    old.push(node);
                }
            }
        }
        (_, old, new) => {
            *old = new;
            under.at = at;
        }
    }
}

fn entries(old: &mut Vec<TableEntry>, new: Vec<TableEntry>, kind: &'static Kind) {
    let mut known = numbers(old);
    for entry in new {
        // A name without a value counts where it means the shell's.
        let is_bare = matches!(kind, Kind::Pairs(_));
        match known.get(&entry.key).map(|at| &mut old[*at]) {
            Some(known) if is_bare => *known = entry,
            Some(known) => merge(&mut known.node, entry.node, below(kind, &entry.key), &entry.key),
            None => {
                known.insert(entry.key.clone(), old.len());
                old.push(entry);
            }
        }
    }
}

/// Of what a list holds twice the later counts, at the place of the earlier.
pub(crate) fn unify(nodes: &mut Vec<ConfigNode>, unique: Unique) {
    if unique == Unique::No {
        return;
    }
    let mut seen: Vec<String> = Vec::new();
    let mut kept: Vec<ConfigNode> = Vec::new();
    for node in nodes.drain(..) {
        let mark = mark(&node.value, unique);
        if let Some(at) = seen.iter().position(|known| *known == mark) {
            kept[at] = node;
        } else {
            seen.push(mark);
            kept.push(node);
        }
    }
    *nodes = kept;
}

fn mark(value: &Value, unique: Unique) -> String {
    let get = |key: &str| value.get(key).map(|node| said(&node.value));
    match unique {
        Unique::No => String::new(),
        Unique::Text => said(value).split('=').next().unwrap_or_default().to_owned(),
        Unique::By(key) => get(key).unwrap_or_default(),
        Unique::Mount(folder) => get("target")
            .unwrap_or_else(|| format!("{folder}/{}", get("source").unwrap_or_default())),
        Unique::Port => format!(
            "{}:{}:{}/{}",
            get("host_ip").unwrap_or_else(|| "0.0.0.0".into()),
            get("published").unwrap_or_default(),
            get("target").unwrap_or_default(),
            get("protocol").unwrap_or_else(|| "tcp".into())
        ),
    }
}
