//! The files that are shown, each once, and whose they are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use pm_client::{line_times, log_files};
use pm_config::path_of;
use pm_logs::{LineTimes, LogFiles, Stream};
use pm_protocol::LogSource;

use super::query::WantedStreams;

/// What is written into one file, and by whom.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) id: Option<u32>,
    pub(super) name: String,
    /// Where it lies.
    pub(super) files: LogFiles,
}

/// All of them, by the number their lines carry.
#[derive(Debug)]
pub(super) struct Channels {
    state: PathBuf,
    streams: WantedStreams,
    all: Vec<Channel>,
    numbers: BTreeMap<PathBuf, usize>,
    /// Files of several instances, not all of which need be here.
    shared: BTreeSet<PathBuf>,
    /// So many have been handed out by [`Channels::fresh`].
    handed: usize,
}

impl Channels {
    /// None yet; `state` is where the time indexes of raw logs lie.
    pub(super) fn new(state: PathBuf, streams: WantedStreams) -> Self {
        Self {
            state,
            streams,
            all: Vec::new(),
            numbers: BTreeMap::new(),
            shared: BTreeSet::new(),
            handed: 0,
        }
    }

    /// Learns from the sources of all instances which files are shared (`merge_logs`): whoever is asked for, no line of
    /// those says whose it is.
    pub(super) fn learn(&mut self, everybody: &[LogSource]) {
        let mut owners = BTreeMap::new();
        for source in everybody {
            for file in [&source.out, &source.error, &source.combined].into_iter().flatten() {
                if *owners.entry(file).or_insert(source.id) != source.id {
                    self.shared.insert(path_of(file).to_path_buf());
                }
            }
        }
    }

    /// Adds the files of these instances that are not known yet.
    pub(super) fn add(&mut self, sources: Vec<LogSource>) {
        for source in sources {
            // Where the streams have no files of their own, the common one is all there is.
            let alone = source.out.is_none() && source.error.is_none();
            for (stream, file) in log_files(&source) {
                let unwanted = match self.streams {
                    WantedStreams::Both => None,
                    WantedStreams::Out => Some(Stream::Err),
                    WantedStreams::Err => Some(Stream::Out),
                };
                if alone || unwanted != Some(stream) {
                    self.add_file(&source, stream, file);
                }
            }
        }
    }

    fn add_file(&mut self, source: &LogSource, stream: Stream, path: PathBuf) {
        if let Some(known) = self.numbers.get(&path).and_then(|number| self.all.get_mut(*number)) {
            // One file of several instances (`merge_logs`): no line says whose it is.
            if known.id != Some(source.id) {
                known.id = None;
            }
            return;
        }
        let times = line_times(&self.state, &source.shape);
        let id = Some(source.id).filter(|_| !self.shared.contains(&path));
        self.push(id, &source.name, (stream, path, times));
    }

    /// Adds the daemon's own log.
    pub(super) fn add_daemon(&mut self, path: PathBuf) {
        self.push(None, "PM", (Stream::Out, path, LineTimes::Unknown));
    }

    fn push(
        &mut self,
        id: Option<u32>,
        name: &str,
        (stream, log, times): (Stream, PathBuf, LineTimes),
    ) {
        let number = self.all.len();
        self.numbers.insert(log.clone(), number);
        let files = LogFiles { number, stream, log, times };
        self.all.push(Channel { id, name: name.to_owned(), files });
    }

    /// Those added since the last time, as the readers want them.
    pub(super) fn fresh(&mut self) -> Vec<LogFiles> {
        let from = std::mem::replace(&mut self.handed, self.all.len());
        self.all.iter().skip(from).map(|channel| channel.files.clone()).collect()
    }

    /// Whose line it is.
    pub(super) fn of(&self, number: usize) -> Option<&Channel> {
        self.all.get(number)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Channel> {
        self.all.iter()
    }
}

impl Channel {
    /// `0|web`, or `web` where several instances share the file.
    pub(super) fn label(&self) -> String {
        let name = crate::render::safe_text(&self.name);
        match self.id {
            Some(id) => format!("{id}|{name}"),
            None => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pm_protocol::LogShape;

    fn source(id: u32, out: &str, error: &str) -> LogSource {
        LogSource {
            id,
            name: "web".into(),
            namespace: "default".into(),
            out: Some(out.into()),
            error: Some(error.into()),
            combined: Some("/c.log".into()),
            shape: LogShape::Raw,
        }
    }

    #[test]
    fn a_file_of_several_instances_is_read_once() {
        let mut channels = Channels::new("/state".into(), WantedStreams::Both);
        channels.add(vec![source(0, "/o.log", "/e0.log"), source(1, "/o.log", "/e1.log")]);
        assert_eq!(channels.fresh().len(), 3);
        let labels: Vec<_> = channels.iter().map(Channel::label).collect();
        assert_eq!(labels, ["web", "0|web", "1|web"]);
        channels.add(vec![source(1, "/o.log", "/e1.log"), source(2, "/o2.log", "/e2.log")]);
        let fresh: Vec<_> = channels.fresh().into_iter().map(|source| source.number).collect();
        assert_eq!(fresh, [3, 4]);
    }

    #[test]
    fn streams_are_chosen() {
        let mut channels = Channels::new("/state".into(), WantedStreams::Err);
        channels.add(vec![source(0, "/o.log", "/e.log")]);
        assert_eq!(channels.fresh().first().unwrap().log, PathBuf::from("/e.log"));
        let mut channels = Channels::new("/state".into(), WantedStreams::Both);
        channels.add(vec![LogSource { out: None, error: None, ..source(0, "", "") }]);
        assert_eq!(channels.fresh().first().unwrap().log, PathBuf::from("/c.log"));
    }
}
