//! Where systemd looks for units and their drop-ins (`systemd.unit(5)`).

use std::path::{Path, PathBuf};

use crate::caller::Caller;

/// For the machine's own, the first counts most.
const SYSTEM: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// For those of users, besides what is below their home.
const USER: [&str; 5] = [
    "/etc/systemd/user",
    "/run/systemd/user",
    "/usr/local/lib/systemd/user",
    "/usr/lib/systemd/user",
    "/lib/systemd/user",
];

/// The folders in which the drop-ins of a unit of this folder lie: those of systemd if it is one of them, else that one alone.
pub fn folders(folder: &Path, caller: &Caller) -> Vec<PathBuf> {
    let variable = |name| caller.env.get(name).map(|value| value.display().into_owned());
    let system = || SYSTEM.map(PathBuf::from).to_vec();
    let user = || {
        let home = variable("HOME").map(PathBuf::from);
        let config = variable("XDG_CONFIG_HOME").map(PathBuf::from);
        let config = config.or_else(|| Some(home.as_ref()?.join(".config")));
        let own = config.map(|it| it.join("systemd/user"));
        let data = home.map(|it| it.join(".local/share/systemd/user"));
        own.into_iter().chain(data).chain(USER.map(PathBuf::from)).collect::<Vec<_>>()
    };
    let given = variable("SYSTEMD_UNIT_PATH").map(|given| {
        let named = given.split(':').filter(|it| !it.is_empty()).map(PathBuf::from);
        let more = if given.ends_with(':') { system() } else { Vec::new() };
        named.chain(more).collect::<Vec<_>>()
    });
    // A link that enables a unit lies in `NAME.wants` of such a folder.
    let is_link = folder.extension().is_some_and(|it| it == "wants" || it == "requires");
    let folder = folder.parent().filter(|_| is_link).unwrap_or(folder);
    let all = given.into_iter().chain([system(), user()]);
    all.into_iter()
        .find(|all| all.iter().any(|it| it == folder))
        .unwrap_or_else(|| vec![folder.to_owned()])
}
