//! Addresses of database servers: those of PostgreSQL as libpq reads them, those of MariaDB and MySQL alike.

use super::url;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Word;

/// The password has a key of its own.
const CREDENTIAL: &str = "password = { file = \"path\" }";
const POSTGRES: &str =
    "accepted: \"postgresql:///coffee\" (by the socket), \"postgresql://user@host:port/coffee\"";
const MYSQL: &str = "accepted: \"mysql:///coffee\" (by the socket), \"mysql:///coffee?socket=/run/mysqld/mysqld.sock\", \"mysql://user@host:port/coffee\"";
/// Longer than any address that a person writes.
const BYTES_MAX: usize = 1_024;

pub(super) fn postgres(word: Word<'_>, report: &mut Report) -> Option<String> {
    let schemes = ["postgresql", "postgres"];
    read(word, ("postgres", &schemes, POSTGRES), report).map(str::to_owned)
}

pub(super) fn mysql(word: Word<'_>, report: &mut Report) -> Option<String> {
    let url = read(word, ("mysql", &["mysql", "mariadb"], MYSQL), report)?;
    let unknown = parameters(url).find(|(name, _)| *name != "socket");
    if let Some((name, _)) = unknown {
        let problem = format!("`mysql` knows no `{}`", repeated(name));
        report.add(word.at, problem).help(MYSQL);
        return None;
    }
    Some(url.to_owned())
}

/// What the server calls a database.
pub(super) fn database(url: &str) -> Option<String> {
    let (_, after) = url.split_once("://")?;
    let (address, _) = after.split_once('?').unwrap_or((after, ""));
    let path = address.split_once('/').map(|(_, path)| path);
    let named = || parameters(url).find(|(name, _)| *name == "dbname");
    let name = match path {
        Some(path) if !path.is_empty() => path,
        Some(_) | None => named()?.1,
    };
    decoded(name).filter(|name| !name.is_empty() && !name.contains(char::is_control))
}

fn read<'w>(
    word: Word<'w>,
    (key, schemes, accepted): (&str, &[&str], &str),
    report: &mut Report,
) -> Option<&'w str> {
    let text = word.text;
    let user = url::without_user(text).0;
    let is_password = |name: &str| matches!(name, "password" | "passwd" | "pwd" | "sslpassword");
    let has_password = user.is_some_and(|user| user.contains(':'))
        || parameters(text).any(|(name, _)| is_password(name));
    if has_password {
        url::password(word, key, CREDENTIAL, report);
        return None;
    }
    let (scheme, after) = text.split_once("://").unwrap_or_default();
    let is_plain = !text.contains(|c: char| c.is_control() || c == ' ' || c == '#');
    let is_address = schemes.contains(&scheme) && is_plain && text.len() <= BYTES_MAX;
    let is_address = is_address && has_server(after) && parameters(text).all(is_set);
    let problem = match database(text) {
        Some(_) if is_address => return Some(text),
        None if is_address => format!("`{key}` names no database"),
        // A password may be in what can't be read.
        _ if text.contains('@') || text.contains("password") => {
            report
                .add(word.at, format!("`{key}` is not the address of a database"))
                .help(accepted)
                .hide_line();
            return None;
        }
        _ => format!("\"{}\" is not the address of a database", repeated(text)),
    };
    report.add(word.at, problem).help(accepted);
    None
}

/// Whether what follows the scheme begins with one host, or none, and a port that is one. Which of several would be
/// read is not known beforehand.
fn has_server(after: &str) -> bool {
    let end = after.find(['/', '?']).unwrap_or(after.len());
    let authority = after.get(..end).unwrap_or_default();
    let server = authority
        .rsplit_once('@')
        .map_or(authority, |(_, server)| server);
    let (host, port) = match server.rfind(':').filter(|at| !server[*at..].contains(']')) {
        Some(at) => (&server[..at], server.get(at + 1..)),
        None => (server, None),
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port != 0);
    let is_one = !host.contains(',') && decoded(host).is_some_and(|host| !host.starts_with('-'));
    is_one && port.is_none_or(is_port)
}

fn is_set((name, value): (&str, &str)) -> bool {
    !name.is_empty() && !value.is_empty() && decoded(value).is_some()
}

/// What follows the `?`.
fn parameters(url: &str) -> impl Iterator<Item = (&str, &str)> {
    let (_, query) = url.split_once('?').unwrap_or(("", ""));
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').unwrap_or((part, "")))
}

/// Without its percent-encoding (RFC 3986 §2.1); `None` when that is broken.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'%' {
            bytes.push(byte);
            rest = after;
            continue;
        }
        let digits = std::str::from_utf8(after.get(..2)?).ok()?;
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?);
        rest = after.get(2..)?;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_server() {
        for (text, expected) in [
            ("/coffee", true),
            ("me@db.lan:5433/coffee", true),
            ("[fd00::1]:5433/coffee", true),
            ("[fd00::1]/coffee", true),
            ("%2Frun%2Fpg/coffee", true),
            ("a,b:5433/coffee", false),
            ("db:x/coffee", false),
            ("db:0/coffee", false),
            ("-db/coffee", false),
            ("me@-db/coffee", false),
            ("%zz/coffee", false),
        ] {
            assert_eq!(has_server(text), expected, "{text}");
        }
    }

    #[test]
    fn the_database_is_the_path_of_its_address() {
        for (url, expected) in [
            ("postgresql:///coffee", Some("coffee")),
            (
                "postgresql://me@db.lan:5433/coffee?sslmode=require",
                Some("coffee"),
            ),
            ("postgresql://%2Frun%2Fpg/my%20db", Some("my db")),
            ("postgresql://db.lan?dbname=coffee", Some("coffee")),
            ("mysql:///%EC%BB%A4%ED%94%BC", Some("커피")),
            ("postgresql://db.lan", None),
            ("postgresql:///", None),
            ("postgresql:///a%2", None),
            ("postgresql:///a%+1", None),
            ("coffee", None),
        ] {
            assert_eq!(database(url).as_deref(), expected, "{url}");
        }
    }
}
