//! One table over another: tables are merged key by key, everything else is replaced.

use crate::keys;
use crate::tree::{TableEntry, Value};

/// Lays `over` over `under`, so that all spellings of a key are one.
pub(crate) fn lay_over(under: &mut Vec<TableEntry>, over: &[TableEntry]) {
    lay(under, over, |one, other| {
        one == other || keys::canonical(one).is_some_and(|it| keys::canonical(other) == Some(it))
    });
}

fn lay(under: &mut Vec<TableEntry>, over: &[TableEntry], is_same: fn(&str, &str) -> bool) {
    for entry in over {
        let below = under.iter().position(|it| is_same(&it.key, &entry.key));
        let Some(below) = below else {
            under.push(entry.clone());
            continue;
        };
        let mut merged = entry.clone();
        if let (Value::Table(old), Value::Table(new)) =
            (&under[below].node.value, &entry.node.value)
        {
            let mut both = old.clone();
            lay(&mut both, new, |one, other| one == other);
            merged.node.value = Value::Table(both);
        }
        // Of an app its own spelling counts, wherever it stands.
        under.retain(|it| !is_same(&it.key, &entry.key));
        under.push(merged);
    }
}
