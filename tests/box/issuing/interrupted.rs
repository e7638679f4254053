//! Orders in whose middle the agent ends, or becomes another.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::harness::Folders;
use crate::harness::Running;
use crate::issuers::front::Part;
use crate::issuing::stage::GOT;
use crate::issuing::stage::Needs;
use crate::issuing::stage::Stage;
use crate::issuing::stage::within;

const SITES: usize = 4;
const NAMES_OF_A_SITE: usize = 5;
const KILLS: u64 = 20;
/// How many boxes run at once.
const SIDES: u64 = 10;
/// In milliseconds: how long the orders take, at least.
const MOMENTS: u64 = 4000;
const SEED: u64 = 0x5eed_0f0d;

/// All names: each site has several.
fn all_names() -> Vec<String> {
    let sites = 0..SITES;
    let names = |site| (0..NAMES_OF_A_SITE).map(move |name| format!("n{name}.s{site}.example.org"));
    sites.flat_map(names).collect()
}

fn configuration(stage: &Stage) -> String {
    let mut text = stage.configuration("", &[]);
    for site in 0..SITES {
        let others = (1..NAMES_OF_A_SITE).map(|name| format!("\"n{name}.s{site}.example.org\""));
        let others: Vec<_> = others.collect();
        let _infallible = write!(
            text,
            "[sites.\"n0.s{site}.example.org\"]\naliases = [{}]\nrespond = \"{site}\"\n",
            others.join(", ")
        );
    }
    text
}

/// Numbers that look random and are the same each time (splitmix64).
fn number(of: u64) -> u64 {
    let mut number = SEED.wrapping_add(of.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

fn until_all_served(stage: &Stage, running: &Running) {
    let limit = GOT * 4;
    for name in all_names() {
        stage.until_served_within(limit, running, &name);
    }
}

/// How many orders more than one there were for a name, at most.
fn extra_orders(stage: &Stage, before: &BTreeMap<String, usize>) -> usize {
    let counts = stage.front.orders_by_name().into_iter();
    let counts = counts.map(|(name, count)| count - before.get(&name).copied().unwrap_or(0));
    counts.max().unwrap_or(0).saturating_sub(1)
}

#[test]
fn an_agent_that_is_killed_at_any_moment_doubles_at_most_one_order_per_name() {
    // An issuer that looked while nobody was there is asked again after a minute, so boxes run side by side.
    let sides: Vec<_> = (0..SIDES)
        .map(|side| {
            std::thread::spawn(move || kills(side * KILLS / SIDES..(side + 1) * KILLS / SIDES))
        })
        .collect();
    for side in sides {
        side.join().unwrap();
    }
}

/// Each with a box of its own, which has nothing yet.
fn kills(range: std::ops::Range<u64>) {
    let slow = |settings: &mut crate::issuers::pebble::Settings| settings.sleep_max = 1;
    let Some(stage) = Stage::set(Needs::Any, slow) else {
        return;
    };
    let configuration = configuration(&stage);
    for kill in range {
        let before = stage.front.orders_by_name();
        let running = Folders::with(&configuration).start();
        std::thread::sleep(Duration::from_millis(number(kill) % MOMENTS));
        let running = running.start_after_kill();
        until_all_served(&stage, &running);
        let extra = extra_orders(&stage, &before);
        let log = running.log();
        assert!(extra <= 1, "kill {kill}: {extra} orders more\n{log}");
    }
}

#[test]
fn an_agent_that_is_killed_again_and_again_gets_there() {
    let slow = |settings: &mut crate::issuers::pebble::Settings| settings.sleep_max = 2;
    let Some(stage) = Stage::set(Needs::Any, slow) else {
        return;
    };
    let mut running = Folders::with(&configuration(&stage)).start();
    for kill in 0..3 {
        std::thread::sleep(Duration::from_millis(number(100 + kill) % 500));
        running = running.start_after_kill();
    }
    until_all_served(&stage, &running);
    let extra = extra_orders(&stage, &BTreeMap::new());
    assert!(extra <= 1, "{extra} orders more\n{}", running.log());
}

#[test]
fn an_agent_that_becomes_another_in_the_middle_of_an_order_goes_on_with_it() {
    let slow = |settings: &mut crate::issuers::pebble::Settings| settings.sleep_max = 3;
    let Some(stage) = Stage::set(Needs::Any, slow) else {
        return;
    };
    let running = Folders::with(&configuration(&stage)).start();
    let ordered = within(GOT, || {
        (stage.front.requests(Part::Order) > 0).then_some(())
    });
    assert!(ordered.is_some(), "{}", running.log());
    running.re_execute();
    until_all_served(&stage, &running);
    let extra = extra_orders(&stage, &BTreeMap::new());
    assert!(extra <= 1, "{extra} orders more\n{}", running.log());
}
