//! Which data plane to start, drain or kill, and when. Pure: it is told what happened and what time it
//! is, and answers what to do.

use std::time::Duration;

use ondol_base::backoff::Backoff;
use tokio::time::Instant;

/// The number of a data plane; they only grow.
pub(crate) type Number = u64;

/// A data plane that is not ready by then is killed.
pub(crate) const READY: Duration = Duration::from_secs(10);
/// A data plane that has not ended this long after its time to drain is killed.
pub(crate) const OVERTIME: Duration = Duration::from_secs(5);
/// A data plane whose link is gone ends by itself within this time, or is killed.
const LINK_GRACE: Duration = Duration::from_secs(1);
/// A data plane that served this long was well: the next one is started at once again.
const STEADY: Duration = Duration::from_secs(10);
/// Data planes that drain at once; of more, the oldest is killed.
const DRAINING_MAX: usize = 8;
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_CAP: Duration = Duration::from_secs(10);

/// The data planes there are.
#[derive(Debug)]
pub(crate) struct Roster {
    next: Number,
    members: Vec<Member>,
    /// Starts that failed and short lives, since something was well.
    failures: u32,
    backoff: Backoff,
    retry_at: Option<Instant>,
    course: Course,
    grace: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Serve,
    Stop,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    number: Number,
    phase: Phase,
    since: Instant,
    /// It is killed when this passes.
    deadline: Option<Instant>,
    is_linked: bool,
}

/// How far a data plane is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It was started and has not said that it is ready.
    Starting,
    /// It accepts visitors.
    Serving,
    /// It accepts nobody and finishes what it has.
    Draining,
    /// It was killed, and its end is awaited.
    Ending,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// A data plane with what is wanted now must take the place of the one that serves.
    Replace,
    /// It said that it is ready.
    Ready(Number),
    /// Its process ended.
    Ended(Number),
    /// It could not even be started.
    NotStarted(Number),
    /// Its link is gone.
    LinkLost(Number),
    /// It stands still.
    Stuck(Number),
    /// Nothing but time passed.
    Tick,
    /// No data plane is wanted any more; they have this long to finish.
    Stop { grace: Duration },
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start a process with what is wanted now.
    Start(Number),
    /// Tell it to drain.
    Drain(Number, Duration),
    /// Kill it.
    Kill(Number),
    /// Tell the owner: it serves now.
    Serves(Number),
    /// Tell the owner: it served, and ended without being told to.
    Lost(Number),
    /// Tell the owner: it never became ready.
    Failed(Number, Failing),
}

/// How a data plane failed to become ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failing {
    /// Its process ended, or could not be started.
    Ended,
    /// It took longer than [`READY`].
    Late,
    /// Its link broke, and it did not end with it.
    Unlinked,
    /// Something newer was wanted meanwhile.
    Superseded,
}

impl Roster {
    /// No data plane yet; the first gets the number `next`. Those that are replaced have `grace` to
    /// finish.
    pub(crate) fn new(next: Number, grace: Duration) -> Self {
        Self {
            next,
            members: Vec::new(),
            failures: 0,
            backoff: Backoff::new(RETRY_FIRST, RETRY_CAP),
            retry_at: None,
            course: Course::Serve,
            grace,
        }
    }

    /// Takes up a data plane that an earlier image of this process has started.
    pub(crate) fn adopt(&mut self, number: Number, phase: Phase, now: Instant) {
        let deadline = match phase {
            Phase::Serving => None,
            Phase::Starting | Phase::Draining | Phase::Ending => Some(now + self.grace + OVERTIME),
        };
        self.members.push(Member {
            number,
            phase,
            since: now,
            deadline,
            is_linked: true,
        });
        self.next = self.next.max(number + 1);
    }

    /// Decides what follows from what happened.
    pub(crate) fn step(&mut self, input: Input, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        match input {
            Input::Replace => self.start(now, &mut actions),
            Input::Ready(number) => self.ready(number, now, &mut actions),
            Input::Ended(number) | Input::NotStarted(number) => {
                self.ended(number, now, &mut actions);
            }
            Input::LinkLost(number) => self.link_lost(number, now),
            Input::Stuck(number) => self.stuck(number, now, &mut actions),
            Input::Tick => self.tick(now, &mut actions),
            Input::Stop { grace } => self.stop(grace, now, &mut actions),
        }
        actions
    }

    /// When [`Input::Tick`] has something to do; `None` while nothing is waited for.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        let deadlines = self.members.iter().filter_map(|member| member.deadline);
        deadlines.chain(self.retry_at).min()
    }

    /// The data plane that serves; `None` while there is none.
    pub(crate) fn serving(&self) -> Option<Number> {
        self.in_phase(Phase::Serving)
    }

    /// The data plane that is being started; `None` when none is.
    pub(crate) fn starting(&self) -> Option<Number> {
        self.in_phase(Phase::Starting)
    }

    /// How far a data plane is; `None` when there is none of that number.
    pub(crate) fn phase(&self, number: Number) -> Option<Phase> {
        let member = self.members.iter().find(|member| member.number == number)?;
        Some(member.phase)
    }

    /// The number that the next data plane gets.
    pub(crate) fn next(&self) -> Number {
        self.next
    }

    fn in_phase(&self, phase: Phase) -> Option<Number> {
        let member = self.members.iter().find(|member| member.phase == phase)?;
        Some(member.number)
    }

    fn start(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.course == Course::Stop {
            return;
        }
        if let Some(outdated) = self.starting() {
            self.kill(outdated, now, actions);
            actions.push(Action::Failed(outdated, Failing::Superseded));
        }
        let number = self.next;
        self.next += 1;
        self.retry_at = None;
        self.members.push(Member {
            number,
            phase: Phase::Starting,
            since: now,
            deadline: Some(now + READY),
            is_linked: true,
        });
        actions.push(Action::Start(number));
    }

    fn ready(&mut self, number: Number, now: Instant, actions: &mut Vec<Action>) {
        if self.phase(number) != Some(Phase::Starting) {
            return;
        }
        if let Some(previous) = self.serving() {
            self.drain(previous, self.grace, now, actions);
        }
        self.enter(number, Phase::Serving, None, now);
        actions.push(Action::Serves(number));
        self.limit_draining(now, actions);
    }

    fn ended(&mut self, number: Number, now: Instant, actions: &mut Vec<Action>) {
        let Some(at) = self
            .members
            .iter()
            .position(|member| member.number == number)
        else {
            return;
        };
        let member = self.members.remove(at);
        match member.phase {
            Phase::Starting => {
                self.failures += 1;
                actions.push(Action::Failed(number, Failing::Ended));
                self.retry(now, actions);
            }
            Phase::Serving => {
                if now.duration_since(member.since) >= STEADY {
                    self.failures = 0;
                    self.backoff.reset();
                }
                self.failures += 1;
                actions.push(Action::Lost(number));
                self.retry(now, actions);
            }
            Phase::Draining | Phase::Ending => {}
        }
    }

    /// Sees to it that there will be a data plane: at once after one failure, later after several.
    fn retry(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let is_cared_for = self.serving().or(self.starting()).is_some();
        if is_cared_for || self.course == Course::Stop {
            return;
        }
        if self.failures <= 1 {
            self.start(now, actions);
        } else {
            self.retry_at = Some(now + self.backoff.next_wait());
        }
    }

    fn link_lost(&mut self, number: Number, now: Instant) {
        let member = self
            .members
            .iter_mut()
            .find(|member| member.number == number);
        if let Some(member) = member {
            member.is_linked = false;
            let soon = now + LINK_GRACE;
            member.deadline = Some(member.deadline.map_or(soon, |deadline| deadline.min(soon)));
        }
    }

    /// Its end is told as a loss, so it keeps its phase. The next one does not wait for that.
    fn stuck(&mut self, number: Number, now: Instant, actions: &mut Vec<Action>) {
        if self.phase(number) != Some(Phase::Serving) {
            return;
        }
        actions.push(Action::Kill(number));
        if self.starting().is_none() {
            self.start(now, actions);
        }
    }

    fn tick(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let late: Vec<_> = self
            .members
            .iter()
            .filter(|member| member.deadline.is_some_and(|deadline| deadline <= now))
            .map(|member| (member.number, member.phase, member.is_linked))
            .collect();
        for (number, phase, is_linked) in late {
            match phase {
                Phase::Starting => {
                    self.kill(number, now, actions);
                    self.failures += 1;
                    let failing = if is_linked {
                        Failing::Late
                    } else {
                        Failing::Unlinked
                    };
                    actions.push(Action::Failed(number, failing));
                    self.retry(now, actions);
                }
                Phase::Serving => {
                    // Its end is told as a loss, so it keeps its phase.
                    self.enter(number, Phase::Serving, None, now);
                    actions.push(Action::Kill(number));
                }
                Phase::Draining | Phase::Ending => self.kill(number, now, actions),
            }
        }
        if self.retry_at.is_some_and(|at| at <= now) {
            self.start(now, actions);
        }
    }

    fn stop(&mut self, grace: Duration, now: Instant, actions: &mut Vec<Action>) {
        self.course = Course::Stop;
        self.retry_at = None;
        let all: Vec<_> = self.members.iter().map(|m| (m.number, m.phase)).collect();
        for (number, phase) in all {
            match phase {
                Phase::Starting => self.kill(number, now, actions),
                Phase::Serving | Phase::Draining => self.drain(number, grace, now, actions),
                Phase::Ending => {}
            }
        }
    }

    fn drain(&mut self, number: Number, grace: Duration, now: Instant, actions: &mut Vec<Action>) {
        self.enter(number, Phase::Draining, Some(now + grace + OVERTIME), now);
        actions.push(Action::Drain(number, grace));
    }

    fn limit_draining(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let draining: Vec<_> = self
            .members
            .iter()
            .filter(|member| member.phase == Phase::Draining)
            .map(|member| member.number)
            .collect();
        let over = draining.len().saturating_sub(DRAINING_MAX);
        for oldest in draining.into_iter().take(over) {
            self.kill(oldest, now, actions);
        }
    }

    fn kill(&mut self, number: Number, now: Instant, actions: &mut Vec<Action>) {
        self.enter(number, Phase::Ending, None, now);
        actions.push(Action::Kill(number));
    }

    fn enter(&mut self, number: Number, phase: Phase, deadline: Option<Instant>, now: Instant) {
        let member = self
            .members
            .iter_mut()
            .find(|member| member.number == number);
        if let Some(member) = member {
            member.since = if member.phase == phase {
                member.since
            } else {
                now
            };
            member.phase = phase;
            member.deadline = deadline;
        }
    }
}

#[cfg(test)]
mod tests;
