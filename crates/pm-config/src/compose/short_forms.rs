//! The short ways in which Compose lets things be written, as their long forms.

use super::schema::ShortForm;
use crate::diagnose::{ConfigPlace, Finding, quoted};
use crate::tree::{ConfigNode, TableEntry, Value};

/// The long form of a value; what is long already stays.
pub(crate) fn long(form: ShortForm, node: ConfigNode) -> Result<ConfigNode, Finding> {
    let at = node.at;
    let value = match (form, node.value) {
        (ShortForm::Key(key), value @ (Value::Text(_) | Value::Integer(_) | Value::Float(_))) => {
            table(at, vec![(key, value)])
        }
        (ShortForm::One | ShortForm::EnvFiles, value @ (Value::Text(_) | Value::Table(_))) => {
            Value::List(vec![ConfigNode { at, value }])
        }
        (ShortForm::Names, Value::List(nodes)) => names(nodes)?,
        (ShortForm::DependsOn, Value::List(nodes)) => {
            let Value::Table(mut entries) = names(nodes)? else { return Err(wrong(at, "names")) };
            for entry in &mut entries {
                entry.node.value = Value::Table(Vec::new());
            }
            Value::Table(entries)
        }
        (ShortForm::Ports, Value::List(nodes)) => {
            let mut ports = Vec::new();
            for node in nodes {
                ports.extend(port(node)?);
            }
            Value::List(ports)
        }
        (ShortForm::Volume, Value::Text(text)) => volume(at, &text.display())?,
        (ShortForm::Device, Value::Text(text)) => device(at, &text.display())?,
        (ShortForm::Gpus, Value::Text(text)) if text.as_bytes() == b"all" => {
            let value = table(at, vec![("count", Value::Integer(-1))]);
            Value::List(vec![ConfigNode { at, value }])
        }
        (ShortForm::Ssh, Value::Table(entries)) => {
            let text = |entry: TableEntry| {
                let path = entry.node.value.as_word().map(|path| format!("={}", path.display()));
                let text = entry.key + &path.unwrap_or_default();
                ConfigNode { at: entry.at, value: Value::text(text) }
            };
            Value::List(entries.into_iter().map(text).collect())
        }
        (ShortForm::External, Value::Table(_)) => Value::Bool(true),
        (_, value) => value,
    };
    Ok(ConfigNode { at, value })
}

fn wrong(at: ConfigPlace, what: &str) -> Finding {
    Finding::error(at, format!("{what} are expected here"))
}

pub(crate) fn table(at: ConfigPlace, entries: Vec<(&str, Value)>) -> Value {
    let entry = |(key, value)| TableEntry::new(key, at, value);
    Value::Table(entries.into_iter().map(entry).collect())
}

/// Names alone, or `NAME=VALUE`.
fn names(nodes: Vec<ConfigNode>) -> Result<Value, Finding> {
    let mut entries: Vec<TableEntry> = Vec::new();
    for node in nodes {
        let text = node.value.as_word().ok_or_else(|| wrong(node.at, "names"))?;
        let text = text.display().into_owned();
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Value::text(value)),
            None => (text.as_str(), Value::Null),
        };
        entries.retain(|entry| entry.key != name);
        entries.push(TableEntry::new(name, node.at, value));
    }
    Ok(Value::Table(entries))
}

fn device(at: ConfigPlace, text: &str) -> Result<Value, Finding> {
    let parts: Vec<_> = text.split(':').collect();
    let (source, target, permissions) = match parts.as_slice() {
        [one] => (*one, *one, "rwm"),
        [source, target] => (*source, *target, "rwm"),
        [source, target, permissions] => (*source, *target, *permissions),
        _ => {
            return Err(Finding::error(at, format!("{} is no device", quoted(text)))
                .hint("write HOST:CONTAINER:rwm"));
        }
    };
    let target = if target.is_empty() { source } else { target };
    let text = |text: &str| Value::text(text);
    Ok(table(
        at,
        vec![
            ("source", text(source)),
            ("target", text(target)),
            ("permissions", text(permissions)),
        ],
    ))
}

/// `[SOURCE:]TARGET[:OPTIONS]`.
fn volume(at: ConfigPlace, text: &str) -> Result<Value, Finding> {
    let fail = |why: &str| Finding::error(at, format!("{} is no volume: {why}", quoted(text)));
    let parts = volume_parts(text);
    if parts.iter().any(String::is_empty) {
        return Err(fail("there is nothing between two colons"));
    }
    let (source, target, options) = match parts.as_slice() {
        [target] => ("", target.as_str(), ""),
        [source, target] => (source.as_str(), target.as_str(), ""),
        [source, target, options] => (source.as_str(), target.as_str(), options.as_str()),
        _ => return Err(fail("it has too many colons")),
    };
    let is_drive = |text: &str| text.as_bytes().get(1) == Some(&b':');
    let is_path =
        source.starts_with(['.', '/', '~']) || source.starts_with("\\\\") || is_drive(source);
    let (mut bind, mut own) = (Vec::new(), Vec::new());
    let mut entries = vec![("type", Value::text(if is_path { "bind" } else { "volume" }))];
    if !source.is_empty() {
        entries.push(("source", Value::text(source)));
    }
    entries.push(("target", Value::text(target)));
    for option in options.split(',') {
        match option {
            "ro" => entries.push(("read_only", Value::Bool(true))),
            "nocopy" => own.push(("nocopy", Value::Bool(true))),
            "z" | "Z" => bind.push(("selinux", Value::text(option))),
            "rprivate" | "private" | "rshared" | "shared" | "rslave" | "slave" => {
                bind.push(("propagation", Value::text(option)));
            }
            _ => {}
        }
    }
    if is_path {
        bind.push(("create_host_path", Value::Bool(true)));
    }
    if !bind.is_empty() {
        entries.push(("bind", table(at, bind)));
    }
    // As Compose has it: of a place as short as `/c` nothing more is said.
    if (!is_path && text.len() > 2) || !own.is_empty() {
        entries.push(("volume", table(at, own)));
    }
    Ok(table(at, entries))
}

/// Split at colons, but not behind the letter of a drive.
fn volume_parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for letter in text.chars() {
        let last = parts.last_mut();
        let is_drive =
            |part: &String| part.len() == 1 && part.starts_with(|c: char| c.is_alphabetic());
        match last {
            Some(part) if letter != ':' || (text.len() > 2 && is_drive(part)) => part.push(letter),
            _ => parts.push(String::new()),
        }
    }
    parts
}

/// `[[IP:]PUBLISHED:]TARGET[/PROTOCOL]`, each a number or a range.
fn port(node: ConfigNode) -> Result<Vec<ConfigNode>, Finding> {
    let at = node.at;
    let Some(text) = node.value.as_word() else { return Ok(vec![node]) };
    let text = text.display().into_owned();
    let fail = |why: &str| {
        let finding = Finding::error(at, format!("{} is no port: {why}", quoted(&text)));
        finding.hint("write [IP:]PUBLISHED:TARGET, such as \"8080:80\" or \"127.0.0.1:53:53/udp\"")
    };
    let (rest, protocol) = text.rsplit_once('/').unwrap_or((&text, "tcp"));
    if !matches!(protocol.to_ascii_lowercase().as_str(), "tcp" | "udp" | "sctp") {
        return Err(fail("the protocol is tcp, udp or sctp"));
    }
    let (rest, target) = rest.rsplit_once(':').map_or(("", rest), |(rest, target)| (rest, target));
    let (ip, published) = rest.rsplit_once(':').unwrap_or(("", rest));
    let ip = ip.trim_start_matches('[').trim_end_matches(']');
    let (first, last) =
        range(target).ok_or_else(|| fail("the target is no number from 1 to 65535"))?;
    let host = if published.is_empty() {
        None
    } else {
        Some(range(published).ok_or_else(|| fail("what is published is no number"))?)
    };
    if let Some((from, to)) = host
        && first != last
        && to - from != last - first
    {
        return Err(fail("the two ranges have different lengths"));
    }
    if !ip.is_empty() && ip.parse::<std::net::IpAddr>().is_err() {
        return Err(fail("what stands before it is no address"));
    }
    let mut targets: Vec<u32> = (first..=last).collect();
    targets.sort_by_key(u32::to_string);
    let one = |target: u32| {
        let mut entries = vec![("mode", Value::text("ingress"))];
        if !ip.is_empty() {
            entries.push(("host_ip", Value::text(ip)));
        }
        entries.push(("target", Value::Integer(target.into())));
        if let Some((from, to)) = host {
            let published = if first == last && from != to {
                format!("{from}-{to}")
            } else {
                (from + target - first).to_string()
            };
            entries.push(("published", Value::text(published)));
        }
        entries.push(("protocol", Value::text(protocol.to_ascii_lowercase())));
        ConfigNode { at, value: table(at, entries) }
    };
    Ok(targets.into_iter().map(one).collect())
}

fn range(text: &str) -> Option<(u32, u32)> {
    let number = |text: &str| text.parse::<u16>().ok().map(u32::from);
    match text.split_once('-') {
        Some((from, to)) => Some((number(from)?, number(to)?)).filter(|(from, to)| from <= to),
        None => number(text).map(|one| (one, one)),
    }
}

/// A command line as words: what quotes hold together is one.
pub(crate) fn words(text: &str) -> Result<Vec<String>, &'static str> {
    crate::supervisor::command_words(text)
}
