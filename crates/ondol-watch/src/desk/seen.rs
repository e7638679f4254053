//! What was seen is taken up.

use ondol_model::event::EventKind;
use ondol_model::watch::PowerState;
use ondol_model::watch::Subject;

use super::book::Book;
use crate::ground::Seen;
use crate::status::PowerStatus;

impl Book {
    /// Takes up what was seen.
    pub(super) fn see(&mut self, seen: Seen, now: i64) {
        match seen {
            Seen::Observations(observations) => {
                for observation in observations {
                    self.observe(observation, now);
                }
            }
            Seen::Power(power) => self.see_power(power),
            Seen::People(people) => self.people = people,
            Seen::Outbox { waiting, since } => self.outbox = (waiting, since),
            Seen::Answer { person, incident } => self.answered(&person, incident, now),
            Seen::Beat { at } => self.heartbeat_at = Some(at),
            Seen::Heartbeats(heartbeats) => self.heartbeats = heartbeats,
            Seen::Back(absence, told) => self.comeback.of(absence, told, now),
            Seen::UncleanBoots(count) => self.unclean_boots = count,
        }
    }

    fn see_power(&mut self, power: PowerStatus) {
        if power.state != self.power.state {
            let message = match power.state {
                PowerState::Mains => "the mains are back: everything goes on",
                PowerState::Battery => {
                    "the mains are away: the box runs on its battery, backups wait"
                }
                PowerState::Low => {
                    "the battery is nearly empty: apps and databases come to rest, so that nothing is lost"
                }
            };
            self.say(
                EventKind::Power,
                Subject::Power.to_string(),
                message.to_owned(),
            );
        }
        self.power = power;
    }
}
