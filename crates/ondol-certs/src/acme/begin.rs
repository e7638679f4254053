//! The order for a certificate (RFC 8555 §7.4).

use instant_acme::CertificateIdentifier;
use instant_acme::Error;
use instant_acme::Identifier;
use instant_acme::NewOrder;
use ondol_base::clock;
use ondol_model::HostPattern;
use ondol_model::issuing::FailureKind;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::Session;
use super::Talk;
use super::explain;
use super::signed::again;
use crate::failure::Failure;

/// A machine whose clock is wrong by more than this can't use what it would get, and gets in the issuer's
/// way.
const CLOCK_WRONG: i64 = 30 * 24 * 3600;

/// What is ordered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewCertificate<'c> {
    /// The names that it is to cover.
    pub(crate) names: &'c [HostPattern],
    /// Which kind of certificate, where the issuer offers kinds.
    pub(crate) profile: Option<&'c str>,
    /// The chain of the certificate that it replaces, as PEM.
    pub(crate) replaces: Option<&'c str>,
}

/// An order that the issuer knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Begun {
    /// Where it is.
    pub(crate) url: String,
    /// Whether the issuer has taken note of what it replaces.
    pub(crate) replaces: bool,
}

/// What an order says besides the names.
#[derive(Debug, Clone)]
struct Extras<'c> {
    profile: Option<&'c str>,
    replaces: Option<CertificateIdentifier<'static>>,
}

impl Session {
    /// Asks for an order. What the issuer does not offer is left out of it.
    pub(crate) async fn begin(&self, order: &NewCertificate<'_>) -> Result<Begun, Failure> {
        let talk = self.talk().await?;
        self.check_clock(&talk)?;
        let identifiers: Vec<_> = order.names.iter().map(identifier).collect();
        let extras = self.extras(&talk, order);
        let lost = self.account_uri().to_owned();
        let asked = Box::pin(self.ask(&talk, &identifiers, extras.clone())).await;
        match asked {
            Err(failure) if is_lost(&talk, &failure) && self.renew_account(&lost).await? => {
                let talk = self.talk().await?;
                Box::pin(self.ask(&talk, &identifiers, extras)).await
            }
            done => done,
        }
    }

    async fn ask(
        &self,
        talk: &Talk,
        identifiers: &[Identifier],
        mut extras: Extras<'_>,
    ) -> Result<Begun, Failure> {
        loop {
            let error = match again!(talk.account.new_order(&extras.order(identifiers))) {
                Ok(order) => {
                    return Ok(Begun {
                        url: order.url().to_owned(),
                        replaces: extras.replaces.is_some(),
                    });
                }
                Err(error) => error,
            };
            if let Some(begun) = unechoed(talk, &extras, &error) {
                return Ok(begun);
            }
            if !extras.leave_out(&error) {
                return Err(self.failure(&talk.client, &error));
            }
            let failure = self.failure(&talk.client, &error);
            tracing::info!("An order is asked for again with less: {failure}.");
        }
    }

    fn extras<'c>(&self, talk: &Talk, order: &NewCertificate<'c>) -> Extras<'c> {
        let directory = talk.client.directory();
        let profile = order.profile.filter(|profile| {
            let offered = directory.offers(profile);
            if !offered {
                let issuer = &self.inner.called;
                tracing::warn!("{issuer} offers no certificates of the kind `{profile}`: its own choice is taken.");
            }
            offered
        });
        let replaced = order.replaces.filter(|_| self.offers_renewal_info());
        let replaces = replaced.and_then(|chain| {
            let der = CertificateDer::from_pem_slice(chain.as_bytes()).ok()?;
            let identifier = CertificateIdentifier::try_from(&der).ok()?;
            Some(identifier.into_owned())
        });
        Extras { profile, replaces }
    }

    /// No order is wasted on a machine that could not use its certificate.
    fn check_clock(&self, talk: &Talk) -> Result<(), Failure> {
        let ahead = talk.client.directory().clock_ahead.unwrap_or(0);
        if ahead.abs() <= CLOCK_WRONG {
            return Ok(());
        }
        let now = clock::unix_seconds();
        let sentence = format!(
            "{}; set it, and the certificate is asked for again",
            clocks(&self.inner.called, now, ahead)
        );
        Err(Failure::new(FailureKind::Machine, sentence))
    }
}

impl Extras<'_> {
    fn order<'o>(&'o self, identifiers: &'o [Identifier]) -> NewOrder<'o> {
        let mut order = NewOrder::new(identifiers);
        if let Some(profile) = self.profile {
            order = order.profile(profile);
        }
        if let Some(replaces) = &self.replaces {
            order = order.replaces(replaces.clone());
        }
        order
    }

    /// Drops what an error is about; false when it is about neither.
    fn leave_out(&mut self, error: &Error) -> bool {
        // A certificate of an account or issuer that was lost is unknown, which has no word of its own.
        // Pebble has an error of its own where it does not find one.
        const REPLACES: [&str; 5] = [
            "alreadyReplaced",
            "conflict",
            "malformed",
            "serverInternal",
            "unauthorized",
        ];
        if REPLACES.iter().any(|word| explain::is(error, word)) {
            return self.replaces.take().is_some();
        }
        explain::is(error, "invalidProfile") && self.profile.take().is_some()
    }
}

/// What two clocks say.
pub(super) fn clocks(issuer: &str, now: i64, ahead: i64) -> String {
    format!(
        "this machine's clock says {}, that of {issuer} {}",
        clock::rfc3339(now),
        clock::rfc3339(now + ahead)
    )
}

/// An order that was made although the issuer did not say what it replaces (RFC 9773 §5 wants that): its
/// only fault is that limits count it.
fn unechoed(talk: &Talk, extras: &Extras<'_>, error: &Error) -> Option<Begun> {
    let seen = talk.client.seen();
    let was_made = seen.last.is_some_and(|last| last.status.is_success());
    let is_about_it =
        matches!(error, Error::Other(error) if error.to_string().starts_with("replaces"));
    if extras.replaces.is_none() || !was_made || !is_about_it {
        return None;
    }
    let url = seen.location?;
    Some(Begun {
        url,
        replaces: false,
    })
}

/// Whether a failure says that the issuer has forgotten the account.
fn is_lost(talk: &Talk, failure: &Failure) -> bool {
    let seen = talk.client.seen();
    failure.kind == FailureKind::Account
        && seen
            .last
            .is_some_and(|last| String::from_utf8_lossy(&last.body).contains("accountDoesNotExist"))
}

fn identifier(name: &HostPattern) -> Identifier {
    match name.exact().and_then(|host| host.ip()) {
        Some(address) => Identifier::Ip(address),
        None => Identifier::Dns(name.to_string()),
    }
}
