//! A laptop is unplugged and plugged in again; what the desk is told.

use ondol_model::watch::PowerState;
use ondol_model::watch::State;
use ondol_model::watch::What;

use super::*;
use crate::planted::Planted;
use crate::planted::empty_plan;
use crate::planted::put;

struct Laptop {
    root: tempfile::TempDir,
    planted: Planted,
}

impl Laptop {
    fn new(plan: Plan) -> Self {
        Self {
            root: tempfile::tempdir().unwrap(),
            planted: Planted::new(plan),
        }
    }

    fn set(&self, supply: &str, values: &[(&str, &str)]) {
        let folder = self.root.path().join("sys/class/power_supply").join(supply);
        for (file, value) in values {
            put(&folder.join(file), value);
        }
    }

    fn is_plugged(&self, is_plugged: bool) {
        let (online, status) = match is_plugged {
            true => ("1\n", "Charging\n"),
            false => ("0\n", "Discharging\n"),
        };
        self.set("AC", &[("type", "Mains\n"), ("online", online)]);
        let battery = [("type", "Battery\n"), ("status", status)];
        self.set("BAT0", &battery);
        self.set("BAT0", &[("capacity", "80\n"), ("power_now", "10\n")]);
    }

    /// What the desk is told, until it is told this of the power.
    async fn until(&mut self, wanted: impl Fn(&PowerStatus) -> bool) -> Told {
        let mut told = Told::default();
        loop {
            match self.planted.seen.recv().await.unwrap() {
                Seen::Power(status) => {
                    let is_wanted = wanted(&status);
                    told.status = status;
                    if is_wanted {
                        return told;
                    }
                }
                Seen::Observations(observations) => told.observations.extend(observations),
                other => panic!("{other:?}"),
            }
        }
    }

    async fn observation(&mut self) -> Observation {
        loop {
            if let Seen::Observations(mut observations) = self.planted.seen.recv().await.unwrap() {
                return observations.remove(0);
            }
        }
    }
}

#[derive(Default)]
struct Told {
    status: PowerStatus,
    observations: Vec<Observation>,
}

/// Follows the power of the machine while the story goes on.
macro_rules! story {
    ($laptop:ident, $story:block) => {{
        let ground = $laptop.planted.ground.clone();
        let follower = Follower::new(&ground, $laptop.root.path().to_path_buf());
        tokio::select! {
            _ = follower.follow(&ground) => unreachable!(),
            () = async { $story } => {}
        }
    }};
}

#[tokio::test(start_paused = true)]
async fn an_unplugged_laptop_is_told_of_at_once_and_again_when_it_lasts() {
    let mut laptop = Laptop::new(empty_plan());
    laptop.is_plugged(true);
    story!(laptop, {
        let told = laptop.until(|status| !status.source.is_empty()).await;
        assert_eq!(told.status.state, PowerState::Mains);
        assert_eq!(told.status.source, "the battery of this machine");
        assert_eq!(laptop.observation().await.state, State::Pass);
        laptop.is_plugged(false);
        let told = laptop
            .until(|status| status.state == PowerState::Battery)
            .await;
        assert_eq!(told.status.charge, Some(0.8));
        let (first, second) = (laptop.observation().await, laptop.observation().await);
        for (observation, is_certain) in [(first, false), (second, true)] {
            assert_eq!(observation.state, State::Warn);
            assert_eq!(observation.is_certain, is_certain);
            let what = observation.finding.unwrap().what;
            assert!(matches!(what, What::OnBattery(Some(80), _)), "{what:?}");
        }
        laptop.is_plugged(true);
        let pass = laptop.observation().await;
        assert_eq!((pass.state, pass.is_certain), (State::Pass, true));
    });
}

#[tokio::test(start_paused = true)]
async fn a_machine_whose_power_nobody_tells_of_is_not_watched_and_costs_what_its_owner_says() {
    let mut plan = empty_plan();
    plan.care.power.baseline_milliwatts = 15_000;
    plan.care.power.price_per_kwh = Some(228_000);
    plan.care.power.currency = "KRW".to_owned();
    let mut laptop = Laptop::new(plan);
    story!(laptop, {
        let told = laptop.until(|status| status.cost.is_some()).await;
        assert_eq!(told.status.cost.unwrap(), "2,500 KRW a month");
        assert_eq!(told.status.watts, Some(15.0));
        assert_eq!(told.status.source, "");
        assert!(told.observations.is_empty());
    });
}

#[tokio::test(start_paused = true)]
async fn a_battery_that_was_asked_for_and_is_not_there_is_worth_a_word() {
    let mut plan = empty_plan();
    plan.care.power.ups = Some(Ups::Battery);
    let mut laptop = Laptop::new(plan);
    story!(laptop, {
        let told = laptop.until(|status| !status.source.is_empty()).await;
        assert_eq!(
            told.status.source,
            "the battery of this machine, which says nothing: this machine has no battery"
        );
        let found = loop {
            let observation = laptop.observation().await;
            if let Some(finding) = observation.finding {
                break finding;
            }
        };
        assert!(matches!(found.what, What::UpsSilent(_, false)));
        assert_eq!(found.detail, "this machine has no battery");
        // Its owner reads that, and goes without.
        laptop.planted.plan.send_modify(|plan| {
            Arc::make_mut(plan).care.power.ups = Some(Ups::None);
        });
        laptop.until(|status| status.source.is_empty()).await;
    });
}
