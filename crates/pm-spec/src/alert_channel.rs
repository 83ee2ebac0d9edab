//! To whom alerts go: one channel, as it is written down.

use alloc::borrow::ToOwned;
use alloc::string::String;

use serde::{Deserialize, Serialize};

/// Whose way of speaking a channel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelKind {
    /// Our own JSON, with `X-Pm-Signature`.
    Webhook,
    /// An incoming webhook of Slack, or of what takes the same.
    Slack,
    /// A bot of Telegram.
    Telegram,
    /// A robot of `DingTalk`.
    DingTalk,
    /// A robot of Feishu or Lark.
    Feishu,
    /// A robot of `WeCom`.
    WeCom,
    /// SMTP.
    Mail,
}

impl ChannelKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Webhook,
        Self::Slack,
        Self::Telegram,
        Self::DingTalk,
        Self::Feishu,
        Self::WeCom,
        Self::Mail,
    ];

    /// As it is typed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::Telegram => "telegram",
            Self::DingTalk => "dingtalk",
            Self::Feishu => "feishu",
            Self::WeCom => "wecom",
            Self::Mail => "mail",
        }
    }

    /// Where it is where nobody says so; empty for those that lie at an address of one's own.
    pub const fn usual_url(self) -> &'static str {
        match self {
            Self::Telegram => "https://api.telegram.org",
            Self::Webhook
            | Self::Slack
            | Self::DingTalk
            | Self::Feishu
            | Self::WeCom
            | Self::Mail => "",
        }
    }
}

/// A channel, with its secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertChannel {
    /// What it is called here.
    pub name: String,
    /// Whose way of speaking it has.
    pub kind: ChannelKind,
    /// `https://...`, with whatever key stands in it; `smtp://HOST:587` or `smtps://HOST:465` for mail.
    pub url: String,
    /// The key of a signature, the token of a Telegram bot, the password of a mail account; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub secret: String,
    /// Telegram: which chat.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub chat: String,
    /// Mail: the account, if one has to sign in.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// Mail: from whom.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// Mail: to whom, parted by commas.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub to: String,
}

impl AlertChannel {
    /// The keys it has in a file beside `kind`.
    pub const KEYS: [&str; 6] = ["url", "secret", "chat", "user", "from", "to"];

    /// One that says nothing yet but where its kind usually is.
    pub fn new(name: &str, kind: ChannelKind) -> Self {
        let (url, none) = (kind.usual_url().to_owned(), String::new);
        let (secret, chat, user, from, to) = (none(), none(), none(), none(), none());
        Self { name: name.to_owned(), kind, url, secret, chat, user, from, to }
    }

    /// The value of one of [`Self::KEYS`].
    pub fn value_mut(&mut self, key: &str) -> Option<&mut String> {
        match key {
            "url" => Some(&mut self.url),
            "secret" => Some(&mut self.secret),
            "chat" => Some(&mut self.chat),
            "user" => Some(&mut self.user),
            "from" => Some(&mut self.from),
            "to" => Some(&mut self.to),
            _ => None,
        }
    }

    /// What is wrong with it, in the words that would cure it.
    pub fn fault(&self) -> Option<&'static str> {
        let is_plain = |c: char| c.is_alphanumeric() || "._-@".contains(c);
        let is_odd = |text: &str| text.chars().any(|c| c.is_control() || c.is_whitespace());
        if !(1..=64).contains(&self.name.chars().count()) || !self.name.chars().all(is_plain) {
            return Some("its name takes letters, digits, and . _ - @, 64 at most");
        }
        let is_mail = self.kind == ChannelKind::Mail;
        let schemes = if is_mail { ["smtps://", "smtp://"] } else { ["https://", "http://"] };
        let rest = schemes.iter().find_map(|scheme| self.url.strip_prefix(scheme));
        if rest.is_none_or(|rest| rest.is_empty() || rest.starts_with('/')) || is_odd(&self.url) {
            return Some(if is_mail {
                "its address is smtp://HOST:587 or smtps://HOST:465"
            } else {
                "its address begins with https:// or http://"
            });
        }
        let all = [&self.secret, &self.chat, &self.user, &self.from, &self.to];
        if all.iter().any(|text| text.chars().any(char::is_control)) {
            return Some("each value is one line");
        }
        let is_address =
            |text: &str| text.contains('@') && !is_odd(text) && !text.contains(['<', '>']);
        let is_nobodys = self.secret.is_empty() || self.chat.is_empty();
        if self.kind == ChannelKind::Telegram && is_nobodys {
            return Some("it takes a chat (--chat) and, as its secret, the bot's token");
        }
        let is_sent = is_address(&self.from) && self.addresses().all(is_address);
        let wanted =
            "it takes from and to (--from, --to), each an address; several are parted by commas";
        (is_mail && !is_sent).then_some(wanted)
    }

    /// To whom a mail goes.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.to.split(',').map(str::trim)
    }
}
