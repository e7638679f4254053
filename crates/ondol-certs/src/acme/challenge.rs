//! The answers to an issuer's challenges (RFC 8555 §8): shown, until they are dropped or taken down.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use instant_acme::AuthorizationHandle;
use instant_acme::AuthorizedIdentifier;
use instant_acme::ChallengeHandle;
use instant_acme::ChallengeStatus;
use instant_acme::ChallengeType;
use instant_acme::Identifier;
use ondol_model::HostPattern;
use ondol_model::Hostname;
use ondol_model::issuing::FailureKind;
use ondol_model::plan::Challenge;

use super::Solver;
use super::explain;
use super::tls_alpn;
use crate::challenges::NotShown;
use crate::challenges::Posted;
use crate::failure::Failure;
use crate::zone::Published;

/// The longest token: issuers' have 43 signs. It becomes part of a path and goes to the data plane.
const TOKEN_MAX: usize = 256;
/// How much is shown of a name that was not ordered.
const NAME_MAX: usize = 100;

/// A challenge that was chosen for a name, and all that its answer needs.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) name: HostPattern,
    pub(super) challenge: Challenge,
    /// Whether the issuer still waits to be told that the answer is shown.
    pub(super) is_pending: bool,
    token: String,
    key_authorization: String,
    dns_value: String,
    digest: Vec<u8>,
}

/// Answers that are shown.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// They are taken from the data plane when this is dropped.
    posted: Vec<Posted>,
    published: Vec<Published>,
}

/// One answer that is shown.
enum One {
    Posted(Posted),
    Published(Published),
    /// The owner has written it into the zone for good.
    Standing,
}

impl Chosen {
    /// The challenge for an authorization: the first way that the issuer offers.
    pub(super) fn of<'a>(
        issuer: &str,
        name: HostPattern,
        authorization: &'a mut AuthorizationHandle<'a>,
        ways: &[Challenge],
    ) -> Result<Self, Failure> {
        let offered: Vec<ChallengeType> = authorization
            .challenges
            .iter()
            .map(|challenge| challenge.r#type.clone())
            .collect();
        let mut fitting = ways.iter().map(|way| (*way, type_of(*way)));
        let Some((challenge, kind)) = fitting.find(|(_, kind)| offered.contains(kind)) else {
            return Err(no_way(issuer, &name, ways, &offered));
        };
        let Some(handle) = authorization.challenge(kind) else {
            return Err(no_way(issuer, &name, ways, &offered));
        };
        // A record that stands for good answers to no token.
        if challenge != Challenge::DnsPersist && !is_token(&handle.token) {
            let sentence = format!("{issuer} sets a challenge for {name} that is none");
            return Err(Failure::new(FailureKind::Rejected, sentence));
        }
        Ok(Self::with(name, challenge, &handle))
    }

    fn with(name: HostPattern, challenge: Challenge, handle: &ChallengeHandle<'_>) -> Self {
        let key_authorization = handle.key_authorization();
        Self {
            name,
            challenge,
            is_pending: handle.status == ChallengeStatus::Pending,
            token: handle.token.clone(),
            key_authorization: key_authorization.as_str().to_owned(),
            dns_value: key_authorization.dns_value(),
            digest: key_authorization.digest().as_ref().to_vec(),
        }
    }

    /// What ACME calls it.
    pub(super) fn kind(&self) -> ChallengeType {
        type_of(self.challenge)
    }

    async fn show(&self, solver: &Solver<'_>) -> Result<One, Failure> {
        match self.challenge {
            Challenge::Http => {
                let posted = solver
                    .board
                    .post_http(&self.token, &self.key_authorization)
                    .await;
                posted
                    .map(One::Posted)
                    .map_err(|error| self.not_shown(error))
            }
            Challenge::TlsAlpn => {
                let pair = tls_alpn::certificate(&self.name, &self.digest)
                    .map_err(|error| Failure::new(FailureKind::Machine, error.to_string()))?;
                let name = tls_alpn::server_name(&self.name);
                let posted = solver.board.post_tls_alpn(&name, pair).await;
                posted
                    .map(One::Posted)
                    .map_err(|error| self.not_shown(error))
            }
            Challenge::Dns => {
                let Some(zone) = solver.zone else {
                    let sentence = format!("Ondol cannot write into the zone of {}", self.name);
                    return Err(Failure::new(FailureKind::Dns, sentence));
                };
                let published = zone.publish(&self.name, &self.dns_value).await;
                published.map(One::Published)
            }
            Challenge::DnsPersist => Ok(One::Standing),
        }
    }

    fn not_shown(&self, error: NotShown) -> Failure {
        Failure::new(FailureKind::Machine, format!("{}: {error}", self.name))
    }
}

impl Shown {
    /// Shows all answers at once. When one can't be shown, none is.
    pub(super) async fn all(chosen: &[Chosen], solver: &Solver<'_>) -> Result<Self, Failure> {
        let showing = chosen.iter().map(|one| one.show(solver));
        let mut shown = Self::default();
        let mut failed = None;
        for one in join_all(showing).await {
            match one {
                Ok(One::Posted(posted)) => shown.posted.push(posted),
                Ok(One::Published(published)) => shown.published.push(published),
                Ok(One::Standing) => {}
                Err(failure) => failed = failed.or(Some(failure)),
            }
        }
        match failed {
            Some(failure) => {
                shown.take_down(solver).await;
                Err(failure)
            }
            None => Ok(shown),
        }
    }

    /// Takes all of them down. Without it those in zones stay until the zone's journal is worked off.
    pub(super) async fn take_down(self, solver: &Solver<'_>) {
        drop(self.posted);
        let Some(zone) = solver.zone else { return };
        let removing = self.published.into_iter();
        join_all(removing.map(|published| zone.remove(published))).await;
    }
}

/// The name that an authorization is about: one of those that were ordered.
pub(super) fn name_of(
    issuer: &str,
    identifier: &AuthorizedIdentifier<'_>,
    ordered: &[HostPattern],
) -> Result<HostPattern, Failure> {
    let text = identifier.to_string();
    let name = match identifier.identifier {
        Identifier::Ip(address) => Some(HostPattern::Exact(Hostname::from(*address))),
        _ => HostPattern::parse(&text).ok(),
    };
    name.filter(|name| ordered.contains(name)).ok_or_else(|| {
        let text = explain::printable(&text, NAME_MAX);
        let sentence = format!("{issuer} asks about `{text}`, which was not ordered");
        Failure::new(FailureKind::Rejected, sentence)
    })
}

/// Whether it is base64url, as tokens are (RFC 8555 §8), and no longer than anybody's.
fn is_token(token: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=TOKEN_MAX).contains(&token.len()) && token.bytes().all(is_part)
}

fn type_of(challenge: Challenge) -> ChallengeType {
    match challenge {
        Challenge::Http => ChallengeType::Http01,
        Challenge::TlsAlpn => ChallengeType::TlsAlpn01,
        Challenge::Dns => ChallengeType::Dns01,
        Challenge::DnsPersist => ChallengeType::Unknown(challenge.acme_type().to_owned()),
    }
}

fn no_way(
    issuer: &str,
    name: &HostPattern,
    ways: &[Challenge],
    offered: &[ChallengeType],
) -> Failure {
    let known = [
        Challenge::Http,
        Challenge::TlsAlpn,
        Challenge::Dns,
        Challenge::DnsPersist,
    ];
    let offered: BTreeSet<_> = known
        .into_iter()
        .filter(|challenge| offered.contains(&type_of(*challenge)))
        .map(Challenge::word)
        .collect();
    let offered = list(offered.into_iter());
    let ways = list(ways.iter().map(|way| way.word()));
    Failure::new(
        FailureKind::Rejected,
        format!(
            "{issuer} offers {offered} for {name}, and this box can do {ways}; see `challenge`"
        ),
    )
}

fn list<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let words: Vec<_> = words.collect();
    if words.is_empty() {
        return "nothing that is known".to_owned();
    }
    words.join(" or ")
}
