//! `account` of an issuer: an account that was made elsewhere (RFC 8555 §7.3.4).

use std::path::Path;

use ondol_model::plan::ExternalAccount;

use super::secret;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

pub(super) const NAME: &str = "account";

pub(super) static ACCOUNT: Table = Table {
    title: "`account`",
    doc: "An account that you have at the issuer already (external account binding).",
    keys: &[
        Key {
            name: "key_id",
            doc: "The id of its key, which is no secret.",
            shape: Shape::Text(Form {
                what: "the id of a key",
                example: "q2HzXoBkYgQgnJ4RSgcLwA",
            }),
            absent: Absent::Mistake,
        },
        Key {
            name: "hmac_key",
            doc: "The key, in base64url as issuers show it.",
            shape: secret::SHAPE,
            absent: Absent::Mistake,
        },
    ],
    later: &[],
};

pub(super) fn account(
    issuer: Section<'_>,
    folder: &Path,
    report: &mut Report,
) -> Option<ExternalAccount> {
    let section = issuer.table(NAME)?;
    let key_id = section.text("key_id");
    if let Some(word) = key_id
        && (word.text.is_empty() || word.text.contains(char::is_control))
    {
        report
            .add(word.at, "`key_id` is not the id of a key")
            .help("accepted: the key ID that the issuer shows beside the HMAC key");
    }
    let hmac_key = secret::secret(section, "hmac_key", folder, report);
    Some(ExternalAccount {
        key_id: key_id?.text.into(),
        hmac_key: hmac_key?,
    })
}
