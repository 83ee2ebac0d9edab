//! What is proposed: an app with its evidence, its command, its port and what is doubtful about it.

use std::fmt;

use serde::Serialize;

use crate::start_line::StartLine;

/// Where something is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The file, seen from the folder that was looked at.
    pub file: String,
    /// Its line, from 1; 0: the file as a whole.
    pub line: usize,
    /// What stands there.
    pub words: String,
}

impl Evidence {
    pub(crate) fn new(file: &str, line: usize, words: impl Into<String>) -> Self {
        Self { file: file.into(), line, words: words.into() }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if self.words.is_empty() { Ok(()) } else { write!(f, " {}", self.words) }
    }
}

/// What kind of app it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each says itself what it is")]
pub enum Stack {
    Django,
    Flask,
    FastApi,
    Starlette,
    /// Anything that gunicorn serves.
    Wsgi,
    /// Anything that uvicorn serves.
    Asgi,
    Sanic,
    Aiohttp,
    Tornado,
    Streamlit,
    Gradio,
    Celery,
    /// Python that runs by itself.
    Script,
    Node,
    Go,
    /// Files to be served.
    Static,
    /// A line of a Procfile.
    Procfile,
}

impl Stack {
    /// As people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Django => "Django",
            Self::Flask => "Flask",
            Self::FastApi => "FastAPI",
            Self::Starlette => "Starlette",
            Self::Wsgi => "WSGI app",
            Self::Asgi => "ASGI app",
            Self::Sanic => "Sanic",
            Self::Aiohttp => "aiohttp",
            Self::Tornado => "Tornado",
            Self::Streamlit => "Streamlit",
            Self::Gradio => "Gradio",
            Self::Celery => "Celery",
            Self::Script => "Python script",
            Self::Node => "Node",
            Self::Go => "Go",
            Self::Static => "static files",
            Self::Procfile => "Procfile",
        }
    }
}

/// The port an app is to have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PortClaim {
    /// The port.
    pub number: u16,
    /// Where it is written; without it, it is what is usual for such apps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// Whether it can only be changed in the code.
    pub is_fixed: bool,
}

/// What a doubt means for going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Worth knowing.
    Remark,
    /// What is proposed may be wrong: one of the choices is to be said.
    Question,
    /// It can't work as it is.
    Blocker,
}

/// What is not sure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Doubt {
    /// What it is about, a word for programs.
    pub about: &'static str,
    /// What it means for going on.
    pub weight: Weight,
    /// The doubt, and what to do.
    pub text: String,
    /// What there is to choose from; the first is proposed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
}

impl Doubt {
    pub(crate) fn remark(about: &'static str, text: impl Into<String>) -> Self {
        Self { about, weight: Weight::Remark, text: text.into(), choices: Vec::new() }
    }

    pub(crate) fn blocker(about: &'static str, text: impl Into<String>) -> Self {
        Self { weight: Weight::Blocker, ..Self::remark(about, text) }
    }

    pub(crate) fn question(
        about: &'static str,
        text: impl Into<String>,
        choices: Vec<String>,
    ) -> Self {
        Self { weight: Weight::Question, choices, ..Self::remark(about, text) }
    }
}

/// An app that could be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// What kind of app it is.
    pub stack: Stack,
    /// What tells it from the main app of its project: `worker`, `beat`; none for that one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Why it is taken for one.
    pub evidence: Vec<Evidence>,
    /// What is run.
    pub start: StartLine,
    /// The folder it runs in, seen from the folder that was looked at; empty for that one.
    pub cwd: String,
    /// Its port, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<PortClaim>,
    /// Packages it needs that the project does not ask for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<String>,
    /// What else could be meant in place of its app object or script.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<String>,
    /// What is not sure.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<Doubt>,
}

impl Proposal {
    pub(crate) fn new(stack: Stack, start: StartLine, cwd: &str) -> Self {
        Self {
            stack,
            role: None,
            evidence: Vec::new(),
            start,
            cwd: cwd.into(),
            port: None,
            extra: Vec::new(),
            others: Vec::new(),
            doubts: Vec::new(),
        }
    }
}
