//! Whom an app runs as: a user of its own where the agent is root, found in `/etc/passwd` and made when missing.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use ondol_base::chain::Chain;
use ondol_base::program;
use ondol_base::tasks;
use ondol_model::app::AppName;
use tokio::sync::Semaphore;

use crate::preview::Runner;
use crate::spec::Identity;

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";
const USERADD: &str = "useradd";
/// It waits for whoever else changes the list of users.
const USERADD_MAX: Duration = Duration::from_secs(60);
/// Who talks to visitors, when nobody else was named for that.
const VISITORS: &str = "ondol-web";
/// How users of apps are called, so that nobody is one by accident.
const PREFIX: &str = "ondol-";

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
    /// Its own user is not there, and could not be made.
    #[error(
        "its user {name} could not be made: {why}; make it with `useradd --system {name}`, or name another one as `user`"
    )]
    Unmade {
        /// The user.
        name: String,
        /// Why.
        why: String,
    },
    /// It would be one of Ondol's own.
    #[error(
        "`user = {0:?}` is refused: it is the one that talks to visitors, and keeps their keys in its memory; leave `user` \
         out, and it gets a user of its own"
    )]
    Ondol(String),
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
    match user {
        Some(user) => {
            let name = user.to_owned();
            let found = looked_up(name.clone()).await?;
            found.map(Some).ok_or(IdentityError::Missing(name))
        }
        None => own(app).await.map(Some),
    }
}

/// Makes the user that an app runs as, where it is missing and this process is root: before files are restored that are
/// that user's. One that the configuration names is made too, as a user that nobody logs in as.
///
/// # Errors
///
/// Why there is none; a sentence for the owner.
pub async fn make_user(app: &AppName, user: Option<&str>) -> Result<(), String> {
    let found = match identity(app, user).await {
        Err(IdentityError::Missing(name)) => make(&name, useradd(app, &name)).await.map(drop),
        found => found.map(drop),
    };
    found.map_err(|error| Chain(&error).to_string())
}

/// The app's own user; made when it is missing.
async fn own(app: &AppName) -> Result<Identity, IdentityError> {
    let name = own_name(app);
    make(&name, useradd(app, &name)).await
}

/// A user of the system; made when it is missing.
async fn make(name: &str, arguments: Vec<String>) -> Result<Identity, IdentityError> {
    // The program that makes users refuses to do so twice at a time.
    static ONE_AT_A_TIME: Semaphore = Semaphore::const_new(1);
    let _turn = ONE_AT_A_TIME.acquire().await;
    if let Some(found) = looked_up(name.to_owned()).await? {
        return Ok(found);
    }
    let made = program::run(USERADD, arguments, USERADD_MAX).await;
    let unmade = |why: String| IdentityError::Unmade {
        name: name.to_owned(),
        why,
    };
    let ended = made.map_err(|error| unmade(Chain(&error).to_string()))?;
    if !ended.status.success() {
        return Err(unmade(ended.complaint.trim().to_owned()));
    }
    tracing::info!(user = name, "made a user");
    let found = looked_up(name.to_owned()).await?;
    found.ok_or_else(|| unmade(format!("{USERADD} did, but it is not in {PASSWD}")))
}

/// What the user of an app is called. No app has a name with `_`, so that of the app `web`, which would be the one that
/// talks to visitors, is nobody else's.
fn own_name(app: &AppName) -> String {
    let name = format!("{PREFIX}{app}");
    match name == VISITORS {
        true => format!("{PREFIX}_{app}"),
        false => name,
    }
}

/// Whom an app would run as, looked at without making anybody. Blocks on the disk.
///
/// # Errors
///
/// As of [`identity`].
pub(crate) fn preview(app: &AppName, user: Option<&str>) -> Result<Runner, IdentityError> {
    match (user, rustix::process::geteuid().is_root()) {
        (Some(user), false) => Err(IdentityError::NotRoot(user.to_owned())),
        (None, false) => Ok(Runner::Own),
        (Some(user), true) => {
            let found = find(user)?;
            let missing = || IdentityError::Missing(user.to_owned());
            found.map(Runner::Found).ok_or_else(missing)
        }
        (None, true) => {
            let name = own_name(app);
            Ok(find(&name)?.map_or(Runner::Made(name), Runner::Found))
        }
    }
}

/// A user of the system that nobody logs in as; its home is the app's data folder, which is told to it otherwise.
fn useradd(app: &AppName, name: &str) -> Vec<String> {
    let comment = format!("The app {app}, run by Ondol");
    let arguments = [
        "--system",
        "--user-group",
        "--no-create-home",
        "--home-dir",
        "/nonexistent",
        "--shell",
        "/usr/sbin/nologin",
        "--comment",
        &comment,
        name,
    ];
    arguments.map(str::to_owned).to_vec()
}

async fn looked_up(name: String) -> Result<Option<Identity>, IdentityError> {
    let found = tasks::spawn_blocking(move || find(&name)).await;
    found.unwrap_or_else(|error| Err(unreadable(PASSWD, io::Error::other(error))))
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
    if name == VISITORS {
        return Err(IdentityError::Ondol(name.to_owned()));
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

#[cfg(test)]
mod tests {
    use super::*;

    const PEOPLE: &str =
        "root:x:0:0:root:/root:/bin/bash\nbroken\nalice:x:1000:1001:A,,,:/home/alice:/bin/sh\n";
    const GROUPS: &str =
        "root:x:0:\nvideo:x:44:bob,alice\nalice:x:1001:\nalices:x:1002:malice\nx:x:\n";

    #[test]
    fn a_user_has_its_groups() {
        let alice = entry(PEOPLE, GROUPS, "alice").unwrap();
        assert_eq!((alice.uid, alice.gid, alice.groups), (1000, 1001, vec![44]));
        assert_eq!(alice.home, PathBuf::from("/home/alice"));
        for nobody in ["alic", "", "broken", "1000"] {
            assert_eq!(entry(PEOPLE, GROUPS, nobody), None, "{nobody}");
        }
    }

    #[tokio::test]
    async fn who_may_not_be_used_is_said() {
        let app = AppName::parse("coffee").unwrap();
        if !rustix::process::geteuid().is_root() {
            assert!(matches!(identity(&app, None).await, Ok(None)));
            assert!(matches!(
                identity(&app, Some("nobody")).await,
                Err(IdentityError::NotRoot(_))
            ));
            return;
        }
        let nobody = identity(&app, Some("nobody")).await.unwrap().unwrap();
        assert_eq!(nobody.uid, 65534);
        let root = identity(&app, Some("root")).await.unwrap_err();
        assert!(root.to_string().contains("is refused"), "{root}");
        let missing = identity(&app, Some("no-such-user")).await.unwrap_err();
        assert!(
            missing
                .to_string()
                .contains("useradd --system no-such-user"),
            "{missing}"
        );
    }

    #[test]
    fn the_user_of_an_app_can_do_nothing_by_itself() {
        let app = AppName::parse("abcdefghijklmnopqrstuvwx").unwrap();
        let name = own_name(&app);
        // The longest name that Linux takes has 32 characters.
        assert!(name.len() <= 32, "{name}");
        let arguments = useradd(&app, &name).join(" ");
        assert!(
            arguments.contains("--shell /usr/sbin/nologin"),
            "{arguments}"
        );
        assert!(arguments.ends_with(&name));
    }

    #[test]
    fn no_app_is_who_talks_to_visitors() {
        let name = |app| own_name(&AppName::parse(app).unwrap());
        assert_eq!(name("coffee"), "ondol-coffee");
        assert_eq!(name("web"), "ondol-_web");
        assert_ne!(name("web"), VISITORS);
    }
}
