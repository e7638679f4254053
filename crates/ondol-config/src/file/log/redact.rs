//! `redact`: what is left out of logged addresses.

use ondol_model::limits::ACCESS_LOG_SECRETS_MAX;
use ondol_model::plan::SecretName;

use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;

pub(super) const REDACT: Key = Key {
    name: "redact",
    doc: "Parameters in addresses whose values are logged as `REDACTED`, in the address and in `Referer`; `*` is any text. A list of your own takes the place of this one; `[]` leaves nothing out.",
    shape: Shape::List(&Shape::Text(Form {
        what: "the name of a parameter",
        example: "*token",
    })),
    absent: Absent::Default(
        r#"["*token", "*password", "*passwd", "*secret", "*signature", "*sessionid", "*session_id", "*apikey", "*api_key", "*api-key", "*credential", "access_key", "auth", "code", "jwt", "key", "pass", "pwd", "sig"]"#,
    ),
};

pub(super) fn read(log: Section<'_>, redact: &mut Vec<SecretName>, report: &mut Report) {
    let Some(words) = log.texts(REDACT.name) else {
        return;
    };
    redact.clear();
    if let Some(word) = words.get(ACCESS_LOG_SECRETS_MAX) {
        let problem =
            format!("this is one name more than the {ACCESS_LOG_SECRETS_MAX} that are left out");
        report.add(word.at, problem);
    }
    for word in words.into_iter().take(ACCESS_LOG_SECRETS_MAX) {
        match SecretName::parse(word.text) {
            Some(name) => redact.push(name),
            None => {
                let problem = format!("no parameter is called \"{}\"", repeated(word.text));
                report.add(word.at, problem).help(
                    "write its name as it stands in addresses; a `*` may stand before or after it: \"*token\"",
                );
            }
        }
    }
}
