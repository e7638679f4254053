//! `smtp`: the server that takes mail.

use std::path::Path;

use ondol_model::Hostname;
use ondol_model::network::is_public;
use ondol_model::plan::Smtp;
use ondol_model::plan::SmtpSecurity;

use crate::file::people::is_address;
use crate::file::tls::secret;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

/// TLS from the first byte (RFC 8314).
const PORT_TLS: u16 = 465;
/// Where mail of one's own is taken (RFC 6409).
const PORT_STARTTLS: u16 = 587;
/// Where mail is handed on.
const PORT_NONE: u16 = 25;
const USER_BYTES_MAX: usize = 256;

pub(super) static SMTP: Table = Table {
    title: "`smtp`",
    doc: "The server that takes mail.",
    keys: &[
        Key {
            name: "host",
            doc: "Its name or address.",
            shape: Shape::Text(Form {
                what: "a host",
                example: "smtp.example.com",
            }),
            absent: Absent::Mistake,
        },
        Key {
            name: "port",
            doc: "Its port. Without it, what goes with `security`: 587, 465 or 25.",
            shape: Shape::Number {
                min: 1,
                max: 65_535,
            },
            absent: Absent::Means,
        },
        Key {
            name: "security",
            doc: "`starttls`: TLS is begun before anything else is said, or nothing is; `tls`: from the first byte; `none`: for a server on this machine or in the house. Without it, `tls` at port 465, else `starttls`.",
            shape: Shape::Choice(&["starttls", "tls", "none"]),
            absent: Absent::Means,
        },
        Key {
            name: "user",
            doc: "Who sends, where the server asks.",
            shape: Shape::Text(Form {
                what: "a name",
                example: "me@example.com",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "password",
            doc: "The password of `user`; of many providers, one that is made for this alone (an app password).",
            shape: secret::SHAPE,
            absent: Absent::Means,
        },
        Key {
            name: "from",
            doc: "The address that mail comes from. Without it, `user` where that is an address, else `email` of `[box]`.",
            shape: Shape::Text(Form {
                what: "an address of mail",
                example: "box@example.com",
            }),
            absent: Absent::Means,
        },
    ],
    later: &[],
};

/// `email` is that of the box.
pub(super) fn smtp(
    alarms: Section<'_>,
    email: Option<&str>,
    folder: &Path,
    report: &mut Report,
) -> Option<Smtp> {
    let table = alarms.table("smtp")?;
    let host = table.text("host").and_then(|word| host(word, report));
    let port = table.number("port").and_then(|port| port.try_into().ok());
    let security = security(table, port);
    let user = table.text("user").and_then(|word| user(word, report));
    let password = secret::secret(table, "password", folder, report);
    belong_together(table, report);
    let from = from(table, user.as_deref(), email, report);
    let host = host?;
    if security == SmtpSecurity::None && table.has("password") && !is_in_the_house(&host) {
        report
            .add(table.key_at("security"), format!("the password would go to {host} in the clear"))
            .help("write \"starttls\" or \"tls\"; \"none\" is for a server on this machine or in the house");
    }
    Some(Smtp {
        host: host.to_string(),
        port: port.unwrap_or(match security {
            SmtpSecurity::Tls => PORT_TLS,
            SmtpSecurity::StartTls => PORT_STARTTLS,
            SmtpSecurity::None => PORT_NONE,
        }),
        security,
        user,
        password,
        from: from?,
    })
}

fn security(table: Section<'_>, port: Option<u16>) -> SmtpSecurity {
    match table.text("security").map(|word| word.text) {
        Some("tls") => SmtpSecurity::Tls,
        Some("none") => SmtpSecurity::None,
        Some(_) => SmtpSecurity::StartTls,
        None if port == Some(PORT_TLS) => SmtpSecurity::Tls,
        None => SmtpSecurity::StartTls,
    }
}

fn host(word: Word<'_>, report: &mut Report) -> Option<Hostname> {
    let host = Hostname::parse(word.text);
    if host.is_err() {
        let help = match word.text.contains(':') {
            true => "the name alone: the port stands in `port`",
            false => "accepted: a name or an address, such as \"smtp.example.com\"",
        };
        let problem = format!("\"{}\" is not a host", repeated(word.text));
        report.add(word.at, problem).help(help);
    }
    host.ok()
}

fn user(word: Word<'_>, report: &mut Report) -> Option<String> {
    let is_fine =
        (1..=USER_BYTES_MAX).contains(&word.text.len()) && !word.text.contains(char::is_control);
    if !is_fine {
        report
            .add(
                word.at,
                format!("\"{}\" is not a name to log in with", repeated(word.text)),
            )
            .help("accepted: 1 to 256 characters on one line");
    }
    is_fine.then(|| word.text.to_owned())
}

fn belong_together(table: Section<'_>, report: &mut Report) {
    for (one, other) in [("user", "password"), ("password", "user")] {
        if table.has(one) && !table.has(other) && table.is_known(&SMTP) {
            report
                .lack(table.key_at(one), format!("`{one}` has no `{other}`"))
                .help(format!(
                    "add `{other}`, or remove `{one}` where the server asks for no name"
                ));
        }
    }
}

fn from(
    table: Section<'_>,
    user: Option<&str>,
    email: Option<&str>,
    report: &mut Report,
) -> Option<String> {
    let Some(word) = table.text("from") else {
        let address = user.filter(|user| is_address(user));
        let address = address.or(email.filter(|email| is_address(email)));
        if address.is_none() && !table.has("from") && table.is_known(&SMTP) {
            report
                .lack(table.at(), "nothing says who the mail is from")
                .help("add `from`, an address that the server lets you send from, or `email` to [box]");
        }
        return address.map(str::to_owned);
    };
    if !is_address(word.text) {
        report
            .add(
                word.at,
                format!("\"{}\" is not an address of mail", repeated(word.text)),
            )
            .help("accepted: the address alone, such as \"box@example.com\"");
        return None;
    }
    Some(word.text.to_owned())
}

fn is_in_the_house(host: &Hostname) -> bool {
    match host.ip() {
        Some(ip) => !is_public(ip),
        None => host.is_private(),
    }
}
