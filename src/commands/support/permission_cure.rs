//! What gives an app the right that it was denied: the command to type.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use pm_os::user::{by_number, find};

use crate::commands::support::failing::{Failing, cwd, typed};

/// What of these belongs to the system stays as it is.
const SYSTEM: [&str; 8] = ["/etc", "/usr", "/bin", "/sbin", "/lib", "/proc", "/sys", "/boot"];

/// The right to execute, read or write what a line names.
pub(super) fn permission(case: &Failing<'_>, line: &str) -> Option<String> {
    let named = denied(line)?;
    let path = cwd(&case.one.spec).join(named.trim_start_matches("./"));
    // What is not there yet is to be made in its folder.
    let target = if path.exists() {
        path
    } else {
        path.parent().filter(|folder| folder.parent().is_some())?.to_owned()
    };
    let meta = fs::metadata(&target).ok()?;
    let shown = typed(&target);
    if meta.is_file() && meta.mode() & 0o111 == 0 && is_of_shell(line, named) {
        return Some(format!("{shown} may not be executed: `chmod +x {shown}`"));
    }
    let own = rustix::process::geteuid().as_raw();
    let account = match case.one.row.user.as_deref() {
        Some(name) => find(name).ok(),
        None => by_number(own).ok(),
    };
    let (user, uid) = account.map_or_else(|| (own.to_string(), own), |it| (it.name, it.uid));
    let cure = right(&target, &meta, (&user, uid));
    Some(format!("{user}, as whom it runs, has no right to {named}: {cure}"))
}

/// What gives a user the right to a file or folder.
fn right(target: &Path, meta: &Metadata, (user, uid): (&str, u32)) -> String {
    let shown = typed(target);
    let sudo = if rustix::process::geteuid().is_root() { "" } else { "sudo " };
    if SYSTEM.iter().any(|folder| target.starts_with(folder)) {
        return format!("it belongs to the system (`ls -ld {shown}`): let the app use another");
    }
    if meta.uid() == uid {
        let rights = if meta.is_dir() { "rwx" } else { "rw" };
        return format!("`chmod u+{rights} {shown}`");
    }
    let group = meta.gid();
    if meta.mode() & 0o060 != 0 && group != 0 {
        let name = group_name(group).unwrap_or_else(|| group.to_string());
        return format!(
            "its group {name} has it: `{sudo}usermod -aG {name} {user}`, and log in anew before the daemon is started again"
        );
    }
    format!("`{sudo}chown {user} {shown}`")
}

fn group_name(number: u32) -> Option<String> {
    let groups = fs::read_to_string("/etc/group").ok()?;
    let number = number.to_string();
    let line = groups.lines().find(|line| line.split(':').nth(2) == Some(number.as_str()))?;
    line.split(':').next().map(str::to_owned)
}

/// Whether a shell says that it can't execute something: `sh: 1: ./x: Permission denied`.
fn is_of_shell(line: &str, named: &str) -> bool {
    let before = line.split(named).next().unwrap_or_default().trim_end();
    before.ends_with(':') || before.ends_with("exec")
}

/// The file of which a line, of whatever language, says that the right to it is missing.
fn denied(line: &str) -> Option<&str> {
    let lower = line.to_ascii_lowercase();
    let at = lower.find("permission denied").or_else(|| lower.find("eacces"))?;
    let (before, after) = line.split_at(at);
    let before = before.trim_end_matches([':', ' ', '(']);
    let last = before.rsplit(": ").next().unwrap_or_default();
    let found = in_quotes(after).or_else(|| in_quotes(before)).or_else(|| {
        let words = after.split_ascii_whitespace().chain(last.split_ascii_whitespace().next_back());
        let bare = words.map(|word| {
            let word = word.strip_prefix("unix://").unwrap_or(word);
            word.trim_end_matches([',', ';', ':', '.', ')'])
        });
        let mut bare = bare.filter(|word| word.contains('/') || last.ends_with(word));
        // The number of Python's `[Errno 13]` is none.
        bare.find(|word| !word.is_empty() && !word.ends_with(']'))
    });
    found.filter(|path| path.contains('/') || path.contains('.') || last.ends_with(path))
}

fn in_quotes(text: &str) -> Option<&str> {
    let at = text.find(['\'', '"', '`'])?;
    let (quote, rest) = text.get(at..)?.split_at(1);
    rest.split_once(quote).map(|(inside, _)| inside).filter(|inside| !inside.is_empty())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::commands::support::failing::described;

    #[test]
    fn the_file_is_found_in_the_words_of_many_languages() {
        for (line, path) in [
            ("PermissionError: [Errno 13] Permission denied: '/srv/x'", "/srv/x"),
            ("Error: EACCES: permission denied, open '/srv/x'", "/srv/x"),
            ("Error: EACCES: permission denied, mkdir '/srv/x'", "/srv/x"),
            ("sh: 1: ./run.sh: Permission denied", "./run.sh"),
            ("bash: line 1: /srv/run: Permission denied", "/srv/run"),
            ("cat: data: Permission denied", "data"),
            ("open /srv/x.log: permission denied", "/srv/x.log"),
            ("fork/exec /srv/x: permission denied", "/srv/x"),
            ("open() \"/srv/e.log\" failed (13: Permission denied)", "/srv/e.log"),
            ("Permission denied @ rb_sysopen - /srv/x (Errno::EACCES)", "/srv/x"),
            ("connect EACCES /run/docker.sock", "/run/docker.sock"),
            (
                "permission denied while trying to connect to the Docker daemon socket at unix:///run/d.sock: Get",
                "/run/d.sock",
            ),
        ] {
            assert_eq!(denied(line), Some(path), "{line}");
        }
        assert_eq!(denied("all is well"), None);
        assert_eq!(denied("PermissionError: [Errno 13] Permission denied"), None);
    }

    #[test]
    fn the_command_that_gives_the_right_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.sh");
        fs::write(&path, "").unwrap();
        let one = described();
        let told = |line: &str| permission(&Failing { one: &one, lines: &[] }, line);
        let shown = path.display();
        let text = told(&format!("sh: 1: {shown}: Permission denied")).unwrap();
        assert!(text.ends_with(&format!("`chmod +x {shown}`")), "{text}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o200)).unwrap();
        let text = told(&format!("PermissionError: [Errno 13] Permission denied: '{shown}'"));
        let text = text.unwrap();
        assert!(text.contains(&format!("`chmod u+rw {shown}`")), "{text}");
        let new = folder.path().join("new");
        let text = told(&format!("open {}: permission denied", new.display())).unwrap();
        let wanted = format!("`chmod u+rwx {}`", folder.path().display());
        assert!(text.contains(&wanted), "{text}");
        let odd = folder.path().join("a b$(touch x)");
        fs::write(&odd, "").unwrap();
        fs::set_permissions(&odd, fs::Permissions::from_mode(0o200)).unwrap();
        let text = told(&format!("open '{}': permission denied", odd.display())).unwrap();
        assert!(text.contains(&format!("`chmod u+rw '{}'`", odd.display())), "{text}");
        assert_eq!(told("git@host.example: Permission denied (publickey)."), None);
        let meta = fs::metadata("/").unwrap();
        assert!(right(Path::new("/srv"), &meta, ("alice", 7777)).contains("chown alice /srv`"));
        assert!(right(Path::new("/etc/x"), &meta, ("alice", 7777)).contains("use another"));
    }
}
