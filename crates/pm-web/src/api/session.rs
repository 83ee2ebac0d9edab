//! Signing in, by link or by name and password; who one is; signing out.

use std::sync::Arc;

use hyper::StatusCode;
use serde::{Deserialize, Serialize};

use crate::call::{Denial, WebAnswer, WebCall};
use crate::keeper::Begun;
use crate::panel::Panel;

/// What is sent to sign in.
#[derive(Deserialize)]
#[serde(untagged)]
enum SignIn {
    Link { link: String },
    Password { name: String, password: String },
}

/// What one gets for it.
#[derive(Serialize)]
struct SignedIn<'a> {
    key: &'a str,
    name: &'a str,
    role: &'a str,
    until_ms: u64,
}

/// Who one is, and where.
#[derive(Serialize)]
struct Whoami<'a> {
    name: &'a str,
    role: &'a str,
    apps: String,
    host: &'a str,
    user: &'a str,
    root: bool,
    version: &'a str,
    lang: &'a str,
    until_ms: u64,
}

/// `POST /api/session`: there is no visitor yet. Gives the answer and, for the audit, who came by what.
pub(crate) async fn begin(
    panel: Arc<Panel>,
    body: &[u8],
    from: &str,
) -> Result<(WebAnswer, String, &'static str), Denial> {
    let bad = |_| {
        Denial::new(StatusCode::BAD_REQUEST, "bad_json", "wanted is a link, or name and password")
    };
    let (begun, way) = match serde_json::from_slice(body).map_err(bad)? {
        SignIn::Link { link } => (panel.keeper.use_link(&link, from).await, "link"),
        SignIn::Password { name, password } => {
            (by_password(&panel, &name, password, from).await?, "password")
        }
    };
    let Some(Begun { key, session }) = begun else {
        let denial = if way == "link" {
            Denial::new(
                StatusCode::UNAUTHORIZED,
                "link_used",
                "this link was used, or is older than ten minutes",
            )
        } else {
            Denial::new(StatusCode::UNAUTHORIZED, "wrong_password", "name or password is wrong")
        };
        return Err(denial.hint("`pm web link` in a shell makes a new link"));
    };
    let signed_in = SignedIn {
        key: &key,
        name: &session.name,
        role: session.role.name(),
        until_ms: session.until_ms,
    };
    Ok((WebAnswer::json(&signed_in), session.name.clone(), way))
}

async fn by_password(
    panel: &Panel,
    name: &str,
    password: String,
    from: &str,
) -> Result<Option<Begun>, Denial> {
    let hash = panel.keeper.attempt(name, from).await.map_err(|wait| {
        let wait = wait.as_secs() + 1;
        let message = format!("too many wrong passwords: try again in {wait} s");
        Denial::new(StatusCode::TOO_MANY_REQUESTS, "wait", message)
            .hint("`pm web link` in a shell makes a link that lets you in at once")
    })?;
    // One at a time: each takes 19 MiB.
    let _turn = panel.hashing.acquire().await.ok();
    let fits = tokio::task::spawn_blocking(move || hash.fits(&password)).await.unwrap_or(false);
    Ok(if fits { panel.keeper.sign_in(name, from).await } else { None })
}

/// `GET /api/session`.
pub(crate) async fn show(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    let (visitor, settings) = (&call.visitor, &panel.settings);
    Ok(WebAnswer::json(&Whoami {
        name: &visitor.name,
        role: visitor.role.name(),
        apps: visitor.apps.clone().into(),
        host: &settings.host,
        user: &settings.user,
        root: settings.is_root,
        version: env!("CARGO_PKG_VERSION"),
        lang: &settings.language,
        until_ms: visitor.until_ms,
    }))
}

/// `DELETE /api/session`.
pub(crate) async fn end(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    if call.visitor.session.starts_with("token:") {
        let denial = Denial::new(StatusCode::BAD_REQUEST, "no_session", "a token is no session");
        return Err(denial.hint("pm web token remove NAME"));
    }
    panel.keeper.end(&call.visitor.session).await;
    panel.note(&call.visitor, &["sign out".into()], "done");
    Ok(WebAnswer::json(&serde_json::json!({})))
}
