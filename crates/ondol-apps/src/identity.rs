//! Whom an app runs as: a user of its own where the agent is root, found in `/etc/passwd` and made when missing.

use std::io;
use std::path::PathBuf;

use ondol_base::tasks;
use ondol_model::app::AppName;

use crate::spec::Identity;

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";

/// Why there is nobody whom an app could run as.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IdentityError {
    /// The list of users, or of groups, could not be read.
    #[error("could not read {}", path.display())]
    Unreadable {
        /// Which list.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The configuration names root.
    #[error(
        "`user = \"root\"` is refused: a hole in the app would be a hole in the whole machine; leave `user` out, and it \
         gets a user of its own"
    )]
    Root,
    /// The configuration names somebody who isn't there.
    #[error(
        "there is no user {0:?} on this machine: make one with `useradd --system {0}`, or leave `user` out, and it gets one \
         of its own"
    )]
    Missing(String),
    /// Only root can do that.
    #[error(
        "only root can start it as the user {0:?}: leave `user` out, and it runs as yours, or start Ondol as root"
    )]
    NotRoot(String),
}

/// Whom an app runs as: the user that was named, or `ondol-NAME`, which is made when it is missing. `None` when that is
/// who the agent is, since only root can start processes as somebody else.
///
/// # Errors
///
/// Why there is none; a sentence for the owner.
pub(crate) async fn identity(
    app: &AppName,
    user: Option<&str>,
) -> Result<Option<Identity>, IdentityError> {
    if !rustix::process::geteuid().is_root() {
        return match user {
            None => Ok(None),
            Some(user) => Err(IdentityError::NotRoot(user.to_owned())),
        };
    }
    let name = user.map_or_else(|| format!("ondol-{app}"), str::to_owned);
    let found = tasks::spawn_blocking(move || {
        find(&name).and_then(|found| found.ok_or(IdentityError::Missing(name)))
    });
    found
        .await
        .unwrap_or_else(|error| Err(unreadable(PASSWD, io::Error::other(error))))
        .map(Some)
}

/// A user by name.
fn find(name: &str) -> Result<Option<Identity>, IdentityError> {
    let read = |path: &str| std::fs::read_to_string(path).map_err(|error| unreadable(path, error));
    let Some(identity) = entry(&read(PASSWD)?, &read(GROUP)?, name) else {
        return Ok(None);
    };
    if identity.uid == 0 {
        return Err(IdentityError::Root);
    }
    Ok(Some(identity))
}

fn unreadable(path: &str, source: io::Error) -> IdentityError {
    let path = PathBuf::from(path);
    IdentityError::Unreadable { path, source }
}

fn entry(passwd: &str, group: &str, name: &str) -> Option<Identity> {
    let user = |line: &str| {
        let mut fields = line.split(':');
        let found = fields.next()? == name;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        let home = fields.nth(1)?.into();
        found.then(|| Identity {
            name: name.to_owned(),
            uid,
            gid,
            groups: groups_of(group, name),
            home,
        })
    };
    passwd.lines().find_map(user)
}

/// The further groups of a user.
fn groups_of(group: &str, name: &str) -> Vec<u32> {
    let number = |line: &str| {
        let mut fields = line.split(':');
        let number = fields.nth(2)?.parse().ok()?;
        let is_member = fields.next()?.split(',').any(|member| member == name);
        is_member.then_some(number)
    };
    group.lines().filter_map(number).collect()
}
