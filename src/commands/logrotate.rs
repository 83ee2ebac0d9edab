//! `pm logrotate`: a file for logrotate(8), for those who want one rotation for everything. Apps' logs are rotated without
//! it; what it moves away is noticed within seconds, so nothing has to be run as root afterwards.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use pm_os::user::{self, Account};

use crate::boot;
use crate::cli::LogrotateArgs;
use crate::prelude::{Exit, Failure, Report, Session};

/// `pm logrotate`.
pub(super) fn run(session: &Session, args: &LogrotateArgs) -> Result<Report, Failure> {
    let us = user::by_number(rustix::process::geteuid().as_raw())
        .map_err(|error| Failure::could_not(Exit::Failed, &error))?;
    let (whose, logs) = match &args.user {
        Some(who) if *who != us.name => {
            if !boot::is_name(who) {
                return Err(Failure::input(format!("could not use `{who}` as a user's name")));
            }
            let account =
                user::find(who).map_err(|error| Failure::could_not(Exit::Input, &error))?;
            let folder = if session.home.is_pm2() { ".pm2/logs" } else { ".pm/logs" };
            let logs = account.home.join(folder);
            (account, logs)
        }
        Some(_) | None => (us.clone(), session.home.logs()),
    };
    let name = &whose.name;
    let text = text(&logs, &whose)?;
    if args.print {
        return Ok(Report::text(session.console, text));
    }
    let file = args.folder.join(format!("pm-{name}"));
    if args.dry_run {
        let text = format!("would write {}", file.display());
        return Ok(Report::said(session.console, "logrotate", &text));
    }
    let is_ours = || std::fs::symlink_metadata(&args.folder).is_ok_and(|meta| meta.uid() == us.uid);
    if us.uid != 0 && !is_ours() {
        return Err(Failure::failed(format!("could not write {}", file.display()))
            .hint(format!("only root may: `sudo pm logrotate -u {name}`; --print shows it")));
    }
    session.console.talk(&format!("writing {}", file.display()));
    std::fs::write(&file, text)
        .map_err(|error| Failure::failed(format!("could not write {}: {error}", file.display())))?;
    let text =
        format!("wrote {}; apps' logs are rotated from 10 MiB on without it", file.display());
    Ok(Report::said(session.console, "logrotate", &text))
}

/// PM2's rhythm: weekly, twelve kept. Renamed and left to the writer, never copied: a copy loses lines (pain 9).
fn text(logs: &Path, whose: &Account) -> Result<String, Failure> {
    // What these mean to logrotate's own reader and to glob(7) can't be quoted for both.
    let odd = |c: char| c.is_control() || "\"'\\*?[]{}".contains(c);
    let Some(folder) = logs.to_str().filter(|folder| !folder.contains(odd)) else {
        let message = format!("could not name {} in a file for logrotate", logs.display());
        return Err(
            Failure::input(message).hint("a home without quotes, brackets and stars can be")
        );
    };
    // logrotate becomes whose the folder is, not whose a link leads to that they may make of it.
    let owner = if whose.uid == 0 {
        String::new()
    } else {
        format!("    su {} {}\n", whose.name, whose.gid)
    };
    Ok(format!(
        "\"{folder}/*.log\" {{\n{owner}    weekly\n    rotate 12\n    missingok\n    notifempty\n    \
         compress\n    delaycompress\n    nocreate\n    nocopytruncate\n}}\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_named_so_that_nothing_else_is_meant() {
        let root = user::by_number(0).unwrap();
        let shown = text(Path::new("/no such/logs"), &root).unwrap();
        assert!(shown.starts_with("\"/no such/logs/*.log\" {\n    weekly\n"), "{shown}");
        for odd in ["/a\"b", "/a*", "/a\nb", "/{a,b}", "/a\\b"] {
            assert!(text(Path::new(odd), &root).is_err(), "{odd}");
        }
    }

    #[test]
    fn whose_logs_are_meant_decides_and_not_whose_a_link_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("logs");
        std::os::unix::fs::symlink("/", &logs).unwrap();
        let who = Account { name: "ann".into(), gid: 8, ..user::by_number(65_534).unwrap() };
        let shown = text(&logs, &who).unwrap();
        assert!(shown.contains("{\n    su ann 8\n    weekly\n"), "{shown}");
    }
}
