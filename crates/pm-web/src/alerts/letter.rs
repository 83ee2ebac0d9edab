//! What a message says, in English or Chinese. Pure.

use serde_json::{Value, json};

use super::post::AlertMessage;
use super::watchman::AlertNews;
use crate::view::safe;

/// A message with where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct AlertLetter {
    pub(crate) message: AlertMessage,
    pub(crate) host: String,
    pub(crate) is_chinese: bool,
    pub(crate) at_ms: u64,
    pub(crate) is_test: bool,
}

/// Rule, and its words in both languages.
const WORDS: [(&str, &str, &str); 9] = [
    ("errored", "gave up", "已放弃重启"),
    ("flapping", "fails again and again", "反复失败"),
    ("stopped", "stopped unasked", "意外停止"),
    ("restarts", "restarts too often", "频繁重启"),
    ("memory", "memory", "内存过高"),
    ("cpu", "CPU", "CPU 过高"),
    ("job_failed", "job failed", "任务失败"),
    ("unhealthy", "unhealthy", "不健康"),
    ("disk", "disk is nearly full", "磁盘将满"),
];

impl AlertLetter {
    /// One line for a subject.
    pub(crate) fn title(&self) -> String {
        let host = &self.host;
        if self.is_test {
            return self.word(&format!("[pm {host}] a test"), &format!("[pm {host}] 测试"));
        }
        let raised = self.message.news.iter().filter(|news| news.is_raised).count();
        let well = self.message.news.len() - raised;
        let parts = [(raised, "alert", "条告警"), (well, "recovered", "条恢复")];
        let parts = parts.iter().filter(|(count, ..)| *count > 0);
        let part = |(count, english, chinese): &(usize, &str, &str)| {
            let plural = if *count > 1 && *english == "alert" { "s" } else { "" };
            self.word(&format!("{count} {english}{plural}"), &format!("{count} {chinese}"))
        };
        format!("[pm {host}] {}", parts.map(part).collect::<Vec<_>>().join(", "))
    }

    /// All of it.
    pub(crate) fn text(&self) -> String {
        let mut lines = vec![self.title()];
        if self.is_test {
            let english = "This is how an alert looks. It arrives: the channel works.";
            lines.push(self.word(english, "这是一条测试消息，渠道工作正常。"));
        }
        lines.extend(self.message.news.iter().map(|news| self.line(news)));
        let left_out = self.message.left_out;
        if left_out > 0 {
            lines.push(self.word(&format!("and {left_out} more"), &format!("另有 {left_out} 条")));
        }
        if self.message.is_last {
            let english = "This is the last message of today: so many a day are wanted (cap).";
            lines.push(self.word(english, "今日消息已达上限，明日继续。"));
        }
        lines.join("\n")
    }

    fn word(&self, english: &str, chinese: &str) -> String {
        if self.is_chinese { chinese.into() } else { english.into() }
    }

    fn line(&self, news: &AlertNews) -> String {
        let words = WORDS.iter().find(|(rule, ..)| *rule == news.rule);
        let (_, english, chinese) = words.copied().unwrap_or(("", "alert", "告警"));
        let rule = self.word(english, chinese);
        let app =
            if news.app.is_empty() { String::new() } else { format!("{}: ", safe(&news.app)) };
        if news.is_raised {
            let detail = safe(&news.detail).replace('\n', " ");
            if detail.starts_with(&rule) {
                return format!("✖ {app}{detail}");
            }
            let detail = if detail.is_empty() { detail } else { format!(" ({detail})") };
            return format!("✖ {app}{rule}{detail}");
        }
        let minutes = news.at_ms.saturating_sub(news.since_ms) / 60_000;
        let after = self.word(
            &format!("well again after {minutes} min"),
            &format!("已恢复，历时 {minutes} 分钟"),
        );
        format!("✔ {app}{rule}: {after}")
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let alert = |news: &AlertNews| {
            json!({
                "state": if news.is_raised { "raised" } else { "recovered" },
                "rule": news.rule, "app": news.app, "namespace": news.namespace,
                "id": (!news.app.is_empty()).then_some(news.id),
                "detail": news.detail, "at_ms": news.at_ms, "since_ms": news.since_ms,
            })
        };
        let alerts: Vec<_> = self.message.news.iter().map(alert).collect();
        json!({
            "version": 1, "host": self.host, "at_ms": self.at_ms, "test": self.is_test,
            "text": self.text(), "alerts": alerts, "left_out": self.message.left_out,
        })
    }
}

#[cfg(test)]
pub(crate) fn sample(is_chinese: bool) -> AlertLetter {
    let news = |rule: &str, is_raised| AlertNews {
        rule: rule.into(),
        app: "web <b>".into(),
        namespace: "default".into(),
        id: 3,
        is_raised,
        detail: "exit 1\u{1b}[31m & more".into(),
        at_ms: 300_000,
        since_ms: 60_000,
    };
    let message = AlertMessage {
        news: vec![news("errored", true), news("cpu", false)],
        left_out: 2,
        is_last: true,
    };
    let host = "vm".into();
    AlertLetter { message, host, is_chinese, at_ms: 1_600_000_000_123, is_test: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_says_what_is_bad_and_what_is_well_again() {
        let letter = sample(false);
        assert_eq!(
            letter.text(),
            "[pm vm] 1 alert, 1 recovered\n✖ web <b>: gave up (exit 1 & more)\n✔ web <b>: CPU: well again after 4 min\nand 2 more\nThis is the last message of today: so many a day are wanted (cap)."
        );
        assert!(sample(true).text().contains("✖ web <b>: 已放弃重启"));
        let told = letter.json();
        assert_eq!(
            (&told["alerts"][1]["state"], &told["left_out"]),
            (&json!("recovered"), &json!(2))
        );
    }
}
