//! Apps as people would write them into an ecosystem file.

use serde_json::Value;

/// The language of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextFormat {
    Json5,
    Json,
    Yaml,
    Toml,
    JavaScript,
}

/// Keys and values of an app, in the order they are to stand.
pub(crate) type EntryKeys = Vec<(&'static str, Value)>;

impl TextFormat {
    /// By the ending of a file's name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Some(match pm_config::is_config_name(name)? {
            pm_config::ConfigFormat::Json5 => Self::Json5,
            pm_config::ConfigFormat::Json => Self::Json,
            pm_config::ConfigFormat::Yaml => Self::Yaml,
            pm_config::ConfigFormat::Toml => Self::Toml,
            pm_config::ConfigFormat::JavaScript => Self::JavaScript,
            pm_config::ConfigFormat::Supervisor
            | pm_config::ConfigFormat::Compose
            | pm_config::ConfigFormat::Foreign(_) => return None,
        })
    }

    /// A whole file, whose first line says what it is.
    pub(crate) fn file(self, about: &str, apps: &[EntryKeys]) -> String {
        let indent = if self == Self::Yaml { "  " } else { "    " };
        let apps: Vec<_> = apps.iter().map(|app| self.entry(app, indent)).collect();
        let listed = apps.join(",\n");
        match self {
            Self::Json5 => format!("// {about}\n{{\n  apps: [\n{listed},\n  ],\n}}\n"),
            Self::JavaScript => {
                format!("// {about}\nmodule.exports = {{\n  apps: [\n{listed},\n  ],\n}};\n")
            }
            Self::Json => format!("{{\n  \"apps\": [\n{listed}\n  ]\n}}\n"),
            Self::Yaml => format!("# {about}\napps:\n{}\n", apps.join("\n")),
            Self::Toml => format!("# {about}\n{}", apps.join("\n")),
        }
    }

    /// One app, as deep as this; without anything behind it.
    pub(crate) fn entry(self, keys: &EntryKeys, indent: &str) -> String {
        let line = |(key, value): &(&str, Value)| match self {
            Self::Json5 | Self::JavaScript => format!("{indent}  {key}: {},", self.value(value)),
            Self::Json => format!("{indent}  \"{key}\": {}", self.value(value)),
            Self::Yaml => format!("{indent}  {key}: {}", self.value(value)),
            Self::Toml => format!("{key} = {}", self.value(value)),
        };
        let lines: Vec<_> = keys.iter().map(line).collect();
        match self {
            Self::Json5 | Self::JavaScript => {
                format!("{indent}{{\n{}\n{indent}}}", lines.join("\n"))
            }
            Self::Json => format!("{indent}{{\n{}\n{indent}}}", lines.join(",\n")),
            Self::Yaml => {
                lines.join("\n").replacen(&format!("{indent}  "), &format!("{indent}- "), 1)
            }
            Self::Toml => format!("[[apps]]\n{}\n", lines.join("\n")),
        }
    }

    fn value(self, value: &Value) -> String {
        let Value::Object(table) = value else { return value.to_string() };
        let is_bare = |key: &str| key.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_');
        let pair = |(key, value): (&String, &Value)| match self {
            Self::Json5 | Self::JavaScript if is_bare(key) => format!("{key}: {value}"),
            Self::Toml => format!("{key} = {value}"),
            Self::Json5 | Self::JavaScript | Self::Json | Self::Yaml => {
                format!("\"{key}\": {value}")
            }
        };
        format!("{{ {} }}", table.iter().map(pair).collect::<Vec<_>>().join(", "))
    }
}
