//! What is legal but probably not meant: a unit of root's that runs a file others can change, a second service for the
//! same apps, root's apps instead of one's own.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::boot::{Platform, Unit};
use crate::called;
use crate::session::Session;

/// Says it.
pub(super) fn warn(session: &Session, unit: &Unit) {
    let talk = |text: String| session.console.talk(&format!("warning: {text}"));
    if unit.platform.needs_root()
        && let Some(why) = changeable(&unit.program)
    {
        let runs_as = if unit.user == "root" { "root would run" } else { "boot would run" };
        talk(format!("{runs_as} {}, which others can change: {why}", unit.program.display()));
    }
    let other = match unit.service.strip_prefix("pm-") {
        Some(user) => format!("pm2-{user}"),
        None => return,
    };
    let theirs = PathBuf::from(format!("/etc/systemd/system/{other}.service"));
    if unit.platform == Platform::Systemd && theirs.exists() {
        talk(format!("{other}.service is still there and would start its apps as well"));
        session.console.talk(&format!("hint: systemctl disable {other}"));
    }
    if let Some(you) = std::env::var("SUDO_USER").ok().filter(|you| !you.is_empty())
        && unit.user == "root"
        && you != "root"
    {
        talk(format!("this starts root's apps, those of {}", unit.home.display()));
        session
            .console
            .talk(&format!("hint: for your own: `sudo {} startup -u {you}`", called::name()));
    }
}

/// Who but root could put another program there: through the file, or through a folder on the way to it.
pub(super) fn changeable(path: &Path) -> Option<String> {
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    // The way as it is written counts too: a link can be replaced.
    path.ancestors().chain(real.ancestors()).find_map(|step| {
        let meta = fs::symlink_metadata(step).ok()?;
        let shown = step.display();
        let sticky = meta.is_dir() && meta.mode() & 0o1000 != 0;
        let by_group = meta.mode() & 0o020 != 0 && meta.gid() != 0;
        if meta.uid() != 0 {
            Some(format!("{shown} belongs to uid {}", meta.uid()))
        } else if !meta.is_symlink() && !sticky && (by_group || meta.mode() & 0o002 != 0) {
            Some(format!("{shown} has mode {:04o}", meta.mode() & 0o7777))
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_that_others_can_change_is_named_with_the_reason() {
        assert_eq!(changeable(Path::new("/bin/sh")), None);
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pm");
        fs::write(&file, "x").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o777)).unwrap();
        let why = changeable(&file).unwrap();
        assert!(why.starts_with(&format!("{} ", file.display())), "{why}");
        // A link of root's to a file of somebody's.
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(changeable(&link).is_some());
    }
}
