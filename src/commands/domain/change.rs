//! A change of the files of a web server, which happens whole or not at all: how it was stays beside until the web server has
//! taken the change over, so that a command that is killed meanwhile is undone by the next one.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{Access, FlockOperation, access, flock};

use super::name::DomainName;
use super::proxy::{ProxyPlace, SnippetFile, line, perform};
use super::snippet::SnippetHead;
use crate::prelude::{Failure, Session};

/// Holds others off that change the same web server, until it is dropped.
pub(super) fn hold(place: &ProxyPlace) -> Result<File, Failure> {
    let failed = |error: io::Error| {
        Failure::failed(format!("could not lock {}: {error}", place.root().display()))
    };
    let folder = File::open(place.root()).map_err(failed)?;
    flock(&folder, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
    Ok(folder)
}

/// Whether we may write there.
pub(super) fn may_write(place: &ProxyPlace) -> bool {
    let folder = place.folder();
    let at = if folder.exists() { folder.as_path() } else { place.root() };
    access(at, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

/// Undoes what commands that were killed have left behind.
pub(super) fn mend(session: &Session, place: &ProxyPlace) -> Result<(), Failure> {
    let mut is_mended = false;
    for name in place.names() {
        let file = place.file(&name);
        if file.before.exists() {
            put_back(&file).map_err(|error| unwritable(&file.path, &error))?;
            let name = name.as_str();
            session.console.talk(&format!(
                "put back {name} as it was: a command that was killed had not finished it"
            ));
            is_mended = true;
        }
    }
    // It may have been told of what is undone now.
    if is_mended && let Err(words) = perform(&place.reload()) {
        let reload = line(&place.reload());
        session.console.talk(&format!("warning: could not run `{reload}`: {words}"));
    }
    Ok(())
}

/// As it was before.
fn put_back(file: &SnippetFile) -> io::Result<()> {
    let is_ours = |path: &Path| {
        fs::read_to_string(path).is_ok_and(|text| SnippetHead::parse(&text).is_some())
    };
    fs::remove_file(&file.new).or_else(absent)?;
    let is_theirs = file.path.exists() && !is_ours(&file.path);
    if fs::metadata(&file.before)?.len() > 0 && !is_theirs {
        return fs::rename(&file.before, &file.path);
    }
    if !is_theirs {
        fs::remove_file(&file.path).or_else(absent)?;
    }
    fs::remove_file(&file.before)
}

fn absent(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::failed(format!("could not write {}: {error}", path.display()))
}

/// Writes this, or takes the file away, and has the web server check it and take it over; else all is as it was.
pub(super) fn carry_out(
    place: &ProxyPlace,
    name: &DomainName,
    text: Option<&str>,
) -> Result<(), Failure> {
    let file = place.file(name);
    let folder = place.folder();
    let is_new_folder = !folder.exists();
    let begun = begin(&folder, &file, text);
    let done = begun.map_err(|error| unwritable(&file.path, &error));
    let done = done.and_then(|()| accepted(place, name, text.is_some()));
    if let Err(failure) = done {
        if file.before.exists() {
            put_back(&file).map_err(|error| unwritable(&file.path, &error))?;
        }
        fs::remove_file(&file.new).ok();
        if is_new_folder {
            fs::remove_dir(&folder).ok();
        }
        let message = format!("{}; everything is as it was", failure.message);
        return Err(Failure { message, ..failure });
    }
    fs::remove_file(&file.before).map_err(|error| unwritable(&file.before, &error))
}

fn begin(folder: &Path, file: &SnippetFile, text: Option<&str>) -> io::Result<()> {
    let Some(text) = text else { return fs::rename(&file.path, &file.before) };
    if !folder.exists() {
        fs::create_dir(folder)?;
        // The web server reads it as somebody else.
        fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    }
    fs::remove_file(&file.new).or_else(absent)?;
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&file.new)?;
    new.write_all(text.as_bytes())?;
    new.set_permissions(Permissions::from_mode(0o644))?;
    new.sync_all()?;
    OpenOptions::new().write(true).create_new(true).open(&file.before)?;
    fs::rename(&file.new, &file.path)
}

/// Whether the web server has it now.
fn accepted(place: &ProxyPlace, name: &DomainName, is_served: bool) -> Result<(), Failure> {
    let (program, shown) = (place.kind.program(), name.as_str());
    let refuses = |words: String| Failure::failed(format!("{program} refuses {shown}: {words}"));
    if is_served && !place.served().map_err(refuses)?.contains(shown) {
        let config = place.config.display();
        let message = format!("{config} does not read the files in {}", place.folder().display());
        let hint = format!("once, a line of its own in {config}: {}", place.include());
        return Err(Failure::failed(message).hint(hint));
    }
    perform(&place.check()).map_err(refuses)?;
    perform(&place.reload()).map(drop).map_err(|words| {
        let reload = line(&place.reload());
        Failure::failed(format!("could not run `{reload}`: {words}"))
            .hint(format!("{program} has to run for that"))
    })
}
