//! What is known of each certificate that is wanted, and what is to be done for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ondol_base::clock;
use ondol_model::HostPattern;
use ondol_model::event::EventKind;
use ondol_model::issuing;
use ondol_model::issuing::Environment;
use ondol_model::issuing::Next;
use ondol_model::issuing::Question;
use ondol_model::issuing::Try;
use ondol_model::issuing::Wanted;
use ondol_model::plan::AcmeIssuer;
use ondol_store::TryId;
use tokio::sync::mpsc;

use super::Ledger;
use super::known::Known;
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
/// Issuers are asked about each renewal at least so often.
const ASKED_WITHIN: i64 = 2 * 24 * 3600;
/// What is next is looked at anew at least so often, since the clock may jump.
const SEEN_WITHIN: i64 = 60;

/// What the loop knows.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) known: Known,
    pub(super) entries: BTreeMap<HostPattern, Entry>,
    pub(super) ledger: Ledger,
    pub(super) news: mpsc::Sender<News>,
}

/// A certificate that is wanted.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) wanted: Wanted,
    /// Whether it still is; what is not goes when its try has ended.
    pub(super) is_wanted: bool,
    /// When the owner asked for a new one.
    pub(super) asked_at: Option<i64>,
    /// When the plan last changed how it is got.
    pub(super) changed_at: Option<i64>,
    /// To be revoked when another has taken its place.
    pub(super) revocation: Option<Revocation>,
    pub(super) under_way: Option<UnderWay>,
    /// What is done next, as it was seen last.
    pub(super) next: Next,
    /// When that was; `None` when something has happened since.
    pub(super) seen_at: Option<i64>,
    pub(super) is_asked_about: bool,
    /// When its issuer may be asked again about its renewal, after it did not answer.
    pub(super) ask_again_at: i64,
    /// Why a try could not even begin.
    pub(super) trouble: Option<LastResult>,
    /// When that may be tried again.
    rests_until: i64,
    /// The last warning of its end that was given since the start.
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
    /// Whether something else, or nothing, is wanted since.
    pub(super) is_outdated: bool,
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
            known: Known::new(set),
            entries: BTreeMap::new(),
            ledger,
            news,
        }
    }

    /// Takes up what is wanted and kept now. A try for what is not wanted any more goes on to its end.
    pub(super) fn take_up(&mut self, set: Arc<CertificateSet>) {
        if Arc::ptr_eq(&set, self.known.set()) && !self.entries.is_empty() {
            return;
        }
        let mut before = std::mem::take(&mut self.entries);
        for wanted in &set.wanted {
            let mut entry = before
                .remove(wanted.name())
                .unwrap_or_else(|| Entry::new(wanted.clone()));
            entry.seen_at = None;
            if entry.wanted != *wanted {
                entry.wanted = wanted.clone();
                entry.changed_at = Some(clock::unix_seconds());
                entry.trouble = None;
                entry.outdate();
            }
            self.entries.insert(wanted.name().clone(), entry);
        }
        for (name, mut entry) in before {
            if entry.under_way.is_some() {
                entry.outdate();
                entry.is_wanted = false;
                self.entries.insert(name, entry);
            }
        }
        self.known = Known::new(set);
        self.take_up_revocations();
    }

    /// Takes up what the owner wished before the last start.
    fn take_up_revocations(&mut self) {
        let email = self.known.set().email().map(str::to_owned);
        for (name, entry) in &mut self.entries {
            let kept = self.known.kept(name).filter(|_| entry.revocation.is_none());
            let wish = kept.and_then(|kept| Some((kept, kept.meta.revocation?)));
            let Some((kept, asked)) = wish else { continue };
            entry.revocation = Revocation::of(kept, &entry.wanted, email.clone(), asked);
            if entry.revocation.is_some() {
                entry.asks_again(asked.at);
            }
        }
    }

    /// What is due now, at most so much that so many tries are under way.
    pub(super) fn due(&mut self, now: i64, at_once: usize) -> Vec<Errand> {
        let mut errands = Vec::new();
        let entries = self.entries.values();
        let mut room = at_once.saturating_sub(entries.filter(|it| it.under_way.is_some()).count());
        let mut listed = self.ledger.listed(now);
        for (name, entry) in &mut self.entries {
            if entry.under_way.is_some() {
                continue; // The model is asked when none is.
            }
            if entry.is_to_be_seen(now) {
                entry.next = issuing::next(&Question {
                    wanted: &entry.wanted,
                    held: self.known.held(&entry.wanted).as_ref(),
                    tries: &self.ledger.of(name),
                    asked_at: entry.asked_at,
                    changed_at: entry.changed_at,
                    now,
                    listed: &listed,
                });
                entry.seen_at = Some(now);
            }
            if room == 0 {
                continue;
            }
            let Some(errand) = entry.errand(&self.known, now) else {
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
        // A moment that is too far away was noted by a clock that was wrong.
        let has_come = |at: i64| at <= now || at > now + ASKED_WITHIN;
        let ready = self.entries.values().filter(|it| {
            let is_idle = !it.is_asked_about && it.under_way.is_none();
            is_idle && has_come(it.ask_again_at)
        });
        let due = ready.filter_map(|entry| {
            let kept = self.known.kept(entry.wanted.name())?;
            let is_over = kept.pair.facts.validity.is_expired(now);
            let renewal = kept.meta.renewal.as_ref();
            let is_due = !is_over && renewal.is_none_or(|it| has_come(it.ask_at));
            let issuer = entry.wanted.issuers().find(|it| it.name == kept.issuer)?;
            is_due.then(|| {
                Errand::AskAboutRenewal(Box::new(RenewalQuestion {
                    name: entry.wanted.name().clone(),
                    kept: kept.clone(),
                    issuer: issuer.clone(),
                    set: Arc::clone(self.known.set()),
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
                was_held: self.known.kept(&name).is_some(),
                is_outdated: false,
            });
            entry.seen_at = None;
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

    /// Warns of certificates that come to their end without another in sight; returns those it has warned of,
    /// which is to be written down.
    pub(super) fn warn_of_ends(&mut self, now: i64) -> Vec<Kept> {
        let mut warned_of = Vec::new();
        for (name, entry) in &mut self.entries {
            let Some(kept) = self.known.kept(name) else {
                continue;
            };
            let validity = kept.pair.facts.validity;
            let held = self.known.held(&entry.wanted);
            let due = held.map_or(validity.not_after, |held| issuing::due(name, &held));
            let warned = entry.warned.max(kept.meta.warned_at);
            let warned = warned.filter(|at| *at <= now);
            let warning = issuing::next_warning(validity, due, warned);
            if warning.is_none_or(|at| at > now) {
                continue;
            }
            entry.warned = Some(now);
            warned_of.push(kept.clone());
        }
        for kept in &warned_of {
            let end = kept.pair.facts.validity.not_after;
            let message = ending(self.known.set(), &kept.name, end, now);
            self.tell(EventKind::CertificateExpiring, &kept.name, message);
        }
        warned_of
    }

    /// Whether a try at this issuer is under way.
    pub(super) fn is_asking(&self, issuer: &str) -> bool {
        let mut under_way = self.entries.values().filter_map(|it| it.under_way.as_ref());
        under_way.any(|it| *it.issuer == *issuer)
    }

    /// How long nothing is due, as far as is known.
    pub(super) fn sleep(&self, now: i64) -> Duration {
        let idle = self.entries.values().filter(|it| it.under_way.is_none());
        let next = idle.filter_map(|entry| match entry.next {
            Next::Order { at, .. } => Some(at.max(entry.rest(now))),
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
            is_wanted: true,
            asked_at: None,
            changed_at: None,
            revocation: None,
            under_way: None,
            next: Next::Nobody,
            seen_at: None,
            is_asked_about: false,
            ask_again_at: 0,
            trouble: None,
            rests_until: 0,
            warned: None,
        }
    }

    /// The owner asks for a new one at this moment.
    pub(super) fn asks_again(&mut self, at: i64) {
        self.asked_at = Some(at);
        self.seen_at = None;
    }

    /// Notes that the try under way is for what is not wanted any more.
    fn outdate(&mut self) {
        if let Some(under_way) = &mut self.under_way {
            under_way.is_outdated = true;
        }
    }

    /// Whether what is next may be another than it was.
    fn is_to_be_seen(&self, now: i64) -> bool {
        let is_due = match self.next {
            Next::Order { at, .. } => at <= now,
            Next::Nobody | Next::NoWay => false,
        };
        let is_fresh = |seen: i64| (seen..seen + SEEN_WITHIN).contains(&now);
        is_due || !self.seen_at.is_some_and(is_fresh)
    }

    /// Until when it is left alone, by a clock that may have jumped back.
    fn rest(&self, now: i64) -> i64 {
        self.rests_until.min(now + REST)
    }

    /// The try that is due.
    fn errand(&self, known: &Known, now: i64) -> Option<TryErrand> {
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
        if at.max(self.rest(now)) > now {
            return None;
        }
        let issuer = self.wanted.issuers().nth(issuer)?.clone();
        let replaced = known.kept(self.wanted.name()).filter(|_| replaces);
        Some(TryErrand {
            wanted: self.wanted.clone(),
            issuer,
            environment,
            replaces: replaced.cloned(),
            set: Arc::clone(known.set()),
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

fn ending(set: &CertificateSet, name: &HostPattern, end: i64, now: i64) -> String {
    let moment = clock::minute_in(set.timezone(), end);
    let verb = if now > end { "ended" } else { "ends" };
    format!(
        "The certificate of {name} {verb} on {moment}, and no new one could be got yet: see `ondol certs`."
    )
}
