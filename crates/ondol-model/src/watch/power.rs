//! Where the power comes from: what a UPS or battery says, and what that means for the box.

use std::time::Duration;

use super::Finding;
use super::What;

/// Where the power comes from, as far as it decides what the box does; the worse ones are greater.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum PowerState {
    /// The mains, or nobody tells.
    #[default]
    Mains,
    /// A battery: what can wait, waits.
    Battery,
    /// A battery that is nearly empty: everything comes to rest.
    Low,
}

impl PowerState {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Mains => "mains",
            Self::Battery => "battery",
            Self::Low => "low",
        }
    }

    /// The state of a word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Mains, Self::Battery, Self::Low]
            .into_iter()
            .find(|state| state.word() == word)
    }
}

/// What a UPS or battery said, once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PowerReading {
    /// The battery carries the box.
    pub is_on_battery: bool,
    /// The battery is nearly empty, in its own word.
    pub is_low: bool,
    /// The machines on it are told to shut down: its power will go, whatever else it says.
    pub is_forced: bool,
    /// It tries its battery out, so that what it says of that means nothing.
    pub is_trying: bool,
    /// The battery wants to be replaced.
    pub is_worn: bool,
    /// It carries more than it can.
    pub is_overloaded: bool,
    /// Charge of the battery, 0 to 1.
    pub charge: Option<f64>,
    /// How long it lasts, in seconds.
    pub runtime: Option<u64>,
}

impl PowerReading {
    /// The reading of the `ups.status` of NUT: words with spaces between them, of which there may be any number that
    /// nobody knows.
    pub fn of_status(status: &str) -> Self {
        let mut reading = Self::default();
        for word in status.split_ascii_whitespace() {
            match word {
                "OB" => reading.is_on_battery = true,
                "LB" => reading.is_low = true,
                "FSD" => reading.is_forced = true,
                "CAL" => reading.is_trying = true,
                "RB" => reading.is_worn = true,
                "OVER" => reading.is_overloaded = true,
                _ => {}
            }
        }
        reading
    }
}

/// Mains that came back are believed so late after the battery was nearly empty: they may go again at once, and
/// everything that has come to rest would start in between.
const STEADY: Duration = Duration::from_secs(30);
/// A cut of the mains is worth a word when it lasts so long.
const CONFIRMED: Duration = Duration::from_secs(30);
/// A UPS that carried the box and says nothing for so long is taken to be nearly empty (`DEADTIME` of NUT).
const DEAD: Duration = Duration::from_secs(15);
/// A UPS that says nothing for so long is worth a word (`NOCOMMWARNTIME` of NUT).
const SILENT: Duration = Duration::from_secs(300);
/// A box that still lives so long after a silence, or an order to shut down with the mains there, has its power.
const OVER: Duration = Duration::from_secs(60 * 60);

/// What is known of the power, from one reading to the next. Times are those of a clock that never jumps.
#[derive(Debug, Clone)]
pub struct PowerJudge {
    rest_below: Option<u64>,
    heard_at: Duration,
    last: PowerReading,
    state: PowerState,
    /// Since when the battery carries the box without a break.
    on_battery_since: Option<Duration>,
    /// Since when the mains are there, after the battery was nearly empty.
    steady_since: Option<Duration>,
    /// Since when it says that everything is to be shut down.
    forced_since: Option<Duration>,
}

/// What the power means for the box.
#[derive(Debug, Clone, PartialEq)]
pub struct PowerVerdict {
    /// Where it comes from.
    pub state: PowerState,
    /// What is wrong with it; for people.
    pub finding: Option<Finding>,
    /// Whether that wants somebody now.
    pub is_urgent: bool,
    /// Whether it is known for long enough to tell somebody.
    pub is_certain: bool,
}

impl PowerJudge {
    /// Nothing was heard yet. The box comes to rest when the battery lasts for less than `rest_below`.
    pub fn new(rest_below: Option<Duration>, now: Duration) -> Self {
        Self {
            rest_below: rest_below.map(|limit| limit.as_secs()),
            heard_at: now,
            last: PowerReading::default(),
            state: PowerState::Mains,
            on_battery_since: None,
            steady_since: None,
            forced_since: None,
        }
    }

    /// The limit changed.
    pub fn rest_below(&mut self, limit: Option<Duration>) {
        self.rest_below = limit.map(|limit| limit.as_secs());
    }

    /// The last thing that was said.
    pub fn last(&self) -> &PowerReading {
        &self.last
    }

    /// Something was said.
    pub fn hear(&mut self, reading: PowerReading, now: Duration) {
        self.heard_at = now;
        self.last = reading;
        let is_on_battery = self.last.is_on_battery && !self.last.is_trying;
        keep_since(&mut self.on_battery_since, is_on_battery, now);
        keep_since(&mut self.forced_since, self.last.is_forced, now);
        let forced = self.forced_since;
        let is_forced = forced.is_some_and(|since| is_on_battery || now - since < OVER);
        let lasts_too_short = match (self.rest_below, self.last.runtime) {
            (Some(limit), Some(runtime)) => runtime < limit,
            (None, _) | (_, None) => false,
        };
        let is_low = is_on_battery && (self.last.is_low || lasts_too_short);
        // What a battery says of how long it lasts rises and falls with the load: once it is low, only mains help.
        let stays_low = is_on_battery && self.state == PowerState::Low;
        if is_low || is_forced || stays_low {
            self.steady_since = None;
            self.state = PowerState::Low;
        } else if is_on_battery {
            self.state = PowerState::Battery;
        } else if self.state == PowerState::Low {
            let since = *self.steady_since.get_or_insert(now);
            if now - since >= STEADY {
                self.state = PowerState::Mains;
            }
        } else {
            self.state = PowerState::Mains;
        }
    }

    /// What that means now; `unix_seconds` is now as people know it.
    pub fn judge(&mut self, now: Duration, unix_seconds: i64) -> PowerVerdict {
        let silence = now.saturating_sub(self.heard_at);
        let was_on_battery = self.on_battery_since.is_some();
        if was_on_battery && silence >= OVER {
            self.state = PowerState::Mains;
        } else if was_on_battery && silence >= DEAD {
            self.state = PowerState::Low;
        }
        let since = unix_seconds.saturating_sub(i64::try_from(silence.as_secs()).unwrap_or(0));
        let (finding, is_urgent) = if was_on_battery && silence >= DEAD {
            (Some(What::UpsSilent(since, true)), silence < OVER)
        } else if silence >= SILENT {
            (Some(What::UpsSilent(since, false)), false)
        } else {
            self.heard()
        };
        let battery_for = self.on_battery_since.map(|since| now.saturating_sub(since));
        PowerVerdict {
            state: self.state,
            is_certain: is_urgent || battery_for.is_none_or(|long| long >= CONFIRMED),
            finding: finding.map(Finding::of),
            is_urgent,
        }
    }

    fn heard(&self) -> (Option<What>, bool) {
        let last = &self.last;
        let percent = last.charge.map(percent);
        match self.state {
            PowerState::Low => (Some(What::BatteryLow(percent, last.runtime)), true),
            PowerState::Battery => (Some(What::OnBattery(percent, last.runtime)), false),
            PowerState::Mains if last.is_overloaded => (Some(What::UpsOverload), false),
            PowerState::Mains if last.is_worn => (Some(What::BatteryWorn), false),
            PowerState::Mains => (None, false),
        }
    }
}

fn keep_since(since: &mut Option<Duration>, is_so: bool, now: Duration) {
    match is_so {
        true => _ = since.get_or_insert(now),
        false => *since = None,
    }
}

fn percent(share: f64) -> u8 {
    (share * 100.0).round().clamp(0.0, 100.0) as u8
}

#[cfg(test)]
mod tests;
