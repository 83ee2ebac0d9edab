//! Whom an app runs as, and whom its files belong to.

use pm_core::SpawnFailure;
use pm_os::spawn::Credentials;
use pm_os::stdio::PipeOwner;
use pm_os::user;
use pm_spec::{AppSpec, Identifier, UserChoice};

use crate::{plan, spawn_failure};

/// Whom an app runs as.
pub(crate) struct AppUser {
    pub(crate) credentials: Credentials,
    pub(crate) owner: PipeOwner,
    pub(crate) person: plan::Person,
}

/// Looks up the user an app is to run as. A group without a user keeps our user.
pub(crate) fn find(choice: &UserChoice) -> Result<AppUser, SpawnFailure> {
    let fail = |error: user::UserError| spawn_failure::of(error.to_string(), error.is_shortage());
    let account = match &choice.uid {
        Some(Identifier::Name(name)) => user::find(&name.display()).map_err(fail)?,
        Some(Identifier::Number(number)) => user::by_number(*number).map_err(fail)?,
        None => user::by_number(rustix::process::geteuid().as_raw()).map_err(fail)?,
    };
    let group = match &choice.gid {
        Some(Identifier::Name(name)) => Some(user::find_group(&name.display()).map_err(fail)?),
        Some(Identifier::Number(number)) => Some(*number),
        None => None,
    };
    let mut credentials = account.credentials(group);
    for group in &choice.groups {
        let group = match group {
            Identifier::Name(name) => user::find_group(&name.display()).map_err(fail)?,
            Identifier::Number(number) => *number,
        };
        if !rustix::process::geteuid().is_root() && !user::are_we_in(group) {
            return Err(SpawnFailure::Refused(format!(
                "put it into group {group}: only root can add groups to an app"
            )));
        }
        if !credentials.groups.contains(&group) {
            credentials.groups.push(group);
        }
    }
    if !rustix::process::geteuid().is_root() && !credentials.are_ours() {
        // Trying would fail at another step each time, and again and again.
        let who = account.name;
        return Err(SpawnFailure::Refused(format!(
            "run as {who}: only root can run apps as another user or group"
        )));
    }
    Ok(AppUser {
        owner: PipeOwner { uid: credentials.uid, gid: credentials.gid },
        credentials,
        person: plan::Person {
            name: account.name.into_bytes(),
            home: account.home.into_os_string().into_encoded_bytes(),
        },
    })
}

/// As whom an app runs, if not as we do. Unknown users were refused when the app was started; one who is unknown by
/// now is not us all the same: the numbers of nobody own no file, and whoever tries to act as them is refused.
pub(crate) fn credentials(app: &AppSpec) -> Option<Credentials> {
    let nobody = Credentials { uid: u32::MAX, gid: u32::MAX, groups: Vec::new() };
    let credentials = find(app.user.as_ref()?).map_or(nobody, |user| user.credentials);
    (!credentials.are_ours()).then_some(credentials)
}

/// Whom the files of an app belong to, if not to us. With the numbers of nobody `chown` leaves things as they are.
pub(crate) fn log_owner(app: &AppSpec) -> Option<pm_logs::FileOwner> {
    credentials(app).map(|owner| pm_logs::FileOwner { uid: owner.uid, gid: owner.gid })
}
