//! From what the box knows to what the API says. One direction only: nothing is read back.

use std::path::Path;
use std::time::UNIX_EPOCH;

use ondol_base::tasks::ServiceStatus;
use ondol_model::diff;
use ondol_model::plan;
use ondol_store::Recorded;
use ondol_store::RecordedBackupJob;
use ondol_store::RecordedCronRun;
use ondol_store::RecordedLaunch;

use super::AppChanges;
use super::AppCronRun;
use super::AppLaunch;
use super::BackupJob;
use super::Changes;
use super::Event;
use super::LastBackupJob;
use super::Route;
use super::Service;
use super::Site;
use super::SiteCertificate;
use super::Time;

impl Site {
    /// A site of the plan, with what only the agent knows about it: the addresses that answer for
    /// it, and its certificate.
    pub fn new(
        site: &plan::Site,
        listens: Vec<String>,
        certificate: Option<SiteCertificate>,
    ) -> Self {
        let scheme = match site.scheme {
            plan::Scheme::Https => "https",
            plan::Scheme::Http => "http",
        };
        Self {
            name: site.name.to_string(),
            aliases: site.aliases.iter().map(ToString::to_string).collect(),
            serves_aliases: site.alias_answer == plan::AliasAnswer::Serve,
            scheme: scheme.to_owned(),
            listens,
            routes: routes(site),
            certificate,
            health: None, // It is joined where it is asked for, as it is then.
        }
    }
}

/// What answers, and where TLS connections are passed on to.
fn routes(site: &plan::Site) -> Vec<Route> {
    let passed = site.passthrough.iter().map(|passed| {
        let to: Vec<_> = passed.tls.iter().map(ToString::to_string).collect();
        Route {
            path: "/".to_owned(),
            target: "passthrough".to_owned(),
            to: to.join(", "),
        }
    });
    passed.chain(site.routes.iter().map(Route::from)).collect()
}

impl From<&plan::Route> for Route {
    fn from(route: &plan::Route) -> Self {
        Self {
            path: route.path.to_string(),
            target: route.target.word().to_owned(),
            to: destination(&route.target),
        }
    }
}

fn destination(target: &plan::Target) -> String {
    match target {
        plan::Target::App(name) => name.to_string(),
        plan::Target::Files(files) => shown(&files.root),
        plan::Target::Php(php) => shown(&php.root),
        plan::Target::Proxy(proxy) => {
            let upstreams: Vec<_> = proxy.upstreams().map(ToString::to_string).collect();
            upstreams.join(", ")
        }
        plan::Target::Redirect(redirect) => format!("{} {}", redirect.status, redirect.to),
        plan::Target::Respond(respond) => respond.status.to_string(),
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn texts(names: &[impl ToString]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

impl From<&diff::Changes> for Changes {
    fn from(changes: &diff::Changes) -> Self {
        let diff::Changes {
            added,
            removed,
            changed,
            apps,
            listeners,
            backup,
            care,
            settings,
        } = changes;
        Self {
            added: texts(added),
            removed: texts(removed),
            changed: texts(changed),
            apps: AppChanges {
                added: texts(&apps.added),
                removed: texts(&apps.removed),
                changed: texts(&apps.changed),
            },
            listeners: *listeners,
            backup: *backup,
            care: *care,
            settings: *settings,
        }
    }
}

impl From<ServiceStatus> for Service {
    fn from(status: ServiceStatus) -> Self {
        let ServiceStatus {
            name,
            state,
            since,
            restarts,
            last_error,
        } = status;
        let since = since.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            name: name.to_owned(),
            state: state.word().to_owned(),
            since: Time::from_unix_seconds(i64::try_from(since.as_secs()).unwrap_or(i64::MAX)),
            restarts,
            last_error,
        }
    }
}

impl From<Recorded> for Event {
    fn from(recorded: Recorded) -> Self {
        let Recorded {
            id,
            at_ms,
            kind,
            subject,
            message,
        } = recorded;
        Self {
            id: id.0,
            at: Time::from_unix_seconds(at_ms.div_euclid(1_000)),
            kind,
            subject,
            message,
        }
    }
}

impl From<RecordedLaunch> for AppLaunch {
    fn from(recorded: RecordedLaunch) -> Self {
        let RecordedLaunch {
            launch,
            app: _,
            kind,
            release,
            source,
            step,
            began_at,
            live_at,
            ended,
        } = recorded;
        let outcome = ended.as_ref().map(|end| end.outcome.word().to_owned());
        Self {
            launch,
            kind: kind.word().to_owned(),
            release,
            source,
            step,
            began_at: Time::from_unix_seconds(began_at),
            live_at: live_at.map(Time::from_unix_seconds),
            ended_at: ended.as_ref().map(|end| Time::from_unix_seconds(end.at)),
            outcome,
            reason: ended.map_or_else(String::new, |end| end.reason),
        }
    }
}

impl From<RecordedCronRun> for AppCronRun {
    fn from(recorded: RecordedCronRun) -> Self {
        let RecordedCronRun { id: _, run, ended } = recorded;
        let outcome = ended.as_ref().map(|end| end.outcome.word().to_owned());
        Self {
            line: run.line,
            due_at: Time::from_unix_seconds(run.due_at),
            began_at: run.began_at.map(Time::from_unix_seconds),
            ended_at: ended.as_ref().map(|end| Time::from_unix_seconds(end.at)),
            outcome,
            message: ended.map_or_else(String::new, |end| end.message),
        }
    }
}

impl From<RecordedBackupJob> for BackupJob {
    fn from(recorded: RecordedBackupJob) -> Self {
        let RecordedBackupJob {
            id: _,
            kind,
            target,
            run,
            began_at,
            ended,
        } = recorded;
        let outcome = ended.as_ref().map(|end| end.outcome.word().to_owned());
        let job = LastBackupJob {
            kind: kind.word().to_owned(),
            began_at: Time::from_unix_seconds(began_at),
            ended_at: ended.as_ref().map(|end| Time::from_unix_seconds(end.at)),
            outcome,
            message: ended.map_or_else(String::new, |end| end.message),
        };
        Self { target, run, job }
    }
}

#[cfg(test)]
mod tests;
