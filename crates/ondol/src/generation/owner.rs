//! The owner of the data planes: waits for what happens, asks the roster, does what it says.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use ondol_apps::EndpointsReader;
use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_base::tasks::Group;
use ondol_certs::BoardReader;
use ondol_model::app::Traffic;
use ondol_model::event::EventKind;
use ondol_model::limits;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::events::Events;
use crate::generation::Adopted;
use crate::generation::Handle;
use crate::generation::LetGo;
use crate::generation::Number;
use crate::generation::ORDERS_WAITING_MAX;
use crate::generation::Order;
use crate::generation::Status;
use crate::generation::Surroundings;
use crate::generation::TakeUpError;
use crate::generation::Wanted;
use crate::generation::member;
use crate::generation::member::Desired;
use crate::generation::member::Member;
use crate::generation::pending::Pending;
use crate::generation::roster::Action;
use crate::generation::roster::Failing;
use crate::generation::roster::Input;
use crate::generation::roster::Roster;
use crate::generation::silence;
use crate::generation::silence::Silence;
use crate::link::Counters;
use crate::link::Down;
use crate::link::LinkError;
use crate::link::Up;

mod beginning;
mod challenges;
mod counted;
mod endpoints;
mod own;
mod wish;

pub(crate) use counted::Retired;
pub(crate) use counted::SiteTotals;
use counted::Sites;
use endpoints::Apps;
pub(crate) use own::OwnReader;

/// How long the last frames to a data plane may take before the agent lets go of it.
const FLUSH: Duration = Duration::from_secs(1);

/// The owner.
#[derive(Debug)]
pub(crate) struct Owner {
    roster: Roster,
    surroundings: Surroundings,
    members: BTreeMap<Number, Member>,
    /// What is to be served.
    desired: Desired,
    /// The number of the last value that was sent.
    sequence: u64,
    pending: Option<Pending>,
    silence: Silence,
    board: BoardReader,
    apps: Apps,
    own: OwnReader,
    sites: Sites,
    orders: mpsc::Receiver<Order>,
    ends: mpsc::Receiver<(Number, io::Result<ExitStatus>)>,
    end_sender: mpsc::Sender<(Number, io::Result<ExitStatus>)>,
    watchers: Group,
    status: watch::Sender<Status>,
    events: Events,
    lost: u64,
    retired: Counters,
    stopping: Vec<oneshot::Sender<Vec<Number>>>,
    killed: Vec<Number>,
    course: Course,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Serve,
    Stop,
    Leave,
}

enum Happened {
    Order(Option<Order>),
    Ended(Number, io::Result<ExitStatus>),
    Said(Number, Result<Up, LinkError>),
    Posted,
    TimePassed,
}

impl Owner {
    /// An owner that takes charge of data planes of an earlier image of this process, and the way to it.
    /// `wanted` is what those serve that serve already, and what takes the place of one that ends; `next`
    /// is the lowest number that a new data plane may get; `board` says what issuers are to be shown, `apps` what
    /// visitors get of apps, `own` what the box answers by itself.
    pub(crate) fn new(
        wanted: Wanted,
        surroundings: Surroundings,
        events: Events,
        next: Number,
        adopted: Vec<Adopted>,
        (board, apps, own): (BoardReader, EndpointsReader, OwnReader),
    ) -> (Self, Handle) {
        let (order_sender, orders) = mpsc::channel(ORDERS_WAITING_MAX);
        let (end_sender, ends) = mpsc::channel(ORDERS_WAITING_MAX);
        let (status, status_receiver) = watch::channel(Status::default());
        let (sites, sites_receiver) = Sites::new();
        let mut owner = Self {
            roster: Roster::new(next, limits::DRAIN_REPLACED),
            surroundings,
            members: BTreeMap::new(),
            desired: Desired {
                wanted,
                sequence: 0,
            },
            sequence: 0,
            pending: None,
            silence: Silence::default(),
            board,
            apps: Apps::new(apps),
            own,
            sites,
            orders,
            ends,
            end_sender,
            watchers: Group::default(),
            status,
            events,
            lost: 0,
            retired: Counters::default(),
            stopping: Vec::new(),
            killed: Vec::new(),
            course: Course::Serve,
        };
        for adopted in adopted {
            owner.adopt(adopted);
        }
        owner.silence.listen(owner.roster.serving(), clock::now());
        owner.show_challenges();
        owner.tell_endpoints();
        owner.tell_own();
        owner.publish();
        owner.publish_traffic();
        let handle = Handle {
            orders: order_sender,
            status: status_receiver,
            sites: sites_receiver,
        };
        (owner, handle)
    }

    /// Looks after the data planes until it is told to stop or to let go of them, or nobody can tell it
    /// anything any more.
    pub(crate) async fn run(mut self) {
        while self.course != Course::Leave {
            match self.next().await {
                Happened::Order(Some(order)) => self.obey(order).await,
                Happened::Order(None) => self.course = Course::Leave,
                Happened::Ended(number, how) => self.ended(number, how),
                Happened::Said(number, Ok(up)) => self.heard(number, up),
                Happened::Said(number, Err(error)) => self.link_broke(number, &error),
                Happened::Posted => {} // As after everything that happens.
                Happened::TimePassed => self.time_passed(),
            }
            self.silence.listen(self.roster.serving(), clock::now());
            self.show_challenges();
            self.tell_endpoints();
            self.tell_own();
            self.publish();
            self.publish_traffic();
            if self.course == Course::Stop && self.members.is_empty() {
                self.course = Course::Leave;
            }
        }
        for reply in self.stopping {
            let _ = reply.send(self.killed.clone()); // Who asked may have gone.
        }
    }

    async fn next(&mut self) -> Happened {
        let deadline = self.pending.as_ref().and_then(|pending| pending.deadline);
        let times = [deadline, self.roster.wake_at(), self.silence.wake_at()];
        let wake_at = times.into_iter().flatten().min();
        let members = &mut self.members;
        tokio::select! {
            order = self.orders.recv() => Happened::Order(order),
            Some((number, how)) = self.ends.recv() => Happened::Ended(number, how),
            (number, said) = std::future::poll_fn(|cx| member::poll_links(members, cx)) => Happened::Said(number, said),
            () = challenges::posted(&mut self.board) => Happened::Posted,
            () = self.apps.announced() => Happened::Posted,
            () = self.own.changed() => Happened::Posted,
            () = wait_until(wake_at) => Happened::TimePassed,
        }
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::TakeUp(_, reply) if self.course != Course::Serve => {
                let _ = reply.send(Err(TakeUpError::Stopping));
            }
            Order::TakeUp(wanted, reply) => self.take_up(wanted, reply),
            Order::ReopenLogs => {
                for member in self.members.values_mut() {
                    member.tell(&Down::ReopenLog);
                }
            }
            Order::Stop(grace, reply) => {
                self.course = Course::Stop;
                self.stopping.push(reply);
                self.answer(Err(TakeUpError::Stopping));
                self.act(Input::Stop { grace });
            }
            Order::HandOver(reply) => {
                self.course = Course::Leave;
                self.answer(Err(TakeUpError::Stopping));
                let generations = self.let_go().await;
                let retired = self.retired();
                let _ = reply.send(LetGo {
                    generations,
                    retired,
                });
            }
        }
    }

    fn heard(&mut self, number: Number, up: Up) {
        let Some(member) = self.members.get_mut(&number) else {
            return;
        };
        self.silence.heard(number);
        match up {
            Up::Ready { version } => {
                member.version = Some(version);
                self.act(Input::Ready(number));
            }
            Up::Applied { sequence } => {
                let awaited = self.pending.as_ref().map(|pending| pending.sequence);
                let serves = self.roster.serving() == Some(number);
                if serves && awaited.is_some_and(|awaited| sequence >= awaited) {
                    self.answer(Ok(()));
                }
            }
            Up::Challenges { sequence } => member.showing.heard(sequence),
            Up::Traffic(traffic) => self.apps.heard(member, traffic),
            Up::Wake { app } => self.apps.wake(&app),
            Up::Ping(ping) => self.own.heard(ping),
            Up::Counters(counters) => member.counters = counters,
            Up::Sites(sites) => self.sites.heard(member, sites),
            Up::Servers { servers } => member.servers = servers,
            Up::Failure {
                event,
                subject,
                message,
            } => {
                // A kind of a later version has no word here; its message is still worth a line.
                let kind = EventKind::parse(&event).unwrap_or(EventKind::GenerationFailed);
                self.events.record(kind, subject, message);
            }
            Up::Drained { cut } => tracing::info!(generation = number, cut, "data plane drained"),
            Up::Unknown => {}
        }
    }

    fn link_broke(&mut self, number: Number, error: &LinkError) {
        if let Some(member) = self.members.get_mut(&number) {
            member.link = None;
            tracing::debug!(generation = number, error = %Chain(error), "link lost");
        }
        self.act(Input::LinkLost(number));
    }

    fn ended(&mut self, number: Number, how: io::Result<ExitStatus>) {
        let Some(member) = self.members.get_mut(&number) else {
            return;
        };
        member.link = None;
        member.reason.get_or_insert_with(|| match how {
            Ok(status) => member::ending(status),
            Err(error) => format!("its end is unknown: {error}"),
        });
        self.apps.ended(&member.traffic);
        member.traffic = Traffic::default();
        let (counters, sites) = (member.counters, std::mem::take(&mut member.sites));
        self.retire(&counters, sites);
        self.act(Input::Ended(number));
        self.members.remove(&number);
    }

    fn time_passed(&mut self) {
        let now = clock::now();
        if self
            .pending
            .as_mut()
            .is_some_and(|pending| pending.gives_up(now))
        {
            tracing::warn!(
                "the data plane does not take up what it is sent: another is started in its place"
            );
            self.act(Input::Replace);
        }
        if let Some(number) = self.silence.look(now) {
            self.stands_still(number);
        }
        self.act(Input::Tick);
    }

    fn stands_still(&mut self, number: Number) {
        if let Some(member) = self.members.get_mut(&number) {
            let seconds = silence::STILL.as_secs();
            let reason = format!("it stood still for {seconds} s and was killed");
            member.reason.get_or_insert(reason);
        }
        self.act(Input::Stuck(number));
    }

    fn act(&mut self, input: Input) {
        let mut actions: VecDeque<_> = self.roster.step(input, clock::now()).into();
        let mut not_started = None;
        while let Some(action) = actions.pop_front() {
            match action {
                Action::Start(number) => {
                    if let Err(reason) = self.start(number) {
                        tracing::error!(generation = number, %reason, "data plane not started");
                        not_started = Some(reason);
                        actions.extend(self.roster.step(Input::NotStarted(number), clock::now()));
                    }
                }
                Action::Drain(number, grace) => self.drain(number, grace),
                Action::Kill(number) => self.kill(number),
                Action::Serves(number) => self.serves(number),
                Action::Lost(number) => self.lost(number),
                Action::Failed(number, failing) => {
                    self.failed(number, failing, not_started.take());
                }
            }
        }
    }

    fn drain(&mut self, number: Number, grace: Duration) {
        let grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        if let Some(member) = self.members.get_mut(&number) {
            member.tell(&Down::Drain { grace_ms });
        }
    }

    fn kill(&mut self, number: Number) {
        if let Some(member) = self.members.get(&number) {
            self.killed.push(number);
            member.kill();
        }
    }

    fn serves(&mut self, number: Number) {
        let Some(member) = self.members.get_mut(&number) else {
            return;
        };
        member.since = clock::unix_seconds();
        let pid = member.child.pid();
        let message = format!("data plane {number} serves (process {pid})");
        self.events
            .record(EventKind::GenerationReady, number.to_string(), message);
        let sent = member.sent.as_ref().map(|sent| sent.sequence);
        if sent == Some(self.desired.sequence) {
            self.answer(Ok(()));
        } else {
            self.bring_up_to_date(number);
        }
    }

    fn lost(&mut self, number: Number) {
        self.lost += 1;
        let reason = self.reason(number);
        let message =
            format!("data plane {number} was lost ({reason}); another is started in its place");
        self.events
            .record(EventKind::GenerationLost, number.to_string(), message);
    }

    fn failed(&mut self, number: Number, failing: Failing, not_started: Option<String>) {
        let reason = match failing {
            Failing::Superseded => return,
            Failing::Ended => not_started.unwrap_or_else(|| self.reason(number)),
            Failing::Late => "it took too long".to_owned(),
            Failing::Unlinked => "it lost its link and stayed".to_owned(),
        };
        let stays = if self.roster.serving().is_some() {
            "; the previous one stays"
        } else {
            ""
        };
        let message = format!("data plane {number} did not become ready ({reason}){stays}");
        self.events
            .record(EventKind::GenerationFailed, number.to_string(), message);
        self.give_up(number, reason);
    }

    fn reason(&self, number: Number) -> String {
        let member = self.members.get(&number);
        let reason = member.and_then(|member| member.reason.clone());
        reason.unwrap_or_else(|| "it ended".to_owned())
    }

    async fn let_go(&mut self) -> Vec<Adopted> {
        let deadline = clock::now() + FLUSH;
        let mut adopted = Vec::new();
        for (number, member) in std::mem::take(&mut self.members) {
            let phase = self.roster.phase(number);
            let (counters, sites) = (member.counters, member.sites.clone());
            match member.let_go(number, phase, deadline).await {
                Some(left) => adopted.push(left),
                None => self.retire(&counters, sites),
            }
        }
        adopted
    }
}

async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
