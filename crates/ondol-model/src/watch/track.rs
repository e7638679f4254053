//! When what was seen counts: several looks in a row, and no end of back and forth.

use std::collections::VecDeque;

use super::State;

/// Looks in a row that find it not well, before that counts.
const WORSE_AFTER: u32 = 3;
/// Looks in a row that find it better, before that counts.
const BETTER_AFTER: u32 = 2;
/// Looks by which going back and forth is judged.
const LOOKS: usize = 21;
/// The share of changes among them, the newer ones counting more, from which on it goes back and forth; percent.
const FLAPS_FROM: u32 = 50;
/// The share below which that is over.
const FLAPS_UNTIL: u32 = 25;
/// How much the oldest and the newest change count, in hundredths.
const WEIGHTS: (u32, u32) = (80, 120);

/// What is remembered of the looks at one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    state: State,
    since: i64,
    /// The state that the last looks found, how many they were, and when the first of them was.
    streak: (State, u32, i64),
    /// Whether each of the last looks found it well; the newest last.
    looks: VecDeque<bool>,
    is_flapping: bool,
}

/// What changed by a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The state that counted before.
    pub from: State,
    /// The one that counts now.
    pub to: State,
    /// Whether it began, or ceased, to go back and forth.
    pub flapping: Option<bool>,
}

impl Track {
    /// Nothing is known since this moment.
    pub fn new(at: i64) -> Self {
        Self::restored(State::Unknown, at)
    }

    /// As it was written down before.
    pub fn restored(state: State, since: i64) -> Self {
        Self {
            state,
            since,
            streak: (state, 0, since),
            looks: VecDeque::with_capacity(LOOKS),
            is_flapping: false,
        }
    }

    /// The state that counts.
    pub fn state(&self) -> State {
        self.state
    }

    /// Since when it is so: the first of the looks that made it count.
    pub fn since(&self) -> i64 {
        self.since
    }

    /// Whether it goes back and forth.
    pub fn is_flapping(&self) -> bool {
        self.is_flapping
    }

    /// Whether the last look found it worse than what counts.
    pub fn is_suspected(&self) -> bool {
        self.streak.0 > State::Pass && self.streak.0 > self.state
    }

    /// Takes up a look; `None` when nothing changed by it.
    pub fn look(&mut self, at: i64, found: State, is_certain: bool) -> Option<Turn> {
        let flapping = self.count_flaps(found);
        self.streak = match self.streak {
            (before, count, first) if before == found && count > 0 => {
                (found, count.saturating_add(1), first)
            }
            _ => (found, 1, at),
        };
        let needed = match (self.state, found) {
            _ if is_certain => 1,
            // Nobody is told of what is not known, and what was not known needs no proof to be well.
            (_, State::Unknown) | (State::Unknown, State::Pass) => 1,
            (from, to) if to > from => WORSE_AFTER,
            _ => BETTER_AFTER,
        };
        let from = self.state;
        if found != from && self.streak.1 >= needed {
            self.state = found;
            self.since = self.streak.2;
        }
        (from != self.state || flapping.is_some()).then_some(Turn {
            from,
            to: self.state,
            flapping,
        })
    }

    /// The clock was set: what is remembered moves with it.
    pub fn shift(&mut self, seconds: i64) {
        self.since += seconds;
        self.streak.2 += seconds;
    }

    fn count_flaps(&mut self, found: State) -> Option<bool> {
        if found == State::Unknown {
            return None;
        }
        if self.looks.len() == LOOKS {
            self.looks.pop_front();
        }
        self.looks.push_back(found == State::Pass);
        let share = share_of_changes(&self.looks);
        let was = self.is_flapping;
        self.is_flapping = share >= if was { FLAPS_UNTIL } else { FLAPS_FROM };
        (was != self.is_flapping).then_some(self.is_flapping)
    }
}

/// In percent; what was not looked at yet has not changed.
fn share_of_changes(looks: &VecDeque<bool>) -> u32 {
    let (oldest, newest) = WEIGHTS;
    let pairs = u32::try_from(LOOKS - 1).unwrap_or(u32::MAX);
    let missing = LOOKS - looks.len();
    let pairs_seen = looks.iter().zip(looks.iter().skip(1)).zip(missing..);
    let weighted = pairs_seen.filter(|((one, next), _)| one != next);
    let sum: u32 = weighted
        .map(|(_, place)| {
            let place = u32::try_from(place).unwrap_or(0);
            oldest + (newest - oldest) * place / (pairs - 1)
        })
        .sum();
    sum / pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(track: &mut Track, looks: &str) -> String {
        let mut states = String::new();
        for (at, look) in (0_i64..).zip(looks.chars()) {
            let found = match look {
                '.' => State::Pass,
                'w' => State::Warn,
                '?' => State::Unknown,
                _ => State::Fail,
            };
            track.look(at, found, look == 'X');
            states.push(match track.state() {
                State::Unknown => '?',
                State::Pass => '.',
                State::Warn => 'w',
                State::Fail => 'x',
            });
        }
        states
    }

    #[test]
    fn three_looks_make_it_bad_and_two_make_it_well() {
        for (looks, states) in [
            (".xx.xx.", "......."),
            (".xxx..", "...xx."),
            (".xxx.xx..", "...xxxxx."),
            (".X", ".x"),
            ("xxx", "??x"),
            (".xxx?xxx", "...x???x"),
            (".???.", ".???."),
            ("...www..", ".....ww."),
            (".wwwxxx", "...wwwx"),
            (".xxxww", "...xxw"),
        ] {
            assert_eq!(looked(&mut Track::new(0), looks), states, "{looks}");
        }
    }

    #[test]
    fn what_goes_back_and_forth_is_noticed_and_ends_when_it_is_steady() {
        let mut track = Track::new(0);
        looked(&mut track, "......................");
        looked(&mut track, "xxx...");
        assert!(!track.is_flapping(), "one outage is none");
        looked(&mut track, "x.x.x.x.x.x.");
        assert!(track.is_flapping());
        looked(&mut track, "..........");
        assert!(track.is_flapping(), "not steady for long enough");
        looked(&mut track, ".......");
        assert!(!track.is_flapping());
    }

    #[test]
    fn it_is_so_since_the_first_look_that_found_it() {
        let mut track = Track::new(0);
        looked(&mut track, "..xxx");
        assert_eq!((track.state(), track.since()), (State::Fail, 2));
        let turn = track.look(7, State::Pass, false);
        assert_eq!(turn, None);
        track.look(9, State::Pass, false);
        assert_eq!((track.state(), track.since()), (State::Pass, 7));
    }

    #[test]
    fn a_look_that_found_it_bad_makes_it_suspected() {
        let mut track = Track::new(0);
        looked(&mut track, ".");
        assert!(!track.is_suspected());
        looked(&mut track, "x");
        assert!(track.is_suspected());
        looked(&mut track, "xx");
        assert!(!track.is_suspected(), "it is known by now");
    }
}
