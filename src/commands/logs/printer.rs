//! Lines to stdout, each in one of four forms: prefixed, stamped, raw, JSON. Hostile bytes are made harmless where a
//! terminal would obey them, and nowhere else.

use std::io::{self, BufWriter, Stdout, Write};

use chrono::{DateTime, Local, Utc};
use pm_client::{Colours, plain};
use pm_logs::stamp::StampFormat;
use pm_logs::{LineTimes, StoredLine, Stream};
use serde_json::{Value, json};

use super::channels::{Channel, Channels};
use crate::console::{Console, Gone};
use crate::render::{Paint, columns};

/// What a line becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineShape {
    /// Whose it is, then itself.
    Lines,
    /// Itself.
    Raw,
    /// Itself, as far as it is harmless to a terminal.
    Own,
    /// An object.
    Json,
    /// `key=value` pairs (PM2: `--format`).
    Pairs,
}

/// How lines are shown.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    /// What a line becomes.
    pub(crate) shape: LineShape,
    /// Whether a terminal would obey what an app wrote.
    pub(crate) terminal: bool,
    pub(crate) colour: bool,
    /// The form of each line's time, if it is shown.
    pub(crate) stamp: Option<StampFormat>,
    /// Whether what an app wrote to standard error goes to ours, for whoever runs us in place of the app.
    pub(crate) split: bool,
    /// A text that stands out where colours are shown.
    pub(crate) highlight: Option<String>,
}

impl Form {
    pub(crate) fn new(console: Console, raw: bool) -> Self {
        let look = console.look;
        let shape = match (console.json, raw) {
            (true, _) => LineShape::Json,
            (false, true) => LineShape::Raw,
            (false, false) => LineShape::Lines,
        };
        let (stamp, split, highlight) = (None, false, None);
        Self { shape, terminal: look.boxes, colour: look.colour, stamp, split, highlight }
    }

    /// With the time of each line.
    pub(crate) fn stamped(mut self, format: &str) -> Self {
        self.stamp = Some(StampFormat::new(format));
        self
    }
}

/// Writes lines in a form.
#[derive(Debug)]
pub(super) struct Printer<W: Write = BufWriter<Stdout>> {
    out: W,
    form: Form,
    /// The widest label so far; it only grows, as in PM2.
    widest: usize,
    /// Names of apps in the order of their colours.
    apps: Vec<String>,
    bytes: Vec<u8>,
    /// Whether there was anything to show.
    pub(super) has_shown: bool,
}

impl Printer {
    pub(super) fn new(form: Form) -> Self {
        Self::on(BufWriter::with_capacity(64 << 10, io::stdout()), form)
    }
}

impl<W: Write> Printer<W> {
    fn on(out: W, form: Form) -> Self {
        Self { out, form, widest: 0, apps: Vec::new(), bytes: Vec::new(), has_shown: false }
    }

    /// One line.
    pub(super) fn line(&mut self, channels: &Channels, line: &StoredLine) -> Result<(), Gone> {
        let Some(channel) = channels.of(line.source) else { return Ok(()) };
        self.has_shown = true;
        self.bytes.clear();
        match self.form.shape {
            LineShape::Lines => {
                self.prefix(channels, channel, line);
                self.words(&line.bytes);
            }
            LineShape::Raw => self.bytes.extend_from_slice(&line.bytes),
            LineShape::Own => self.words(&line.bytes),
            LineShape::Json => {
                self.bytes.extend_from_slice(object(channel, line).to_string().as_bytes());
            }
            LineShape::Pairs => {
                self.bytes.extend_from_slice(pairs(channel, line).as_bytes());
                self.words(channel.files.times.words(&line.bytes));
            }
        }
        if !matches!(self.form.shape, LineShape::Raw | LineShape::Own) || line.terminated {
            self.bytes.push(b'\n');
        }
        if self.form.split && channel.files.stream == Stream::Err {
            // A closed standard error is no reason to stop showing the rest.
            io::stderr().write_all(&self.bytes).ok();
            return Ok(());
        }
        self.out.write_all(&self.bytes).map_err(|_| Gone)
    }

    /// Everything so far reaches the reader.
    pub(super) fn flush(&mut self) -> Result<(), Gone> {
        self.out.flush().map_err(|_| Gone)
    }

    /// The time if asked for, then `0|web  | ` (PM2).
    fn prefix(&mut self, channels: &Channels, channel: &Channel, line: &StoredLine) {
        if self.widest == 0 {
            let widths = channels.iter().map(|channel| columns(&channel.label()));
            self.widest = widths.max().unwrap_or(0);
        }
        let label = channel.label();
        let width = columns(&label);
        self.widest = self.widest.max(width);
        let blanks = " ".repeat(self.widest - width);
        let bar = match channel.files.stream {
            Stream::Out => Paint::Good,
            Stream::Err => Paint::Bad,
        };
        // Among several, the colour says whose a line is, and the bar where it was written.
        let paint = self.number(channels, &channel.name).map_or(bar, Paint::App);
        if let Some(format) = &self.form.stamp {
            let mut stamp = Vec::new();
            match moment(line) {
                Some(moment) => format.render(moment.with_timezone(&Local), &mut stamp),
                None => stamp.push(b'-'),
            }
            let stamp = String::from_utf8_lossy(&stamp);
            self.bytes.extend_from_slice(Paint::Dim.on(&stamp, self.form.colour).as_bytes());
            self.bytes.push(b' ');
        }
        let label = paint.on(&format!("{label}{blanks}"), self.form.colour);
        self.bytes.extend_from_slice(label.as_bytes());
        self.bytes.extend_from_slice(bar.on(" | ", self.form.colour).as_bytes());
    }

    /// Which of several apps this is, in the order they were first seen; `None` if there is only one.
    fn number(&mut self, channels: &Channels, name: &str) -> Option<usize> {
        if self.apps.is_empty() {
            let mut names: Vec<_> = channels.iter().map(|channel| channel.name.clone()).collect();
            names.dedup();
            self.apps = names;
        }
        let number = self.apps.iter().position(|known| known == name).or_else(|| {
            self.apps.push(name.to_owned());
            Some(self.apps.len() - 1)
        });
        number.filter(|_| self.apps.len() > 1)
    }

    fn words(&mut self, words: &[u8]) {
        if !self.form.terminal {
            self.bytes.extend_from_slice(words);
            return;
        }
        let colours = if self.form.colour { Colours::Keep } else { Colours::Drop };
        let words = plain(words, colours);
        match self.form.highlight.as_ref().filter(|_| self.form.colour) {
            Some(text) => {
                let shining = format!("\x1b[100m{text}\x1b[49m");
                self.bytes.extend_from_slice(words.replace(text, &shining).as_bytes());
            }
            None => self.bytes.extend_from_slice(words.as_bytes()),
        }
    }
}

/// PM2's form: everything before the message.
fn pairs(channel: &Channel, line: &StoredLine) -> String {
    let id = channel.id.map(|id| id.to_string()).unwrap_or_default();
    let name = crate::render::safe_text(&channel.name);
    let moment = moment(line).map(|moment| moment.with_timezone(&Local));
    format!(
        "timestamp={} app={name} id={id} type={} message=",
        moment.map(|moment| moment.format("%Y-%m-%d-%H:%M:%S%z").to_string()).unwrap_or_default(),
        // PM2 has another word here than in its objects.
        if channel.files.stream == Stream::Err { "error" } else { "out" }
    )
}

fn moment(line: &StoredLine) -> Option<DateTime<Utc>> {
    line.at.and_then(DateTime::from_timestamp_millis)
}

/// PM2's keys.
fn object(channel: &Channel, line: &StoredLine) -> Value {
    let words = channel.files.times.words(&line.bytes);
    let mut message = String::from_utf8_lossy(words).into_owned();
    if let LineTimes::Json(_) = &channel.files.times
        && let Ok(Value::Object(mut written)) = serde_json::from_slice(words)
        && let Some(Value::String(inner)) = written.remove("message")
    {
        message = inner;
    }
    // As JavaScript writes it.
    let timestamp = moment(line).map(|it| it.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
    json!({
        "message": message, "timestamp": timestamp, "type": channel.files.stream.word(),
        "process_id": channel.id, "app_name": channel.name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::logs::query::WantedStreams;
    use pm_protocol::{LogShape, LogSource};

    const PLAIN: Form = Form {
        shape: LineShape::Lines,
        terminal: false,
        colour: false,
        stamp: None,
        split: false,
        highlight: None,
    };

    fn shown(form: Form, shape: &LogShape, lines: &[(usize, &[u8], bool)]) -> String {
        let mut channels = Channels::new("/state".into(), WantedStreams::Both);
        let source = |id: u32, name: &str| LogSource {
            id,
            name: name.into(),
            namespace: "default".into(),
            out: Some(format!("/{id}-out").into()),
            error: Some(format!("/{id}-err").into()),
            combined: None,
            shape: shape.clone(),
        };
        channels.add(vec![source(0, "web"), source(1, "worker")]);
        let mut printer = Printer::on(Vec::new(), form);
        for (source, bytes, terminated) in lines {
            let (source, terminated) = (*source, *terminated);
            let line = StoredLine {
                source,
                stream: Stream::Out,
                at: None,
                bytes: bytes.to_vec(),
                terminated,
                place: "1-1-0".parse().unwrap(),
            };
            printer.line(&channels, &line).unwrap();
        }
        String::from_utf8_lossy(&printer.out).into_owned()
    }

    #[test]
    fn prefixes_line_up() {
        let lines: [(usize, &[u8], bool); 2] = [(0, b"hello", true), (3, b"oops", true)];
        assert_eq!(shown(PLAIN, &LogShape::Raw, &lines), "0|web    | hello\n1|worker | oops\n");
        let stamped = PLAIN.stamped("YYYY");
        assert_eq!(shown(stamped, &LogShape::Raw, &lines[..1]), "- 0|web    | hello\n");
    }

    #[test]
    fn each_of_several_apps_has_a_colour() {
        let lines: [(usize, &[u8], bool); 2] = [(0, b"a", true), (3, b"b", true)];
        let told = shown(Form { colour: true, ..PLAIN }, &LogShape::Raw, &lines);
        let label = |line: &str| line.split('m').next().map(str::to_owned);
        let labels: Vec<_> = told.lines().map(label).collect();
        assert_ne!(labels[0], labels[1], "{told:?}");
        assert!(told.contains("\x1b[31m | \x1b[0mb"), "standard error has its bar: {told:?}");
    }

    #[test]
    fn pairs_have_pm2s_keys_and_end_with_the_message() {
        let pairs = Form { shape: LineShape::Pairs, ..PLAIN };
        let shown = shown(pairs, &LogShape::Raw, &[(1, b"a message", true)]);
        assert_eq!(shown, "timestamp= app=web id=0 type=error message=a message\n");
    }

    #[test]
    fn hostile_bytes_reach_no_terminal() {
        let lines: [(usize, &[u8], bool); 1] = [(0, b"\x1b[2J\x07x", true)];
        assert_eq!(shown(PLAIN, &LogShape::Raw, &lines), "0|web    | \x1b[2J\x07x\n");
        let terminal = Form { terminal: true, ..PLAIN };
        assert_eq!(shown(terminal.clone(), &LogShape::Raw, &lines), "0|web    | \u{2407}x\n");
        let own = Form { shape: LineShape::Own, ..terminal };
        assert_eq!(shown(own, &LogShape::Raw, &lines), "\u{2407}x\n");
    }

    #[test]
    fn a_text_stands_out_where_colours_are_shown() {
        let lines: [(usize, &[u8], bool); 1] = [(0, b"an ERR and an ERR", true)];
        let loud = Form { terminal: true, colour: true, highlight: Some("ERR".into()), ..PLAIN };
        let told = shown(loud, &LogShape::Raw, &lines);
        assert!(
            told.ends_with("an \x1b[100mERR\x1b[49m and an \x1b[100mERR\x1b[49m\n"),
            "{told:?}"
        );
        let quiet = Form { terminal: true, highlight: Some("ERR".into()), ..PLAIN };
        assert!(shown(quiet, &LogShape::Raw, &lines).ends_with("| an ERR and an ERR\n"));
    }

    #[test]
    fn raw_is_what_was_written() {
        let raw = Form { shape: LineShape::Raw, terminal: true, ..PLAIN };
        let lines: [(usize, &[u8], bool); 2] = [(0, b"\x1b[1m", true), (0, b"no end", false)];
        assert_eq!(shown(raw, &LogShape::Raw, &lines), "\x1b[1m\nno end");
    }

    #[test]
    fn p57_json_is_one_object_a_line_with_the_apps_own_words() {
        let json = Form { shape: LineShape::Json, ..PLAIN };
        let stamped = LogShape::Stamped("YYYY-MM-DD HH:mm:ss".into());
        let lines: [(usize, &[u8], bool); 1] = [(1, b"2026-11-22 10:00:00: hi \xff", true)];
        assert_eq!(
            shown(json.clone(), &stamped, &lines),
            "{\"app_name\":\"web\",\"message\":\"hi \u{fffd}\",\"process_id\":0,\"timestamp\":null,\
             \"type\":\"err\"}\n"
        );
        let lines: [(usize, &[u8], bool); 1] = [(0, br#"{"message":"in\ner","type":"out"}"#, true)];
        assert!(shown(json, &LogShape::Json, &lines).contains(r#""message":"in\ner""#));
    }
}
