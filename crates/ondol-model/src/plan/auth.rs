//! What visitors have to show before they are let through.

use std::time::Duration;

use crate::network::Network;
use crate::password::PasswordHash;
use crate::upstream::Upstream;

/// How visitors show who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// Networks whose visitors need not.
    pub except: Vec<Network>,
    /// By what.
    pub by: AuthBy,
}

/// By what visitors show who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthBy {
    /// A name and a password, asked for by the browser (RFC 7617).
    Basic(BasicAuth),
    /// Another server, which is asked about each request.
    Forward(ForwardAuth),
}

impl AuthBy {
    /// The key of this in the configuration.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Basic(_) => "basic_auth",
            Self::Forward(_) => "forward_auth",
        }
    }

    /// The headers that only this may set, in lower case: a visitor's own are never passed on.
    pub fn identity_headers(&self) -> impl Iterator<Item = &str> {
        let (user_header, copy) = match self {
            Self::Basic(basic) => (basic.user_header.as_deref(), &[][..]),
            Self::Forward(forward) => (None, &forward.copy[..]),
        };
        user_header
            .into_iter()
            .chain(copy.iter().map(String::as_str))
    }
}

/// Names and passwords.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasicAuth {
    /// What the browser calls the place; `None` is the name of the site.
    pub realm: Option<String>,
    /// Who may come; at least one.
    pub users: Users,
    /// What becomes of the header with the password.
    pub authorization: Authorization,
    /// The header that tells the app who it is, in lower case.
    pub user_header: Option<String>,
}

/// Someone with a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Has no colon.
    pub name: String,
    /// Of the password.
    pub hash: PasswordHash,
}

/// What becomes of the header with the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authorization {
    /// The app never sees it.
    Strip,
    /// The app gets it too.
    Pass,
}

impl BasicAuth {
    /// Of these users, with defaults for the rest.
    pub fn of(users: Vec<User>) -> Self {
        Self {
            realm: None,
            users: Users::new(users),
            authorization: Authorization::Strip,
            user_header: None,
        }
    }
}

/// Those with a password, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Users(Vec<User>);

impl Users {
    /// These, in any order; of two with one name one is found.
    pub fn new(mut users: Vec<User>) -> Self {
        users.sort_by(|a, b| a.name.cmp(&b.name));
        Self(users)
    }

    /// The user with this name.
    pub fn find(&self, name: &[u8]) -> Option<&User> {
        let found = self
            .0
            .binary_search_by(|user| user.name.as_bytes().cmp(name));
        found.ok().and_then(|at| self.0.get(at))
    }

    /// Any of them.
    pub fn first(&self) -> Option<&User> {
        self.0.first()
    }
}

/// A server that says who is let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardAuth {
    /// The server.
    pub to: Upstream,
    /// What it is asked for: a path, and a query if there is one.
    pub target: String,
    /// Headers of its answer that the app gets, in lower case.
    pub copy: Vec<String>,
    /// How long it may take to answer; then nobody is let through.
    pub timeout: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_their_whole_name() {
        let user = |name: &str| User {
            name: name.to_owned(),
            hash: PasswordHash::parse(
                "$2y$04$abcdefghijklmnopqrstuu5s4s8QzgLxO7Bk4f8Yr8zjcVTPkVNhK",
            )
            .expect("a hash"),
        };
        let users = Users::new(["zoe", "al", "alice"].map(user).to_vec());
        for name in ["zoe", "al", "alice"] {
            assert_eq!(users.find(name.as_bytes()).expect(name).name, name);
        }
        for name in ["", "a", "alic", "Alice", "alice\0"] {
            assert!(users.find(name.as_bytes()).is_none(), "{name:?}");
        }
    }
}
