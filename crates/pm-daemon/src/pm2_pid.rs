//! PM2's pid file of the daemon, for scripts that look there; only in a home with PM2's names. Nothing of ours reads
//! it, and failing to write it stops nobody.

use std::fs;

use pm_protocol::Home;

/// Says which process the daemon is.
pub(crate) fn announce(home: &Home) {
    let Some(path) = home.pm2_pid() else { return };
    if let Err(error) = fs::write(&path, std::process::id().to_string()) {
        crate::daemon_log::note(format_args!("could not write {}: {error}", path.display()));
    }
}

/// There is no daemon any more, unless another one has said so since.
pub(crate) fn withdraw(home: &Home) {
    let Some(path) = home.pm2_pid() else { return };
    if fs::read_to_string(&path).is_ok_and(|text| text.trim() == std::process::id().to_string()) {
        fs::remove_file(&path).ok();
    }
}
