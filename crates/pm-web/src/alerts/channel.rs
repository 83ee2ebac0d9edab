//! To whom alerts go, each as its makers want it: what is sent, and what of an answer means that it has arrived. Pure.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use pm_spec::{AlertChannel, ChannelKind};
use serde::Serialize;
use serde_json::{Value, json};

use super::letter::AlertLetter;
use super::mail::mail;
use super::sign::{hmac, hmac_base64};
use crate::secret::hex;

/// One as it may be shown: no secret, and of the address only the host.
#[derive(Clone, Debug, Serialize)]
pub struct ChannelView {
    /// What it is called here.
    pub name: String,
    /// Whose way of speaking it has.
    pub kind: ChannelKind,
    /// Scheme and host.
    pub place: String,
    /// Whether it has a secret beside its address.
    pub has_secret: bool,
    /// To whom: a chat, or addresses.
    pub to: String,
}

/// What is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChannelPost {
    pub(crate) url: String,
    pub(crate) headers: Vec<String>,
    /// JSON, or a whole mail.
    pub(crate) body: String,
}

/// Bytes a text may have.
fn longest(kind: ChannelKind) -> usize {
    match kind {
        ChannelKind::WeCom => 2000,
        ChannelKind::Telegram => 4000,
        ChannelKind::Webhook
        | ChannelKind::Slack
        | ChannelKind::DingTalk
        | ChannelKind::Feishu
        | ChannelKind::Mail => 15_000,
    }
}

/// What a channel is here.
pub(crate) trait SpeakingChannel {
    /// As it may be shown.
    fn view(&self) -> ChannelView;
    /// What is sent, at this moment.
    fn post(&self, letter: &AlertLetter, now_ms: u64) -> ChannelPost;
    /// Whether an answer means that it has arrived; most say 200 to everything.
    fn judge(&self, status: u16, body: &str) -> Result<(), String>;
}

impl SpeakingChannel for AlertChannel {
    fn view(&self) -> ChannelView {
        let to = if self.kind == ChannelKind::Telegram { &self.chat } else { &self.to };
        ChannelView {
            name: self.name.clone(),
            kind: self.kind,
            place: place(&self.url),
            has_secret: !self.secret.is_empty(),
            to: to.clone(),
        }
    }

    fn post(&self, letter: &AlertLetter, now_ms: u64) -> ChannelPost {
        let text = cut(&letter.text(), longest(self.kind)).to_owned();
        let (seconds, mut url) = (now_ms / 1000, self.url.clone());
        let mut headers = vec!["Content-Type: application/json; charset=utf-8".to_owned()];
        let body = match self.kind {
            ChannelKind::Webhook => {
                let body = letter.json().to_string();
                headers.push(format!("X-Pm-Timestamp: {seconds}"));
                if !self.secret.is_empty() {
                    let code = hex(&hmac(&self.secret, &format!("{seconds}.{body}")));
                    headers.push(format!("X-Pm-Signature: sha256={code}"));
                }
                body
            }
            ChannelKind::Slack => {
                let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                json!({ "text": text }).to_string()
            }
            ChannelKind::Telegram => {
                url = format!("{}/bot{}/sendMessage", url.trim_end_matches('/'), self.secret);
                json!({ "chat_id": self.chat, "text": text }).to_string()
            }
            ChannelKind::DingTalk => {
                if !self.secret.is_empty() {
                    let code = hmac_base64(&self.secret, &format!("{now_ms}\n{}", self.secret));
                    let code = utf8_percent_encode(&code, NON_ALPHANUMERIC);
                    let mark = if url.contains('?') { '&' } else { '?' };
                    url = format!("{url}{mark}timestamp={now_ms}&sign={code}");
                }
                json!({ "msgtype": "text", "text": { "content": text } }).to_string()
            }
            ChannelKind::Feishu => {
                let mut body = json!({ "msg_type": "text", "content": { "text": text } });
                if !self.secret.is_empty() {
                    // The key is what others would sign, and nothing is signed.
                    body["sign"] = hmac_base64(&format!("{seconds}\n{}", self.secret), "").into();
                    body["timestamp"] = seconds.to_string().into();
                }
                body.to_string()
            }
            ChannelKind::WeCom => {
                json!({ "msgtype": "text", "text": { "content": text } }).to_string()
            }
            ChannelKind::Mail => {
                headers.clear();
                mail(&self.from, &self.to, letter, &text)
            }
        };
        ChannelPost { url, headers, body }
    }

    fn judge(&self, status: u16, body: &str) -> Result<(), String> {
        let said: Value = serde_json::from_str(body).unwrap_or_default();
        let code = |name: &str| said[name].as_i64();
        let is_there = (200..300).contains(&status);
        let has_arrived = is_there
            && match self.kind {
                ChannelKind::Webhook | ChannelKind::Mail => true,
                ChannelKind::Slack => body.trim() == "ok",
                ChannelKind::Telegram => said["ok"] == true,
                ChannelKind::DingTalk | ChannelKind::WeCom => code("errcode") == Some(0),
                ChannelKind::Feishu => code("code").or(code("StatusCode")) == Some(0),
            };
        if has_arrived {
            return Ok(());
        }
        let why = ["errmsg", "msg", "description"].iter().find_map(|name| said[*name].as_str());
        let why = crate::view::safe(cut(why.unwrap_or(body.trim()), 300));
        Err(format!("it answered {status} {why}").trim_end().to_owned())
    }
}

/// Scheme and host of an address.
fn place(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // A name and a password may stand before it.
    format!("{scheme}://{}", host.rsplit('@').next().unwrap_or_default())
}

/// At most so many bytes of a text.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::letter::sample;
    use super::*;

    fn channel(kind: ChannelKind, url: &str, secret: &str) -> AlertChannel {
        let text = |text: &str| text.to_owned();
        let (chat, from, to) = (text("-100"), text("pm@a.example"), text("b@c.example"));
        AlertChannel {
            name: text("c"),
            kind,
            url: text(url),
            secret: text(secret),
            chat,
            user: text(""),
            from,
            to,
        }
    }

    #[test]
    fn signatures_are_where_their_makers_want_them() {
        let letter = sample(false);
        let feishu = channel(ChannelKind::Feishu, "https://f/hook", "demo");
        let body: Value =
            serde_json::from_str(&feishu.post(&letter, 1_599_360_473_999).body).unwrap();
        assert_eq!(body["timestamp"], "1599360473");
        // As Python's hmac and base64 make it.
        assert_eq!(body["sign"], "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8=");
        let dingtalk =
            channel(ChannelKind::DingTalk, "https://d/send?access_token=x", "this is secret");
        assert_eq!(
            dingtalk.post(&letter, 1_577_262_236_757).url,
            "https://d/send?access_token=x&timestamp=1577262236757&sign=hmPWwU%2B7lVdm3ZZz0r9tSfx0L4Q26jWOZr9%2BGs6EZQM%3D"
        );
        let webhook = channel(ChannelKind::Webhook, "https://w", "s").post(&letter, 7000);
        let code = hex(&hmac("s", &format!("7.{}", webhook.body)));
        assert_eq!(
            webhook.headers[1..],
            ["X-Pm-Timestamp: 7".to_owned(), format!("X-Pm-Signature: sha256={code}")]
        );
        let telegram =
            channel(ChannelKind::Telegram, "https://api.telegram.org/", "1:x").post(&letter, 0);
        assert_eq!(telegram.url, "https://api.telegram.org/bot1:x/sendMessage");
        let slack = channel(ChannelKind::Slack, "https://s", "").post(&letter, 0).body;
        assert!(slack.contains("web &lt;b&gt;: gave up (exit 1 &amp; more)"), "{slack}");
    }

    #[test]
    fn an_answer_means_what_its_makers_say() {
        for (kind, status, body, has_arrived) in [
            (ChannelKind::Webhook, 204, "", true),
            (ChannelKind::Webhook, 302, "", false),
            (ChannelKind::Slack, 200, "ok", true),
            (ChannelKind::Slack, 200, "no_service", false),
            (ChannelKind::Telegram, 200, r#"{"ok":true}"#, true),
            (ChannelKind::Telegram, 400, r#"{"ok":false,"description":"chat not found"}"#, false),
            (ChannelKind::DingTalk, 200, r#"{"errcode":0,"errmsg":"ok"}"#, true),
            (ChannelKind::DingTalk, 200, r#"{"errcode":310000,"errmsg":"sign not match"}"#, false),
            (ChannelKind::WeCom, 200, r#"{"errcode":93000,"errmsg":"invalid webhook url"}"#, false),
            (ChannelKind::Feishu, 200, r#"{"code":0,"msg":"success"}"#, true),
            (ChannelKind::Feishu, 200, r#"{"StatusCode":0}"#, true),
            (ChannelKind::Feishu, 200, r#"{"code":19021,"msg":"sign match fail"}"#, false),
            (ChannelKind::Feishu, 200, "<html>", false),
        ] {
            let judged = channel(kind, "https://x", "").judge(status, body);
            assert_eq!(judged.is_ok(), has_arrived, "{kind:?} {status} {body}");
        }
        let why = channel(ChannelKind::Telegram, "https://x", "")
            .judge(400, r#"{"description":"chat not found"}"#);
        assert_eq!(why.unwrap_err(), "it answered 400 chat not found");
    }

    #[test]
    fn a_channel_is_shown_without_what_opens_it() {
        let url = "https://u:p@hooks.example:8443/T0/B0/key?x=1#y";
        let shown = json!(channel(ChannelKind::Slack, url, "deep").view()).to_string();
        assert!(shown.contains("https://hooks.example:8443\""), "{shown}");
        for secret in ["key", "T0", "deep", "u:p"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        for (kind, url) in [
            (ChannelKind::Slack, "ftp://x"),
            (ChannelKind::Slack, "file:///etc/passwd"),
            (ChannelKind::Slack, "https://"),
            (ChannelKind::Slack, "https://x\noutput = /tmp/x"),
            (ChannelKind::Mail, "https://x"),
        ] {
            assert!(channel(kind, url, "s").fault().is_some(), "{url}");
        }
        assert!(channel(ChannelKind::Telegram, "https://x", "").fault().is_some());
        let mail =
            AlertChannel { to: "a@b, nobody".into(), ..channel(ChannelKind::Mail, "smtp://x", "") };
        assert!(mail.fault().is_some());
        assert_eq!(channel(ChannelKind::Mail, "smtps://x", "").fault(), None);
        assert_eq!(cut("ab订", 4), "ab");
    }
}
