//! Tells a story second by second, and looks what the box would do.

use proptest::prelude::*;

use super::*;

/// Now as people know it, at second 0 of each story.
const EPOCH: i64 = 1_800_000_000;

struct Story {
    judge: PowerJudge,
    second: u64,
}

impl Story {
    fn new(rest_below: Option<u64>) -> Self {
        let limit = rest_below.map(Duration::from_secs);
        Self {
            judge: PowerJudge::new(limit, Duration::ZERO),
            second: 0,
        }
    }

    /// It says this for so long, every 5 s.
    fn says(&mut self, status: &str, runtime: Option<u64>, seconds: u64) -> PowerVerdict {
        let end = self.second + seconds;
        loop {
            let reading = PowerReading {
                runtime,
                charge: Some(0.5),
                ..PowerReading::of_status(status)
            };
            self.judge.hear(reading, Duration::from_secs(self.second));
            if self.second >= end {
                return self.verdict();
            }
            self.second += 5;
        }
    }

    fn is_silent(&mut self, seconds: u64) -> PowerVerdict {
        self.second += seconds;
        self.verdict()
    }

    fn verdict(&mut self) -> PowerVerdict {
        let now = EPOCH + i64::try_from(self.second).unwrap();
        self.judge.judge(Duration::from_secs(self.second), now)
    }
}

fn what(verdict: &PowerVerdict) -> Option<What> {
    verdict.finding.as_ref().map(|finding| finding.what.clone())
}

#[test]
fn words_of_a_ups_mean_what_nut_says() {
    for (status, state, found) in [
        ("OL", PowerState::Mains, None),
        ("OL CHRG", PowerState::Mains, None),
        ("OL CHRG LB", PowerState::Mains, None),
        ("OL RB", PowerState::Mains, Some(What::BatteryWorn)),
        ("OL OVER RB", PowerState::Mains, Some(What::UpsOverload)),
        ("OL BOOST ECO WAIT-A-MINUTE", PowerState::Mains, None),
        ("", PowerState::Mains, None),
        (
            "OB DISCHRG",
            PowerState::Battery,
            Some(What::OnBattery(Some(50), None)),
        ),
        ("OB CAL", PowerState::Mains, None),
        ("CAL OB LB", PowerState::Mains, None),
        (
            "OB LB",
            PowerState::Low,
            Some(What::BatteryLow(Some(50), None)),
        ),
        (
            "FSD OB LB",
            PowerState::Low,
            Some(What::BatteryLow(Some(50), None)),
        ),
        (
            "FSD OL",
            PowerState::Low,
            Some(What::BatteryLow(Some(50), None)),
        ),
    ] {
        let verdict = Story::new(None).says(status, None, 0);
        assert_eq!((verdict.state, what(&verdict)), (state, found), "{status}");
    }
}

#[test]
fn a_cut_is_acted_on_at_once_and_told_when_it_lasts() {
    let mut story = Story::new(None);
    assert!(story.says("OL", None, 60).finding.is_none());
    let verdict = story.says("OB", Some(1_200), 0);
    assert_eq!(verdict.state, PowerState::Battery);
    assert!(!verdict.is_certain);
    assert!(story.says("OB", Some(1_200), 30).is_certain);
    let verdict = story.says("OL CHRG", Some(1_200), 0);
    assert_eq!((verdict.state, verdict.finding), (PowerState::Mains, None));
    assert!(verdict.is_certain);
}

#[test]
fn a_battery_that_lasts_for_less_than_the_limit_is_low_until_the_mains_are_steady() {
    let mut story = Story::new(Some(300));
    assert_eq!(story.says("OB", Some(301), 0).state, PowerState::Battery);
    let verdict = story.says("OB", Some(299), 0);
    assert_eq!(
        (verdict.state, what(&verdict)),
        (PowerState::Low, Some(What::BatteryLow(Some(50), Some(299))))
    );
    assert!(verdict.is_urgent && verdict.is_certain);
    // The load went down as everything came to rest: that is no reason to start it again.
    assert_eq!(story.says("OB", Some(900), 60).state, PowerState::Low);
    assert_eq!(story.says("OL", Some(900), 20).state, PowerState::Low);
    assert_eq!(story.says("OB", Some(900), 0).state, PowerState::Low);
    assert_eq!(story.says("OL", Some(900), 25).state, PowerState::Low);
    story.second += 5;
    assert_eq!(story.says("OL", Some(900), 5).state, PowerState::Mains);
}

#[test]
fn silence_while_the_battery_carries_the_box_is_the_worst() {
    let mut story = Story::new(None);
    story.says("OB", Some(1_200), 30);
    assert_eq!(story.is_silent(14).state, PowerState::Battery);
    let verdict = story.is_silent(1);
    assert_eq!(verdict.state, PowerState::Low);
    assert_eq!(what(&verdict), Some(What::UpsSilent(EPOCH + 30, true)));
    assert!(verdict.is_urgent && verdict.is_certain);
    // It speaks again, and nothing was wrong with it.
    assert_eq!(story.says("OL", Some(1_200), 30).state, PowerState::Mains);
}

#[test]
fn a_box_that_outlives_a_silent_ups_does_not_rest_for_ever() {
    let mut story = Story::new(None);
    story.says("OB", None, 30);
    assert_eq!(story.is_silent(60 * 60 - 1).state, PowerState::Low);
    let verdict = story.is_silent(1);
    assert_eq!(verdict.state, PowerState::Mains);
    assert_eq!(what(&verdict), Some(What::UpsSilent(EPOCH + 30, true)));
    assert!(!verdict.is_urgent);
}

#[test]
fn silence_on_the_mains_is_worth_a_word_after_a_while() {
    let mut story = Story::new(None);
    story.says("OL", None, 10);
    assert_eq!(story.is_silent(299).finding, None);
    let verdict = story.is_silent(1);
    assert_eq!(verdict.state, PowerState::Mains);
    assert_eq!(what(&verdict), Some(What::UpsSilent(EPOCH + 10, false)));
    assert!(!verdict.is_urgent);
    // One that never said a word is silent since the start.
    let verdict = Story::new(None).is_silent(400);
    assert_eq!(what(&verdict), Some(What::UpsSilent(EPOCH, false)));
}

#[test]
fn an_order_to_shut_down_that_nobody_follows_is_forgotten() {
    let mut story = Story::new(None);
    assert_eq!(story.says("OL FSD", None, 3_595).state, PowerState::Low);
    story.second += 5;
    assert_eq!(story.says("OL FSD", None, 60).state, PowerState::Mains);
    assert_eq!(story.says("OB FSD", None, 0).state, PowerState::Low);
}

proptest! {
    #[test]
    fn no_words_break_it_and_mains_always_end_the_rest(
        words in proptest::collection::vec("(OL|OB|LB|FSD|CAL|RB|OVER|[A-Z]{1,5})( (OL|OB|LB|CHRG))?", 0..40),
        runtime in proptest::option::of(0_u64..2_000),
        silence in 0_u64..10_000,
    ) {
        let mut story = Story::new(Some(300));
        for status in &words {
            story.says(status, runtime, 5);
            let verdict = story.is_silent(silence);
            let is_low = verdict.state == PowerState::Low;
            prop_assert!(!is_low || verdict.finding.is_some(), "what rests says why");
        }
        prop_assert_eq!(story.says("OL", runtime, 60).state, PowerState::Mains);
    }
}
