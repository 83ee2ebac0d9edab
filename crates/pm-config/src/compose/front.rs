//! A container read back from the app that runs it: what is asked of one that is known already (`exec`, `ps`, `run`) needs no file.

use pm_spec::{AppSpec, ByteString};

use super::engine::FRONT;

/// The last of the labels that each container has; what is run comes behind it.
const LAST_LABEL: &str = "com.docker.compose.project.config_files=";

/// What an app says to an engine.
#[derive(Debug)]
pub struct ContainerFront<'a> {
    /// The engine's program.
    pub engine: &'a ByteString,
    /// A line for the shell: networks and volumes are made, `$e` is the engine.
    pub before: &'a ByteString,
    name: &'a ByteString,
    /// What follows `run --name NAME`.
    args: &'a [ByteString],
}

impl<'a> ContainerFront<'a> {
    /// That of an app; `None`: it runs on this machine itself.
    pub fn of(app: &'a AppSpec) -> Option<Self> {
        let begin = FRONT.split('\n').next().unwrap_or_default();
        let [dash, front, engine, name, _grace, before, args @ ..] = app.args.as_slice() else {
            return None;
        };
        let is_ours = app.script.as_bytes() == b"/bin/sh"
            && dash.as_bytes() == b"-c"
            && front.as_bytes().starts_with(begin.as_bytes());
        is_ours.then_some(Self { engine, before, name, args })
    }

    /// What the container of this instance is called.
    pub fn name(&self, slot: u16) -> String {
        let name = self.name.display();
        if name.ends_with('-') {
            format!("{name}{}", u32::from(slot) + 1)
        } else {
            name.into_owned()
        }
    }

    /// What follows `run --name NAME`: flags, the image, and what is run in it.
    pub fn parts(&self) -> (&'a [ByteString], &'a ByteString, &'a [ByteString]) {
        let is_last = |word: &ByteString| word.as_bytes().starts_with(LAST_LABEL.as_bytes());
        let mut at = self.args.iter().position(is_last).map_or(0, |at| at + 1);
        let next = |at: usize| self.args.get(at).map(ByteString::as_bytes).unwrap_or_default();
        if next(at) == b"--pull" {
            at += 2;
        }
        if next(at).starts_with(b"--entrypoint=") {
            at += 1;
        }
        let at = at.min(self.args.len().saturating_sub(1));
        let (flags, rest) = self.args.split_at(at);
        let none: &[ByteString] = &[];
        rest.split_first()
            .map_or((flags, self.engine, none), |(image, words)| (flags, image, words))
    }

    /// What it publishes: `[IP:][PORT:]PORT/PROTOCOL`.
    pub fn published(&self) -> impl Iterator<Item = &'a ByteString> {
        let pairs = self.args.windows(2).filter(|pair| pair[0].as_bytes() == b"--publish");
        pairs.map(|pair| &pair[1])
    }
}
