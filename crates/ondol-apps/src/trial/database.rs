//! The addresses of databases in an app's variables, and those of their restored copies.

use std::collections::BTreeMap;

/// Variables that hold the name of a database alone.
const NAMES: [&str; 8] = [
    "PGDATABASE",
    "POSTGRES_DB",
    "POSTGRES_DATABASE",
    "MYSQL_DATABASE",
    "MARIADB_DATABASE",
    "DATABASE_NAME",
    "DB_DATABASE",
    "DB_NAME",
];

/// Has the variables lead to the second of each pair instead of the first. The error is an address to which none led.
pub(super) fn replace(
    variables: &mut BTreeMap<String, String>,
    instead: &[(String, String)],
) -> Result<(), String> {
    let before = variables.clone();
    for (from, to) in instead {
        let mut is_found = false;
        for (name, value) in &before {
            if let Some(other) = other(name, value, from, to) {
                variables.insert(name.clone(), other);
                is_found = true;
            }
        }
        if !is_found {
            return Err(from.clone());
        }
    }
    Ok(())
}

/// What a variable holds instead; `None` for one that does not lead to the database.
fn other(name: &str, value: &str, from: &str, to: &str) -> Option<String> {
    if value == from {
        return Some(to.to_owned());
    }
    let (from, to) = (Address::parse(from)?, Address::parse(to)?);
    if NAMES.contains(&name) && value == from.database {
        return Some(to.database.to_owned());
    }
    let found = Address::parse(value)?;
    let is_same = found.kind == from.kind
        && found.database == from.database
        && is_same_host(found.host, from.host);
    // With its own user and password, which the address of the backup need not have.
    is_same.then(|| format!("{}{}{}", found.before, to.database, found.after))
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
            ("coffee", None),
            ("redis://localhost/coffee", None),
            ("", None),
        ] {
            let other = other("DATABASE_URL", value, from, to);
            assert_eq!(other.as_deref(), expected, "{value}");
        }
        let name = other("PGDATABASE", "coffee", from, to);
        assert_eq!(name.as_deref(), Some("ondol_proof_coffee"));
    }

    #[test]
    fn an_address_that_nothing_leads_to_is_told() {
        let (from, to) = ("mysql:///shop".to_owned(), "mysql:///proof".to_owned());
        let shop = [(from.clone(), to)];
        let mut variables = BTreeMap::from([("A".to_owned(), "b".to_owned())]);
        assert_eq!(replace(&mut variables, &shop), Err(from.clone()));
        variables.insert("URL".to_owned(), from);
        assert_eq!(replace(&mut variables, &shop), Ok(()));
        assert_eq!(variables["URL"], "mysql:///proof");
    }
}
