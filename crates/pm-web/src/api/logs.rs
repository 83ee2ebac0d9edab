//! Lines of logs, by pages from the end on.

use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use memchr::memmem::Finder;
use pm_logs::LineFilter;
use pm_protocol::Home;
use regex_lite::Regex;
use serde::Serialize;

use crate::api::apps::denial;
use crate::app_pattern::AppPattern;
use crate::call::{Denial, WebAnswer, WebCall};
use crate::download_wish::DownloadWish;
use crate::logs::{LineRow, LogWish, OwnedLogs, PageWish, WantedLogs};
use crate::panel::Panel;
use crate::{logs, tails};

/// Lines of a page, unless a number says otherwise, and at most.
const LINES: usize = 200;
const MOST_LINES: usize = 1000;

/// What was found by then is told; a bit less than a search may take.
const SEARCH: Duration = Duration::from_secs(8);

#[derive(Serialize)]
struct LogPageView<'a> {
    lines: Vec<LineRow<'a>>,
    /// For the page before this one; `null`: there is none.
    before: Option<String>,
    /// The time was too short to look through everything.
    gave_up: bool,
}

#[derive(Serialize)]
struct TicketView {
    /// Below the panel's own address.
    path: String,
}

/// `GET /api/logs`.
pub(crate) async fn page(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    let wanted = wanted(&call).map_err(bad)?;
    let wish = wish(&call).map_err(bad)?;
    let (home, apps) = (panel.home.clone(), call.visitor.apps);
    let read = tokio::task::spawn_blocking(move || read(&home, &wanted, &apps, &wish)).await;
    read.map_err(|_| Denial::broken("reading logs broke off"))?
}

fn read(
    home: &Home,
    wanted: &WantedLogs,
    apps: &AppPattern,
    wish: &PageWish,
) -> Result<WebAnswer, Denial> {
    let sources = tails::sources(home).map_err(|error| denial(&error))?;
    let owned = OwnedLogs::new(home, &sources, wanted, apps);
    let unreadable = |error: pm_logs::ReadError| {
        Denial::new(StatusCode::SERVICE_UNAVAILABLE, "unreadable", format!("could not {error}"))
    };
    let page = logs::page(&owned, wish).map_err(unreadable)?;
    Ok(WebAnswer::json(&LogPageView {
        lines: page.lines.iter().filter_map(|line| owned.view(line)).collect(),
        before: page.before.map(|before| before.to_string()),
        gave_up: page.gave_up,
    }))
}

/// `POST /api/logs/ticket`: the address of a file with all lines that are wanted, for one use.
pub(crate) async fn ticket(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    let grep = call.query("grep").filter(|text| !text.is_empty()).map(str::to_owned);
    grep.as_deref().map(line_filter).transpose().map_err(bad)?;
    let (since, until) =
        (number(&call, "since").map_err(bad)?, number(&call, "until").map_err(bad)?);
    let wanted = wanted(&call).map_err(bad)?;
    let wish = DownloadWish { wanted, apps: call.visitor.apps.clone(), grep, since, until };
    // As somebody would have typed it.
    let mut argv = vec!["pm".to_owned(), "logs".into()];
    argv.extend(call.query("apps").into_iter().flat_map(|it| it.split(',')).map(str::to_owned));
    panel.note(&call.visitor, &argv, "a ticket for a download");
    let ticket = panel.keeper.ticket(wish).await;
    let ticket = ticket.ok_or_else(|| Denial::broken("the system gave no random bytes"))?;
    Ok(WebAnswer::json(&TicketView { path: format!("d/{ticket}") }))
}

fn bad(message: String) -> Denial {
    Denial::new(StatusCode::BAD_REQUEST, "bad_query", message)
}

fn wanted(call: &WebCall) -> Result<WantedLogs, String> {
    let apps = call.query.iter().filter(|(name, _)| name == "apps");
    let words = apps.flat_map(|(_, value)| value.split(',')).filter(|word| !word.is_empty());
    let wishes: Result<Vec<_>, _> = words.map(LogWish::parse).collect();
    WantedLogs::new(wishes?, call.query("stream").unwrap_or("both"))
}

fn wish(call: &WebCall) -> Result<PageWish, String> {
    let keep = call.query("grep").filter(|text| !text.is_empty()).map(line_filter).transpose()?;
    Ok(PageWish {
        limit: number(call, "limit")?.unwrap_or(LINES).clamp(1, MOST_LINES),
        before: number(call, "before")?,
        keep,
        since: number(call, "since")?,
        until: number(call, "until")?,
        give_up: Some(Instant::now() + SEARCH),
        ..PageWish::default()
    })
}

fn number<T: FromStr>(call: &WebCall, name: &str) -> Result<Option<T>, String> {
    let Some(text) = call.query(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| format!("`{name}` is not understood: {text}"))
}

/// Lines with this text in them, capitals only if some are asked for, or like `/this/`.
pub(crate) fn line_filter(text: &str) -> Result<LineFilter, String> {
    let inside = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
    if let Some(inside) = inside.filter(|inside| !inside.is_empty()) {
        let regex =
            Regex::new(inside).map_err(|error| format!("could not understand {text}: {error}"))?;
        return Ok(Arc::new(move |line| regex.is_match(&String::from_utf8_lossy(line))));
    }
    if text.contains(char::is_uppercase) {
        let finder = Finder::new(text).into_owned();
        return Ok(Arc::new(move |line| finder.find(line).is_some()));
    }
    let text = text.to_owned();
    Ok(Arc::new(move |line| String::from_utf8_lossy(line).to_lowercase().contains(&text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_found_whatever_its_case_and_patterns_by_their_slashes() {
        for (text, line, is_found) in [
            ("error", "an ERROR", true),
            ("Error", "an ERROR", false),
            ("Error", "an Error", true),
            ("a.c", "abc", false),
            ("/a.c/", "abc", true),
            ("/^b/", "abc", false),
            ("/", "a/b", true),
            ("//", "a//b", true),
            ("订单", "新订单", true),
        ] {
            assert_eq!(line_filter(text).unwrap()(line.as_bytes()), is_found, "{text} {line}");
        }
        assert!(line_filter("/(/").is_err() && line_filter("/(?=a)/").is_err());
        assert!(line_filter("x").unwrap()(b"\xff x \xfe"));
    }
}
