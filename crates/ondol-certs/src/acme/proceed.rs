//! From an order to its certificate (RFC 8555 §7.1.6), from whatever state the order is in: who was cut off
//! goes on here. One that is found to have failed is over: another may be asked for at once.

use std::time::Duration;

use instant_acme::AuthorizationStatus;
use instant_acme::AuthorizedIdentifier;
use instant_acme::Error;
use instant_acme::Order;
use instant_acme::OrderStatus;
use ondol_base::clock;
use ondol_model::HostPattern;
use ondol_model::issuing::FailureKind;
use rcgen::CertificateParams;
use rcgen::DistinguishedName;
use rcgen::KeyPair;

use super::Session;
use super::Solver;
use super::Talk;
use super::chain::Sender;
use super::challenge::Chosen;
use super::challenge::Shown;
use super::challenge::name_of;
use super::explain;
use super::signed::again;
use super::tls_alpn;
use crate::failure::Failure;

mod why;

/// How long an issuer may take to look, and again to issue.
const PATIENCE: Duration = Duration::from_secs(300);
/// The first pause between two looks at an order; each is twice as long as the one before, unless the issuer
/// says how long it is to be.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// So many looks in a row may find the issuer in trouble.
const TROUBLES_MAX: u32 = 3;
/// Changes of an order's state: it has four, and an issuer may be slow to see what it did itself.
const CHANGES_MAX: u32 = 8;
/// All of it, however slow the issuer is with each of its answers: other orders want their turn.
const WHOLE: Duration = Duration::from_secs(3600);

/// An order under way.
struct Work<'w> {
    issuer: &'w str,
    talk: &'w Talk,
    /// What was ordered; what the issuer says of other names is not believed.
    names: &'w [HostPattern],
    solver: &'w Solver<'w>,
    key_pem: &'w str,
}

impl Session {
    /// Brings an order to its end: the certificate chain as PEM, which fits the key and the names.
    pub(crate) async fn proceed(
        &self,
        url: &str,
        names: &[HostPattern],
        key_pem: &str,
        solver: &Solver<'_>,
    ) -> Result<String, Failure> {
        let talk = self.talk().await?;
        let work = Work {
            issuer: &self.inner.called,
            talk: &talk,
            names,
            solver,
            key_pem,
        };
        let done = tokio::time::timeout(WHOLE, Box::pin(work.to_end(url))).await;
        done.unwrap_or_else(|_| Err(work.endless()))
    }
}

impl Work<'_> {
    async fn to_end(&self, url: &str) -> Result<String, Failure> {
        let mut order = self.find(url).await?;
        if order.state().status == OrderStatus::Invalid {
            // It looked while nothing was shown: who was cut off may ask for another order at once.
            let failure = self.why(&mut order).await;
            return Err(Failure::new(FailureKind::Interrupted, failure.sentence));
        }
        for _ in 0..CHANGES_MAX {
            match order.state().status {
                OrderStatus::Pending => self.verify(&mut order).await?,
                OrderStatus::Ready => self.finalize(&mut order).await?,
                OrderStatus::Processing => {
                    (self.solver.step)("waits for the certificate");
                    self.wait(&mut order, &[OrderStatus::Processing]).await?;
                }
                OrderStatus::Valid => return self.take(&mut order).await,
                OrderStatus::Invalid => return Err(self.why(&mut order).await),
            }
        }
        Err(self.endless())
    }

    fn endless(&self) -> Failure {
        let sentence = format!("{} does not bring the order to an end", self.issuer);
        Failure::new(FailureKind::Unreachable, sentence)
    }

    async fn find(&self, url: &str) -> Result<Order, Failure> {
        let found = again!(self.talk.account.order(url.to_owned()));
        found.map_err(|error| {
            let mut failure = self.failure(&error);
            let is_lost = ["malformed", "unauthorized", "accountDoesNotExist"]
                .iter()
                .any(|word| explain::is(&error, word));
            if is_lost || self.talk.is_gone() {
                failure.kind = FailureKind::Interrupted;
                failure.sentence = format!("{} does not know the order any more", self.issuer);
            }
            failure
        })
    }

    /// Shows answers for all names that the issuer has not seen to be the owner's yet, and waits until it
    /// has looked.
    async fn verify(&self, order: &mut Order) -> Result<(), Failure> {
        let chosen = self.choose(order).await?;
        (self.solver.step)("shows the answer");
        let shown = Shown::all(&chosen, self.solver).await?;
        let looked = self.looked_at(order, &chosen).await;
        shown.take_down(self.solver).await;
        looked
    }

    async fn looked_at(&self, order: &mut Order, chosen: &[Chosen]) -> Result<(), Failure> {
        (self.solver.step)("waits for the issuer's check");
        self.call(order, chosen).await?;
        self.wait(order, &[OrderStatus::Pending]).await
    }

    /// The challenges of the names that are still to be shown.
    async fn choose(&self, order: &mut Order) -> Result<Vec<Chosen>, Failure> {
        self.load(order).await?;
        let mut chosen = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.map_err(|error| self.failure(&error))?;
            let name = self.name_of(&authorization.identifier())?;
            match authorization.status {
                AuthorizationStatus::Valid => {}
                AuthorizationStatus::Pending => {
                    let ways = (self.solver.ways)(&name);
                    chosen.push(Chosen::of(self.issuer, name, &mut authorization, &ways)?);
                }
                AuthorizationStatus::Invalid => {
                    return Err(why::refused(self.issuer, &name, &authorization));
                }
                AuthorizationStatus::Revoked
                | AuthorizationStatus::Expired
                | AuthorizationStatus::Deactivated => {
                    let sentence = format!("the order at {} has expired", self.issuer);
                    return Err(Failure::new(FailureKind::Interrupted, sentence));
                }
            }
        }
        Ok(chosen)
    }

    /// Fetches what the order says of each of its names.
    async fn load(&self, order: &mut Order) -> Result<(), Failure> {
        // Each is a request. A wildcard and its domain may be one name that is asked about twice.
        let count = order.state().authorizations.len();
        if count > 2 * self.names.len() {
            let (issuer, names) = (self.issuer, self.names.len());
            let sentence = format!("{issuer} wants {count} proofs for {names} names");
            return Err(Failure::new(FailureKind::Rejected, sentence));
        }
        again!(load(order)).map_err(|error| self.failure(&error))
    }

    /// The name that an authorization is about.
    fn name_of(&self, identifier: &AuthorizedIdentifier<'_>) -> Result<HostPattern, Failure> {
        name_of(self.issuer, identifier, self.names)
    }

    /// Tells the issuer that it can look.
    async fn call(&self, order: &mut Order, chosen: &[Chosen]) -> Result<(), Failure> {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.map_err(|error| self.failure(&error))?;
            let name = self.name_of(&authorization.identifier())?;
            let pending = chosen.iter().filter(|one| one.is_pending);
            let mut of_name = pending.filter(|one| one.name == name);
            let Some(one) = of_name.next() else { continue };
            let Some(mut handle) = authorization.challenge(one.kind()) else {
                continue;
            };
            match again!(handle.set_ready()) {
                Ok(()) => {}
                // What is wrong with it, the order will tell; Boulder and others look at once.
                Err(Error::Api(_)) if !self.is_busy() => {}
                Err(error) => return Err(self.failure(&error)),
            }
        }
        Ok(())
    }

    /// Whether the issuer has just refused to do anything at all.
    fn is_busy(&self) -> bool {
        let last = self.talk.client.seen().last;
        last.is_some_and(|last| last.status.as_u16() == 429 || last.status.is_server_error())
    }

    /// Waits while the order is in one of these states.
    async fn wait(&self, order: &mut Order, states: &[OrderStatus]) -> Result<(), Failure> {
        let deadline = clock::now() + PATIENCE;
        let mut pause = PAUSE_FIRST;
        let mut troubles = 0;
        loop {
            let asked_for = self.asked_pause();
            let wait = asked_for.unwrap_or(pause).max(PAUSE_FIRST);
            if clock::now() + wait > deadline {
                return Err(self.too_slow());
            }
            tokio::time::sleep(wait).await;
            pause = (2 * pause).min(PAUSE_MAX);
            let looked = again!(status_of(order));
            match looked {
                Ok(status) if states.contains(&status) => troubles = 0,
                Ok(_) => return Ok(()),
                Err(error) => {
                    let failure = self.failure(&error);
                    troubles += 1;
                    if failure.kind != FailureKind::Unreachable || troubles == TROUBLES_MAX {
                        return Err(failure);
                    }
                }
            }
        }
    }

    /// How long the issuer wants to be left alone.
    fn asked_pause(&self) -> Option<Duration> {
        let left = self.talk.client.retry_at()? - clock::unix_seconds();
        Some(Duration::from_secs(u64::try_from(left).unwrap_or(0)))
    }

    fn too_slow(&self) -> Failure {
        let minutes = PATIENCE.as_secs() / 60;
        let sentence = format!(
            "{} has come to no result within {minutes} minutes",
            self.issuer
        );
        let mut failure = Failure::new(FailureKind::Unreachable, sentence);
        failure.retry_at = self.talk.client.retry_at();
        failure
    }

    async fn finalize(&self, order: &mut Order) -> Result<(), Failure> {
        (self.solver.step)("waits for the certificate");
        let request = request(self.names, self.key_pem).map_err(|error| {
            let sentence = format!("the certificate cannot be asked for: {error}");
            Failure::new(FailureKind::Machine, sentence)
        })?;
        match again!(order.finalize_csr(&request)) {
            Ok(()) => {}
            // It was finalized before, or is about to be: its state will tell.
            Err(error) if explain::is(&error, "orderNotReady") => {}
            Err(error) => return Err(self.failure(&error)),
        }
        self.wait(order, &[OrderStatus::Processing, OrderStatus::Ready])
            .await
    }

    /// The certificate of an order that has one.
    async fn take(&self, order: &mut Order) -> Result<String, Failure> {
        (self.solver.step)("waits for the certificate");
        let chain = again!(order.certificate());
        let chain = chain.map_err(|error| self.failure(&error))?;
        let chain = chain.ok_or_else(|| self.too_slow())?;
        let sender = Sender {
            issuer: self.issuer,
            clock_ahead: self.talk.client.seen().clock_ahead,
        };
        sender.check(&chain, self.key_pem, self.names)?;
        Ok(chain)
    }

    fn failure(&self, error: &Error) -> Failure {
        explain::failure(self.issuer, error, &self.talk.client.seen())
    }
}

async fn load(order: &mut Order) -> Result<(), Error> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        authorization?;
    }
    Ok(())
}

async fn status_of(order: &mut Order) -> Result<OrderStatus, Error> {
    order.refresh().await.map(|state| state.status)
}

/// A request for a certificate (RFC 2986) in DER, with all names where browsers look for them and nothing
/// else.
fn request(names: &[HostPattern], key_pem: &str) -> Result<Vec<u8>, rcgen::Error> {
    let key = KeyPair::from_pem(key_pem)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let names = names.iter().map(tls_alpn::alternative_name);
    params.subject_alt_names = names.collect::<Result<_, _>>()?;
    let request = params.serialize_request(&key)?;
    Ok(request.der().to_vec())
}
