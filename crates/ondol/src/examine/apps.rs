//! Apps: whether what they are started with is there, and what was found where the file leaves it open.

pub(super) mod commands;
mod environment;
mod folders;

use std::path::Path;

use ondol_apps::preview;
use ondol_apps::preview::Runner;
use ondol_base::clock;
use ondol_config::KeyPath;
use ondol_model::AppName;
use ondol_model::Plan;
use ondol_model::Target;
use ondol_model::plan::App;
use ondol_model::plan::EnvValue;
use ondol_model::plan::PhpVia;

use super::Findings;
use super::Subject;
use crate::sandbox::ServeUser;

/// An app that is looked at.
#[derive(Debug)]
struct Look<'s> {
    subject: Subject<'s>,
    app: &'s App,
    /// Where it stands.
    key: KeyPath,
    /// Whom it would run as.
    user: ServeUser,
    /// Where its programs are looked for.
    path: String,
}

pub(super) fn examine(subject: Subject<'_>, findings: &mut Findings) {
    let mut made = Vec::new();
    for app in &subject.plan.apps {
        let runner = preview::runner(app);
        if let Ok(Runner::Made(user)) = &runner {
            made.push(user.clone());
        }
        let key = key_of(subject, &app.name);
        if let Err(problem) = &runner {
            let key = key.clone().key("user");
            let name = &app.name;
            let problem = format!("the app `{name}` would not start: {problem}");
            findings.mistake(subject, &key, problem, "until then, nothing of it runs");
        }
        let runner = runner.unwrap_or(Runner::Own);
        let look = Look {
            subject,
            app,
            key,
            path: path(app, &runner),
            user: user(runner),
        };
        folders::examine(&look, findings);
        commands::examine(&look, findings);
        environment::examine(&look, findings);
        time_zones(&look, findings);
    }
    if !made.is_empty() {
        let sentence = format!(
            "Users that are not there yet are made when their apps first start: {}.",
            made.join(", ")
        );
        findings.notes.push(sentence);
    }
}

impl Look<'_> {
    fn key(&self, name: &str) -> KeyPath {
        self.key.clone().key(name)
    }

    /// The folder that the app runs in before its first deploy, where that is there.
    fn dir(&self) -> Option<&Path> {
        self.app.dir.as_deref().filter(|dir| dir.is_dir())
    }
}

/// Where an app stands: in a section of its own, or, of a pool without one, in the first site that names it.
fn key_of(subject: Subject<'_>, app: &AppName) -> KeyPath {
    let own = KeyPath::app(app.as_str());
    if subject.origins.has(&own) {
        return own;
    }
    pool_of_site(subject.plan, app).unwrap_or(own)
}

fn pool_of_site(plan: &Plan, app: &AppName) -> Option<KeyPath> {
    plan.sites.iter().find_map(|site| {
        let mut routes = site.own_routes();
        let route = routes.find(|route| match &route.target {
            Target::Php(php) => php.via == PhpVia::Pool(app.clone()),
            Target::App(_)
            | Target::Files(_)
            | Target::Proxy(_)
            | Target::Redirect(_)
            | Target::Respond(_) => false,
        })?;
        let key = KeyPath::site(&site.name.to_string()).route(route.path.as_str());
        Some(key.key("php").key("pool"))
    })
}

fn path(app: &App, runner: &Runner) -> String {
    match app.env.get("PATH") {
        Some(EnvValue::Text(path)) => path.clone(),
        Some(EnvValue::Secret(_)) | None => preview::path(runner),
    }
}

fn user(runner: Runner) -> ServeUser {
    match runner {
        Runner::Own => ServeUser::Own,
        Runner::Found(user) => ServeUser::Other {
            name: user.name,
            uid: user.uid,
            gid: user.gid,
        },
        Runner::Made(name) => ServeUser::anybody().named(name),
    }
}

fn time_zones(look: &Look<'_>, findings: &mut Findings) {
    for (index, line) in look.app.cron.iter().enumerate() {
        let Some(zone) = line.timezone.as_ref().filter(|zone| !clock::is_zone(zone)) else {
            continue;
        };
        findings.mistake(
            look.subject,
            &look.key("cron").index(index).key("timezone"),
            format!("this machine knows no time zone {zone}"),
            "`timedatectl list-timezones` lists those that it knows; where there are none, the package tzdata is missing",
        );
    }
}
