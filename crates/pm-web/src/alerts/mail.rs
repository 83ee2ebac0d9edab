//! A message as a mail. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::letter::AlertLetter;

/// A mail as it is sent (RFC 5322): its text in Base64, for lines of any length and letters of any script.
pub(crate) fn mail(from: &str, to: &str, letter: &AlertLetter, text: &str) -> String {
    let title = STANDARD.encode(letter.title());
    let id = letter.at_ms;
    let date = chrono::DateTime::from_timestamp_millis(i64::try_from(letter.at_ms).unwrap_or(0));
    let date = date.unwrap_or_default().to_rfc2822();
    let mut body = String::new();
    for (at, letter) in STANDARD.encode(text).char_indices() {
        body += if at > 0 && at % 76 == 0 { "\r\n" } else { "" };
        body.push(letter);
    }
    format!(
        "From: pm <{from}>\r\nTo: {to}\r\nSubject: =?utf-8?B?{title}?=\r\nDate: {date}\r\nMessage-ID: <{id}@pm.invalid>\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\
         Auto-Submitted: auto-generated\r\n\r\n{body}\r\n",
    )
}
