//! Whose turn it is, and how many have theirs at a time.

use std::task::Waker;

use super::*;
use crate::apps::Tally;
use crate::upstream::Watch;

struct World {
    apps: Apps,
    pools: Pools,
    room: Rc<Room>,
}

impl World {
    fn new(state: EndpointState) -> Self {
        let (wakes, _) = mpsc::channel(1);
        let apps = Apps::new(1, Arc::<Tally>::default(), wakes);
        let pools = Pools::new(1, Watch::default());
        let app = AppName::parse("coffee").unwrap();
        let room = apps.room(&app, &pools);
        let world = Self { apps, pools, room };
        world.tell(1, state);
        world
    }

    fn tell(&self, sequence: u64, state: EndpointState) {
        let endpoint = Endpoint {
            state,
            retiring: Vec::new(),
            cut: Vec::new(),
        };
        let with = (&self.apps, &self.pools);
        self.room.take(Some(&endpoint), sequence, with);
    }

    fn stand(&self, method: &Method) -> InLine<'_> {
        let place = self.room.lobby.place().unwrap();
        InLine::join(&self.room, method, place)
    }
}

fn ready(launch: Launch) -> EndpointState {
    let servers = vec![Address::Unix("/nowhere".into())];
    EndpointState::Ready { launch, servers }
}

fn held() -> EndpointState {
    let wait = limits::APP_HELD;
    EndpointState::Held { wait }
}

/// Those who may go on now, by their places.
fn look(line: &[Option<InLine<'_>>]) -> Vec<(usize, LetIn)> {
    let cx = &Context::from_waker(Waker::noop());
    let line = line.iter().enumerate();
    let go_on = line.filter_map(|(at, one)| match one.as_ref()?.poll(cx) {
        Poll::Ready(Ok((_, let_in))) => Some((at, let_in)),
        Poll::Ready(Err(trouble)) => panic!("{trouble}"),
        Poll::Pending => None,
    });
    go_on.collect()
}

fn places(let_in: &[(usize, LetIn)]) -> Vec<usize> {
    let_in.iter().map(|(at, _)| *at).collect()
}

#[tokio::test]
async fn each_who_is_answered_lets_the_next_one_in() {
    let world = World::new(held());
    let max = limits::APP_LET_IN_MAX;
    let mut line: Vec<_> = (0..2 * max)
        .map(|_| Some(world.stand(&Method::GET)))
        .collect();
    assert!(look(&line).is_empty());
    world.tell(2, ready(1));
    let mut now = look(&line);
    assert_eq!(places(&now), Vec::from_iter(0..max));
    assert!(look(&line).is_empty());
    line.iter_mut().take(max).for_each(|one| *one = None);
    now.remove(3); // Answered.
    assert_eq!(places(&look(&line)), [max], "and is answered at once");
    assert_eq!(places(&look(&line)), [max + 1]);
    line[max + 2] = None; // Left, so the one behind has its turn.
    assert_eq!(places(&look(&line)), [max + 3]);
    assert_eq!(now.len(), max - 1);
    world.room.tick();
    assert_eq!(
        look(&line).len(),
        max - 4,
        "all others: they waited for long"
    );
}

#[tokio::test]
async fn a_turn_that_comes_too_late_comes_again() {
    let world = World::new(held());
    let line = [Method::POST, Method::GET].map(|method| Some(world.stand(&method)));
    world.tell(2, ready(1));
    world.tell(3, held());
    assert!(look(&line).is_empty());
    assert_eq!(world.room.let_in.get(), 0);
    world.tell(4, ready(2));
    assert_eq!(places(&look(&line)), [0, 1]);
    assert_eq!(world.room.let_in.get(), 0);
}

#[tokio::test]
async fn the_same_launch_is_not_made_anew_by_each_value() {
    let world = World::new(ready(1));
    let before = world.room.ready().unwrap();
    world.tell(2, ready(1));
    assert!(Rc::ptr_eq(&before, &world.room.ready().unwrap()));
    world.tell(3, ready(2));
    let after = world.room.ready().unwrap();
    assert!(!Rc::ptr_eq(&before.launched, &after.launched));
    assert_eq!(before.launched.course.get(), Course::Retiring);
}
