//! When the registrations of the box's domains end, by their registries (RDAP). Each is asked about once a week; what
//! was heard is written down.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

use http::Method;
use http::StatusCode;
use ondol_base::clock;
use ondol_base::https::Ask;
use ondol_base::https::Https;
use ondol_model::HostPattern;
use ondol_model::Plan;
use ondol_model::watch::Finding;
use ondol_model::watch::Observation;
use ondol_model::watch::Subject;
use ondol_model::watch::What;
use serde::Deserialize;
use serde::Serialize;

mod rdap;

/// Where IANA says who keeps which top-level domain.
const LIST: &str = "https://data.iana.org/rdap/dns.json";
const USER_AGENT: &str = concat!("ondol/", env!("CARGO_PKG_VERSION"));
const FACT: &str = "domains";
const DAY: i64 = 24 * 60 * 60;
/// Registries are asked so seldom that nobody minds.
const WEEK: i64 = 7 * DAY;
/// Registries change hardly ever.
const LIST_GOOD_FOR: i64 = 30 * DAY;
/// Most are renewed a month before.
const WARN: i64 = 30 * DAY;
const FAIL: i64 = 7 * DAY;
/// What was heard so long ago is not known any more.
const STALE: i64 = 60 * DAY;
/// Questions in one look; the rest has its turn an hour later.
const ASKED_MAX: usize = 12;
/// Between two questions, for a registry that counts them.
const PAUSE: Duration = Duration::from_secs(2);
/// Domains that are looked at.
const DOMAINS_MAX: usize = 200;

/// What was heard, in the store.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    /// The registries of top-level domains; `None` for one that has none.
    registries: BTreeMap<String, Registry>,
    /// By names that may be registered.
    domains: BTreeMap<String, Heard>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Registry {
    url: Option<String>,
    asked_at: i64,
}

/// What was heard of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Heard {
    /// When its registration ends; `None` where it is not registered by itself, or nobody says.
    expires_at: Option<i64>,
    asked_at: i64,
}

/// Looks at the registrations of the box's domains.
#[derive(Debug, Default)]
pub(super) struct DomainsWatch {
    memory: Option<Memory>,
    https: Option<Https>,
}

impl DomainsWatch {
    /// Looks once. Nobody is asked while the internet is away, nor where nobody is to be asked.
    pub(super) async fn look(
        &mut self,
        store: &ondol_store::Handle,
        plan: &Plan,
        is_online: bool,
    ) -> Vec<Observation> {
        let names = names(plan);
        if names.is_empty() || !plan.care.watch.domains {
            return Vec::new();
        }
        let mut memory = match self.memory.take() {
            Some(memory) => memory,
            None => recalled(store).await,
        };
        memory.forget_others(&names);
        if is_online {
            let asked = self.ask_what_is_due(&mut memory, &names).await;
            if asked > 0 {
                keep(store, &memory).await;
            }
        }
        let seen = observe(&memory, &names, clock::unix_seconds());
        self.memory = Some(memory);
        seen
    }

    /// Returns how many questions were asked.
    async fn ask_what_is_due(&mut self, memory: &mut Memory, names: &BTreeSet<String>) -> usize {
        let mut asked = 0;
        for name in names {
            while let Some(candidate) = memory.next(name, clock::unix_seconds()) {
                if asked == ASKED_MAX {
                    return asked;
                }
                asked += 1;
                let candidate = candidate.to_owned();
                if !self.ask(memory, &candidate).await {
                    break; // In an hour again.
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        asked
    }

    /// Whether there was an answer.
    async fn ask(&mut self, memory: &mut Memory, domain: &str) -> bool {
        let Some(registry) = self.registry(memory, domain).await else {
            return false;
        };
        let expires_at = match registry {
            None => None,
            Some(url) => {
                let url = format!("{url}domain/{domain}");
                match self.get(url).await {
                    Some((StatusCode::OK, answer)) => rdap::expires_at(&answer, domain),
                    Some((status, _)) if is_no(status) => None,
                    Some(_) | None => return false,
                }
            }
        };
        let heard = Heard {
            expires_at,
            asked_at: clock::unix_seconds(),
        };
        memory.domains.insert(domain.to_owned(), heard);
        true
    }

    /// Whom to ask about a domain; within it `None` when there is nobody. `None` when that is not known now.
    async fn registry(&mut self, memory: &mut Memory, domain: &str) -> Option<Option<String>> {
        let top = domain.rsplit('.').next()?;
        let now = clock::unix_seconds();
        if let Some(known) = memory.registries.get(top)
            && (0..LIST_GOOD_FOR).contains(&(now - known.asked_at))
        {
            return Some(known.url.clone());
        }
        let (status, list) = self.get(LIST.to_owned()).await?;
        if status != StatusCode::OK {
            return None;
        }
        let url = rdap::registry(&list, top);
        let known = Registry {
            url: url.clone(),
            asked_at: now,
        };
        memory.registries.insert(top.to_owned(), known);
        Some(url)
    }

    async fn get(&mut self, url: String) -> Option<(StatusCode, Vec<u8>)> {
        if self.https.is_none() {
            self.https = Https::open(USER_AGENT, None).await.ok();
        }
        let ask = Ask::new(Method::GET, url);
        let answered = self.https.as_ref()?.ask(ask).await;
        match answered {
            Ok(answer) => Some((answer.status, answer.body.to_vec())),
            Err(error) => {
                tracing::debug!(%error, "a registry did not answer");
                None
            }
        }
    }
}

/// It is not registered by itself, or no name that can be.
fn is_no(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY
    )
}

impl Memory {
    /// What is to be asked next to know about a name: its registered part, or what may be it.
    fn next<'n>(&self, name: &'n str, now: i64) -> Option<&'n str> {
        for candidate in rdap::candidates(name) {
            let Some(heard) = self.domains.get(candidate) else {
                return Some(candidate);
            };
            if heard.is_due(now) {
                return Some(candidate);
            }
            if heard.expires_at.is_some() {
                return None;
            }
        }
        None
    }

    /// The registered part of a name, with what was heard of it.
    fn registered<'n>(&self, name: &'n str) -> Option<(&'n str, Heard)> {
        let candidates = rdap::candidates(name).into_iter();
        let mut heard = candidates.filter_map(|name| Some((name, *self.domains.get(name)?)));
        heard.find(|(_, heard)| heard.expires_at.is_some())
    }

    fn forget_others(&mut self, names: &BTreeSet<String>) {
        let wanted: BTreeSet<_> = names
            .iter()
            .flat_map(|name| rdap::candidates(name))
            .collect();
        self.domains
            .retain(|name, _| wanted.contains(name.as_str()));
    }
}

impl Heard {
    /// Every week, and every day when the end is near: it may have been renewed. A clock that was set back knows
    /// nothing.
    fn is_due(self, now: i64) -> bool {
        let is_near = self.expires_at.is_some_and(|at| at - now < WARN);
        let pause = if is_near { DAY } else { WEEK };
        !(0..pause).contains(&(now - self.asked_at))
    }
}

/// The names of the box that somebody has registered.
fn names(plan: &Plan) -> BTreeSet<String> {
    let names = plan.sites.iter().flat_map(|site| site.names());
    let public = names.filter(|name| !name.is_private() && !name.is_reserved());
    let domains = public.map(HostPattern::domain).map(ToString::to_string);
    domains.take(DOMAINS_MAX).collect()
}

fn observe(memory: &Memory, names: &BTreeSet<String>, now: i64) -> Vec<Observation> {
    let known: BTreeMap<_, _> = names
        .iter()
        .filter_map(|name| memory.registered(name))
        .collect();
    let known = known.into_iter();
    known.map(|(name, heard)| judge(name, heard, now)).collect()
}

fn judge(name: &str, heard: Heard, now: i64) -> Observation {
    let subject = Subject::Domain(name.to_owned());
    let Some(expires_at) = heard.expires_at.filter(|_| now - heard.asked_at < STALE) else {
        return Observation::unknown(subject);
    };
    let left = expires_at - now;
    let ends = || Finding::of(What::DomainEnds(expires_at));
    let mut seen = if left <= FAIL {
        Observation::fail(subject, ends()).certain()
    } else if left <= WARN {
        Observation::warn(subject, ends()).certain()
    } else {
        Observation::pass(subject).certain()
    };
    #[expect(clippy::cast_precision_loss, reason = "it is exact for centuries")]
    seen.values
        .push(("domain_expires_timestamp_seconds", expires_at as f64));
    seen
}

async fn recalled(store: &ondol_store::Handle) -> Memory {
    let text = store.watch_fact(FACT).await.ok().flatten();
    let memory = text.and_then(|text| serde_json::from_str(&text).ok());
    memory.unwrap_or_default()
}

async fn keep(store: &ondol_store::Handle, memory: &Memory) {
    let Ok(text) = serde_json::to_string(memory) else {
        return; // Maps of texts and numbers can always be written.
    };
    if let Err(error) = store.set_watch_fact(FACT, &text).await {
        tracing::warn!(%error, "what registries say could not be written down");
    }
}

#[cfg(test)]
mod tests {
    use ondol_model::plan::Scheme;
    use ondol_model::watch::State;

    use super::super::sample;
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn heard(days: Option<i64>, asked_days_ago: i64) -> Heard {
        Heard {
            expires_at: days.map(|days| NOW + days * DAY),
            asked_at: NOW - asked_days_ago * DAY,
        }
    }

    fn memory(domains: &[(&str, Heard)]) -> Memory {
        let domains = domains
            .iter()
            .map(|(name, heard)| ((*name).to_owned(), *heard));
        Memory {
            domains: domains.collect(),
            ..Memory::default()
        }
    }

    #[test]
    fn only_names_that_somebody_registered_are_looked_at() {
        let sites = ["nas.lan", "*.mine.kr", "blog.mine.kr", "a.example.com"];
        let sites = sites.map(|name| sample::site(name, Scheme::Https));
        let names = names(&sample::plan(sites.to_vec()));
        assert_eq!(
            names.into_iter().collect::<Vec<_>>(),
            ["blog.mine.kr", "mine.kr"]
        );
    }

    #[test]
    fn the_registered_part_is_found_label_by_label_and_asked_again_in_a_week() {
        let name = "shop.mine.co.kr";
        let mut domains = vec![];
        for (expected, answer) in [
            (Some("co.kr"), ("co.kr", heard(None, 0))),
            (Some("mine.co.kr"), ("mine.co.kr", heard(Some(300), 0))),
        ] {
            assert_eq!(memory(&domains).next(name, NOW), expected);
            domains.push(answer);
        }
        let memory = memory(&domains);
        assert_eq!(memory.next(name, NOW), None);
        assert_eq!(memory.next(name, NOW + WEEK - 1), None);
        assert_eq!(memory.next(name, NOW + WEEK), Some("co.kr"));
        assert_eq!(memory.next(name, NOW - 1), Some("co.kr"));
        let (registered, _) = memory.registered(name).unwrap();
        assert_eq!(registered, "mine.co.kr");
        assert!(heard(Some(29), 1).is_due(NOW) && !heard(Some(31), 1).is_due(NOW));
    }

    #[test]
    fn an_end_is_told_a_month_before_and_urgent_a_week_before() {
        for (days, asked_days_ago, state) in [
            (31, 6, State::Pass),
            (30, 0, State::Warn),
            (7, 0, State::Fail),
            (-1, 0, State::Fail),
            (300, 61, State::Unknown),
        ] {
            let seen = judge("mine.kr", heard(Some(days), asked_days_ago), NOW);
            assert_eq!(seen.state, state, "{days} {asked_days_ago}");
        }
    }

    #[tokio::test]
    async fn what_was_heard_outlives_a_restart_and_sites_that_went_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let sites = vec![sample::site("blog.mine.kr", Scheme::Https)];
        let plan = sample::plan(sites);
        let sample = sample::sample(folder.path(), plan.clone(), Default::default());
        let store = &sample.bench.ground.store;
        let now = clock::unix_seconds();
        let soon = Heard {
            expires_at: Some(now + DAY),
            asked_at: now,
        };
        keep(store, &memory(&[("mine.kr", soon), ("gone.kr", soon)])).await;
        let mut watch = DomainsWatch::default();
        let seen = watch.look(store, &plan, false).await;
        let subjects: Vec<_> = seen.iter().map(|seen| seen.subject.to_string()).collect();
        assert_eq!(subjects, ["domain:mine.kr"]);
        let mut quiet = plan;
        quiet.care.watch.domains = false;
        assert!(watch.look(store, &quiet, false).await.is_empty());
    }
}
