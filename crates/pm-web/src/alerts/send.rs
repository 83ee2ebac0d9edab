//! Sends to a channel: by `curl`, which has TLS, the machine's certificates and its proxies. It is told everything over a pipe, so
//! that no address and no secret stands in a command line; it follows no redirect, and speaks nothing but what the channel does.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use pm_spec::{AlertChannel, ChannelKind};
use rustix::event::{Timespec, poll};

use super::channel::SpeakingChannel;
use super::letter::AlertLetter;
use crate::clock::now_ms;
use crate::view::safe;

/// Pauses before the second and the third try.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(20)];

/// Why a message has not arrived.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// There is no curl.
    #[error("run curl, which alerts are sent with: install it (apt install curl, apk add curl)")]
    NoCurl,
    /// It could not be run.
    #[error("run curl")]
    Run(#[source] io::Error),
    /// The connection, in curl's words.
    #[error("reach {place}: {said}")]
    Reach {
        /// Scheme and host.
        place: String,
        /// What curl says.
        said: String,
    },
    /// It was reached, and would not have it.
    #[error("have {place} take it: {said}")]
    Refused {
        /// Scheme and host.
        place: String,
        /// What it answered.
        said: String,
    },
}

/// Tries three times; what was the matter with the last of them.
pub(crate) fn deliver(
    channel: &AlertChannel,
    letter: &AlertLetter,
    folder: &Path,
) -> Result<(), SendError> {
    for pause in PAUSES {
        match try_once(channel, letter, folder) {
            Err(SendError::Reach { .. } | SendError::Refused { .. }) => wait(pause),
            done => return done,
        }
    }
    try_once(channel, letter, folder)
}

/// Nobody can hurry it: the thread is this letter's own.
fn wait(pause: Duration) {
    let timeout = Timespec::try_from(pause).ok();
    poll(&mut [], timeout.as_ref()).ok();
}

/// One try. `folder` is where only we may write.
pub(crate) fn try_once(
    channel: &AlertChannel,
    letter: &AlertLetter,
    folder: &Path,
) -> Result<(), SendError> {
    let mail = MailFile(folder.join(format!("mail-{}.tmp", now_ms())));
    let config = config(channel, letter, &mail.0).map_err(SendError::Run)?;
    let mut command = Command::new("curl");
    // What the user has in its own file is for the user.
    command.args(["-q", "-K", "-"]).current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let is_missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let begun = command.spawn();
    let mut child = begun.map_err(|error| {
        if is_missing(&error) { SendError::NoCurl } else { SendError::Run(error) }
    })?;
    if let Some(mut stdin) = child.stdin.take() {
        // A curl that reads nothing says so by its exit.
        stdin.write_all(config.as_bytes()).ok();
    }
    let end = child.wait_with_output().map_err(SendError::Run)?;
    let (out, err) = (String::from_utf8_lossy(&end.stdout), String::from_utf8_lossy(&end.stderr));
    let place = channel.view().place;
    if !end.status.success() {
        let said = masked(channel, err.trim());
        return Err(SendError::Reach { place, said });
    }
    let (body, status) = out.rsplit_once('\n').unwrap_or(("", &out));
    if channel.kind == ChannelKind::Mail {
        return Ok(());
    }
    let judged = channel.judge(status.parse().unwrap_or(0), body);
    judged.map_err(|said| SendError::Refused { place, said: masked(channel, &said) })
}

/// What curl is told (`-K`).
fn config(channel: &AlertChannel, letter: &AlertLetter, mail: &Path) -> io::Result<String> {
    let post = channel.post(letter, now_ms());
    let mut lines = String::from(
        "silent\nshow-error\nconnect-timeout = 5\nmax-time = 15\nmax-filesize = 65536\n",
    );
    let mut say = |key: &str, value: &str| {
        lines.extend([key, " = ", &quoted(value), "\n"]);
    };
    say("url", &post.url);
    say("user-agent", concat!("pm/", env!("CARGO_PKG_VERSION")));
    if channel.kind != ChannelKind::Mail {
        say("proto", "=http,https");
        post.headers.iter().for_each(|header| say("header", header));
        // Otherwise it waits for a word of the other side first.
        say("header", "Expect:");
        say("data-raw", &post.body);
        say("write-out", "\n%{http_code}");
        return Ok(lines);
    }
    say("proto", "=smtp,smtps");
    say("mail-from", &channel.from);
    channel.addresses().for_each(|to| say("mail-rcpt", to));
    if !channel.user.is_empty() {
        say("user", &format!("{}:{}", channel.user, channel.secret));
    }
    std::fs::write(mail, post.body)?;
    say("upload-file", &mail.to_string_lossy());
    let host = post.url.strip_prefix("smtp://").unwrap_or_default();
    let is_here = ["127.0.0.1", "localhost", "[::1]"].iter().any(|here| {
        host.strip_prefix(here).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    });
    if !is_here {
        // A mail server elsewhere is spoken to in secret or not at all.
        lines += "ssl-reqd\n";
    }
    Ok(lines)
}

/// A value as curl reads it: one line, whatever is in it.
fn quoted(value: &str) -> String {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", escaped.replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t"))
}

/// What is said, without address and secret.
fn masked(channel: &AlertChannel, said: &str) -> String {
    let secrets = [&channel.url, &channel.secret];
    let hide = |text: String, secret: &&String| {
        if secret.is_empty() { text } else { text.replace(secret.as_str(), "***") }
    };
    safe(&secrets.iter().fold(said.to_owned(), hide)).trim().to_owned()
}

/// A mail on its way to curl; gone when it was sent.
struct MailFile(PathBuf);

impl Drop for MailFile {
    fn drop(&mut self) {
        // Most messages are no mails.
        std::fs::remove_file(&self.0).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_becomes_an_option_of_curl() {
        assert_eq!(quoted("a\"\noutput = \"/tmp/x\\"), r#""a\"\noutput = \"/tmp/x\\""#);
    }
}
