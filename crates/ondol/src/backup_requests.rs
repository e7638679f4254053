//! From what the owner asks about backups on the admin socket to requests of those who take them, and back. What
//! takes long is followed by its number.

use std::sync::Arc;
use std::time::Duration;

use ondol_admin::BackupCommand;
use ondol_admin::BackupDeed;
use ondol_admin::api;
use ondol_backup::CheckWork;
use ondol_backup::Credential;
use ondol_backup::Failure;
use ondol_backup::Found;
use ondol_backup::Hidden;
use ondol_backup::ListWork;
use ondol_backup::Request;
use ondol_backup::Started;
use ondol_backup::Work;
use ondol_base::clock;
use ondol_base::tasks::Group;
use ondol_model::Plan;
use ondol_model::backup::JobKind;
use ondol_model::limits;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;

use crate::folders::Folders;
use crate::near;

mod course;
mod kit;
mod put_back;
mod restore;
mod stopped;
mod words;

use course::Course;
use course::Courses;

/// How long those who take backups may take to say what happens now. Less than a question to the admin socket may
/// take.
const ANSWER: Duration = Duration::from_secs(60);
/// How long who follows a job waits for something new; little, since an agent that ends waits for it.
const FOLLOW: Duration = Duration::from_secs(2);

/// Takes questions about backups.
#[derive(Debug)]
pub(crate) struct BackupRequests {
    commands: mpsc::Receiver<BackupCommand>,
    desk: Desk,
}

/// What each question needs. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    /// Who takes backups.
    backups: ondol_backup::Handle,
    /// Who runs the apps.
    apps: ondol_apps::Handle,
    store: ondol_store::Handle,
    plan: watch::Receiver<Arc<Plan>>,
    folders: Folders,
    /// Data planes are to look which folders there are now.
    folders_changed: mpsc::Sender<()>,
    courses: Courses,
}

/// What is asked of those who take backups, one after another.
enum Step {
    /// What is otherwise done at its time.
    Now(JobKind, Option<String>),
    /// Work for the owner.
    Work(Option<String>, Box<Work>, Option<JobKind>),
    /// The same with another credential.
    With(JobKind, Option<String>, Credential),
}

impl BackupRequests {
    pub(crate) fn new(
        commands: mpsc::Receiver<BackupCommand>,
        folders_changed: mpsc::Sender<()>,
        backups: ondol_backup::Handle,
        apps: ondol_apps::Handle,
        store: ondol_store::Handle,
        plan: watch::Receiver<Arc<Plan>>,
        folders: Folders,
    ) -> Self {
        let courses = Courses::new();
        let desk = Desk {
            backups,
            apps,
            store,
            plan,
            folders,
            folders_changed,
            courses,
        };
        Self { commands, desk }
    }

    /// Answers side by side, so that a long job holds up nobody.
    pub(crate) async fn run(self) {
        let Self { mut commands, desk } = self;
        let mut under_way = Group::default();
        under_way.spawn("apps of a restore before", desk.clone().start_left());
        loop {
            let has_room = under_way.len() < limits::ADMIN_CONNECTIONS_MAX + course::UNDER_WAY_MAX;
            tokio::select! {
                Some(_) = under_way.next_end() => {}
                command = commands.recv(), if has_room => match command {
                    Some(command) => under_way.spawn("question about backups", desk.clone().answer(command)),
                    None => return,
                },
            }
        }
    }
}

impl Desk {
    async fn answer(self, command: BackupCommand) {
        // Who asked may have gone.
        match command {
            BackupCommand::Do { deed, reply } => self.carry_out(deed, reply).await,
            BackupCommand::Plan { question, reply } => {
                drop(reply.send(self.what_is_meant(&question)))
            }
            BackupCommand::Follow { query, reply } => drop(reply.send(self.follow(query).await)),
            BackupCommand::Kit { question, reply } => drop(reply.send(self.kit(question).await)),
            BackupCommand::KitConfirmed { reply } => drop(reply.send(self.kit_confirmed().await)),
        }
    }

    async fn carry_out(self, deed: BackupDeed, reply: oneshot::Sender<api::BackupAnswer>) {
        let steps = match deed {
            BackupDeed::Restore(question) => return self.restore(&question, reply).await,
            BackupDeed::Now(api::BackupQuestion {
                target,
                databases_only,
            }) => {
                let kind = if databases_only {
                    JobKind::Databases
                } else {
                    JobKind::Full
                };
                self.known(target)
                    .map(|target| vec![Step::Now(kind, target)])
            }
            BackupDeed::Prove(api::BackupTargetQuestion { target }) => {
                let target = self.known(target);
                target.map(|target| vec![Step::Now(JobKind::Prove, target)])
            }
            BackupDeed::Drill(api::BackupTargetQuestion { target }) => {
                let target = self.known(target);
                target.map(|target| vec![Step::Now(JobKind::Drill, target)])
            }
            BackupDeed::Verify(question) => self.verification(question),
            BackupDeed::Prune(api::PruneQuestion { target, credential }) => {
                let target = self.known(target);
                target.map(|target| vec![Step::of(JobKind::Prune, target, credential)])
            }
            BackupDeed::Repair(api::PruneQuestion { target, credential }) => {
                let target = self.known(target);
                target.map(|target| vec![Step::of(JobKind::Repair, target, credential)])
            }
            BackupDeed::List(question) => self.listing(question),
        };
        match steps {
            Ok(steps) => self.go(steps, reply).await,
            Err(refused) => drop(reply.send(refusal(refused))),
        }
    }

    /// At each target what is stored is read back, and then the newest backup restored.
    fn verification(&self, question: api::VerifyQuestion) -> Result<Vec<Step>, String> {
        let api::VerifyQuestion { target, everything } = question;
        let targets = match self.known(target)? {
            Some(target) => vec![target],
            None => self.targets(),
        };
        let steps = targets.into_iter().flat_map(|target| {
            let target = Some(target);
            let check = if everything {
                let all = Work::Check(CheckWork { share: 1, of: 1 });
                Step::Work(target.clone(), Box::new(all), Some(JobKind::Check))
            } else {
                Step::Now(JobKind::Check, target.clone())
            };
            [check, Step::Now(JobKind::Prove, target)]
        });
        Ok(steps.collect())
    }

    fn listing(&self, question: api::ListQuestion) -> Result<Vec<Step>, String> {
        let api::ListQuestion { target, run, path } = question;
        let target = self.known(target)?;
        let path = std::path::PathBuf::from(path.unwrap_or_else(|| "/".to_owned()));
        if !path.is_absolute() {
            return Err(format!("`{}` is no absolute path", path.display()));
        }
        let browse = run.map(|run| (run, path));
        let work = Box::new(Work::List(ListWork { browse }));
        Ok(vec![Step::Work(target, work, None)])
    }

    /// Does one after another, and says how each ended. Whether the first can be begun is the answer.
    async fn go(self, steps: Vec<Step>, reply: oneshot::Sender<api::BackupAnswer>) {
        let mut steps = steps.into_iter();
        let Some(first) = steps.next() else {
            return drop(reply.send(refusal(self.nothing_to_do())));
        };
        let Some(course) = self.courses.open() else {
            return drop(reply.send(refusal(too_many())));
        };
        let mut started = match self.begin(first).await {
            Ok(started) => started,
            Err(refused) => {
                course.over();
                return drop(reply.send(refusal(refused)));
            }
        };
        drop(reply.send(begun(&course, started.targets.clone())));
        loop {
            drive(&course, started, |target, outcome| {
                let zone = self.zone();
                course.end(words::end(&target, outcome, zone.as_deref()));
            })
            .await;
            let next = loop {
                let Some(step) = steps.next() else {
                    return course.over();
                };
                let target = step.target();
                match self.begin(step).await {
                    Ok(started) => break started,
                    Err(refused) => course.end(words::bad(&target, refused)),
                }
            };
            started = next;
        }
    }

    async fn begin(&self, step: Step) -> Result<Started, String> {
        self.ask(|reply| match step {
            Step::Now(kind, target) => Request::Now {
                kind,
                target,
                reply,
            },
            Step::Work(target, work, kind) => Request::Work {
                target,
                work,
                kind,
                reply,
            },
            Step::With(kind, target, credential) => Request::With {
                kind,
                target,
                credential,
                reply,
            },
        })
        .await
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, String>>) -> Request,
    ) -> Result<T, String> {
        let (reply, answer) = oneshot::channel();
        let asked = async {
            let sent = self.backups.requests.send(request(reply)).await;
            sent.map_err(|_nobody| NOBODY.to_owned())?;
            answer.await.map_err(|_dropped| NOBODY.to_owned())?
        };
        match tokio::time::timeout(ANSWER, asked).await {
            Ok(answer) => answer,
            Err(_late) => Err(late()),
        }
    }

    async fn follow(&self, query: api::BackupFollowQuery) -> Result<api::BackupFollowing, String> {
        let api::BackupFollowQuery { job, from, seen } = query;
        let course = self.courses.find(job).ok_or_else(|| {
            "nothing is known of this job any more: `ondol backups` says how it ended".to_owned()
        })?;
        Ok(course.news(from, seen, clock::now() + FOLLOW).await)
    }

    /// The target of this name; `None` stays.
    fn known(&self, typed: Option<String>) -> Result<Option<String>, String> {
        let Some(typed) = typed else { return Ok(None) };
        let targets = self.targets();
        if targets.contains(&typed) {
            return Ok(Some(typed));
        }
        if targets.is_empty() {
            return Err(self.nothing_to_do());
        }
        let known = targets.iter().map(String::as_str);
        Err(near::unknown("target", &typed, known))
    }

    fn targets(&self) -> Vec<String> {
        let plan = self.plan.borrow();
        let targets = plan.backup.to.iter();
        targets.map(|target| target.name.to_string()).collect()
    }

    fn nothing_to_do(&self) -> String {
        let path = self.folders.config.display();
        format!(
            "nothing is backed up: `to` in [backup] of {path} says where backups go, and `ondol reload` begins"
        )
    }

    fn zone(&self) -> Option<String> {
        self.plan.borrow().timezone.clone()
    }
}

impl Step {
    fn of(
        kind: JobKind,
        target: Option<String>,
        credential: Option<api::BackupCredential>,
    ) -> Self {
        match credential {
            Some(credential) => Self::With(kind, target, self::credential(credential)),
            None => Self::Now(kind, target),
        }
    }

    fn target(&self) -> String {
        let (Self::Now(_, target) | Self::Work(target, _, _) | Self::With(_, target, _)) = self;
        target.clone().unwrap_or_default()
    }
}

/// Follows jobs to their ends, and tells each as it comes.
async fn drive(
    course: &Course,
    started: Started,
    mut tell: impl FnMut(String, Result<Found, Failure>),
) {
    let Started {
        targets: mut untold,
        mut reports,
    } = started;
    while let Some((target, report)) = reports.recv().await {
        if let Some(end) = course.take(&target, report) {
            untold.retain(|left| *left != target);
            tell(target, end);
        }
    }
    for target in untold {
        tell(target, Err(cut_off()));
    }
}

/// What is said of a job that ended without a word.
fn cut_off() -> Failure {
    Failure {
        kind: ondol_backup::FailureKind::Internal,
        sentence: "the job ended before it was done; what was stored before is as it was. `ondol events` may say why"
            .to_owned(),
    }
}

fn begun(course: &Course, targets: Vec<String>) -> api::BackupAnswer {
    api::BackupAnswer {
        accepted: true,
        message: String::new(),
        job: Some(course.number),
        targets,
    }
}

fn refusal(message: String) -> api::BackupAnswer {
    api::BackupAnswer {
        message,
        ..api::BackupAnswer::default()
    }
}

fn credential(credential: api::BackupCredential) -> Credential {
    match credential {
        api::BackupCredential::Key { key, secret } => Credential::Key {
            key,
            secret: Hidden(secret),
        },
        api::BackupCredential::User { user, password } => Credential::User {
            user,
            password: Hidden(password),
        },
        api::BackupCredential::Identity { path } => Credential::Identity { path: path.into() },
    }
}

const NOBODY: &str = "the part of Ondol that takes backups is not running: `ondol status` and `ondol events` say why";

fn late() -> String {
    let seconds = ANSWER.as_secs();
    format!("there was no answer within {seconds} s, and it may still happen: see `ondol backups`")
}

fn too_many() -> String {
    let max = course::UNDER_WAY_MAX;
    format!(
        "{max} jobs that were asked for are under way or wait already: `ondol backups` shows them"
    )
}

#[cfg(test)]
mod tests;
