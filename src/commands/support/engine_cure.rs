//! What an engine says of a container that it could not make, and what would cure it.

use pm_config::{ContainerFront, path_of};

use crate::commands::support::failing::Failing;

/// Signs that a registry can't be reached.
const AWAY: [&str; 6] = [
    "no such host",
    "name resolution",
    "network is unreachable",
    "no route to host",
    "connection refused",
    "i/o timeout",
];

/// A symptom of who runs in a container.
pub(super) fn engine(Failing { one, .. }: &Failing<'_>, line: &str) -> Option<String> {
    let front = ContainerFront::of(&one.spec)?;
    let name = path_of(front.engine).file_name()?.to_string_lossy().into_owned();
    let image = front.parts().1.display();
    let has = |words: &[&str]| words.iter().any(|word| line.contains(word));
    Some(if has(&["Cannot connect to the Docker daemon", "Cannot connect to Podman"]) {
        format!(
            "the daemon of {name} does not run: `systemctl start {name}`, or `PM_ENGINE=podman`, which needs none"
        )
    } else if has(&["registry", "initializing source", "/v2/"]) && has(&AWAY) {
        format!(
            "{image} is not on this machine, and its registry can't be reached: `{name} pull {image}` where it can, or `{name} load -i FILE` of \
             what `{name} save` wrote elsewhere"
        )
    } else if has(&["did not resolve to an alias"]) {
        format!("podman wants the registry as well: `image: docker.io/library/{image}`")
    } else if has(&[
        "manifest unknown",
        "pull access denied",
        "does not exist",
        "not found: manifest",
        "No such image",
    ]) {
        format!(
            "there is no image {image} there, or it is not for everybody: its name, its tag, `{name} login`"
        )
    } else if has(&["executable file"]) && has(&["not found"]) {
        format!("{image} has no such program: `command` and `entrypoint` say what is run in it")
    } else {
        return None;
    })
}
