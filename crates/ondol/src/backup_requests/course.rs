//! How a job that the owner asked for goes on, for those who follow it. It is forgotten with the agent: what came of
//! it is in the store.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use ondol_admin::api;
use ondol_backup::Amount;
use ondol_backup::Failure;
use ondol_backup::Found;
use ondol_backup::Report;
use ondol_base::clock;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::published::amount;

/// Jobs that the owner has under way at a time, those that wait for their turn among them.
pub(super) const UNDER_WAY_MAX: usize = 8;
/// Jobs that are remembered after their end, for those who come late.
const OVER_MAX: usize = 16;
/// Lines that are kept of a job.
const LINES_MAX: usize = 1_000;
/// Files of a job that are named because they could not be read; the end says how many there were.
const UNREADABLE_MAX: u32 = 10;

/// The jobs that can be followed. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Courses(Arc<Mutex<Known>>);

#[derive(Debug)]
struct Known {
    next: u64,
    courses: VecDeque<Arc<Course>>,
}

/// A job, as it goes on.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) number: u64,
    state: watch::Sender<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Grows with each change.
    version: u64,
    target: String,
    step: String,
    done: Amount,
    total: Option<Amount>,
    waiting: Option<String>,
    lines: VecDeque<api::BackupLine>,
    /// The number of the first line that is kept.
    first: u64,
    unreadable: u32,
    ends: Vec<api::BackupEnd>,
    is_over: bool,
}

impl Courses {
    pub(super) fn new() -> Self {
        // Numbers of an agent before this one are not given again.
        let next = clock::unix_milliseconds().unsigned_abs();
        Self(Arc::new(Mutex::new(Known {
            next,
            courses: VecDeque::new(),
        })))
    }

    /// A new one; `None` when too many are under way.
    pub(super) fn open(&self) -> Option<Arc<Course>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over: Vec<_> = known
            .courses
            .iter()
            .map(|course| course.is_over())
            .collect();
        let is_over = |is_over: &&bool| **is_over;
        let over_count = over.iter().filter(is_over).count();
        if over.len() - over_count >= UNDER_WAY_MAX {
            return None;
        }
        if over_count >= OVER_MAX
            && let Some(oldest) = over.iter().position(|is_over| *is_over)
        {
            known.courses.remove(oldest);
        }
        known.next += 1;
        let course = Arc::new(Course {
            number: known.next,
            state: watch::Sender::default(),
        });
        known.courses.push_back(Arc::clone(&course));
        Some(course)
    }

    pub(super) fn find(&self, number: u64) -> Option<Arc<Course>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut courses = known.courses.iter();
        courses.find(|course| course.number == number).cloned()
    }
}

impl Course {
    /// Takes what a job at a target says; at its end how that was.
    pub(super) fn take(&self, target: &str, report: Report) -> Option<Result<Found, Failure>> {
        match report {
            Report::Step(step) => self.step(target, &step),
            Report::Progress { done, total } => self.change(|state| {
                state.at(target);
                state.waiting = None;
                (state.done, state.total) = (done, total);
            }),
            Report::Note(sentence) => self.line(target, sentence),
            Report::Unreadable { path, why } => self.change(|state| {
                state.unreadable += 1;
                if state.unreadable <= UNREADABLE_MAX {
                    let text = format!("{} could not be read: {why}", path.display());
                    state.line(target, text);
                }
            }),
            Report::Waiting(sentence) => self.change(|state| {
                state.at(target);
                state.waiting = Some(sentence);
            }),
            Report::Repository { .. } | Report::Ready(_) => {}
            Report::Done(found) => return Some(Ok(*found)),
            Report::Failed(failure) => return Some(Err(failure)),
        }
        None
    }

    /// Says that something else is being done now.
    pub(super) fn step(&self, target: &str, step: &str) {
        self.change(|state| {
            state.at(target);
            step.clone_into(&mut state.step);
            (state.done, state.total, state.waiting) = (Amount::default(), None, None);
        });
    }

    /// Adds a sentence.
    pub(super) fn line(&self, target: &str, text: String) {
        self.change(|state| state.line(target, text));
    }

    /// Says how it ended at a target.
    pub(super) fn end(&self, end: api::BackupEnd) {
        self.change(|state| state.ends.push(end));
    }

    /// Says that all is over.
    pub(super) fn over(&self) {
        self.change(|state| {
            state.is_over = true;
            state.waiting = None;
        });
    }

    fn is_over(&self) -> bool {
        self.state.borrow().is_over
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        self.state.send_modify(|state| {
            change(state);
            state.version += 1;
        });
    }

    /// What there is to see, once it is something else than what was seen.
    pub(super) async fn news(
        &self,
        from: u64,
        seen: Option<u64>,
        deadline: Instant,
    ) -> api::BackupFollowing {
        let mut changes = self.state.subscribe();
        let is_new = |state: &State| seen != Some(state.version);
        // That nothing changed until then is an answer too.
        let waited = tokio::time::timeout_at(deadline, changes.wait_for(is_new)).await;
        drop(waited);
        self.shown(from)
    }

    fn shown(&self, from: u64) -> api::BackupFollowing {
        let state = self.state.borrow();
        let skipped = usize::try_from(from.saturating_sub(state.first)).unwrap_or(usize::MAX);
        let next = state.first + state.lines.len() as u64;
        api::BackupFollowing {
            job: self.number,
            target: state.target.clone(),
            step: state.step.clone(),
            done: amount(state.done),
            total: state.total.map(amount),
            waiting: state.waiting.clone(),
            lines: state.lines.iter().skip(skipped).cloned().collect(),
            next,
            seen: state.version,
            ends: state.ends.clone(),
            over: state.is_over,
        }
    }
}

impl State {
    /// What was said of another target is not so of this one.
    fn at(&mut self, target: &str) {
        if self.target != target {
            target.clone_into(&mut self.target);
            self.step.clear();
            (self.done, self.total, self.waiting) = (Amount::default(), None, None);
        }
    }

    fn line(&mut self, target: &str, text: String) {
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
            self.first += 1;
        }
        self.lines.push_back(api::BackupLine {
            target: target.to_owned(),
            text,
        });
    }
}
