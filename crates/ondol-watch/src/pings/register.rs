//! What is known of each job that reports here, as it is kept in the store.

use std::collections::BTreeMap;
use std::time::Duration;

use ondol_base::chain::Chain;
use ondol_model::Plan;
use ondol_model::plan::Heartbeat;
use ondol_model::watch::Observation;
use ondol_model::watch::Reports;
use ondol_model::watch::Rhythm;
use ondol_model::watch::Subject;
use serde::Deserialize;
use serde::Serialize;

use crate::request::Ping;
use crate::status::HeartbeatStatus;

/// The name of the fact in the store.
const FACT: &str = "heartbeats";
/// As much of what came with a report as is kept.
const SAID_CHARS_MAX: usize = 500;

/// What is known of each job.
#[derive(Debug, Default)]
pub(super) struct Register {
    /// Until when reports were heard, before this run.
    heard_until: Option<i64>,
    jobs: BTreeMap<String, Reports>,
    /// Whether the store took what it was told last, so that a trouble with it is told once.
    is_written: bool,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    heard_until: Option<i64>,
    jobs: BTreeMap<String, KeptReports>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptReports {
    awaited_since: i64,
    well_at: Option<i64>,
    began_at: Option<i64>,
    failed_at: Option<i64>,
    excused_at: Option<i64>,
    said: String,
}

impl From<KeptReports> for Reports {
    fn from(kept: KeptReports) -> Self {
        let KeptReports {
            awaited_since,
            well_at,
            began_at,
            failed_at,
            excused_at,
            said,
        } = kept;
        Self {
            awaited_since,
            well_at,
            began_at,
            failed_at,
            excused_at,
            said,
        }
    }
}

impl From<Reports> for KeptReports {
    fn from(reports: Reports) -> Self {
        let Reports {
            awaited_since,
            well_at,
            began_at,
            failed_at,
            excused_at,
            said,
        } = reports;
        Self {
            awaited_since,
            well_at,
            began_at,
            failed_at,
            excused_at,
            said,
        }
    }
}

impl Register {
    /// What was known when it was written down last; nothing where that can't be read.
    pub(super) async fn open(store: &ondol_store::Handle) -> Self {
        let fact = store.watch_fact(FACT).await.unwrap_or_else(|error| {
            let error = Chain(&error);
            tracing::warn!(
                "when others' jobs last reported can't be read, and is awaited anew: {error}"
            );
            None
        });
        // A form of a later version says nothing to this one.
        let kept: Kept = fact
            .and_then(|fact| serde_json::from_str(&fact).ok())
            .unwrap_or_default();
        let jobs = kept.jobs.into_iter();
        Self {
            heard_until: kept.heard_until,
            jobs: jobs.map(|(name, kept)| (name, kept.into())).collect(),
            is_written: true,
        }
    }

    /// Takes up that nobody heard reports until now. Where the clock is behind, the past moves with it.
    pub(super) fn begin(&mut self, plan: &Plan, now: i64) {
        let Some(mut until) = self.heard_until.take() else {
            return;
        };
        if until > now {
            self.shift(now - until);
            until = now;
        }
        for heartbeat in &plan.care.heartbeats {
            if let Some(reports) = self.jobs.get_mut(&heartbeat.name) {
                reports.nobody_heard(until, now, rhythm(heartbeat));
            }
        }
    }

    /// Awaits what the plan names, and nothing else; whether that changed anything.
    pub(super) fn want(&mut self, plan: &Plan, now: i64) -> bool {
        let wanted = &plan.care.heartbeats;
        let before = self.jobs.len();
        let is_wanted = |name: &str| wanted.iter().any(|heartbeat| heartbeat.name == name);
        self.jobs.retain(|name, _| is_wanted(name));
        let mut is_news = self.jobs.len() != before;
        for heartbeat in wanted {
            if !self.jobs.contains_key(&heartbeat.name) {
                let reports = Reports::awaited(now);
                self.jobs.insert(heartbeat.name.clone(), reports);
                is_news = true;
            }
        }
        is_news
    }

    /// Takes up a report; whether it is of a job that is awaited.
    pub(super) fn hear(&mut self, report: Ping, now: i64) -> bool {
        let Ping { name, kind, body } = report;
        let Some(reports) = self.jobs.get_mut(&name) else {
            return false;
        };
        let said: String = body.trim().chars().take(SAID_CHARS_MAX).collect();
        reports.heard(kind, &said, now);
        true
    }

    /// The clock was set: by so many seconds into the future.
    pub(super) fn shift(&mut self, seconds: i64) {
        self.jobs
            .values_mut()
            .for_each(|reports| reports.shift(seconds));
    }

    /// Writes down what is known now.
    pub(super) async fn write(&mut self, store: &ondol_store::Handle, now: i64) {
        let jobs = self.jobs.iter();
        let kept = Kept {
            heard_until: Some(now),
            jobs: jobs
                .map(|(name, reports)| (name.clone(), reports.clone().into()))
                .collect(),
        };
        let text = serde_json::to_string(&kept).unwrap_or_default(); // Names and numbers can be written.
        let written = store.set_watch_fact(FACT, &text).await;
        if let Err(error) = &written
            && self.is_written
        {
            let error = Chain(error);
            tracing::warn!(
                "reports of others' jobs can't be written down, so after a restart they may be missed: {error}"
            );
        }
        self.is_written = written.is_ok();
    }

    /// Until when reports were heard before this run; `None` when none were awaited.
    pub(super) fn heard_until(&self) -> Option<i64> {
        self.heard_until
    }

    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// How long until the next job is overdue that is not yet.
    pub(super) fn due_in(&self, plan: &Plan, now: i64) -> Option<Duration> {
        let left = plan.care.heartbeats.iter().filter_map(|heartbeat| {
            let due_at = self.jobs.get(&heartbeat.name)?.due_at(rhythm(heartbeat));
            u64::try_from(due_at.saturating_sub(now)).ok()
        });
        left.min().map(Duration::from_secs)
    }

    /// How each job is.
    pub(super) fn judge(&self, plan: &Plan, now: i64) -> (Vec<Observation>, Vec<HeartbeatStatus>) {
        let known = plan.care.heartbeats.iter().filter_map(|heartbeat| {
            let reports = self.jobs.get(&heartbeat.name)?;
            let (state, finding) = reports.judge(rhythm(heartbeat), now);
            let subject = Subject::Heartbeat(heartbeat.name.clone());
            let observation = Observation {
                state,
                finding,
                ..Observation::pass(subject)
            };
            let status = HeartbeatStatus {
                name: heartbeat.name.clone(),
                state,
                last_at: reports.well_at,
                said: reports.said.clone(),
            };
            Some((observation.certain(), status))
        });
        known.unzip()
    }
}

fn rhythm(heartbeat: &Heartbeat) -> Rhythm {
    Rhythm {
        period: heartbeat.period,
        grace: heartbeat.grace,
    }
}
