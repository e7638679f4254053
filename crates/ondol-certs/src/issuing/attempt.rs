//! One try to get a certificate, from its first line to its last.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_model::HostPattern;
use ondol_model::Plan;
use ondol_model::issuing;
use ondol_model::issuing::Environment;
use ondol_model::issuing::FailureKind;
use ondol_model::issuing::Reachable;
use ondol_model::plan::Challenge;
use ondol_store::TryId;

use super::Heard;
use super::desk::TryErrand;
use super::tools::Tools;
use crate::acme::NewCertificate;
use crate::acme::Session;
use crate::acme::Solver;
use crate::failure::Failure;
use crate::files;
use crate::lookup::Lookup;
use crate::preflight::Ports;
use crate::preflight::Preflight;
use crate::preflight::Report;
use crate::preflight::Verdict;
use crate::preflight::persist;
use crate::shelf::Kept;
use crate::shelf::KeptOrder;
use crate::shelf::Meta;
use crate::shelf::Shelf;
use crate::zone::Zone;

/// How a try ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) id: TryId,
    pub(super) name: HostPattern,
    pub(super) issuer: Box<str>,
    pub(super) environment: Environment,
    /// What came, in words.
    pub(super) outcome: Result<String, Failure>,
}

/// Does the errand and tells the loop, whatever happens.
pub(super) async fn run(tools: Tools, errand: TryErrand, id: TryId) {
    let name = errand.wanted.name().clone();
    let (issuer, environment) = (errand.issuer.name.clone(), errand.environment);
    let trying = Trying {
        tools: &tools,
        errand,
        id,
    };
    let got = AssertUnwindSafe(trying.get()).catch_unwind().await;
    let ended = Ended {
        id,
        name,
        issuer,
        environment,
        outcome: got.unwrap_or_else(|_| Err(mistake())),
    };
    tools.say(Heard::Ended(Box::new(ended))).await;
}

/// What a panic was is in the log.
fn mistake() -> Failure {
    let sentence = "Ondol made a mistake, which is in its log: please report it";
    Failure::new(FailureKind::Machine, sentence)
}

struct Trying<'t> {
    tools: &'t Tools,
    errand: TryErrand,
    id: TryId,
}

/// What an order goes on with.
struct Terms<'t> {
    session: &'t Session,
    zone: Option<&'t Zone>,
    report: &'t Report,
}

/// What an order is made with, and where it is.
struct Order {
    kept: KeptOrder,
    /// Whether it is of an earlier try.
    is_old: bool,
}

impl Trying<'_> {
    async fn get(&self) -> Result<String, Failure> {
        let errand = &self.errand;
        self.step("looks at the disk");
        self.tools
            .on_disk(|shelf| shelf.try_out())
            .await
            .map_err(|error| no_disk(&error))?;
        let lookup = Tools::lookup(&errand.set);
        let zone = match &errand.wanted.issuance.dns {
            Some(provider) => Some(self.tools.zone(provider, &lookup).await?),
            None => None,
        };
        self.step("asks for the issuer's directory");
        let session = self.session().await?;
        self.step("looks where the names lead");
        let report = self.look(&lookup, &session).await?;
        let terms = Terms {
            session: &session,
            zone: zone.as_ref(),
            report: &report,
        };
        let got = Box::pin(self.order_and_keep(&terms)).await;
        got.map_err(|failure| with_doubt(failure, &report.verdict))
    }

    async fn session(&self) -> Result<Session, Failure> {
        let errand = &self.errand;
        let email = errand.set.email();
        let sessions = &self.tools.sessions;
        sessions.of(&errand.issuer, errand.environment, email).await
    }

    /// Whether the names lead here, and which ways are open.
    async fn look(&self, lookup: &Lookup, session: &Session) -> Result<Report, Failure> {
        let ways = |name: &HostPattern| self.ways(name, None);
        let preflight = Preflight {
            names: &self.errand.wanted.names,
            ways: &ways,
            issuer: &self.errand.issuer,
            caa_identities: &session.caa_identities(),
            // Records that allow one account alone mean that at production: staging is asked all the same.
            account: match self.errand.environment {
                Environment::Production => Some(session.account_uri()),
                Environment::Staging => None,
            },
            lookup,
            board: &self.tools.board,
            ports: Ports::default(),
        };
        let report = preflight.run().await;
        match report.verdict {
            Verdict::Stop(sentence) => Err(Failure::new(FailureKind::NotReady, sentence)),
            Verdict::Go | Verdict::Doubt(_) => {
                self.look_for_record(lookup, session).await?;
                Ok(report)
            }
        }
    }

    /// Whether the owner has written the record that stays: an issuer would look for it in vain, and count
    /// that.
    async fn look_for_record(&self, lookup: &Lookup, session: &Session) -> Result<(), Failure> {
        let wanted = &self.errand.wanted;
        if wanted.issuance.challenge != Some(Challenge::DnsPersist) {
            return Ok(());
        }
        let missing = persist::missing(&wanted.names, lookup).await;
        let Some(first) = missing.first() else {
            return Ok(());
        };
        let record = session.persist_record(first).await?;
        let sentence = match missing.len() {
            1 => format!(
                "the record of {first} is not in its zone: add `{record}`, once (`ondol certs persist '{first}'` prints it too)"
            ),
            names => format!(
                "the records of {first} and of {} are not in their zones: add `{record}`, once, and for each of the others what `ondol certs persist NAME` prints",
                match names - 1 {
                    1 => "another name".to_owned(),
                    others => format!("{others} others"),
                }
            ),
        };
        Err(Failure::new(FailureKind::NotReady, sentence))
    }

    async fn order_and_keep(&self, terms: &Terms<'_>) -> Result<String, Failure> {
        let mut order = match self.order_before().await {
            Some(order) => order,
            None => self.new_order(terms.session).await?,
        };
        let mut came = self.proceed(terms, &order).await;
        let is_gone = |failure: &Failure| failure.kind == FailureKind::Interrupted;
        if order.is_old && came.as_ref().is_err_and(is_gone) {
            order = self.new_order(terms.session).await?;
            came = self.proceed(terms, &order).await;
        }
        if came.as_ref().is_err_and(|failure| is_over(failure.kind)) {
            self.forget_order().await;
        }
        let said = self.keep(&order.kept, &came?).await?;
        let profile = self.errand.wanted.issuance.profile.as_deref();
        let lacking = profile.filter(|profile| !terms.session.offers_profile(profile));
        Ok(match lacking {
            Some(profile) => {
                format!("{said}; it offers no `{profile}`, so its own choice was taken")
            }
            None => said,
        })
    }

    /// An order that an earlier run had from this issuer for the same names.
    async fn order_before(&self) -> Option<Order> {
        let errand = &self.errand;
        if errand.environment == Environment::Staging {
            return None;
        }
        let (issuer, name) = self.place();
        let kept = self
            .tools
            .on_disk(move |shelf| Ok(shelf.order(&issuer, &name)))
            .await;
        let kept = kept.ok().flatten()?;
        let is_same = kept.names == errand.wanted.names
            && kept.profile.as_deref() == errand.wanted.issuance.profile.as_deref();
        is_same.then_some(Order { kept, is_old: true })
    }

    /// Asks the issuer, once all that is needed to go on is on disk.
    async fn new_order(&self, session: &Session) -> Result<Order, Failure> {
        let errand = &self.errand;
        let key_pem = new_key()?;
        let is_kept = errand.environment == Environment::Production;
        if is_kept {
            let ((issuer, name), key) = (self.place(), key_pem.clone());
            let prepared = move |shelf: &Shelf| shelf.prepare_order(&issuer, &name, &key);
            let prepared = self.tools.on_disk(prepared).await;
            prepared.map_err(|error| no_disk(&error))?;
        }
        let replaces = errand.replaces.as_ref();
        let noted = self.tools.store.order_try(self.id, replaces.is_some());
        noted.await.map_err(|error| no_store(&error))?;
        let name = errand.wanted.name();
        self.tools.ordered(name, self.id, replaces.is_some()).await;
        self.step("asks for an order");
        let profile = errand.wanted.issuance.profile.as_deref();
        let begun = session
            .begin(&NewCertificate {
                names: &errand.wanted.names,
                profile,
                replaces: replaces.map(|kept| &*kept.pair.pem.chain_pem),
            })
            .await?;
        if let Some(replaced) = replaces.filter(|_| !begun.replaces) {
            self.note_no_replacement(replaced).await;
        }
        let kept = KeptOrder {
            url: begun.url,
            names: errand.wanted.names.clone(),
            replaces: begun.replaces,
            profile: profile.map(str::to_owned),
            key_pem,
        };
        if is_kept {
            let ((issuer, name), order) = (self.place(), kept.clone());
            let keep = move |shelf: &Shelf| shelf.keep_order(&issuer, &name, &order);
            // Without it the order goes on; only a restart would make another.
            if let Err(error) = self.tools.on_disk(keep).await {
                tracing::warn!(%error, "an order for a certificate was not kept");
            }
        }
        Ok(Order {
            kept,
            is_old: false,
        })
    }

    /// The order counts towards the issuer's limits like any other, and so does the next.
    async fn note_no_replacement(&self, replaced: &Kept) {
        let (name, certificates) = (self.errand.wanted.name(), &self.tools.certificates);
        let is_replaced = |meta: &mut Meta| meta.is_replaced = true;
        let noted = certificates.note(replaced, is_replaced).await;
        let counted = self.tools.store.order_try(self.id, false).await;
        self.tools.ordered(name, self.id, false).await;
        if noted.is_err() || counted.is_err() {
            tracing::warn!(
                "that an issuer does not know what {name} replaces was not written down"
            );
        }
    }

    async fn proceed(&self, terms: &Terms<'_>, order: &Order) -> Result<String, Failure> {
        let ways = |name: &HostPattern| self.ways(name, Some(terms.report));
        let step = |step: &'static str| self.step(step);
        let solver = Solver {
            ways: &ways,
            board: &self.tools.board,
            zone: terms.zone,
            step: &step,
        };
        let KeptOrder {
            url,
            names,
            key_pem,
            ..
        } = &order.kept;
        terms.session.proceed(url, names, key_pem, &solver).await
    }

    /// Puts what came on its shelf and into use; what only tried out is thrown away.
    async fn keep(&self, order: &KeptOrder, chain_pem: &str) -> Result<String, Failure> {
        let errand = &self.errand;
        let wrong = |error: files::TextError| {
            Failure::new(
                FailureKind::WrongCertificate,
                format!(
                    "what came is no certificate that can be used: {}",
                    Chain(&error)
                ),
            )
        };
        let pair = files::parse(chain_pem, &order.key_pem).map_err(wrong)?;
        let until = clock::minute_in(errand.set.timezone(), pair.facts.validity.not_after);
        let said = format!(
            "{} issued one that is good until {until}",
            errand.issuer.name
        );
        if errand.environment == Environment::Staging {
            return Ok(format!("the staging of {said}"));
        }
        self.step("keeps it");
        let kept = Kept {
            issuer: errand.issuer.name.clone(),
            name: errand.wanted.name().clone(),
            pair,
            meta: Meta {
                names: errand
                    .wanted
                    .names
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
                directory: errand.issuer.directory.to_string(),
                obtained_at: clock::unix_seconds(),
                profile: order.profile.clone(),
                renewal: None,
                is_replaced: false,
                warned_at: None,
                revocation: None,
            },
        };
        self.tools.certificates.put(kept).await.map_err(|error| {
            let sentence = format!(
                "the certificate came, but could not be kept: {}. Make room on the disk; it is fetched again then, without a new order",
                Chain(&error)
            );
            Failure::new(FailureKind::Machine, sentence)
        })?;
        self.forget_order().await;
        Ok(said)
    }

    async fn forget_order(&self) {
        let (issuer, name) = self.place();
        let forget = move |shelf: &Shelf| shelf.forget_order(&issuer, &name);
        if let Err(error) = self.tools.on_disk(forget).await {
            tracing::warn!(%error, "an order for a certificate that is over could not be removed");
        }
    }

    /// How a name is to be shown to be the owner's, with what was seen of it.
    fn ways(&self, name: &HostPattern, report: Option<&Report>) -> Vec<Challenge> {
        let mut reachable = reachable(self.errand.set.plan.as_ref());
        reachable.http &= report.is_none_or(|report| !report.is_http_closed);
        let mut ways = issuing::ways(name, &self.errand.wanted.issuance, reachable);
        if let Some(report) = report {
            let forbidden = &report.forbidden;
            ways.retain(|way| !forbidden.iter().any(|(of, it)| of == name && it == way));
        }
        ways
    }

    fn place(&self) -> (Box<str>, HostPattern) {
        let errand = &self.errand;
        (errand.issuer.name.clone(), errand.wanted.name().clone())
    }

    fn step(&self, step: &'static str) {
        self.tools.step(self.errand.wanted.name(), step);
    }
}

/// Whether an order is of no more use after a failure.
fn is_over(kind: FailureKind) -> bool {
    match kind {
        FailureKind::Unverified
        | FailureKind::Rejected
        | FailureKind::Account
        | FailureKind::WrongCertificate
        | FailureKind::Interrupted => true,
        FailureKind::Unreachable
        | FailureKind::RateLimited
        | FailureKind::Dns
        | FailureKind::NotReady
        | FailureKind::Machine => false,
    }
}

/// Where visitors, and so issuers, can come in.
fn reachable(plan: Option<&Arc<Plan>>) -> Reachable {
    let listen = plan.map(|plan| &plan.listen);
    Reachable {
        http: listen.is_some_and(|listen| !listen.http.is_empty()),
        https: listen.is_some_and(|listen| !listen.https.is_empty()),
    }
}

fn new_key() -> Result<String, Failure> {
    let key = rcgen::KeyPair::generate().map_err(|error| {
        Failure::new(
            FailureKind::Machine,
            format!("no key could be made: {error}"),
        )
    })?;
    Ok(key.serialize_pem())
}

fn no_disk(error: &std::io::Error) -> Failure {
    let sentence = format!(
        "the disk does not take what a certificate would bring ({error}), so the issuer was not asked: make room, or look at the disk"
    );
    Failure::new(FailureKind::Machine, sentence)
}

fn no_store(error: &ondol_store::StoreError) -> Failure {
    let sentence = format!(
        "it cannot be written down that the issuer is asked ({}), so it was not: look at the disk",
        Chain(error)
    );
    Failure::new(FailureKind::Machine, sentence)
}

fn with_doubt(failure: Failure, verdict: &Verdict) -> Failure {
    match (failure.kind, verdict) {
        (FailureKind::Unverified, Verdict::Doubt(doubt)) => Failure {
            sentence: format!(
                "{}; Ondol saw this before it asked: {doubt}",
                failure.sentence
            ),
            ..failure
        },
        (_, _) => failure,
    }
}
