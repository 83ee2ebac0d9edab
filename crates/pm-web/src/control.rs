//! The socket through which the command line speaks with a panel that runs: `PM_HOME/web/web.sock`, for its own user only.
//! A line of JSON asks, a line answers.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pm_protocol::Home;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::time::timeout;

use crate::app_pattern::AppPattern;
use crate::audit::AuditLine;
use crate::clock::now_ms;
use crate::link::{GOOD_FOR, LinkGuest};
use crate::panel::Panel;
use crate::roles::Role;
use crate::session::SessionView;
use crate::settings::ListenAt;

/// Longer lines are nobody's question.
const LINE: u64 = 64 << 10;

/// Who connects has something to say.
const PATIENCE: Duration = Duration::from_secs(10);

/// `sockaddr_un` holds 108 bytes with a final NUL (unix(7)).
const LONGEST_PATH: usize = 107;

/// A question.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlCall {
    /// Where do you listen?
    Where,
    /// A new one-time link.
    Link(LinkWish),
    /// Who is signed in?
    Sessions,
    /// End the sessions with this id or of this name.
    End(String),
    /// Users were changed.
    Recheck,
    /// The same, by this command.
    Changed(Vec<String>),
}

/// Whom a link is for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LinkWish {
    /// The name in the audit.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// With which apps.
    pub apps: AppPattern,
    /// How long who uses it stays, in ms; thirty days if not said.
    pub stays_ms: Option<u64>,
}

/// An answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlReply {
    /// Here.
    Where {
        /// As it was asked for.
        listen: String,
        /// What a browser has to be told.
        url: String,
        /// The port, if it is one.
        port: Option<u16>,
    },
    /// The link: whoever has it is let in once.
    Link {
        /// With its secret behind `#`.
        url: String,
        /// So many seconds it is good.
        good_for_s: u64,
    },
    /// These.
    Sessions(Vec<SessionView>),
    /// So many were ended.
    Ended(usize),
    /// It was not understood, or could not be done.
    Refused(String),
}

/// Where the socket is: where a path is too long for one, beside the daemon's.
pub(crate) fn socket(home: &Home) -> PathBuf {
    let near = home.root().join("web").join("web.sock");
    if near.as_os_str().len() <= LONGEST_PATH { near } else { home.socket().with_extension("web") }
}

/// Asks the panel of this home; `None` if none runs.
pub fn ask(home: &Home, call: &ControlCall) -> io::Result<Option<ControlReply>> {
    use io::ErrorKind::{ConnectionRefused, NotFound};
    let mut stream = match UnixStream::connect(socket(home)) {
        Err(error) if matches!(error.kind(), NotFound | ConnectionRefused) => return Ok(None),
        connected => connected?,
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(call)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut told = String::new();
    BufReader::new(stream).take(LINE * 64).read_line(&mut told)?;
    Ok(Some(serde_json::from_str(&told)?))
}

/// Answers whoever connects, as long as the panel runs. `url` is what a browser has to be told.
pub(crate) async fn answer_all(
    panel: Arc<Panel>,
    listener: UnixListener,
    url: String,
    port: Option<u16>,
) {
    let url = Arc::new(url);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let own = rustix::process::geteuid().as_raw();
        let is_ours = stream.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0);
        if is_ours {
            let (panel, url) = (Arc::clone(&panel), Arc::clone(&url));
            tokio::spawn(async move {
                timeout(PATIENCE, answer(&panel, stream, &url, port)).await.ok()
            });
        }
    }
}

async fn answer(
    panel: &Panel,
    mut stream: tokio::net::UnixStream,
    url: &str,
    port: Option<u16>,
) -> io::Result<()> {
    let mut line = String::new();
    let mut reader = tokio::io::BufReader::new(&mut stream).take(LINE);
    reader.read_line(&mut line).await?;
    let reply = match serde_json::from_str(&line) {
        Ok(call) => reply(panel, call, url, port).await,
        Err(error) => ControlReply::Refused(format!("not understood: {error}")),
    };
    let mut bytes = serde_json::to_vec(&reply)?;
    bytes.push(b'\n');
    stream.write_all(&bytes).await
}

async fn reply(panel: &Panel, call: ControlCall, url: &str, port: Option<u16>) -> ControlReply {
    match call {
        ControlCall::Where => {
            let listen = panel.settings.listen.to_string();
            ControlReply::Where { listen, url: url.into(), port }
        }
        ControlCall::Link(_) if panel.settings.listen == ListenAt::Nowhere => {
            ControlReply::Refused(
                "it listens nowhere (--no-listen); `pm web --listen 9616` has it listen".into(),
            )
        }
        ControlCall::Link(LinkWish { name, role, apps, stays_ms }) => {
            note(panel, &name, &["link", role.name(), &String::from(apps.clone())]);
            let guest = LinkGuest { name, role, apps, stays: stays_ms.map(Duration::from_millis) };
            match panel.keeper.link(guest).await {
                Some(secret) => ControlReply::Link {
                    // Behind `#`: browsers send that to nobody, and no proxy writes it down.
                    url: format!("{url}/#link={secret}"),
                    good_for_s: GOOD_FOR.as_secs(),
                },
                None => ControlReply::Refused("the system gave no random bytes".into()),
            }
        }
        ControlCall::Sessions => ControlReply::Sessions(panel.keeper.list().await),
        ControlCall::End(id) => {
            note(panel, "", &["end session", &id]);
            ControlReply::Ended(panel.keeper.end(&id).await)
        }
        ControlCall::Changed(argv) => {
            note(panel, "", &argv.iter().map(String::as_str).collect::<Vec<_>>());
            rechecked(panel).await
        }
        ControlCall::Recheck => rechecked(panel).await,
    }
}

async fn rechecked(panel: &Panel) -> ControlReply {
    panel.alerts.recheck();
    ControlReply::Ended(panel.keeper.recheck().await)
}

fn note(panel: &Panel, who: &str, deed: &[&str]) {
    panel.keeper.note(AuditLine {
        at_ms: now_ms(),
        who: who.into(),
        from: "control".into(),
        deed: deed.iter().map(|word| (*word).to_owned()).collect(),
        outcome: "done".into(),
        left_out: 0,
    });
}
