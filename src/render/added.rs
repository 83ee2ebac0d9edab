//! What `pm add` found and would do, and what comes next.

use std::path::{Path, PathBuf};

use pm_scout::{Doubt, Proposal, Survey, Weight};
use serde::Serialize;

use crate::called;
use crate::console::Look;
use crate::render::text::Paint;
use crate::render::{lines, safe_text};
use crate::words::say;

/// An app that would be added.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PlannedApp {
    pub(crate) name: String,
    /// The folder of its project, from the one that was looked at.
    pub(crate) folder: String,
    #[serde(flatten)]
    pub(crate) proposal: Proposal,
    #[serde(rename = "given_port", skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<GivenPort>,
}

/// The file that would be written.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PlannedFile {
    pub(crate) path: PathBuf,
    /// As it is now; none: it is not there.
    #[serde(skip)]
    pub(crate) before: Option<String>,
    /// As it would be; none: these lines are for people to put into it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<String>,
    /// What comes in.
    pub(crate) lines: String,
}

/// What would be done.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AddPlan {
    pub(crate) apps: Vec<PlannedApp>,
    pub(crate) file: PlannedFile,
    pub(crate) commands: Vec<SetupStep>,
    /// What is not sure about projects as a whole.
    pub(crate) doubts: Vec<Doubt>,
    /// Worth knowing.
    pub(crate) remarks: Vec<String>,
    /// Why it can't be done, besides doubts.
    pub(crate) blockers: Vec<String>,
    /// Apps of the file that is there.
    pub(crate) known: Vec<String>,
    #[serde(rename = "found")]
    pub(crate) survey: Survey,
}

/// The port an app gets.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct GivenPort {
    pub(crate) number: u16,
    /// Why it is not the one the project names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) instead: Option<String>,
    /// Why it can't work.
    #[serde(skip)]
    pub(crate) blocker: Option<String>,
}

/// A command and where it is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct SetupStep {
    pub(crate) argv: Vec<String>,
    pub(crate) folder: PathBuf,
    /// What it makes; it is removed should a later step fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) makes: Option<PathBuf>,
}

impl AddPlan {
    pub(crate) fn names(&self) -> Vec<String> {
        self.apps.iter().map(|app| app.name.clone()).collect()
    }

    /// All that is not sure, of projects and of apps.
    pub(crate) fn all_doubts(&self) -> impl Iterator<Item = &Doubt> {
        self.doubts.iter().chain(self.apps.iter().flat_map(|app| &app.proposal.doubts))
    }

    /// Why it can't be done.
    pub(crate) fn blockers(&self) -> Vec<&str> {
        let doubts = self.all_doubts().filter(|doubt| doubt.weight == Weight::Blocker);
        let doubts = doubts.map(|doubt| doubt.text.as_str());
        doubts.chain(self.blockers.iter().map(String::as_str)).collect()
    }

    /// What only people know: one of these.
    pub(crate) fn open_question(&self) -> Option<Vec<String>> {
        let mut open = self.all_doubts().filter(|doubt| doubt.weight == Weight::Question);
        open.find(|doubt| doubt.choices.len() > 1).map(|doubt| doubt.choices.clone())
    }
}

/// The plan, for people.
pub(crate) fn plan(plan: &AddPlan, look: Look) -> String {
    let head =
        |text: &str, rest: &str| format!("{} {rest}", Paint::Head.on(&say(text), look.colour));
    let mut all = vec![head("found in", &shown(&plan.survey.folder))];
    all.extend(plan.apps.iter().flat_map(|app| app_lines(app, look)));
    let doubts: Vec<_> = plan.all_doubts().collect();
    if !(doubts.is_empty() && plan.remarks.is_empty() && plan.blockers.is_empty()) {
        all.push(Paint::Head.on(&say("to know"), look.colour));
    }
    all.extend(doubts.into_iter().map(|doubt| {
        let (sign, paint) = match doubt.weight {
            Weight::Remark => ("-", Paint::Plain),
            Weight::Question => ("?", Paint::Wait),
            Weight::Blocker => ("✗", Paint::Bad),
        };
        format!("  {}", paint.on(&format!("{sign} {}", say(&safe_text(&doubt.text))), look.colour))
    }));
    let blockers = plan.blockers.iter();
    let blockers =
        blockers.map(|text| Paint::Bad.on(&format!("✗ {}", say(&safe_text(text))), look.colour));
    all.extend(blockers.map(|text| format!("  {text}")));
    all.extend(plan.remarks.iter().map(|remark| format!("  - {}", say(&safe_text(remark)))));
    let file = shown(&plan.file.path);
    all.push(match (&plan.file.before, &plan.file.after) {
        (None, _) => head("would write", &file),
        (Some(_), Some(_)) => {
            head("would add to", &say(&format!("{file}, which stays as it is otherwise")))
        }
        (Some(_), None) => head("belongs into", &file),
    });
    all.extend(plan.file.lines.lines().map(|line| format!("  {}", safe_text(line))));
    all.push(Paint::Head.on(&say("would run"), look.colour));
    let start = format!("{} apply {file} --only {}", called::name(), plan.names().join(","));
    let commands = plan.commands.iter().map(command).chain([start]);
    all.extend(commands.map(|command| format!("  $ {}", safe_text(&command))));
    lines(all)
}

fn app_lines(app: &PlannedApp, look: Look) -> Vec<String> {
    let port = app.port.as_ref().map(|port| {
        let evidence = app.proposal.port.as_ref().and_then(|claim| claim.evidence.as_ref());
        let why = match (&port.instead, evidence) {
            (Some(instead), _) => format!(" ({})", say(instead)),
            (None, Some(evidence)) => format!(" ({}:{})", evidence.file, evidence.line),
            (None, None) => String::new(),
        };
        format!(", port {}{why}", port.number)
    });
    let name = Paint::Key.on(&safe_text(&app.name), look.colour);
    let what = format!("{}{}", app.proposal.stack.name(), port.unwrap_or_default());
    let evidence = app
        .proposal
        .evidence
        .iter()
        .map(|one| Paint::Dim.on(&format!("    {}", safe_text(&one.to_string())), look.colour));
    [format!("  {name}: {}", safe_text(&what))].into_iter().chain(evidence).collect()
}

fn shown(path: &Path) -> String {
    safe_text(&path.display().to_string())
}

/// A command as one would type it.
pub(crate) fn command(step: &SetupStep) -> String {
    let is_plain = |word: &str| {
        let plain = |it: char| it.is_alphanumeric() || "-_./=:,+@%^".contains(it);
        !word.is_empty() && word.chars().all(plain)
    };
    let word = |word: &String| {
        if is_plain(word) { word.clone() } else { format!("'{}'", word.replace('\'', "'\\''")) }
    };
    let words: Vec<_> = step.argv.iter().map(word).collect();
    format!("cd {} && {}", word(&step.folder.display().to_string()), words.join(" "))
}

/// What comes after it runs.
pub(crate) fn next(plan: &AddPlan, look: Look) -> String {
    let pm = called::name();
    let ports = plan.apps.iter().filter_map(|app| Some((&app.name, app.port.as_ref()?.number)));
    let places = ports.map(|(name, port)| {
        say(&format!("{} is at http://127.0.0.1:{port}", safe_text(name))).into_owned()
    });
    let later =
        format!("`{pm} save` keeps the list, `{pm} startup` starts it when the machine boots");
    lines(places.chain([Paint::Dim.on(&say(&later), look.colour)]))
}

/// What `pm init` found and wrote, and what is left to do.
pub(crate) fn begun(plan: &AddPlan, look: Look) -> String {
    let pm = called::name();
    let file = shown(&plan.file.path);
    let mut all = vec![say(&format!("wrote {file}, with what lies here:")).into_owned()];
    all.extend(plan.apps.iter().flat_map(|app| app_lines(app, look)));
    let doubts = plan.all_doubts().map(|doubt| &doubt.text).chain(&plan.remarks);
    all.extend(doubts.map(|text| format!("  - {}", say(&safe_text(text)))));
    if !plan.commands.is_empty() {
        all.push(say("what it needs first:").into_owned());
        let commands = plan.commands.iter().map(command);
        all.extend(commands.map(|command| format!("  $ {}", safe_text(&command))));
    }
    all.push(say(&format!("`{pm} up` starts it")).into_owned());
    lines(all)
}
