//! A name server of one's own that takes updates (RFC 2136), signed by a key (TSIG, RFC 8945).

use std::path::Path;

use ondol_model::Hostname;
use ondol_model::plan::DnsProvider;
use ondol_model::plan::TsigAlgorithm;

use crate::file::tls::resolvers;
use crate::file::tls::secret;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::section::Word;

/// Every server that takes updates has it.
const ALGORITHM: TsigAlgorithm = TsigAlgorithm::HmacSha256;
pub(super) const ALGORITHMS: [&str; 3] = ["hmac-sha256", "hmac-sha384", "hmac-sha512"];

pub(super) fn rfc2136(
    table: Section<'_>,
    folder: &Path,
    report: &mut Report,
) -> Option<DnsProvider> {
    let server = table.text("server");
    let server = server.and_then(|word| resolvers::server(word, report));
    let key_name = table.text("key_name");
    let key_name = key_name.and_then(|word| key_name_of(word, report));
    let key = secret::secret(table, "key", folder, report);
    let algorithm = match table.text("algorithm").map(|word| word.text) {
        Some("hmac-sha256") => TsigAlgorithm::HmacSha256,
        Some("hmac-sha384") => TsigAlgorithm::HmacSha384,
        Some("hmac-sha512") => TsigAlgorithm::HmacSha512,
        Some(_) | None => ALGORITHM,
    };
    Some(DnsProvider::Rfc2136 {
        server: server?,
        key_name: key_name?,
        algorithm,
        key: key?,
    })
}

/// The name of a key is a domain name (RFC 8945 §4.2).
fn key_name_of(word: Word<'_>, report: &mut Report) -> Option<Box<str>> {
    let name = Hostname::parse(word.text).ok();
    let name = name.filter(|name| name.ip().is_none());
    if name.is_none() {
        let problem = format!("\"{}\" is not the name of a key", repeated(word.text));
        report.add(word.at, problem).help(
            "accepted: the name that the server's own configuration gives to the key, such as \"ondol\"",
        );
    }
    name.map(|name| name.as_str().into())
}
