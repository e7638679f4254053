//! The apps that Ondol runs, as requests meet them: asked, waited for, not running.
//!
//! What visitors get of each app comes as one value; a worker takes it up between two requests. A request for
//! an app that is ready finds its servers by the route and counts itself in numbers of its own core; all else
//! here is for apps that are not.

mod launched;
mod room;
mod tally;
mod trouble;

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use http::Method;
use http::Response;
use ondol_base::clock;
use ondol_model::app::AppName;
use ondol_model::app::Endpoints;
use ondol_model::app::Launch;
use ondol_model::limits;
use tokio::sync::mpsc;
use tokio::time::Instant;

use self::launched::Course;
use crate::body::Body;
use crate::failure::Failure;
use crate::view::Pools;
use crate::visit::Visit;

pub(crate) use self::launched::InApp;
pub(crate) use self::launched::InAppTunnel;
pub(crate) use self::launched::Launched;
pub(crate) use self::launched::Ready;
pub(crate) use self::room::Room;
pub(crate) use self::tally::Tally;
pub(crate) use self::trouble::AppTrouble;

/// What a data plane is told of the apps at its start, and its way to tell that one is to be woken.
#[derive(Debug, Clone)]
pub struct Hosted {
    /// What visitors get of each.
    pub endpoints: Arc<Endpoints>,
    /// Takes the names of apps that sleep and that somebody asks for; one that finds no room is left out.
    pub wakes: mpsc::Sender<AppName>,
}

/// All apps of a worker.
#[derive(Debug)]
pub(crate) struct Apps {
    rooms: RefCell<BTreeMap<AppName, Rc<Room>>>,
    endpoints: RefCell<Arc<Endpoints>>,
    tally: Arc<Tally>,
    wakes: mpsc::Sender<AppName>,
    let_in_max: usize,
    workers: usize,
    next_key: Cell<u64>,
}

impl Apps {
    /// Of one of so many workers.
    pub(crate) fn new(workers: usize, tally: Arc<Tally>, wakes: mpsc::Sender<AppName>) -> Self {
        Self {
            rooms: RefCell::default(),
            endpoints: RefCell::default(),
            tally,
            wakes,
            let_in_max: limits::APP_LET_IN_MAX.div_ceil(workers.max(1)),
            workers,
            next_key: Cell::new(0),
        }
    }

    /// How many workers there are.
    pub(crate) fn workers(&self) -> usize {
        self.workers
    }

    /// The app of this name, whether or not anything is known of it yet.
    pub(crate) fn room(&self, app: &AppName, pools: &Pools) -> Rc<Room> {
        if let Some(room) = self.rooms.borrow().get(app) {
            return Rc::clone(room);
        }
        let room = Rc::new(Room::new(app, self));
        let endpoints = Arc::clone(&self.endpoints.borrow());
        room.take(endpoints.apps.get(app), endpoints.sequence, (self, pools));
        let mut rooms = self.rooms.borrow_mut();
        rooms.insert(app.clone(), Rc::clone(&room));
        room
    }

    /// Takes up what visitors get from now on. Returns the keys of launches that are cut by it.
    pub(crate) fn replace(&self, endpoints: Arc<Endpoints>, pools: &Pools) -> Vec<u64> {
        *self.endpoints.borrow_mut() = Arc::clone(&endpoints);
        self.forget(&endpoints);
        for app in endpoints.apps.keys() {
            self.room(app, pools); // So that a launch is counted under one key from its beginning.
        }
        let rooms: Vec<_> = self.rooms.borrow().clone().into_iter().collect();
        let cut = rooms.iter().flat_map(|(app, room)| {
            let endpoint = endpoints.apps.get(app);
            room.take(endpoint, endpoints.sequence, (self, pools))
        });
        cut.collect()
    }

    /// Looks after those who wait.
    pub(crate) fn tick(&self) {
        self.rooms.borrow().values().for_each(Room::tick);
    }

    /// Forgets apps that neither a route nor the app host names.
    fn forget(&self, endpoints: &Endpoints) {
        self.rooms
            .borrow_mut()
            .retain(|app, room| endpoints.apps.contains_key(app) || Rc::strong_count(room) > 1);
    }

    fn launched(&self, app: &AppName, launch: Launch) -> Rc<Launched> {
        let key = self.next_key.get();
        self.next_key.set(key + 1);
        Rc::new(Launched {
            launch,
            key,
            counters: self.tally.counters(app, launch),
            course: Cell::new(Course::Current),
        })
    }
}

/// Notes how an app has answered, and whether to ask again: one that could not be reached has just ended, and
/// the app host will say where its successor is, or that visitors wait. `since` is when it was first so.
pub(crate) async fn tries_again(
    visit: &mut Visit,
    (room, ready): (&Rc<Room>, &Rc<Ready>),
    answer: &Result<Response<Body>, Failure>,
    since: &mut Option<Instant>,
) -> bool {
    if let Err(Failure::Connect { .. }) = answer {
        let now = clock::now();
        let is_late = now.duration_since(*since.get_or_insert(now)) >= limits::APP_UNREACHED;
        let app = visit.app.take_if(|_| !is_late);
        if let Some(app) = app {
            app.was_not_reached(); // Nor has a launch that ends to wait for it.
            if Box::pin(room.is_elsewhere_soon(ready)).await {
                return true;
            }
            visit.app = Some(InApp::begin(ready, None));
        }
    }
    if let Some(app) = &mut visit.app {
        app.has_answered(answer);
    }
    false
}

/// Finds who answers for an app, and has it counted with the visit from now on until its end. Where it does not
/// run, or visitors are held, the request waits.
pub(crate) async fn enter(
    visit: &mut Visit,
    room: &Rc<Room>,
    method: &Method,
) -> Result<Rc<Ready>, Failure> {
    let (ready, let_in) = match room.ready() {
        Some(ready) => (ready, None),
        None => {
            let waiting = Box::pin(room.wait(method)); // Rare, and kept out of all other requests.
            let (ready, let_in) = waiting.await.map_err(Failure::App)?;
            (ready, Some(let_in))
        }
    };
    let connection = &visit.connection;
    connection
        .state
        .is_with_launch(visit.request, ready.launched.key());
    let mut app = InApp::begin(&ready, let_in);
    if visit.is_check() {
        app.is_no_visitors();
    }
    visit.app = Some(app);
    Ok(ready)
}
