//! What is not well, the worst first, each thing once. Pure.

use std::collections::BTreeSet;

use ondol_admin::api::AlarmSeverity;
use ondol_admin::api::AppState;
use ondol_admin::api::HealthState;
use ondol_admin::api::Incident;
use ondol_admin::api::Status;
use ondol_admin::api::Watch;
use ondol_base::clock;

use super::certificate_problems;
use super::last_good;
use crate::command::apps;
use crate::command::backups;
use crate::span;

/// Something that is not well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) weight: Weight,
    /// What kind of thing it is: the kind of a subject (`site`, `disk`), or the part of the box.
    pub(crate) area: String,
    pub(crate) sentence: String,
    /// Whether other things are not well because of it.
    pub(crate) reaches_further: bool,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// Wants somebody now.
    Bad,
    /// Wants a look.
    Attention,
}

/// All that is not well.
pub(crate) fn of(status: &Status, now: i64) -> Vec<Trouble> {
    let mut found = Found {
        status,
        known: subjects_of(&status.watch.incidents),
        troubles: Vec::new(),
    };
    found.incidents(now);
    found.visitors();
    found.subjects(now);
    found.configuration();
    found.services();
    found.apps();
    found.servers();
    found.certificates(now);
    found.backups();
    found.channels();
    let mut troubles = found.troubles;
    troubles.sort_by_key(|trouble| trouble.weight); // Those alike keep their order.
    troubles
}

/// What was found so far, of which subjects something is told.
struct Found<'s> {
    status: &'s Status,
    known: BTreeSet<&'s str>,
    troubles: Vec<Trouble>,
}

impl Found<'_> {
    fn add(&mut self, weight: Weight, area: &str, sentence: String) {
        let area = area.to_owned();
        self.troubles.push(Trouble {
            weight,
            area,
            sentence,
            reaches_further: false,
        });
    }

    /// Whether those who watch have nothing to tell of a subject, so that its own words count.
    fn is_new(&self, subject: &str) -> bool {
        let mut watched = self.status.watch.subjects.iter();
        let is_told = watched.any(|it| {
            it.subject == subject && matches!(it.state, HealthState::Warn | HealthState::Fail)
        });
        !is_told && !self.known.contains(subject)
    }

    fn incidents(&mut self, now: i64) {
        let Status {
            watch, timezone, ..
        } = self.status;
        for incident in &watch.incidents {
            let nobody = match (watch.people.is_empty(), is_silenced(watch, incident, now)) {
                (true, _) => "Nobody is told.",
                (false, true) => "Nobody is told: it is silenced.",
                (false, false) => "Nobody was told yet.",
            };
            let weight = match incident.severity {
                AlarmSeverity::Critical => Weight::Bad,
                AlarmSeverity::Info | AlarmSeverity::Warning => Weight::Attention,
            };
            let sentence = told(incident, nobody, now, timezone.as_deref());
            self.troubles.push(Trouble {
                weight,
                area: kind(&incident.subject).to_owned(),
                sentence,
                reaches_further: !incident.also.is_empty(),
            });
        }
    }

    fn visitors(&mut self) {
        if self.status.generations.is_empty() && !self.known.contains("data-plane") {
            let sentence = "No data plane is running: visitors are not served.";
            self.add(Weight::Bad, "data-plane", sentence.to_owned());
        }
    }

    fn subjects(&mut self, now: i64) {
        for subject in &self.status.watch.subjects {
            let weight = match subject.state {
                HealthState::Fail => Weight::Bad,
                HealthState::Warn => Weight::Attention,
                HealthState::Pass | HealthState::Unknown => continue,
            };
            if !self.known.contains(subject.subject.as_str()) {
                let since = span::relative(subject.since.unix_seconds(), now);
                let what = full(&subject.sentence, &subject.subject);
                let sentence = format!("{what} So since {since}.");
                self.add(weight, &subject.kind, sentence);
            }
        }
    }

    fn configuration(&mut self) {
        if let Some(sentence) = last_good(self.status) {
            self.add(Weight::Attention, "configuration", sentence);
        }
    }

    fn services(&mut self) {
        for service in &self.status.services {
            let (name, state) = (&service.name, &service.state);
            if state != "running" && self.is_new(&format!("service:{name}")) {
                let why = service.last_error.as_deref().unwrap_or("it has ended");
                let sentence = format!("Ondol's part for {name} does not run ({state}): {why}");
                self.add(Weight::Attention, "service", sentence);
            }
        }
    }

    fn apps(&mut self) {
        for app in &self.status.apps {
            let weight = match app.state {
                AppState::Failed => Weight::Bad,
                AppState::Running
                | AppState::Starting
                | AppState::Deploying
                | AppState::Watching
                | AppState::Asleep
                | AppState::Stopped => Weight::Attention,
            };
            if self.is_new(&format!("app:{}", app.name))
                && let Some(sentence) = apps::trouble(app)
            {
                self.add(weight, "app", sentence);
            }
        }
    }

    fn servers(&mut self) {
        for server in &self.status.servers {
            if let Some(why) = &server.trouble {
                let (address, sites) = (&server.address, server.sites.join(", "));
                let sentence = format!("The server {address} of {sites} is left out: {why}");
                self.add(Weight::Attention, "upstream", sentence);
            }
        }
    }

    fn certificates(&mut self, now: i64) {
        for sentence in certificate_problems(self.status, now) {
            self.add(Weight::Attention, "certificate", sentence);
        }
    }

    fn backups(&mut self) {
        for (target, sentence) in backups::failures(&self.status.backups) {
            if self.is_new(&format!("backup:{target}")) {
                self.add(Weight::Attention, "backup", sentence);
            }
        }
    }

    fn channels(&mut self) {
        for person in &self.status.watch.people {
            for channel in &person.channels {
                let (name, word) = (&person.name, &channel.channel);
                if let Some(trouble) = &channel.trouble
                    && self.is_new(&format!("channel:{name}/{word}"))
                {
                    let sentence = format!("{name} is not reached by {word}: {trouble}");
                    self.add(Weight::Attention, "channel", sentence);
                }
            }
        }
    }
}

/// The kind of a subject: `site` of `site:a.example.com`.
fn kind(subject: &str) -> &str {
    subject.split_once(':').map_or(subject, |(kind, _)| kind)
}

fn subjects_of(incidents: &[Incident]) -> BTreeSet<&str> {
    let causes = incidents.iter().map(|incident| incident.subject.as_str());
    let others = incidents.iter().flat_map(|incident| &incident.also);
    causes.chain(others.map(String::as_str)).collect()
}

/// Whether the owner wants to hear nothing of it, or of its cause.
fn is_silenced(watch: &Watch, incident: &Incident, now: i64) -> bool {
    let mut subjects = watch.subjects.iter();
    let cause = subjects.find(|it| it.subject == incident.subject);
    let silences = [watch.silenced_until, cause.and_then(|it| it.silenced_until)];
    let mut silences = silences.into_iter().flatten();
    silences.any(|until| until.unix_seconds() > now)
}

/// What it is, since when, and who knows; `nobody` is said when nobody does.
fn told(incident: &Incident, nobody: &str, now: i64, zone: Option<&str>) -> String {
    let began = incident.began_at.unix_seconds();
    let what = full(&incident.sentence, &incident.subject);
    let also = match incident.also.as_slice() {
        [] => String::new(),
        also => format!(" With it: {}.", listed(also)),
    };
    let since = clock::minute_in(zone, began);
    let length = span::span(now.abs_diff(began));
    let who = match (&incident.acknowledged_by, incident.told.as_slice()) {
        (Some(name), _) => format!("{name} looks after it."),
        (None, []) => nobody.to_owned(),
        (None, told) => {
            let were = if told.len() == 1 { "was" } else { "were" };
            let told = told.join(", ");
            format!(
                "{told} {were} told; `ondol alarm ack {}` answers.",
                incident.id
            )
        }
    };
    format!("{what}{also} Since {since} ({length}). {who}")
}

/// The sentence about something, with its full stop.
fn full(sentence: &str, subject: &str) -> String {
    match sentence.trim() {
        "" => format!("{subject} is not well."),
        sentence if sentence.ends_with(['.', '!', '?']) => sentence.to_owned(),
        sentence => format!("{sentence}."),
    }
}

/// So many names, and how many more.
fn listed(subjects: &[String]) -> String {
    const SHOWN: usize = 4;
    let name = |subject: &String| match subject.split_once(':') {
        Some(("site" | "app", name)) => name.to_owned(),
        Some(_) | None => subject.clone(),
    };
    let names: Vec<_> = subjects.iter().map(name).collect();
    match names.len().checked_sub(SHOWN) {
        Some(more @ 1..) => format!("{} and {more} more", names[..SHOWN].join(", ")),
        Some(0) | None => names.join(", "),
    }
}
