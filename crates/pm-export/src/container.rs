//! What engines of containers have in common.

use pm_spec::{Door, HttpGet, Probe};

use crate::draft::AppDraft;

/// The image of an app, which has to be built.
pub(crate) fn image(name: &str) -> String {
    format!("{}:latest", name.to_lowercase())
}

/// Where a question goes, if the engine itself can ask it: at a port, by a connection or a GET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ContainerRequest<'a> {
    Tcp(u16),
    Http(u16, &'a HttpGet),
    Command(Vec<String>),
}

/// How a question is asked there. A port that is a variable is the app's.
pub(crate) fn asked<'a>(draft: &AppDraft<'_>, probe: &'a Probe) -> ContainerRequest<'a> {
    let port = |place: &str| {
        let (_, port) = crate::probes::host_and_port(place);
        let name = port.strip_prefix('$').map(|name| name.trim_matches(['{', '}']));
        let value =
            name.and_then(|name| draft.app.env.get(name)).map(|it| it.display().into_owned());
        value.unwrap_or(port).parse().ok()
    };
    let command = || ContainerRequest::Command(crate::probes::argv(probe));
    match probe {
        Probe::Connect(Door::Tcp(place)) => port(place).map_or_else(command, ContainerRequest::Tcp),
        Probe::Http(get) => match &get.door {
            Door::Tcp(place) => {
                port(place).map_or_else(command, |port| ContainerRequest::Http(port, get))
            }
            Door::Unix(_) => command(),
        },
        Probe::Connect(Door::Unix(_)) | Probe::Exec(_) | Probe::Shell(_) | Probe::File(_) => {
            command()
        }
    }
}
