//! The program that runs containers: podman, or docker where its daemon can be reached.

use std::path::Path;

use crate::caller::Caller;
use crate::paths;

/// The engine's command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Engine {
    /// Its path.
    pub(crate) program: String,
    pub(crate) is_podman: bool,
}

/// The engine of this machine: what `PM_ENGINE` says, else docker if its socket is there, else podman, else docker.
pub(crate) fn found(caller: &Caller) -> Option<Engine> {
    let given = caller.env.get("PM_ENGINE").map(|name| name.display().into_owned());
    let has_socket =
        caller.env.get("DOCKER_HOST").is_some() || Path::new("/var/run/docker.sock").exists();
    let names: Vec<String> = match given {
        Some(name) => vec![name],
        None if has_socket => vec!["docker".into(), "podman".into()],
        None => vec!["podman".into(), "docker".into()],
    };
    names.iter().find_map(|name| {
        let path = if name.contains('/') {
            paths::absolute(Path::new(name), &caller.cwd)
        } else {
            paths::search(name.as_ref(), &caller.env, &caller.cwd)?
        };
        let is_podman =
            path.file_name().is_some_and(|name| name.to_string_lossy().contains("podman"));
        Some(Engine { program: path.to_string_lossy().into_owned(), is_podman })
    })
}

/// What runs in front of an engine, for `sh -c`; `$0` is the engine, `$1` the name without its number, `$2` the grace in seconds, `$3` what
/// comes before (networks and volumes, a line for the shell), and the rest what follows `run`.
///
/// The client passes signals on to the container; if that does not end in its time, it is killed by its name, so that nothing of it outlives
/// the app, also where it is no child of ours (docker).
pub(crate) const FRONT: &str = r#"e=$0 n=$1 grace=$2 k=
case $n in *-) n=$n$((${NODE_APP_INSTANCE:-0} + 1)) ;; esac
eval "$3"
shift 3
"$e" rm -f "$n" >/dev/null 2>&1
exec 3<&0
"$e" run --name "$n" "$@" <&3 & c=$!
end() {
    kill -s "$1" $c 2>/dev/null
    [ "$k" ] || { (sleep "$grace"; "$e" kill "$n") >/dev/null 2>&1 & k=$!; }
}
for s in TERM INT QUIT HUP USR1 USR2; do trap "end $s" $s; done
wait $c; r=$?
while kill -0 $c 2>/dev/null; do wait $c; r=$?; done
[ "$k" ] && kill $k 2>/dev/null
"$e" rm -f "$n" >/dev/null 2>&1
exit $r"#;

/// A word for the shell.
pub(crate) fn quote(word: &str) -> String {
    let is_easy = |c: char| c.is_ascii_alphanumeric() || "_-./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_easy) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
