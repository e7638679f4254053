//! The addresses of databases in an app's variables, and those of their restored copies.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// How the names of variables end that hold the name of a database alone.
const NAMES: [&str; 6] = [
    "DATABASE",
    "DB",
    "DB_NAME",
    "DBNAME",
    "DATABASE_NAME",
    "DATABASE__NAME",
];
/// What is before the name of a database in settings of the form `host=localhost dbname=coffee`, or with `;`.
const KEYS: [&str; 2] = ["dbname=", "database="];
/// Servers whose data a backup would have to have.
const SERVERS: [&str; 8] = [
    "postgres",
    "postgresql",
    "postgis",
    "mysql",
    "mysql2",
    "mariadb",
    "trilogy",
    "mongodb",
];

/// Why an app can't be tried: it would meet what is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unled {
    /// No variable led to this address.
    Nowhere(String),
    /// This variable leads to a database that was not restored.
    InUse(String),
}

/// Has the variables lead to the second of each pair instead of the first, and to no other database.
pub(super) fn replace(
    variables: &mut BTreeMap<String, String>,
    instead: &[(String, String)],
) -> Result<(), Unled> {
    let before = variables.clone();
    let mut led = BTreeSet::new();
    for (from, to) in instead {
        let mut is_found = false;
        for (name, value) in &before {
            if let Some(other) = other(name, value, from, to) {
                variables.insert(name.clone(), other);
                led.insert(name);
                is_found = true;
            }
        }
        if !is_found {
            return Err(Unled::Nowhere(from.clone()));
        }
    }
    let mut others = before.iter().filter(|(name, _)| !led.contains(name));
    match others.find(|(_, value)| leads_to_a_server(value)) {
        Some((name, _)) => Err(Unled::InUse(name.clone())),
        None => Ok(()),
    }
}

fn leads_to_a_server(value: &str) -> bool {
    let scheme = value.split_once("://").map(|(scheme, _)| scheme);
    let scheme = scheme.map(|scheme| scheme.strip_prefix("jdbc:").unwrap_or(scheme));
    let scheme = scheme.and_then(|scheme| scheme.split('+').next());
    scheme.is_some_and(|scheme| SERVERS.contains(&scheme))
}

/// What a variable holds instead; `None` for one that does not lead to the database.
fn other(name: &str, value: &str, from: &str, to: &str) -> Option<String> {
    if value == from {
        return Some(to.to_owned());
    }
    let (from, to) = (Address::parse(from)?, Address::parse(to)?);
    if value == from.database && is_name(name) {
        return Some(to.database.to_owned());
    }
    let Some(found) = Address::parse(value) else {
        return in_settings(value, from.database, to.database);
    };
    let is_same = found.kind == from.kind
        && found.database == from.database
        && is_same_host(found.host, from.host);
    // With its own user and password, which the address of the backup need not have.
    is_same.then(|| format!("{}{}{}", found.before, to.database, found.after))
}

/// Whether a variable is called as those are that hold the name of a database.
fn is_name(variable: &str) -> bool {
    let variable = variable.to_ascii_uppercase();
    let mut ends = NAMES.iter().filter_map(|end| variable.strip_suffix(end));
    ends.any(|rest| rest.is_empty() || rest.ends_with('_') || rest == "PG")
}

/// `host=localhost dbname=coffee`, `pgsql:host=localhost;dbname=coffee`, `me:secret@tcp(localhost)/coffee?tls=false`.
fn in_settings(value: &str, from: &str, to: &str) -> Option<String> {
    let lower = value.to_ascii_lowercase();
    let after_key = KEYS
        .iter()
        .filter_map(|key| Some(lower.find(key)? + key.len()));
    let after_place = value.find(")/").map(|at| at + 2);
    let mut starts = after_key.chain(after_place);
    starts.find_map(|start| {
        let rest = value[start..].strip_prefix(from)?;
        let is_all = rest.is_empty() || rest.starts_with([';', ' ', '?']);
        is_all.then(|| format!("{}{to}{rest}", &value[..start]))
    })
}

#[derive(Debug, PartialEq, Eq)]
struct Address<'a> {
    kind: &'static str,
    host: &'a str,
    /// All before the name of the database.
    before: &'a str,
    database: &'a str,
    /// All behind it.
    after: &'a str,
}

impl<'a> Address<'a> {
    /// Of `postgresql://user:password@host:5432/coffee?sslmode=require`, with what drivers make of the scheme.
    fn parse(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = scheme.strip_prefix("jdbc:").unwrap_or(scheme);
        let kind = match scheme.split('+').next()? {
            "postgres" | "postgresql" | "postgis" => "postgres",
            "mysql" | "mysql2" | "mariadb" | "trilogy" => "mysql",
            _ => return None,
        };
        let (authority, path) = rest.split_once('/')?;
        let database = path.split(['?', '#']).next()?;
        let host = authority.rsplit_once('@').map_or(authority, |(_, it)| it);
        let host = match host.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => host,
            Some(_) | None => host,
        };
        let start = text.len() - path.len();
        (!database.is_empty()).then_some(Self {
            kind,
            host,
            before: &text[..start],
            database,
            after: &text[start + database.len()..],
        })
    }
}

fn is_same_host(one: &str, other: &str) -> bool {
    let is_here = |host: &str| matches!(host, "" | "localhost" | "127.0.0.1" | "[::1]");
    one.eq_ignore_ascii_case(other) || (is_here(one) && is_here(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_to_the_copy_whoever_asks() {
        let (from, to) = ("postgresql:///coffee", "postgresql:///ondol_proof_coffee");
        for (value, expected) in [
            (
                "postgresql:///coffee",
                Some("postgresql:///ondol_proof_coffee"),
            ),
            (
                "postgres://me:p%40ss@localhost:5432/coffee?pool=5",
                Some("postgres://me:p%40ss@localhost:5432/ondol_proof_coffee?pool=5"),
            ),
            (
                "postgresql+asyncpg://127.0.0.1/coffee",
                Some("postgresql+asyncpg://127.0.0.1/ondol_proof_coffee"),
            ),
            (
                "jdbc:postgresql://[::1]:5433/coffee",
                Some("jdbc:postgresql://[::1]:5433/ondol_proof_coffee"),
            ),
            ("postgresql:///coffee_test", None),
            ("postgresql://db.example/coffee", None),
            ("mysql://localhost/coffee", None),
            (
                "host=localhost dbname=coffee user=me",
                Some("host=localhost dbname=ondol_proof_coffee user=me"),
            ),
            (
                "Server=localhost;Database=coffee;User=me",
                Some("Server=localhost;Database=ondol_proof_coffee;User=me"),
            ),
            (
                "me:s@tcp(localhost:3306)/coffee?tls=false",
                Some("me:s@tcp(localhost:3306)/ondol_proof_coffee?tls=false"),
            ),
            ("host=localhost dbname=coffee2", None),
            ("coffee", None),
            ("redis://localhost/coffee", None),
            ("", None),
        ] {
            let other = other("DATABASE_URL", value, from, to);
            assert_eq!(other.as_deref(), expected, "{value}");
        }
        for (name, expected) in [
            ("PGDATABASE", true),
            ("DB", true),
            ("WORDPRESS_DB_NAME", true),
            ("POSTGRES_DB", true),
            ("GITEA__database__NAME", true),
            ("DB_USER", false),
            ("DB_PASSWORD", false),
            ("DATABASE_USERNAME", false),
            ("HEADB", false),
        ] {
            let other = other(name, "coffee", from, to);
            assert_eq!(other.is_some(), expected, "{name}");
        }
    }

    #[test]
    fn an_address_that_nothing_leads_to_is_told() {
        let (from, to) = ("mysql:///shop".to_owned(), "mysql:///proof".to_owned());
        let shop = [(from.clone(), to)];
        let mut variables = BTreeMap::from([("A".to_owned(), "b".to_owned())]);
        let nowhere = Unled::Nowhere(from.clone());
        assert_eq!(replace(&mut variables, &shop), Err(nowhere));
        variables.insert("URL".to_owned(), from);
        assert_eq!(replace(&mut variables, &shop), Ok(()));
        assert_eq!(variables["URL"], "mysql:///proof");
        // Who also has another, or the same by another name of the machine, would meet what is in use.
        for address in ["mysql://box.lan/shop", "postgres:///x", "mongodb+srv://x/y"] {
            variables.insert("URL".to_owned(), "mysql:///shop".to_owned());
            variables.insert("OTHER".to_owned(), address.to_owned());
            let in_use = Unled::InUse("OTHER".to_owned());
            assert_eq!(replace(&mut variables, &shop), Err(in_use.clone()));
            assert_eq!(replace(&mut variables.clone(), &[]), Err(in_use));
        }
    }
}
