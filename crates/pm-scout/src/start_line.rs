//! A command with places left open: the port and the number of workers are not known to who only looks.

use serde::Serialize;

/// Stands for the port.
const PORT: &str = "{port}";

/// Stands for the number of workers.
const WORKERS: &str = "{workers}";

/// A program and its arguments. `{port}` and `{workers}` in them are to be filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StartLine {
    /// A program of the venv or of PATH, a script, or a line for the shell.
    pub program: String,
    /// Its arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Variables it needs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<(String, String)>,
    /// Whether it learns its port by the variable PORT.
    pub port_by_variable: bool,
    /// So long a stop may take, where it is not the usual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kill_timeout: Option<&'static str>,
}

impl StartLine {
    /// Made from words that are divided by blanks.
    pub(crate) fn of(words: &str) -> Self {
        let mut words = words.split(' ').filter(|word| !word.is_empty()).map(String::from);
        let program = words.next().unwrap_or_default();
        Self { program, args: words.collect(), ..Self::default() }
    }

    /// With another word behind.
    pub(crate) fn and(mut self, word: impl Into<String>) -> Self {
        self.args.push(word.into());
        self
    }

    /// With a variable.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// With the open places filled.
    #[must_use]
    pub fn filled(&self, port: Option<u16>, workers: usize) -> Self {
        let port = port.map_or_else(String::new, |port| port.to_string());
        let fill = |text: &String| text.replace(PORT, &port).replace(WORKERS, &workers.to_string());
        Self {
            program: fill(&self.program),
            args: self.args.iter().map(fill).collect(),
            env: self.env.iter().map(|(name, value)| (name.clone(), fill(value))).collect(),
            ..self.clone()
        }
    }
}
