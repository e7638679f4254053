//! What is shown of how everything is: what those who watch say of it.

use std::sync::Arc;

use ondol_admin::api;
use ondol_admin::api::Time;
use ondol_model::watch::PowerState;
use ondol_model::watch::State;
use ondol_watch::HeartbeatStatus;
use ondol_watch::IncidentStatus;
use ondol_watch::PersonStatus;
use ondol_watch::PowerStatus;
use ondol_watch::SubjectStatus;
use ondol_watch::WatchStatus;
use tokio::sync::watch;

/// Turns what is said of everything into what is shown.
#[derive(Debug)]
pub(crate) struct WatchShown {
    status: watch::Receiver<Arc<WatchStatus>>,
    shown: watch::Sender<Arc<api::Watch>>,
}

impl WatchShown {
    /// Both ends of what is shown, with the first value in it.
    pub(super) fn new(
        status: watch::Receiver<Arc<WatchStatus>>,
    ) -> (Self, watch::Receiver<Arc<api::Watch>>) {
        let first = shown(&status.borrow());
        let (shown, reader) = watch::channel(Arc::new(first));
        (Self { status, shown }, reader)
    }

    /// Shows each change until nobody tells of any more.
    pub(crate) async fn run(mut self) {
        while self.status.changed().await.is_ok() {
            let status = Arc::clone(&self.status.borrow_and_update());
            self.shown.send_replace(Arc::new(shown(&status)));
        }
    }
}

fn shown(status: &WatchStatus) -> api::Watch {
    let WatchStatus {
        subjects,
        incidents,
        people,
        outbox,
        outbox_since,
        heartbeats,
        heartbeat_at,
        power,
        unclean_boots,
        last_absence,
        silenced_until,
        warnings,
    } = status;
    api::Watch {
        subjects: subjects.iter().map(subject).collect(),
        incidents: incidents.iter().map(incident).collect(),
        people: people.iter().map(person).collect(),
        outbox: *outbox,
        outbox_since: time(*outbox_since),
        heartbeats: heartbeats.iter().map(heartbeat).collect(),
        heartbeat_at: time(*heartbeat_at),
        power: self::power(power),
        unclean_boots: *unclean_boots,
        last_absence: last_absence.clone(),
        silenced_until: time(*silenced_until),
        warnings: warnings.clone(),
    }
}

fn subject(status: &SubjectStatus) -> api::WatchSubject {
    let SubjectStatus {
        subject,
        state,
        since,
        sentence,
        seen_at,
        took_ms,
        uptime,
        values,
        silenced_until,
    } = status;
    api::WatchSubject {
        subject: subject.to_string(),
        kind: subject.kind().to_owned(),
        name: subject.name().to_owned(),
        state: self::state(*state),
        since: Time::from_unix_seconds(*since),
        sentence: sentence.clone(),
        seen_at: time(*seen_at),
        took_ms: *took_ms,
        uptime: *uptime,
        values: values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value))
            .collect(),
        silenced_until: time(*silenced_until),
    }
}

fn incident(status: &IncidentStatus) -> api::Incident {
    let IncidentStatus {
        id,
        subject,
        also,
        severity,
        began_at,
        ended_at,
        sentence,
        acknowledged_by,
        told,
    } = status;
    api::Incident {
        id: *id,
        subject: subject.to_string(),
        also: also.iter().map(ToString::to_string).collect(),
        severity: (*severity).into(),
        began_at: Time::from_unix_seconds(*began_at),
        ended_at: time(*ended_at),
        sentence: sentence.clone(),
        acknowledged_by: acknowledged_by.clone(),
        told: told.clone(),
    }
}

fn person(status: &PersonStatus) -> api::WatchPerson {
    let PersonStatus {
        name,
        channels,
        answered_at,
    } = status;
    let channels = channels
        .iter()
        .map(|(channel, delivered_at, trouble)| api::WatchChannel {
            channel: channel.clone(),
            delivered_at: time(*delivered_at),
            trouble: trouble.clone(),
        });
    api::WatchPerson {
        name: name.clone(),
        channels: channels.collect(),
        answered_at: time(*answered_at),
    }
}

fn heartbeat(status: &HeartbeatStatus) -> api::WatchHeartbeat {
    let HeartbeatStatus {
        name,
        state,
        last_at,
        said,
    } = status;
    api::WatchHeartbeat {
        name: name.clone(),
        state: self::state(*state),
        last_at: time(*last_at),
        said: said.clone(),
    }
}

fn power(status: &PowerStatus) -> api::WatchPower {
    let PowerStatus {
        state,
        source,
        charge,
        runtime,
        watts,
        joules,
        cost,
    } = status;
    api::WatchPower {
        state: match state {
            PowerState::Mains => api::PowerSource::Mains,
            PowerState::Battery => api::PowerSource::Battery,
            PowerState::Low => api::PowerSource::Low,
        },
        source: source.clone(),
        charge: *charge,
        runtime_seconds: *runtime,
        watts: *watts,
        joules: joules.iter().cloned().collect(),
        cost: cost.clone(),
    }
}

fn state(state: State) -> api::HealthState {
    match state {
        State::Unknown => api::HealthState::Unknown,
        State::Pass => api::HealthState::Pass,
        State::Warn => api::HealthState::Warn,
        State::Fail => api::HealthState::Fail,
    }
}

fn time(seconds: Option<i64>) -> Option<Time> {
    seconds.map(Time::from_unix_seconds)
}
