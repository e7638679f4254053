//! How the box came back: from its last sign of life, and how it is now.

use super::PowerState;

/// A sign of life, as it was written down; times are in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    /// The run of the machine.
    pub boot_id: String,
    /// The time of day, since the Unix epoch.
    pub wall: i64,
    /// Since the machine started, also while it slept.
    pub since_boot: i64,
    /// Whether everything had been brought to an end, and what for.
    pub clean: Option<Clean>,
    /// Where the power came from.
    pub power: PowerState,
}

/// What everything was brought to an end for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clean {
    /// Ondol alone ended, or nobody knows.
    Stop,
    /// The machine restarts.
    Reboot,
    /// The machine is switched off.
    PowerOff,
    /// The battery is nearly empty.
    Rest,
}

impl Clean {
    const ALL: [Self; 4] = [Self::Stop, Self::Reboot, Self::PowerOff, Self::Rest];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Reboot => "reboot",
            Self::PowerOff => "poweroff",
            Self::Rest => "rest",
        }
    }

    /// What a word means.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|clean| clean.word() == word)
    }
}

/// How the machine is at the start of Ondol; times are in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebirth {
    /// The run of the machine.
    pub boot_id: String,
    /// The time of day, since the Unix epoch.
    pub wall: i64,
    /// Since the machine started, also while it slept.
    pub since_boot: i64,
}

/// That the box was away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Away {
    /// What ended, and how.
    pub kind: AbsenceKind,
    /// The last sign of life, in seconds since the Unix epoch.
    pub last_seen_at: i64,
    /// When the machine, or Ondol, was up again. Never before the last sign of life.
    pub back_at: i64,
    /// Whether the clock says a time before the last sign of life, so that nobody knows how long it was.
    pub is_clock_behind: bool,
    /// Where the power came from, last.
    pub power: PowerState,
}

/// What ended, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbsenceKind {
    /// The machine lost its power, or crashed.
    PowerCut,
    /// The machine was shut down or restarted.
    Shutdown,
    /// The box had come to rest because its battery was nearly empty.
    Rest,
    /// Ondol alone ended, and had not been told to.
    Crash,
}

/// How the box came back; `None` when it was not away: its owner stopped Ondol alone and started it again.
pub fn away(last: &Life, now: &Rebirth) -> Option<Away> {
    let is_same_run = last.boot_id == now.boot_id;
    let kind = match (is_same_run, last.clean) {
        (true, Some(_)) => return None,
        (true, None) => AbsenceKind::Crash,
        (false, None) => AbsenceKind::PowerCut,
        (false, Some(Clean::Rest)) => AbsenceKind::Rest,
        (false, Some(Clean::Stop | Clean::Reboot | Clean::PowerOff)) => AbsenceKind::Shutdown,
    };
    let back_at = match is_same_run {
        // The clock may have been set meanwhile; the other one never is.
        true => last.wall + (now.since_boot - last.since_boot).max(0),
        false => now.wall - now.since_boot,
    };
    // Some seconds: the clock is set while the machine starts.
    let is_clock_behind = !is_same_run && now.wall < last.wall;
    Some(Away {
        kind,
        last_seen_at: last.wall,
        back_at: back_at.max(last.wall),
        is_clock_behind,
        power: last.power,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: i64 = 1_800_000_000;

    fn life(clean: Option<Clean>) -> Life {
        Life {
            boot_id: "one".to_owned(),
            wall: T,
            since_boot: 5_000,
            clean,
            power: PowerState::Mains,
        }
    }

    fn check(clean: Option<Clean>, boot_id: &str, wall: i64, since_boot: i64) -> Option<Away> {
        let now = Rebirth {
            boot_id: boot_id.to_owned(),
            wall,
            since_boot,
        };
        away(&life(clean), &now)
    }

    #[test]
    fn what_ended_and_how_is_known_by_the_last_sign_of_life() {
        use AbsenceKind::Crash;
        use AbsenceKind::PowerCut;
        use AbsenceKind::Rest;
        use AbsenceKind::Shutdown;
        let off = 7 * 3_600 + 12 * 60;
        for (clean, boot_id, since_boot, expected) in [
            (None, "two", 20, Some((PowerCut, off))),
            (Some(Clean::PowerOff), "two", 20, Some((Shutdown, off))),
            (Some(Clean::Reboot), "two", 20, Some((Shutdown, off))),
            (Some(Clean::Stop), "two", 20, Some((Shutdown, off))),
            (Some(Clean::Rest), "two", 20, Some((Rest, off))),
            (None, "one", 5_007, Some((Crash, 7))),
            (Some(Clean::Stop), "one", 5_007, None),
            (Some(Clean::Rest), "one", 5_007, None),
        ] {
            let away = check(clean, boot_id, T + off + 20, since_boot);
            let away = away.map(|away| (away.kind, away.back_at - away.last_seen_at));
            assert_eq!(away, expected, "{clean:?} {boot_id}");
        }
    }

    #[test]
    fn a_gap_of_seconds_is_a_gap() {
        let away = check(None, "two", T + 12, 9).unwrap();
        assert_eq!(away.back_at - away.last_seen_at, 3);
        // The last sign of life may be younger than the machine's own reckoning of its start.
        let away = check(None, "two", T + 5, 9).unwrap();
        assert_eq!((away.back_at, away.is_clock_behind), (T, false));
    }

    #[test]
    fn a_clock_that_stands_in_the_past_is_told() {
        let away = check(None, "two", T - 9_000_000, 20).unwrap();
        assert!(away.is_clock_behind);
        assert_eq!(away.back_at, away.last_seen_at);
        // A crash is measured by the clock that nobody sets.
        let away = check(None, "one", T - 9_000_000, 5_030).unwrap();
        assert!(!away.is_clock_behind);
        assert_eq!(away.back_at - away.last_seen_at, 30);
    }

    #[test]
    fn words_are_found_again() {
        for clean in Clean::ALL {
            assert_eq!(Clean::parse(clean.word()), Some(clean));
        }
        assert_eq!(Clean::parse("moon"), None);
        for state in [PowerState::Mains, PowerState::Battery, PowerState::Low] {
            assert_eq!(PowerState::parse(state.word()), Some(state));
        }
    }
}
