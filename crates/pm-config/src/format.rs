//! Which files are configs, and bytes of a format to values with places.

use std::borrow::Cow;

use crate::diagnose::{ConfigPlace, Finding, Findings};
use crate::line_index::LineIndex;
use crate::tree::ConfigNode;
use crate::{json, toml, yaml};

/// A larger file is no config; reading on would only exhaust memory.
pub(crate) const LARGEST: usize = 4 << 20;

/// The languages a config may be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigFormat {
    /// JSON5: comments, trailing commas, keys and strings as in JavaScript.
    Json5,
    /// JSON; read as JSON5, since PM2's users write comments into it.
    Json,
    /// YAML 1.2 with merge keys.
    Yaml,
    /// TOML, apps as `[[apps]]`.
    Toml,
    /// Supervisor's; known by what is in it, whatever it is called.
    Supervisor,
    /// Compose's; known by what is in it, in YAML or JSON.
    Compose,
    /// Another manager's; known by what is in it.
    Foreign(ForeignFormat),
    /// A program (`ecosystem.config.js`); see `script.rs`.
    JavaScript,
}

/// Whose file it is; known by what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignFormat {
    /// That of foreman, honcho, overmind: a line for each process.
    Procfile,
    /// A unit of systemd.
    Systemd,
    /// The list that PM2 saves (`dump.pm2`).
    Pm2Dump,
    /// That of process-compose, in YAML or JSON.
    ProcessCompose,
}

/// What is in the name of a config that is a program.
const PROGRAMS: [&str; 6] =
    [".config.js", ".config.cjs", ".config.mjs", ".config.ts", ".config.mts", ".config.cts"];

/// The format of a config file by its exact ending; `None`: what is named so is no config but an app.
///
/// `.json`, `.json5`, `.yaml`, `.yml`, `.toml` by the exact ending, which keeps `app.json.py` an app; `.config.js`, `.config.cjs`,
/// `.config.mjs`, `.config.ts` anywhere in the name, as in PM2.
pub fn is_config_name(name: &str) -> Option<ConfigFormat> {
    let lower = name.to_ascii_lowercase();
    let file = lower.rsplit('/').next().unwrap_or(&lower);
    match file.rsplit_once('.')?.1 {
        "json5" => Some(ConfigFormat::Json5),
        "json" => Some(ConfigFormat::Json),
        "yaml" | "yml" => Some(ConfigFormat::Yaml),
        "toml" => Some(ConfigFormat::Toml),
        _ => PROGRAMS.iter().any(|part| file.contains(part)).then_some(ConfigFormat::JavaScript),
    }
}

/// Whether it is no larger than a config.
pub(crate) fn fits(bytes: &[u8]) -> Result<(), Finding> {
    if bytes.len() <= LARGEST {
        return Ok(());
    }
    let message = format!("this is no config: it is larger than {} MiB", LARGEST >> 20);
    Err(Finding::error(ConfigPlace::Whole, message))
}

/// The text of a config; a byte order mark is no part of it, and every line ends with a line feed.
pub(crate) fn text(bytes: &[u8]) -> Result<Cow<'_, str>, Finding> {
    let text = utf8(bytes)?;
    let lone = |(at, _): (usize, &str)| text.as_bytes().get(at + 1) != Some(&b'\n');
    if !text.match_indices('\r').any(lone) {
        return Ok(Cow::Borrowed(text));
    }
    // The parsers disagree on whether a lone carriage return ends a line, and places have to agree.
    Ok(Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")))
}

fn utf8(bytes: &[u8]) -> Result<&str, Finding> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let good = bytes.get(..error.valid_up_to()).unwrap_or(bytes);
        let at = match std::str::from_utf8(good) {
            Ok(good) => LineIndex::new(good).place(good.len()),
            Err(_) => ConfigPlace::Whole,
        };
        let finding = Finding::error(at, "this is not UTF-8");
        if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
            finding.hint("the file looks like UTF-16; save it as UTF-8")
        } else {
            finding
        }
    })
}

/// Text to values; grammar mistakes become findings. Programs are run elsewhere.
pub(crate) fn decode(
    text: &str,
    format: ConfigFormat,
    findings: &mut Findings,
) -> Option<ConfigNode> {
    match format {
        ConfigFormat::Json5 | ConfigFormat::Json => findings.take(json::parse(text)),
        ConfigFormat::Yaml => findings.take(yaml::parse(text)),
        ConfigFormat::Toml => toml::parse(text).map_err(|mistakes| findings.extend(mistakes)).ok(),
        ConfigFormat::Supervisor
        | ConfigFormat::Compose
        | ConfigFormat::Foreign(_)
        | ConfigFormat::JavaScript => {
            findings.add(Finding::error(ConfigPlace::Whole, "it is only read from a file"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configs_are_known_by_their_exact_ending() {
        for (name, format) in [
            ("ecosystem.example.json5", Some(ConfigFormat::Json5)),
            ("package.json", Some(ConfigFormat::Json)),
            ("/a.b/pm.YAML", Some(ConfigFormat::Yaml)),
            ("x.yml", Some(ConfigFormat::Yaml)),
            ("pm.toml", Some(ConfigFormat::Toml)),
            ("./ecosystem.config.cjs", Some(ConfigFormat::JavaScript)),
            ("a/app.config.js.local", Some(ConfigFormat::JavaScript)),
            ("pm.config.ts", Some(ConfigFormat::JavaScript)),
            ("ecosystem.config.json", Some(ConfigFormat::Json)),
            ("app.json.py", None),
            ("dir.json/app", None),
            ("server.js", None),
            ("config.js", None),
            ("json", None),
        ] {
            assert_eq!(is_config_name(name), format, "{name}");
        }
    }

    #[test]
    fn what_is_not_utf8_has_a_place() {
        assert_eq!(text(b"\xef\xbb\xbf{}").unwrap(), "{}");
        assert_eq!(text(b"a\r\nb\rc").unwrap(), "a\nb\nc");
        let finding = text(b"{\n a: '\xff'}").unwrap_err();
        assert_eq!(finding.at, ConfigPlace::Line { line: 2, column: 6 });
        assert!(text(b"\xff\xfe{\0}\0").unwrap_err().hint.unwrap().contains("UTF-16"));
    }
}
