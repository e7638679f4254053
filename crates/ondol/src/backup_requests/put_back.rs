//! A restore from its beginning to its end: everything is restored beside while things run, and when that is whole, the
//! apps that use it are stopped, it takes its place, and they are started.

use std::path::PathBuf;
use std::sync::Arc;

use ondol_admin::api;
use ondol_backup::Destination;
use ondol_backup::Found;
use ondol_backup::RestoreWork;
use ondol_backup::What;
use ondol_backup::Work;
use ondol_base::clock;
use ondol_model::app::AppName;
use ondol_model::backup::JobKind;
use tokio::sync::oneshot;

use super::Desk;
use super::Step;
use super::begun;
use super::course::Course;
use super::drive;
use super::refusal;
use super::restore;
use super::restore::Meant;
use super::too_many;
use super::words;
use crate::span;

/// Something that lies ready beside its place.
struct Beside {
    what: What,
    staged: Vec<(PathBuf, PathBuf)>,
}

/// A restore that is under way.
struct Restoring {
    desk: Desk,
    course: Arc<Course>,
    /// All of it comes from the same.
    target: String,
    at: Option<i64>,
    faults: Vec<String>,
    /// What was restored, the beginnings of sentences.
    restored: Vec<String>,
}

impl Desk {
    /// What a restore would mean.
    pub(super) fn what_is_meant(&self, question: &api::RestoreQuestion) -> api::RestoreAnswer {
        let Meant {
            what,
            apps,
            notes,
            left_to_do: _,
        } = match self.meant(question) {
            Ok(meant) => meant,
            Err(message) => {
                return api::RestoreAnswer {
                    message,
                    ..api::RestoreAnswer::default()
                };
            }
        };
        let mut answer = api::RestoreAnswer {
            accepted: true,
            stopped: apps.iter().map(ToString::to_string).collect(),
            notes,
            ..api::RestoreAnswer::default()
        };
        for what in what {
            match what {
                What::Paths(paths) => {
                    let paths = paths.iter().map(|path| path.display().to_string());
                    answer.paths.extend(paths);
                }
                What::Databases(names) => answer.databases.extend(names),
                What::Parts(_) => {}
            }
        }
        answer
    }

    fn meant(&self, question: &api::RestoreQuestion) -> Result<Meant, String> {
        self.known(question.target.clone())?;
        let plan = Arc::clone(&self.plan.borrow());
        if plan.backup.to.is_empty() {
            return Err(self.nothing_to_do());
        }
        restore::meant(question, &plan, &self.folders)
    }

    /// Puts something back.
    pub(super) async fn restore(
        self,
        question: &api::RestoreQuestion,
        reply: oneshot::Sender<api::BackupAnswer>,
    ) {
        let meant = match self.meant(question) {
            Ok(meant) => meant,
            Err(refused) => return drop(reply.send(refusal(refused))),
        };
        let Some(course) = self.courses.open() else {
            return drop(reply.send(refusal(too_many())));
        };
        let targets = question.target.iter().cloned().collect();
        drop(reply.send(begun(&course, targets)));
        let restoring = Restoring {
            desk: self,
            course: Arc::clone(&course),
            target: question.target.clone().unwrap_or_default(),
            at: question.at.map(api::Time::unix_seconds),
            faults: Vec::new(),
            restored: Vec::new(),
        };
        let end = restoring.run(question, meant).await;
        course.end(end);
        course.over();
    }
}

impl Restoring {
    async fn run(mut self, question: &api::RestoreQuestion, meant: Meant) -> api::BackupEnd {
        let Meant {
            what,
            apps,
            notes: _,
            left_to_do,
        } = meant;
        let to = match &question.to {
            Some(folder) => Destination::Into(folder.into()),
            None => Destination::Beside,
        };
        let mut beside = Vec::new();
        for what in what {
            match self.job(what.clone(), to.clone()).await {
                Ok(staged) => beside.push(Beside { what, staged }),
                Err(why) => return self.failed(&why, &beside),
            }
        }
        if let Some(folder) = &question.to {
            return self.ended(&format!("it lies below {folder}"), Vec::new());
        }
        if !self.faults.is_empty() && !question.incomplete {
            let why = "some of it could not be restored, so nothing took its place";
            return self.failed(why, &beside);
        }
        self.put_in_place(beside, apps, left_to_do).await
    }

    async fn put_in_place(
        mut self,
        beside: Vec<Beside>,
        apps: Vec<AppName>,
        left_to_do: Vec<String>,
    ) -> api::BackupEnd {
        let stopped = match self.desk.stop(&apps, &self.course).await {
            Ok(stopped) => stopped,
            Err(why) => return self.failed(&why, &beside),
        };
        let since = clock::now();
        let mut kept = Vec::new();
        let mut failed = None;
        let mut left = beside.into_iter();
        // What was restored is told by then.
        let restored = std::mem::take(&mut self.restored);
        for Beside { what, staged } in left.by_ref() {
            let place = Destination::Place {
                staged: staged.clone(),
            };
            match self.job(what.clone(), place).await {
                Ok(before) => kept.extend(before),
                Err(why) => {
                    failed = Some((why, Beside { what, staged }));
                    break;
                }
            }
        }
        self.restored = restored;
        // A look that waits already sees this too.
        let _ = self.desk.folders_changed.try_send(());
        let troubles = self.desk.start_again(&stopped, &self.course).await;
        let mut after: Vec<_> = troubles.clone();
        if !stopped.is_empty() && troubles.is_empty() {
            let names: Vec<_> = stopped.iter().map(AppName::as_str).collect();
            let time = span::span((clock::now() - since).as_secs().max(1));
            after.push(format!(
                "{} stood still for {time} and runs again",
                names.join(", ")
            ));
        }
        if let Some((why, first)) = failed {
            let rest: Vec<_> = std::iter::once(first).chain(left).collect();
            let mut end = self.failed(&why, &rest);
            end.message = sentences([end.message].into_iter().chain(after));
            end.found.kept = kept_beside(kept);
            return end;
        }
        after.extend(left_to_do);
        let mut end = self.ended("it is in its place", after);
        end.good &= troubles.is_empty();
        end.found.kept = kept_beside(kept);
        end
    }

    /// One job to its end: what lies where, or why it failed.
    async fn job(
        &mut self,
        what: What,
        to: Destination,
    ) -> Result<Vec<(PathBuf, PathBuf)>, String> {
        // What lies beside is no event yet: it has no place.
        let kind = (!matches!(to, Destination::Beside)).then_some(JobKind::Restore);
        let work = Work::Restore(RestoreWork {
            at: self.at,
            what,
            to,
            moved: Vec::new(),
            databases: Vec::new(),
        });
        let target = Some(self.target.clone()).filter(|target| !target.is_empty());
        let step = Step::Work(target, Box::new(work), kind);
        let started = self.desk.begin(step).await?;
        if let Some(target) = started.targets.first() {
            self.target.clone_from(target);
        }
        let mut end = None;
        drive(&self.course, started, |_, outcome| end = Some(outcome)).await;
        match end {
            Some(Ok(Found::Restored {
                run,
                files,
                bytes,
                faults,
                staged,
            })) => {
                let zone = self.desk.zone();
                let restored = words::restored(&run, files, bytes, zone.as_deref());
                self.restored.push(restored);
                self.faults.extend(faults);
                Ok(staged)
            }
            Some(Err(failure)) => Err(failure.sentence),
            Some(Ok(_)) | None => Err(super::cut_off().sentence),
        }
    }

    fn ended(self, where_to: &str, after: Vec<String>) -> api::BackupEnd {
        let mut all = self.restored;
        if let Some(last) = all.last_mut() {
            *last = format!("{last}, and {where_to}");
        }
        let good = self.faults.is_empty();
        if !good {
            all.push("what could not be restored is listed".to_owned());
        }
        all.extend(after);
        api::BackupEnd {
            target: self.target,
            good,
            message: sentences(all),
            found: api::BackupFound {
                faults: self.faults,
                ..api::BackupFound::default()
            },
        }
    }

    /// Why it failed, and where what was restored lies.
    fn failed(self, why: &str, beside: &[Beside]) -> api::BackupEnd {
        let mut all = vec![why.trim_end_matches('.').to_owned()];
        let staged = beside.iter().flat_map(|beside| &beside.staged);
        let places: Vec<_> = staged.map(|(from, _)| from.display().to_string()).collect();
        if let Some(first) = places.first() {
            let more = match places.len() {
                1 => String::new(),
                all => format!(" and {} more beside", all - 1),
            };
            all.push(format!(
                "what was restored lies in {first}{more}, and may be removed"
            ));
        }
        let mut end = words::bad(&self.target, sentences(all));
        end.found.faults = self.faults;
        end
    }
}

fn kept_beside(kept: Vec<(PathBuf, PathBuf)>) -> Vec<api::KeptBeside> {
    let kept = kept.into_iter().map(|(kept, place)| api::KeptBeside {
        place: place.display().to_string(),
        kept: kept.display().to_string(),
    });
    kept.collect()
}

/// One after another.
fn sentences(all: impl IntoIterator<Item = String>) -> String {
    let all = all.into_iter();
    let all: Vec<_> = all
        .map(|one| one.trim_end_matches('.').to_owned())
        .collect();
    all.join(". ")
}
