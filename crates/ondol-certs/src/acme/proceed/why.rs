//! Why an order has failed, as its issuer tells it.

use instant_acme::AuthorizationState;
use instant_acme::AuthorizationStatus;
use instant_acme::ChallengeType;
use instant_acme::Order;
use ondol_model::HostPattern;
use ondol_model::issuing::FailureKind;
use ondol_model::plan::Challenge;

use super::Work;
use crate::acme::explain;
use crate::failure::Failure;
use crate::names::Names;

impl Work<'_> {
    /// Why an order is invalid.
    pub(super) async fn why(&self, order: &mut Order) -> Failure {
        match self.find_why(order).await {
            Ok(failure) | Err(failure) => failure,
        }
    }

    async fn find_why(&self, order: &mut Order) -> Result<Failure, Failure> {
        self.load(order).await?;
        let mut first = None;
        let mut others = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let authorization = authorization.map_err(|error| self.failure(&error))?;
            if authorization.status != AuthorizationStatus::Invalid {
                continue;
            }
            let name = self.name_of(&authorization.identifier())?;
            match &first {
                None => first = Some(refused(self.issuer, &name, &authorization)),
                Some(_) => others.push(name),
            }
        }
        if let Some(mut failure) = first {
            if !others.is_empty() {
                failure.sentence =
                    format!("{}; so it was with {}", failure.sentence, Names(&others));
            }
            return Ok(failure);
        }
        Ok(match &order.state().error {
            Some(problem) => {
                let error = problem.clone().into();
                self.failure(&error)
            }
            None => {
                let sentence = format!("the order at {} has expired", self.issuer);
                Failure::new(FailureKind::Interrupted, sentence)
            }
        })
    }
}

/// Why the issuer does not believe that a name is the owner's.
pub(super) fn refused(
    issuer: &str,
    name: &HostPattern,
    authorization: &AuthorizationState,
) -> Failure {
    let tried = authorization.challenges.iter().find_map(|challenge| {
        let problem = challenge.error.as_ref()?;
        Some((way_of(&challenge.r#type), problem))
    });
    match tried {
        Some((way, problem)) => explain::check_failed(issuer, name, way, problem),
        None => {
            let sentence = format!("{issuer} could not check {name}, and does not say why");
            Failure::new(FailureKind::Unverified, sentence)
        }
    }
}

fn way_of(kind: &ChallengeType) -> Challenge {
    match kind {
        ChallengeType::TlsAlpn01 => Challenge::TlsAlpn,
        ChallengeType::Dns01 => Challenge::Dns,
        ChallengeType::Unknown(word) if word == Challenge::DnsPersist.acme_type() => {
            Challenge::DnsPersist
        }
        _ => Challenge::Http,
    }
}
