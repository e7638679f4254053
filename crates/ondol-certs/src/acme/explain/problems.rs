//! What the types of ACME's problems mean to the owner of a box (RFC 8555 §6.7, RFC 9773 §7.4).

use instant_acme::Problem;
use ondol_model::HostPattern;
use ondol_model::issuing::FailureKind;
use ondol_model::plan::Challenge;

use super::word;
use super::words;
use crate::failure::Failure;

/// A problem with a request.
#[derive(Debug)]
pub(super) struct Meaning {
    word: &'static str,
    pub(super) kind: FailureKind,
    /// What the issuer says or did, after its name.
    pub(super) said: &'static str,
    /// What the owner can do; empty when that is nothing.
    pub(super) advice: &'static str,
}

/// A problem that an issuer had when it looked whether a name is the owner's.
struct Check {
    word: &'static str,
    kind: FailureKind,
    /// What the issuer did, after its name and before the name that it looked at.
    said: &'static str,
    http: &'static str,
    tls_alpn: &'static str,
    dns: &'static str,
}

/// Too much was asked for, in words that nobody knows.
pub(super) static LIMITED: Meaning = meaning_of(
    "",
    FailureKind::RateLimited,
    "takes no more orders for now",
    "",
);
/// The issuer is at fault, in words that nobody knows.
pub(super) static TROUBLE: Meaning =
    meaning_of("", FailureKind::Unreachable, "has trouble of its own", "");
/// All else.
pub(super) static REFUSED: Meaning = meaning_of("", FailureKind::Rejected, "refused", "");

static MEANINGS: [Meaning; 26] = [
    meaning_of(
        "accountDoesNotExist",
        FailureKind::Account,
        "does not know the account of this box any more",
        "the next try makes a new one",
    ),
    meaning_of(
        "alreadyReplaced",
        FailureKind::Rejected,
        "has a replacement of this certificate already",
        "",
    ),
    meaning_of(
        "alreadyRevoked",
        FailureKind::Rejected,
        "has revoked this certificate already",
        "",
    ),
    meaning_of(
        "badCSR",
        FailureKind::Rejected,
        "does not accept how this box asks for the certificate",
        "",
    ),
    meaning_of(
        "badNonce",
        FailureKind::Unreachable,
        "refused the numbers that it gave itself, again and again",
        "",
    ),
    meaning_of(
        "badPublicKey",
        FailureKind::Rejected,
        "does not accept the key",
        "",
    ),
    meaning_of(
        "badRevocationReason",
        FailureKind::Rejected,
        "does not accept this reason to revoke",
        "give another one",
    ),
    meaning_of(
        "badSignatureAlgorithm",
        FailureKind::Account,
        "does not accept keys of the kind that accounts have here (ECDSA P-256)",
        "",
    ),
    meaning_of(
        "caa",
        FailureKind::Rejected,
        "may not issue for these names by the CAA records of their zone",
        "change the CAA records, or take another issuer",
    ),
    meaning_of("compound", FailureKind::Rejected, "refused", ""),
    meaning_of(
        "connection",
        FailureKind::Unverified,
        "could not connect to this box",
        "",
    ),
    meaning_of(
        "dns",
        FailureKind::Unverified,
        "could not look up the names",
        "",
    ),
    meaning_of(
        "externalAccountRequired",
        FailureKind::Account,
        "wants an account that you make on its own pages first",
        "give its `key_id` and `hmac_key` as `account` of this issuer",
    ),
    meaning_of(
        "incorrectResponse",
        FailureKind::Unverified,
        "did not get the right answer",
        "",
    ),
    meaning_of(
        "invalidContact",
        FailureKind::Account,
        "does not accept the e-mail address",
        "change `email`",
    ),
    meaning_of(
        "invalidProfile",
        FailureKind::Rejected,
        "does not offer this kind of certificate to this box",
        "change `profile`, or leave it out",
    ),
    meaning_of(
        "malformed",
        FailureKind::Rejected,
        "does not accept what it was asked",
        "",
    ),
    meaning_of(
        "orderNotReady",
        FailureKind::Interrupted,
        "lost track of the order",
        "",
    ),
    meaning_of(
        "rateLimited",
        FailureKind::RateLimited,
        "takes no more orders for now",
        "",
    ),
    meaning_of(
        "rejectedIdentifier",
        FailureKind::Rejected,
        "does not issue for these names",
        "take another issuer for them",
    ),
    meaning_of(
        "serverInternal",
        FailureKind::Unreachable,
        "has trouble of its own",
        "",
    ),
    meaning_of(
        "tls",
        FailureKind::Unverified,
        "could not agree on TLS with this box",
        "",
    ),
    meaning_of(
        "unauthorized",
        FailureKind::Account,
        "does not allow this to the account of this box",
        "",
    ),
    meaning_of(
        "unsupportedContact",
        FailureKind::Account,
        "does not accept the e-mail address",
        "change `email`",
    ),
    meaning_of(
        "unsupportedIdentifier",
        FailureKind::Rejected,
        "does not issue for names of this kind",
        "take another issuer for them",
    ),
    meaning_of(
        "userActionRequired",
        FailureKind::Account,
        "wants you to do something first",
        "",
    ),
];

static CHECKS: [Check; 6] = [
    Check {
        word: "caa",
        kind: FailureKind::Rejected,
        said: "may not issue, by the CAA records of its zone, for",
        http: "change the CAA records, or take another issuer",
        tls_alpn: "change the CAA records, or take another issuer",
        dns: "change the CAA records, or take another issuer",
    },
    Check {
        word: "connection",
        kind: FailureKind::Unverified,
        said: "could not connect to",
        http: "port 80 of its addresses (A and AAAA) must lead to this box",
        tls_alpn: "port 443 of its addresses (A and AAAA) must lead to this box",
        dns: "the name servers of its zone must be reached from everywhere",
    },
    Check {
        word: "dns",
        kind: FailureKind::Unverified,
        said: "could not look up",
        http: "it needs an A or AAAA record with the address of this box, and name servers that answer",
        tls_alpn: "it needs an A or AAAA record with the address of this box, and name servers that answer",
        dns: "the name servers of its zone must answer, all the same",
    },
    Check {
        word: "incorrectResponse",
        kind: FailureKind::Unverified,
        said: "got an answer that is not this box's from",
        http: "port 80 of all its addresses (A and AAAA) must lead to this box, and to nothing before it",
        tls_alpn: "port 443 of all its addresses (A and AAAA) must lead to this box, and to nothing before it",
        dns: "all name servers of its zone must show the record that this box writes",
    },
    Check {
        word: "tls",
        kind: FailureKind::Unverified,
        said: "could not agree on TLS with",
        http: "something before this box sends visitors of port 80 on to an HTTPS that does not work",
        tls_alpn: "port 443 must lead to this box, with no other TLS server before it",
        dns: "",
    },
    Check {
        word: "unauthorized",
        kind: FailureKind::Unverified,
        said: "did not find this box's answer at",
        http: "port 80 of all its addresses (A and AAAA) must lead to this box, and to nothing before it",
        tls_alpn: "port 443 of all its addresses (A and AAAA) must lead to this box, and to nothing before it",
        dns: "all name servers of its zone must show the record that this box writes",
    },
];

const fn meaning_of(
    word: &'static str,
    kind: FailureKind,
    said: &'static str,
    advice: &'static str,
) -> Meaning {
    Meaning {
        word,
        kind,
        said,
        advice,
    }
}

/// What a type of problem means; `None` when it is not known.
pub(super) fn meaning(word: &str) -> Option<&'static Meaning> {
    MEANINGS.iter().find(|meaning| meaning.word == word)
}

/// How many types are known.
#[cfg(test)]
pub(super) fn count() -> usize {
    MEANINGS.len()
}

/// An issuer that could not see that a name is the owner's.
pub(in crate::acme) fn check_failed(
    issuer: &str,
    name: &HostPattern,
    challenge: Challenge,
    problem: &Problem,
) -> Failure {
    let about = words(problem);
    let word = word(problem);
    let Some(check) = CHECKS.iter().find(|check| check.word == word) else {
        return match meaning(word) {
            Some(Meaning { kind, said, .. }) => {
                Failure::new(*kind, format!("{issuer} {said} ({name}){about}"))
            }
            None => Failure::new(
                FailureKind::Unverified,
                format!("{issuer} could not check {name}{about}"),
            ),
        };
    };
    let persist = format!("`ondol certs persist {name}` prints the record that it looks for");
    let advice = match challenge {
        Challenge::Http => check.http,
        Challenge::TlsAlpn => check.tls_alpn,
        Challenge::Dns => check.dns,
        Challenge::DnsPersist => &persist,
    };
    let mut sentence = format!("{issuer} {} {name}{about}", check.said);
    if !advice.is_empty() {
        sentence.push_str("; ");
        sentence.push_str(advice);
    }
    Failure::new(check.kind, sentence)
}
