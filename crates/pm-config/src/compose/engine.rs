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
/// comes before (networks and volumes, a line for the shell), and the rest what follows `run`. What is left of an earlier container is cleared
/// before anything else, and says whether the engine hangs, which nobody would see from outside.
///
/// The client passes signals on to the container; if that does not end in its time, it is killed by its name, so that nothing of it outlives
/// the app, also where it is no child of ours (docker).
pub(crate) const FRONT: &str = r#"e=$0 n=$1 grace=$2 k= i= c=
case $n in *-) n=$n$((${NODE_APP_INSTANCE:-0} + 1)) ;; esac
p=${PM_ENGINE_PATIENCE:-30}
command -v timeout >/dev/null || timeout() { shift 3; "$@"; }
timeout -k 1 $((grace + p)) "$e" rm -f "$n" >/dev/null 2>&1
case $? in 124 | 137)
    echo "$e gives no answer: \`rm -f $n\` took more than $((grace + p)) s" >&2
    exit 125 ;;
esac
eval "$3"
shift 3
exec 3<&0
end() {
    i=$1
    [ "$c" ] || return
    kill -s "$1" $c 2>/dev/null
    [ "$k" ] || { (sleep "$grace"; "$e" kill "$n") >/dev/null 2>&1 & k=$!; }
}
for s in TERM INT QUIT HUP USR1 USR2; do trap "end $s" $s; done
"$e" run --name "$n" "$@" <&3 & c=$!
[ "$i" ] && end "$i"
wait $c; r=$?
while [ "$i" ]; do
    i=
    wait $c 2>/dev/null; w=$?
    [ $w = 127 ] || r=$w
done
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::process::{Command, Stdio};

    use super::FRONT;

    /// Ends with 42 when it is told to, which it can be at once.
    const ENGINE: &str = "#!/bin/sh\n[ \"$1\" = run ] || exit 0\ntrap 'kill $!; exit 42' TERM\n: >running\n\
                          while :; do sleep 1000 & wait $!; done\n";

    #[test]
    fn the_front_ends_with_the_code_of_its_container_however_soon_it_is_told_to_end() {
        let folder = tempfile::tempdir().unwrap();
        let engine = folder.path().join("engine");
        fs::write(&engine, ENGINE).unwrap();
        fs::set_permissions(&engine, fs::Permissions::from_mode(0o755)).unwrap();
        for again in 0..40 {
            let mut front = Command::new("/bin/sh")
                .args(["-c", FRONT, "./engine", "name-1", "9", ""])
                .current_dir(folder.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            while !folder.path().join("running").exists() {
                std::thread::yield_now();
            }
            Command::new("kill").arg(front.id().to_string()).status().unwrap();
            assert_eq!(front.wait().unwrap().code(), Some(42), "{again}");
            fs::remove_file(folder.path().join("running")).unwrap();
        }
    }
}
