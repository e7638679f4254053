//! What is known of each certificate that is wanted, and what is to be done for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ondol_base::clock;
use ondol_model::HostPattern;
use ondol_model::event::EventKind;
use ondol_model::issuing;
use ondol_model::issuing::Environment;
use ondol_model::issuing::Held;
use ondol_model::issuing::Next;
use ondol_model::issuing::Question;
use ondol_model::issuing::Try;
use ondol_model::issuing::Wanted;
use ondol_model::plan::AcmeIssuer;
use ondol_store::TryId;
use tokio::sync::mpsc;

use super::Ledger;
use super::renewal::RenewalQuestion;
use super::requests::Revocation;
use crate::failure::Failure;
use crate::managed::LastResult;
use crate::managed::News;
use crate::owner::CertificateSet;
use crate::shelf::Kept;

/// Questions about renewals at one time.
const QUESTIONS_AT_ONCE: usize = 4;
/// The pause after a try that could not begin.
const REST: i64 = 60;

/// What the loop knows.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) set: Arc<CertificateSet>,
    pub(super) entries: BTreeMap<HostPattern, Entry>,
    pub(super) ledger: Ledger,
    pub(super) news: mpsc::Sender<News>,
}

/// A certificate that is wanted.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) wanted: Wanted,
    /// When the owner asked for a new one.
    pub(super) asked_at: Option<i64>,
    /// When the plan last changed how it is got.
    pub(super) changed_at: Option<i64>,
    /// To be revoked when another has taken its place.
    pub(super) revocation: Option<Revocation>,
    pub(super) under_way: Option<UnderWay>,
    /// What is done next; renewed with each round.
    pub(super) next: Next,
    pub(super) is_asked_about: bool,
    /// When its issuer may be asked again about its renewal, after it did not answer.
    pub(super) ask_again_at: i64,
    /// Why a try could not even begin.
    pub(super) trouble: Option<LastResult>,
    /// When that may be tried again.
    rests_until: i64,
    /// The last warning of its end that was given.
    pub(super) warned: Option<i64>,
}

/// A try that is under way.
#[derive(Debug)]
pub(super) struct UnderWay {
    pub(super) id: TryId,
    pub(super) issuer: Box<str>,
    pub(super) step: &'static str,
    /// Whether there was a certificate when it began.
    pub(super) was_held: bool,
}

/// Something to be done.
#[derive(Debug)]
pub(super) enum Errand {
    Try(Box<TryErrand>),
    AskAboutRenewal(Box<RenewalQuestion>),
}

/// A certificate to be tried for.
#[derive(Debug)]
pub(super) struct TryErrand {
    pub(super) wanted: Wanted,
    pub(super) issuer: AcmeIssuer,
    pub(super) environment: Environment,
    /// The one in whose place it comes, where its issuer should know.
    pub(super) replaces: Option<Kept>,
    pub(super) set: Arc<CertificateSet>,
}

impl Desk {
    pub(super) fn new(ledger: Ledger, news: mpsc::Sender<News>, set: Arc<CertificateSet>) -> Self {
        Self {
            set,
            entries: BTreeMap::new(),
            ledger,
            news,
        }
    }

    /// Takes up what is wanted and kept now. A try for what is not wanted any more goes on to its end.
    pub(super) fn take_up(&mut self, set: Arc<CertificateSet>) {
        if Arc::ptr_eq(&set, &self.set) && !self.entries.is_empty() {
            return;
        }
        let mut before = std::mem::take(&mut self.entries);
        for wanted in &set.wanted {
            let mut entry = before
                .remove(wanted.name())
                .unwrap_or_else(|| Entry::new(wanted.clone()));
            if entry.wanted != *wanted {
                entry.wanted = wanted.clone();
                entry.changed_at = Some(clock::unix_seconds());
            }
            self.entries.insert(wanted.name().clone(), entry);
        }
        let left = before.into_iter();
        self.entries
            .extend(left.filter(|(_, entry)| entry.under_way.is_some()));
        self.set = set;
    }

    /// What is due now, at most so much that so many tries are under way.
    pub(super) fn due(&mut self, now: i64, at_once: usize) -> Vec<Errand> {
        let mut errands = Vec::new();
        let entries = self.entries.values();
        let mut room = at_once.saturating_sub(entries.filter(|it| it.under_way.is_some()).count());
        let mut listed = self.ledger.listed(now);
        for (name, entry) in &mut self.entries {
            let held = held(&self.set, &entry.wanted);
            let tries = self.ledger.of(name);
            entry.next = issuing::next(&Question {
                wanted: &entry.wanted,
                held: held.as_ref(),
                tries: &tries,
                asked_at: entry.asked_at,
                changed_at: entry.changed_at,
                now,
                listed: &listed,
            });
            if room == 0 || entry.under_way.is_some() {
                continue;
            }
            let Some(errand) = entry.errand(&self.set, now) else {
                continue;
            };
            listed.push(errand.as_try(now));
            room -= 1;
            errands.push(Errand::Try(Box::new(errand)));
        }
        errands.extend(self.questions(now));
        errands
    }

    /// What issuers are to be asked about renewals.
    fn questions(&self, now: i64) -> Vec<Errand> {
        let asking = self.entries.values().filter(|it| it.is_asked_about).count();
        let ready = self
            .entries
            .values()
            .filter(|it| !it.is_asked_about && it.under_way.is_none() && it.ask_again_at <= now);
        let due = ready.filter_map(|entry| {
            let kept = kept(&self.set, &entry.wanted)?;
            let is_over = kept.pair.facts.validity.is_expired(now);
            let renewal = kept.meta.renewal.as_ref();
            let is_due = !is_over && renewal.is_none_or(|it| it.ask_at <= now);
            let issuer = entry.wanted.issuers().find(|it| it.name == kept.issuer)?;
            is_due.then(|| {
                Errand::AskAboutRenewal(Box::new(RenewalQuestion {
                    name: entry.wanted.name().clone(),
                    kept: kept.clone(),
                    issuer: issuer.clone(),
                    set: Arc::clone(&self.set),
                }))
            })
        });
        due.take(QUESTIONS_AT_ONCE.saturating_sub(asking)).collect()
    }

    /// Writes down that a try begins.
    pub(super) async fn begin(&mut self, errand: &TryErrand) -> Result<TryId, Failure> {
        let tried = errand.as_try(clock::unix_seconds());
        let name = errand.wanted.name().clone();
        let id = self.ledger.begin(&name, tried).await?;
        if let Some(entry) = self.entries.get_mut(&name) {
            entry.under_way = Some(UnderWay {
                id,
                issuer: errand.issuer.name.clone(),
                step: "begins",
                was_held: kept(&self.set, &errand.wanted).is_some(),
            });
            entry.trouble = None;
        }
        Ok(id)
    }

    /// A try could not even begin; it is left alone for a while.
    pub(super) fn not_begun(&mut self, errand: &TryErrand, failure: Failure) {
        let name = errand.wanted.name();
        let Some(entry) = self.entries.get_mut(name) else {
            return;
        };
        let at = clock::unix_seconds();
        entry.rests_until = at + REST;
        let sentence = failure.sentence;
        let known = entry.trouble.as_ref().map(|it| &it.sentence);
        let message = format!("There is no new certificate for {name}: {sentence}.");
        let is_news = known != Some(&sentence);
        entry.trouble = Some(LastResult {
            at,
            is_good: false,
            sentence,
        });
        if is_news {
            self.tell(EventKind::CertificateFailed, name, message);
        }
    }

    pub(super) fn asks_about(&mut self, question: &RenewalQuestion) {
        if let Some(entry) = self.entries.get_mut(&question.name) {
            entry.is_asked_about = true;
        }
    }

    /// Warns of certificates that come to their end without another in sight.
    pub(super) fn warn_of_ends(&mut self, now: i64) {
        let mut warnings = Vec::new();
        for (name, entry) in &mut self.entries {
            let Some(kept) = kept(&self.set, &entry.wanted) else {
                continue;
            };
            let validity = kept.pair.facts.validity;
            let held = held(&self.set, &entry.wanted);
            let due = held.map_or(validity.not_after, |held| issuing::due(name, &held));
            let warning = issuing::next_warning(validity, due, entry.warned);
            if warning.is_none_or(|at| at > now) {
                continue;
            }
            entry.warned = Some(now);
            warnings.push((name.clone(), validity));
        }
        for (name, validity) in warnings {
            let message = ending(&self.set, &name, validity.not_after, now);
            self.tell(EventKind::CertificateExpiring, &name, message);
        }
    }

    /// How long nothing is due, as far as is known.
    pub(super) fn sleep(&self, now: i64) -> Duration {
        let idle = self.entries.values().filter(|it| it.under_way.is_none());
        let next = idle.filter_map(|entry| match entry.next {
            Next::Order { at, .. } => Some(at.max(entry.rests_until)),
            Next::Nobody | Next::NoWay => None,
        });
        let wait = next.min().map_or(i64::MAX, |at| at.saturating_sub(now));
        // A second at least: what is due but has no room is begun when there is.
        Duration::from_secs(u64::try_from(wait).unwrap_or(0).max(1))
    }

    pub(super) fn tell(&self, kind: EventKind, name: &HostPattern, message: String) {
        let news = News {
            kind,
            subject: name.to_string(),
            message,
        };
        if let Err(error) = self.news.try_send(news) {
            let (mpsc::error::TrySendError::Full(news) | mpsc::error::TrySendError::Closed(news)) =
                error;
            tracing::warn!("{}", news.message);
        }
    }
}

impl Entry {
    fn new(wanted: Wanted) -> Self {
        Self {
            wanted,
            asked_at: None,
            changed_at: None,
            revocation: None,
            under_way: None,
            next: Next::Nobody,
            is_asked_about: false,
            ask_again_at: 0,
            trouble: None,
            rests_until: 0,
            warned: None,
        }
    }

    /// The try that is due.
    fn errand(&self, set: &Arc<CertificateSet>, now: i64) -> Option<TryErrand> {
        let Next::Order {
            at,
            issuer,
            environment,
            replaces,
            ..
        } = self.next
        else {
            return None;
        };
        if at.max(self.rests_until) > now {
            return None;
        }
        let issuer = self.wanted.issuers().nth(issuer)?.clone();
        let replaced = kept(set, &self.wanted).filter(|_| replaces);
        Some(TryErrand {
            wanted: self.wanted.clone(),
            issuer,
            environment,
            replaces: replaced.cloned(),
            set: Arc::clone(set),
        })
    }
}

impl TryErrand {
    fn as_try(&self, now: i64) -> Try {
        let mut names = self.wanted.names.clone();
        names.sort_unstable_by_key(ToString::to_string);
        Try {
            issuer: self.issuer.name.clone(),
            environment: self.environment,
            names,
            at: now,
            ordered: false,
            replaces: false,
            outcome: None,
        }
    }
}

/// What the worker is called that tries for a certificate.
pub(super) fn worker_name(name: &HostPattern) -> String {
    format!("certificate of {name}")
}

/// The certificate that is kept for what is wanted: of those that have not ended the newest, whoever issued it.
pub(super) fn kept<'s>(set: &'s CertificateSet, wanted: &Wanted) -> Option<&'s Kept> {
    let own = set.kept.iter().filter(|kept| kept.name == *wanted.name());
    let now = clock::unix_seconds();
    own.max_by_key(|kept| {
        let validity = kept.pair.facts.validity;
        (!validity.is_expired(now), validity.not_before)
    })
}

pub(super) fn held(set: &CertificateSet, wanted: &Wanted) -> Option<Held> {
    let kept = kept(set, wanted)?;
    let covers = wanted.names.iter().all(|name| kept.pair.facts.covers(name));
    let is_known = wanted.issuers().any(|it| it.name == kept.issuer);
    Some(Held {
        issuer: kept.issuer.clone(),
        validity: kept.pair.facts.validity,
        is_fit: covers && is_known,
        renewal: kept.meta.renewal.as_ref().map(|it| it.moment),
        is_replaced: kept.meta.is_replaced,
    })
}

fn ending(set: &CertificateSet, name: &HostPattern, end: i64, now: i64) -> String {
    let zone = set.plan.as_ref().and_then(|plan| plan.timezone.as_deref());
    let moment = clock::minute_in(zone, end);
    let verb = if now > end { "ended" } else { "ends" };
    format!(
        "The certificate of {name} {verb} on {moment}, and no new one could be got yet: see `ondol certs`."
    )
}
