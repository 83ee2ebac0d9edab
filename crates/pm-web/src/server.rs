//! Listens, and leads each request through the checks of `gate.rs` to what it asks for.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use pm_http::{ClientAddress, Deadlines, Doorway};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use crate::alerts::Alerts;
use crate::api::session;
use crate::audit::AuditLine;
use crate::body::{EventStream, PanelBody};
use crate::call::{Denial, Visitor, WebAnswer, WebCall};
use crate::clock::now_ms;
use crate::control;
use crate::download;
use crate::forwarded::origin_address;
use crate::gate;
use crate::history::HistoryKeeper;
use crate::hub::Hub;
use crate::keeper::{Admitted, Keeper};
use crate::panel::Panel;
use crate::path;
use crate::replies::{
    absent, confine, denied, event_stream, json, nothing, other_method, page, typed,
};
use crate::route::{Cost, WebRoute};
use crate::routes::{RouteMatch, find};
use crate::session::{SessionRecord, Streams};
use crate::settings::{ListenAt, PanelSettings, SettingsError};
use crate::tokens::{AccessTokens, TokenError};
use crate::users::{Users, WebUserError};

const DEADLINES: Deadlines = Deadlines {
    most: 1000,
    head: Duration::from_secs(10),
    head_size: 16 << 10,
    stalled: Duration::from_mins(1),
    farewell: Duration::from_secs(1),
};

/// A body of 1 MiB is there by then.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// A search takes no longer, waiting for its turn included.
const SEARCH: Duration = Duration::from_secs(10);

/// Why there is no panel.
#[derive(Debug, thiserror::Error)]
pub enum PanelError {
    /// It must not listen so.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Who may come in can't be read.
    #[error(transparent)]
    Users(#[from] WebUserError),
    /// Which programs may come in can't be read.
    #[error(transparent)]
    Tokens(#[from] TokenError),
    /// The place is taken, or not for us.
    #[error("listen on {at}")]
    Listen {
        /// Where.
        at: String,
        /// What the system says.
        source: io::Error,
    },
    /// The folder, a thread, a runtime.
    #[error("prepare the panel")]
    Prepare(#[source] io::Error),
}

/// Serves the panel until SIGINT or SIGTERM; `listening` is told its URL as soon as clients can come.
pub fn run(settings: PanelSettings, listening: impl FnOnce(&str)) -> Result<(), PanelError> {
    let root = settings.home.root().to_owned();
    let users = Users::open(&root)?;
    settings.check(!users.list().is_empty())?;
    let tokens = AccessTokens::open(&root)?;
    let keeper = Keeper::start(&root, users, tokens).map_err(PanelError::Prepare)?;
    let hub = Hub::start(&settings.home).map_err(PanelError::Prepare)?;
    let history =
        settings.history_max.map(|most| HistoryKeeper::start(&settings.home, most, &hub.ear()));
    let history = history.transpose().map_err(PanelError::Prepare)?.map(Arc::new);
    let panel = Panel {
        home: settings.home.clone(),
        program: settings.program.clone(),
        alerts: Alerts::start(&settings.home, &settings.host, hub.ear())
            .map_err(PanelError::Prepare)?,
        hub,
        settings,
        keeper,
        hashing: Semaphore::new(1),
        searches: Semaphore::new(2),
        downloads: Arc::new(Semaphore::new(4)),
        history: history.clone(),
    };
    let served = pm_http::block_on(4, serve(Arc::new(panel), listening));
    if let Some(history) = history {
        history.end();
    }
    served.map_err(PanelError::Prepare)?
}

async fn serve(panel: Arc<Panel>, listening: impl FnOnce(&str)) -> Result<(), PanelError> {
    let at = panel.settings.listen.to_string();
    let doorway = match &panel.settings.listen {
        ListenAt::Tcp(host, port) => Doorway::tcp(host, *port).await,
        // Whoever may connect may do no more than over a port of this machine.
        ListenAt::Unix(path) => Doorway::unix(path, 0o666).await,
        ListenAt::Nowhere => Ok(Doorway::Shut),
    };
    let doorway = doorway.map_err(|source| PanelError::Listen { at, source })?;
    let port = doorway.address().map(|address| address.port());
    let url = url(&panel.settings, port);
    let socket = control::socket(&panel.settings.home);
    let failed = |source| PanelError::Listen { at: format!("unix:{}", socket.display()), source };
    let control = pm_http::unix_socket(&socket, 0o600).await.map_err(failed)?;
    tokio::spawn(control::answer_all(Arc::clone(&panel), control, url.clone(), port));
    let answer =
        move |request, client, leaving| respond(Arc::clone(&panel), request, client, leaving);
    pm_http::serve(doorway, DEADLINES, answer, || listening(&url))
        .await
        .map_err(PanelError::Prepare)
}

/// What a browser has to be told.
fn url(settings: &PanelSettings, port: Option<u16>) -> String {
    match (&settings.public, &settings.listen, port) {
        (Some(public), ..) => format!("{}{}", public.origin, public.base),
        (None, ListenAt::Tcp(host, _), Some(port)) => {
            format!("http://{}", ListenAt::Tcp(host.clone(), port))
        }
        (None, ListenAt::Nowhere, _) => "nowhere".into(),
        (None, ListenAt::Tcp(..) | ListenAt::Unix(_), _) => "http://localhost".into(),
    }
}

/// One request on its way.
struct Passage {
    panel: Arc<Panel>,
    from: String,
    /// Method and path, for the audit.
    deed: Vec<String>,
    /// Who asks, once that is known.
    who: String,
}

impl Passage {
    fn line(&self, outcome: &str) -> AuditLine {
        let (who, from) = (self.who.clone(), self.from.clone());
        let (deed, outcome) = (self.deed.clone(), outcome.to_owned());
        AuditLine { at_ms: now_ms(), who, from, deed, outcome, left_out: 0 }
    }

    /// A refusal that is written down.
    fn refused(&self, denial: &Denial) -> Response<PanelBody> {
        self.panel.keeper.refused(self.line(denial.code));
        denied(denial)
    }
}

/// Answers a request; what goes wrong is an answer, too.
async fn respond(
    panel: Arc<Panel>,
    request: Request<Incoming>,
    client: ClientAddress,
    leaving: watch::Receiver<()>,
) -> Response<PanelBody> {
    let public = panel.settings.public.as_ref();
    let Some(path) = gate::beneath(request.uri().path(), public).map(str::to_owned) else {
        return absent();
    };
    let from = origin_address(client, request.headers());
    let deed = vec![request.method().to_string(), path];
    let passage = Passage { panel, from, deed, who: String::new() };
    let mut response = admitted(passage, request, leaving).await;
    confine(&mut response);
    response
}

async fn admitted(
    mut passage: Passage,
    request: Request<Incoming>,
    leaving: watch::Receiver<()>,
) -> Response<PanelBody> {
    let (head, body) = request.into_parts();
    let public = passage.panel.settings.public.clone();
    let own = match gate::own_origin(&head.uri, &head.headers, public.as_ref()) {
        Ok(own) => own,
        Err(denial) => return passage.refused(&denial),
    };
    if let Err(denial) = gate::own_page(&head.method, &head.headers, &own) {
        return passage.refused(&denial);
    }
    if let Err(denial) = gate::body_size(&head.headers) {
        return passage.refused(&denial);
    }
    let Some(path) = gate::beneath(head.uri.path(), public.as_ref()) else { return absent() };
    if let Some(response) = page(&head.method, path, &head.headers) {
        return response;
    }
    if let Some(ticket) = path.strip_prefix("/d/").filter(|_| head.method == Method::GET) {
        return download::fetch(&passage.panel, ticket, leaving).await;
    }
    if head.method == Method::POST && path == "/api/session" {
        return sign_in(passage, body).await;
    }
    let (route, args) = match find(head.method.as_str(), path) {
        RouteMatch::Route(route, args) => (route, args),
        RouteMatch::OtherMethod(methods) => return other_method(&methods.join(", ")),
        RouteMatch::Nothing => return denied(&nothing()),
    };
    let admitted = match gate::key(&head.headers) {
        Some(key) => passage.panel.keeper.admit(key).await,
        None => None,
    };
    let Some((session, streams)) = admitted else { return passage.refused(&gate::no_key()) };
    passage.who.clone_from(&session.name);
    if let Err(denial) = gate::may(session.role, route.role) {
        return passage.refused(&denial);
    }
    let body = match read(body).await {
        Ok(body) => body,
        Err(denial) => return passage.refused(&denial),
    };
    let last_event = head.headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let call = WebCall {
        visitor: visitor(&session, &passage.from),
        args,
        query: path::query(head.uri.query()),
        body,
        last_event: last_event.map(String::from),
    };
    answered(passage, route, call, (session, streams), leaving).await
}

fn visitor(session: &SessionRecord, from: &str) -> Visitor {
    Visitor {
        name: session.name.clone(),
        role: session.role,
        apps: session.apps.clone(),
        from: from.into(),
        session: session.id.clone(),
        until_ms: session.until_ms,
    }
}

/// What is behind the gate, within its limits.
async fn answered(
    passage: Passage,
    route: &WebRoute,
    call: WebCall,
    (session, streams): Admitted,
    leaving: watch::Receiver<()>,
) -> Response<PanelBody> {
    let panel = Arc::clone(&passage.panel);
    let answer = match route.cost {
        Cost::Plain => (route.run)(panel, call).await,
        Cost::Search => {
            let searching = async {
                let _turn = passage.panel.searches.acquire().await.ok();
                (route.run)(panel, call).await
            };
            timeout(SEARCH, searching).await.unwrap_or_else(|_| {
                let message = "the search took longer than 10 s";
                let denial = Denial::new(StatusCode::SERVICE_UNAVAILABLE, "too_slow", message);
                Err(denial.hint("search in fewer apps, or in less time"))
            })
        }
        Cost::Stream => {
            let Ok(permit) = Arc::clone(&streams.free).try_acquire_owned() else {
                let message = "this session has eight streams already";
                return passage.refused(&Denial::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "too_many_streams",
                    message,
                ));
            };
            match (route.run)(panel, call).await {
                Ok(WebAnswer::Events(events)) => {
                    let end = Box::pin(end_of(session.until_ms, streams, leaving));
                    return event_stream(EventStream { events, end, permit });
                }
                other => other,
            }
        }
    };
    match answer {
        Ok(WebAnswer::Json(status, bytes)) => json(status, bytes),
        Ok(WebAnswer::Text(kind, text)) => typed(Response::new(PanelBody::of(text)), kind),
        Ok(WebAnswer::Events(_)) => denied(&Denial::broken("this is no stream")),
        Err(denial) if route.deed.is_some() => passage.refused(&denial),
        Err(denial) => denied(&denial),
    }
}

/// When a stream has to end: with the session, or with us.
async fn end_of(until_ms: u64, mut streams: Streams, mut leaving: watch::Receiver<()>) {
    let left = Duration::from_millis(until_ms.saturating_sub(now_ms()));
    tokio::select! {
        _ = streams.ended.changed() => {}
        _ = leaving.changed() => {}
        () = sleep(left) => {}
    }
}

async fn sign_in(mut passage: Passage, body: Incoming) -> Response<PanelBody> {
    let body = match read(body).await {
        Ok(body) => body,
        Err(denial) => return passage.refused(&denial),
    };
    let panel = Arc::clone(&passage.panel);
    match session::begin(panel, &body, &passage.from).await {
        Ok((answer, name, way)) => {
            passage.who = name;
            passage.deed = vec!["sign in".into(), way.into()];
            passage.panel.keeper.note(passage.line("done"));
            match answer {
                WebAnswer::Json(status, bytes) => json(status, bytes),
                WebAnswer::Text(..) | WebAnswer::Events(_) => denied(&nothing()),
            }
        }
        Err(denial) => passage.refused(&denial),
    }
}

/// The whole body, if it is short enough and comes in time.
async fn read(mut body: Incoming) -> Result<Vec<u8>, Denial> {
    let mut bytes = Vec::new();
    let reading = async {
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let broken =
                |_| Denial::new(StatusCode::BAD_REQUEST, "broken_body", "the body ended early");
            if let Ok(more) = frame.map_err(broken)?.into_data() {
                bytes.extend_from_slice(&more);
            }
            if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > gate::BODY {
                return Err(gate::too_long());
            }
        }
        Ok(())
    };
    let late =
        |_| Denial::new(StatusCode::REQUEST_TIMEOUT, "late_body", "the body did not come in time");
    timeout(BODY_PATIENCE, reading).await.map_err(late)??;
    Ok(bytes)
}
