//! Logs as a file: what a ticket is for, sent as it is read, in memory that does not grow with it.

use std::sync::Arc;
use std::thread;

use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};
use pm_client::{Colours, plain};
use pm_logs::{History, LineQuery, Merge, ReadError};
use pm_protocol::Home;
use tokio::sync::{mpsc, watch};

use crate::api::logs::line_filter;
use crate::body::{EventStream, PanelBody};
use crate::call::Denial;
use crate::download_wish::DownloadWish;
use crate::logs::OwnedLogs;
use crate::panel::Panel;
use crate::replies::{denied, typed};
use crate::tails;

/// Bytes that are sent at once, and so many such pieces may wait for a slow client.
const PIECE: usize = 64 << 10;
const PIECES: usize = 4;

/// `GET /d/TICKET`: once.
pub(crate) async fn fetch(
    panel: &Arc<Panel>,
    ticket: &str,
    mut leaving: watch::Receiver<()>,
) -> Response<PanelBody> {
    let Some(wish) = panel.keeper.use_ticket(ticket).await else {
        let message = "this download was fetched already, or half a minute is over";
        return denied(&Denial::new(StatusCode::NOT_FOUND, "no_ticket", message));
    };
    let Ok(permit) = Arc::clone(&panel.downloads).try_acquire_owned() else {
        let message = "so many logs are being fetched that one more would have to wait";
        return denied(&Denial::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message));
    };
    let (sender, events) = mpsc::channel(PIECES);
    let home = panel.home.clone();
    let reading = thread::Builder::new().name("download".into());
    let begun = reading.spawn(move || send(&home, &wish, &sender));
    if let Err(error) = begun {
        return denied(&Denial::broken(&error.to_string()));
    }
    let end = Box::pin(async move { drop(leaving.changed().await) });
    let body = PanelBody::Events(EventStream { events, end, permit });
    let mut response = typed(Response::new(body), "text/plain; charset=utf-8");
    let kept = HeaderValue::from_static("attachment; filename=\"logs.txt\"");
    response.headers_mut().insert(header::CONTENT_DISPOSITION, kept);
    response
}

/// Until it is done, or nobody takes it any more.
fn send(home: &Home, wish: &DownloadWish, to: &mpsc::Sender<Bytes>) {
    if let Err(error) = send_lines(home, wish, to) {
        // The head is sent already: what is missing is said where it would be.
        to.blocking_send(Bytes::from(format!("could not {error}\n"))).ok();
    }
}

fn send_lines(home: &Home, wish: &DownloadWish, to: &mpsc::Sender<Bytes>) -> Result<(), String> {
    let sources = tails::sources(home).map_err(|error| error.to_string())?;
    let owned = OwnedLogs::new(home, &sources, &wish.wanted, &wish.apps);
    let keep = wish.grep.as_deref().map(line_filter).transpose()?;
    let (since, until) = (wish.since, wish.until);
    let query = LineQuery { since, until, keep, ..LineQuery::default() };
    let wrong = |error: ReadError| error.to_string();
    let open = |log: &_| History::open(Clone::clone(log), query.clone());
    let histories: Result<Vec<_>, _> = owned.logs.iter().map(open).collect();
    let mut merge = Merge::new(histories.map_err(wrong)?).map_err(wrong)?;
    let mut piece = Vec::with_capacity(PIECE);
    while let Some(line) = merge.next_line().map_err(wrong)? {
        // Of several apps each line says whose it is.
        if owned.logs.len() > 2 {
            piece.extend_from_slice(owned.name(line.source).as_bytes());
            piece.extend_from_slice(b" | ");
        }
        piece.extend_from_slice(plain(&line.bytes, Colours::Drop).as_bytes());
        piece.push(b'\n');
        if piece.len() >= PIECE {
            let full = std::mem::replace(&mut piece, Vec::with_capacity(PIECE));
            if to.blocking_send(full.into()).is_err() {
                return Ok(());
            }
        }
    }
    to.blocking_send(piece.into()).ok();
    Ok(())
}
