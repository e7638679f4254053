//! One app as one worker sees it: what its visitors get now, and those who wait for it.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;
use std::time::Duration;

use http::Method;
use ondol_model::app::AppName;
use ondol_model::app::Endpoint;
use ondol_model::app::EndpointState;
use ondol_model::app::Launch;
use ondol_model::limits;
use ondol_model::plan::Proxy;
use ondol_model::upstream::Address;
use ondol_model::upstream::Upstream;
use tokio::sync::Notify;
use tokio::sync::mpsc;

use super::Apps;
use super::launched::Course;
use super::launched::Launched;
use super::launched::Ready;
use super::tally::HeldPlace;
use super::tally::Lobby;
use super::trouble::AppTrouble;
use crate::view::Pools;

/// After this time an app that could not be reached is asked again, though nothing has changed.
const RETRY: Duration = Duration::from_millis(100);

/// One app, of one worker. It outlives the endpoints and the plans that name the app.
#[derive(Debug)]
pub(crate) struct Room {
    app: AppName,
    lobby: Arc<Lobby>,
    wakes: mpsc::Sender<AppName>,
    /// How many of those who have waited are let in at a time.
    let_in_max: usize,
    /// Of the value that says what visitors get now.
    sequence: Cell<u64>,
    now: RefCell<Now>,
    /// Those that visitors get, or got and are not done with.
    launches: RefCell<BTreeMap<Launch, Rc<Launched>>>,
    line: RefCell<BTreeMap<Turn, Rc<Waiter>>>,
    next_turn: Cell<u64>,
    /// Those who were let in, and have no answer yet.
    let_in: Cell<usize>,
    /// What visitors get has changed.
    changes: Notify,
}

/// What visitors get now.
#[derive(Debug)]
enum Now {
    Ready(Rc<Ready>),
    Wait(Duration, Sleep),
    Failed,
    Stopped,
}

/// Whether an app must be woken first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sleep {
    Awake,
    Asleep,
}

/// Whose turn comes first: requests that only look, since most of them are a page that somebody waits for; then
/// who came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn(Asks, u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Asks {
    ToLook,
    ForMore,
}

/// One who waits.
#[derive(Debug, Default)]
struct Waiter {
    /// Set when its turn has come.
    let_in: RefCell<Option<LetIn>>,
    waker: RefCell<Option<Waker>>,
}

/// One who has waited, until the app has answered it. The next one is let in when this is dropped.
#[derive(Debug)]
pub(super) struct LetIn(Rc<Room>);

/// A place in line, which is left when this is dropped: the visitor may leave.
struct InLine<'a> {
    room: &'a Rc<Room>,
    turn: Turn,
    waiter: Rc<Waiter>,
    _place: HeldPlace,
}

impl Room {
    pub(super) fn new(app: &AppName, apps: &Apps) -> Self {
        Self {
            app: app.clone(),
            lobby: apps.tally.lobby(app),
            wakes: apps.wakes.clone(),
            let_in_max: apps.let_in_max,
            sequence: Cell::new(0),
            now: RefCell::new(Now::unknown()),
            launches: RefCell::default(),
            line: RefCell::default(),
            next_turn: Cell::new(0),
            let_in: Cell::new(0),
            changes: Notify::new(),
        }
    }

    /// The launch that answers; `None` when none does at the moment.
    pub(super) fn ready(&self) -> Option<Rc<Ready>> {
        match &*self.now.borrow() {
            Now::Ready(ready) => Some(Rc::clone(ready)),
            Now::Wait(..) | Now::Failed | Now::Stopped => None,
        }
    }

    /// Waits until one does, and it is this request's turn.
    pub(super) async fn wait(
        self: &Rc<Self>,
        method: &Method,
    ) -> Result<(Rc<Ready>, LetIn), AppTrouble> {
        let wait = self.longest_wait()?;
        let crowded = || AppTrouble::Crowded(self.app.clone());
        let place = self.lobby.place().ok_or_else(crowded)?;
        let in_line = InLine::join(self, method, place);
        self.ask_to_wake();
        let waiting = std::future::poll_fn(|cx| in_line.poll(cx));
        match tokio::time::timeout(wait, waiting).await {
            Ok(waited) => waited,
            Err(_) => Err(AppTrouble::Late(self.app.clone())),
        }
    }

    /// Waits until something else than this answers, or a moment has passed. False when as many wait as may.
    pub(super) async fn is_elsewhere_soon(&self, than: &Rc<Ready>) -> bool {
        let Some(_place) = self.lobby.place() else {
            return false;
        };
        let changed = self.changes.notified();
        let is_same = |ready: Rc<Ready>| Rc::ptr_eq(&ready, than);
        if self.ready().is_some_and(is_same) {
            // It may be back where it was, which nobody says.
            let _ = tokio::time::timeout(RETRY, changed).await;
        }
        true
    }

    /// Takes up what visitors get from now on. Returns the keys of launches that are cut by it.
    pub(super) fn take(
        self: &Rc<Self>,
        endpoint: Option<&Endpoint>,
        sequence: u64,
        (apps, pools): (&Apps, &Pools),
    ) -> Vec<u64> {
        self.sequence.set(sequence);
        let now = endpoint.map(|it| self.now_of(&it.state, apps, pools));
        let current = match &now {
            Some(Now::Ready(ready)) => Some(ready.launched.launch),
            Some(Now::Wait(..) | Now::Failed | Now::Stopped) | None => None,
        };
        let (retiring, cut) = endpoint.map_or((&[][..], &[][..]), |it| (&it.retiring, &it.cut));
        let before = self.now.replace(now.unwrap_or(Now::unknown()));
        let newly_cut = self.set_courses(current, retiring, cut);
        if let Now::Ready(ready) = before
            && ready.launched.course.get() != Course::Current
        {
            ready.servers.close_idle();
        }
        self.look_after_line();
        self.changes.notify_waiters();
        newly_cut
    }

    /// Lets more in, though those before may have no answer: they may be such as take long to get one.
    pub(super) fn tick(self: &Rc<Self>) {
        if !self.line.borrow().is_empty() {
            self.let_more_in(self.let_in_max);
        }
    }

    fn now_of(&self, state: &EndpointState, apps: &Apps, pools: &Pools) -> Now {
        match state {
            EndpointState::Ready { launch, servers } if !servers.is_empty() => {
                Now::Ready(self.ready_of(*launch, servers, apps, pools))
            }
            EndpointState::Ready { .. } => Now::unknown(),
            EndpointState::Held { wait } => Now::Wait(*wait, Sleep::Awake),
            EndpointState::Asleep { wait } => Now::Wait(*wait, Sleep::Asleep),
            EndpointState::Failed => Now::Failed,
            EndpointState::Stopped => Now::Stopped,
        }
    }

    fn ready_of(
        &self,
        launch: Launch,
        servers: &[Address],
        apps: &Apps,
        pools: &Pools,
    ) -> Rc<Ready> {
        let servers = &servers[..servers.len().min(limits::SERVERS_MAX)];
        if let Now::Ready(ready) = &*self.now.borrow()
            && ready.launched.launch == launch
            && *ready.addresses == *servers
        {
            return Rc::clone(ready);
        }
        let mut launches = self.launches.borrow_mut();
        let launched = launches
            .entry(launch)
            .or_insert_with(|| apps.launched(&self.app, launch));
        let upstreams = servers.iter().cloned().map(Upstream::from);
        Rc::new(Ready {
            launched: Rc::clone(launched),
            addresses: servers.into(),
            servers: pools.servers(&Proxy::to(upstreams.collect())),
        })
    }

    fn set_courses(
        &self,
        current: Option<Launch>,
        retiring: &[Launch],
        cut: &[Launch],
    ) -> Vec<u64> {
        let mut newly_cut = Vec::new();
        self.launches.borrow_mut().retain(|launch, launched| {
            let course = if current == Some(*launch) {
                Course::Current
            } else if cut.contains(launch) {
                Course::Cut
            } else {
                Course::Retiring
            };
            let before = launched.course.replace(course);
            if course == Course::Cut && before != Course::Cut {
                newly_cut.push(launched.key);
            }
            course != Course::Retiring || retiring.contains(launch)
        });
        newly_cut
    }

    /// After what visitors get has changed.
    fn look_after_line(self: &Rc<Self>) {
        if self.line.borrow().is_empty() {
            return;
        }
        let asks_at_once = match &*self.now.borrow() {
            Now::Ready(_) => false,
            Now::Wait(_, sleep) => *sleep == Sleep::Asleep,
            Now::Failed | Now::Stopped => {
                self.line.borrow().values().for_each(|one| one.wake());
                false
            }
        };
        if asks_at_once {
            self.ask_to_wake();
        }
        let left = self.let_in_max.saturating_sub(self.let_in.get());
        self.let_more_in(left);
    }

    /// Lets so many in, if there is something to be let in to.
    fn let_more_in(self: &Rc<Self>, count: usize) {
        if !matches!(&*self.now.borrow(), Now::Ready(_)) {
            return;
        }
        for _ in 0..count {
            let Some((_, waiter)) = self.line.borrow_mut().pop_first() else {
                return;
            };
            self.let_in.set(self.let_in.get() + 1);
            *waiter.let_in.borrow_mut() = Some(LetIn(Rc::clone(self)));
            waiter.wake();
        }
    }

    /// Asks once for each value that says that the app sleeps.
    fn ask_to_wake(&self) {
        let is_asleep = matches!(&*self.now.borrow(), Now::Wait(_, Sleep::Asleep));
        if is_asleep && self.lobby.asks_first(self.sequence.get()) {
            // Where there is no room, the next value or the next visitor asks.
            let _ = self.wakes.try_send(self.app.clone());
        }
    }

    fn longest_wait(&self) -> Result<Duration, AppTrouble> {
        match &*self.now.borrow() {
            Now::Ready(_) => Ok(limits::APP_HELD),
            Now::Wait(wait, _) => Ok(*wait),
            Now::Failed => Err(AppTrouble::Failed(self.app.clone())),
            Now::Stopped => Err(AppTrouble::Stopped(self.app.clone())),
        }
    }
}

impl Now {
    fn unknown() -> Self {
        Self::Wait(limits::APP_HELD, Sleep::Awake)
    }
}

impl Waiter {
    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

impl<'a> InLine<'a> {
    fn join(room: &'a Rc<Room>, method: &Method, place: HeldPlace) -> Self {
        let number = room.next_turn.get();
        room.next_turn.set(number + 1);
        let asks = match *method {
            Method::GET | Method::HEAD => Asks::ToLook,
            _ => Asks::ForMore,
        };
        let in_line = Self {
            room,
            turn: Turn(asks, number),
            waiter: Rc::default(),
            _place: place,
        };
        in_line.stand();
        in_line
    }

    fn stand(&self) {
        let mut line = self.room.line.borrow_mut();
        line.insert(self.turn, Rc::clone(&self.waiter));
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<Result<(Rc<Ready>, LetIn), AppTrouble>> {
        let turn = self.waiter.let_in.take();
        match (self.room.ready(), turn) {
            (Some(ready), Some(let_in)) => return Poll::Ready(Ok((ready, let_in))),
            (None, Some(_too_late)) => self.stand(), // It stopped being ready meanwhile.
            (_, None) => {}
        }
        if let Err(trouble) = self.room.longest_wait() {
            return Poll::Ready(Err(trouble));
        }
        *self.waiter.waker.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.room.line.borrow_mut().remove(&self.turn);
    }
}

impl Drop for LetIn {
    fn drop(&mut self) {
        let room = &self.0;
        room.let_in.set(room.let_in.get().saturating_sub(1));
        if room.let_in.get() < room.let_in_max {
            room.let_more_in(1);
        }
    }
}

#[cfg(test)]
mod tests;
