//! The user that talks to visitors: looked up in `/etc/passwd`, which needs no name service.

use std::fmt;
use std::io;

use crate::folders::Person;

/// The user that data planes run as when none was named.
pub(crate) const USUAL: &str = "ondol-web";
const PASSWD: &str = "/etc/passwd";

/// The user that data planes run as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ServeUser {
    /// The one that runs the agent: only root can be another.
    Own,
    /// Another, which may do less.
    Other { name: String, uid: u32, gid: u32 },
}

/// Why there is no user for data planes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UserError {
    #[error("could not read {PASSWD}")]
    Unreadable(#[source] io::Error),
    #[error(
        "there is no user {0:?} to talk to visitors: make one with \
         `useradd --system --no-create-home --shell /usr/sbin/nologin {0}`, or name another with --user"
    )]
    Missing(String),
    #[error(
        "only root can start data planes as another user: leave --user {0} out, or start as root"
    )]
    NotRoot(String),
}

impl ServeUser {
    /// Finds the user that was named, or the usual one.
    pub(crate) fn find(person: Person, named: Option<&str>) -> Result<Self, UserError> {
        match person {
            Person::Ordinary => named.map_or(Ok(Self::Own), |name| {
                Err(UserError::NotRoot(name.to_owned()))
            }),
            Person::Root => {
                let passwd = std::fs::read_to_string(PASSWD).map_err(UserError::Unreadable)?;
                let name = named.unwrap_or(USUAL);
                entry(&passwd, name).ok_or_else(|| UserError::Missing(name.to_owned()))
            }
        }
    }
}

impl ServeUser {
    /// Somebody with no rights of their own (`nobody` on every system).
    pub(crate) fn anybody() -> Self {
        Self::Other {
            name: "nobody".to_owned(),
            uid: 65534,
            gid: 65534,
        }
    }

    /// The same rights under another name: of somebody who is not there yet.
    pub(crate) fn named(self, called: String) -> Self {
        match self {
            Self::Own => Self::Own,
            Self::Other { name: _, uid, gid } => Self::Other {
                name: called,
                uid,
                gid,
            },
        }
    }
}

impl fmt::Display for ServeUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("the agent's own user"),
            Self::Other { name, .. } => f.write_str(name),
        }
    }
}

fn entry(passwd: &str, name: &str) -> Option<ServeUser> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let found = fields.next()? == name;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        found.then(|| ServeUser::Other {
            name: name.to_owned(),
            uid,
            gid,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_their_whole_name() {
        let passwd =
            "root:x:0:0:root:/root:/bin/bash\nbroken\nondol-web:x:997:996::/:/usr/sbin/nologin\n";
        let found = entry(passwd, "ondol-web");
        assert_eq!(
            found,
            Some(ServeUser::Other {
                name: "ondol-web".into(),
                uid: 997,
                gid: 996
            })
        );
        assert_eq!(
            (
                entry(passwd, "ondol"),
                entry(passwd, ""),
                entry(passwd, "broken")
            ),
            (None, None, None)
        );
    }

    #[test]
    fn what_to_do_is_said_where_there_is_no_user() {
        assert!(
            UserError::Missing("web".into())
                .to_string()
                .contains("useradd")
        );
        let ordinary = ServeUser::find(Person::Ordinary, Some("web")).unwrap_err();
        assert!(matches!(ordinary, UserError::NotRoot(_)));
        assert_eq!(
            ServeUser::find(Person::Ordinary, None).unwrap(),
            ServeUser::Own
        );
        assert!(matches!(
            ServeUser::find(Person::Root, Some("no such user")),
            Err(UserError::Missing(_))
        ));
    }
}
