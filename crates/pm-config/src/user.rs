//! Whom an app runs as, and in which groups: names are checked against `/etc/passwd` and `/etc/group`, and stay names until the app starts.
//!
//! Only these files count: the binary is static, so other name services can't be asked, here or by the daemon.

use std::path::Path;

use pm_spec::{ByteString, Identifier, UserChoice};

use crate::caller::Caller;
use crate::diagnose::{Finding, quoted};
use crate::fields::{AppFields, Field, whole};
use crate::keys;
use crate::paths;
use crate::tree::Value;

/// `uid` (or `user`), `gid` and `groups`; `None` if none is set.
pub(crate) fn choice(app: &mut AppFields<'_>, caller: &Caller) -> Option<UserChoice> {
    let uid = app.get("uid").and_then(|field| identifier(app, field, &caller.passwd, "user"));
    let gid = app.get("gid").and_then(|field| identifier(app, field, &caller.group, "group"));
    let groups = groups(app, &caller.group);
    let is_set = uid.is_some() || gid.is_some() || !groups.is_empty();
    is_set.then_some(UserChoice { uid, gid, groups })
}

/// A list, or one alone.
fn groups(app: &mut AppFields<'_>, file: &Path) -> Vec<Identifier> {
    let Some(field) = app.get("groups") else { return Vec::new() };
    let one = |node| identifier(app, Field { node, ..field }, file, "group");
    field.node.each().iter().filter_map(one).collect()
}

fn identifier(
    app: &mut AppFields<'_>,
    field: Field<'_>,
    file: &Path,
    what: &str,
) -> Option<Identifier> {
    const WHAT: &str = "a name or a number, 0 to 4294967294";
    let name = match (&field.node.value, whole(&field.node.value)) {
        (Value::Text(text), _) if text.is_empty() => return None,
        (_, Some(number)) => {
            // The highest number means "leave it" to setuid's relatives.
            let number = u32::try_from(number).ok().filter(|number| *number != u32::MAX);
            return number.map(Identifier::Number).or_else(|| app.refuse(field, WHAT));
        }
        (Value::Text(text), None) => text,
        _ => return app.refuse(field, WHAT),
    };
    match known(file) {
        Ok(names) if names.contains(name) => Some(Identifier::Name(name.clone())),
        Ok(names) => {
            let message =
                format!("there is no {what} {} in {}", quoted(name.as_bytes()), file.display());
            let names: Vec<_> = names.iter().map(|name| name.display().into_owned()).collect();
            let near = keys::nearest(&name.display(), names.iter().map(String::as_str));
            app.findings.add(Finding::error(field.node.at, message).near(near));
            None
        }
        Err(error) => {
            let message = format!("could not read {}: {}", file.display(), paths::cause(&error));
            app.error(field.node.at, message);
            None
        }
    }
}

/// The first field of each line (passwd(5), group(5)).
fn known(file: &Path) -> std::io::Result<Vec<ByteString>> {
    let bytes = std::fs::read(file)?;
    let lines = bytes.split(|byte| *byte == b'\n');
    let name = |line: &[u8]| line.split(|byte| *byte == b':').next().map(ByteString::from);
    Ok(lines.filter(|line| line.contains(&b':')).filter_map(name).collect())
}
