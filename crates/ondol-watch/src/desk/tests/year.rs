//! A year of a box in the book: faults, flaps, outages of the internet, clocks that jump, and noise.
//!
//! Some weeks by default; `ONDOL_DAYS=365` lets a whole year pass, `ONDOL_SEED` another one.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use ondol_model::watch::Severity;

use super::*;

const DAY: i64 = 24 * HOUR;
const TICK: i64 = 5;
const LOOK: i64 = 60;
/// A fault that lasts longer has to be told of.
const TOLD_FROM: i64 = 3 * MINUTE;
/// By then.
const TOLD_BY: i64 = 5 * MINUTE;
/// Looks at something well that fail nevertheless, in ten thousand.
const NOISE: u64 = 20;
const SITES: [&str; 5] = ["a.test", "b.test", "c.test", "d.test", "e.test"];

/// A sequence of numbers that looks random (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, end: i64) -> i64 {
        i64::try_from(self.roll()).unwrap() % end
    }

    fn pick(&mut self, of: &[i64]) -> i64 {
        of[usize::try_from(self.roll()).unwrap() % of.len()]
    }
}

/// Something that does not work for a while.
#[derive(Debug, Clone)]
struct Fault {
    subject: Subject,
    from: i64,
    to: i64,
    /// It works in every second minute nevertheless.
    flaps: bool,
}

impl Fault {
    fn is_on(&self, at: i64) -> bool {
        (self.from..self.to).contains(&at) && (!self.flaps || (at - self.from) / LOOK % 2 == 0)
    }
}

/// What really happens. Times are seconds since its begin, by a clock that nobody sets.
struct World {
    faults: Vec<Fault>,
    /// When the clock of the box is set, and by how much.
    jumps: Vec<(i64, i64)>,
    dice: Dice,
}

impl World {
    fn new(days: i64, seed: u64) -> Self {
        let mut dice = Dice(seed);
        let mut faults = Vec::new();
        let spans = [30, 100, 4 * MINUTE, 20 * MINUTE, 3 * HOUR];
        let away = [MINUTE, 10 * MINUTE, 2 * HOUR, 20 * HOUR];
        let flapping = [HOUR, 2 * HOUR];
        let mut sources = vec![
            (app(), 10, &spans[..], false),
            (Subject::Internet, 10, &away[..], false),
            (Subject::Router, 30, &away[..], false),
            (Subject::Site(SITES[0].to_owned()), 30, &flapping[..], true),
        ];
        let sites = SITES.map(|site| (Subject::Site(site.to_owned()), 5, &spans[..], false));
        sources.extend(sites);
        for (subject, every_days, spans, flaps) in sources {
            let mut at = dice.below(every_days * DAY);
            while at < days * DAY {
                let to = at + dice.pick(spans);
                faults.push(Fault {
                    subject: subject.clone(),
                    from: at,
                    to,
                    flaps,
                });
                at = to + HOUR + dice.below(2 * every_days * DAY);
            }
        }
        let jumps = (0..days / 30).map(|month| {
            (
                month * 30 * DAY + dice.below(30 * DAY),
                dice.below(24 * HOUR) - 12 * HOUR,
            )
        });
        Self {
            jumps: jumps.collect(),
            faults,
            dice,
        }
    }

    fn is_down(&self, subject: &Subject, at: i64) -> bool {
        let mut on = self.faults.iter().filter(|fault| fault.is_on(at));
        on.any(|fault| fault.subject == *subject || explains(&fault.subject, subject))
    }

    fn look(&mut self, subject: &Subject, at: i64) -> Observation {
        let is_noise = self.dice.roll() % 10_000 < NOISE;
        match self.is_down(subject, at) || is_noise {
            true => Observation::fail(subject.clone(), Finding::of(What::NoAnswer)),
            false => Observation::pass(subject.clone()),
        }
    }
}

/// What really depends on what.
fn explains(cause: &Subject, subject: &Subject) -> bool {
    *cause == Subject::Router && *subject == Subject::Internet
}

/// A message that reached somebody.
#[derive(Debug)]
struct Delivered {
    at: i64,
    queued: i64,
    message: NewMessage,
}

struct Told {
    delivered: Vec<Delivered>,
    /// All that was ever a part of each incident.
    members: BTreeMap<i64, BTreeSet<String>>,
    left_open: usize,
}

fn live(world: &mut World, days: i64) -> Told {
    let sites = SITES.map(|site| Subject::Site(site.to_owned()));
    let subjects: Vec<_> = [app(), Subject::Internet, Subject::Router]
        .into_iter()
        .chain(sites)
        .collect();
    let mut plan = plan();
    plan.sites = SITES.iter().map(|site| site_of(site)).collect();
    plan.care.alarms.drill = plan::Often::Never;
    let mut book = Book::restored(Arc::new(plan), WatchMemory::default(), BEGIN);
    let (mut offset, mut jumps) = (BEGIN, world.jumps.clone());
    let (mut waiting, mut delivered) = (Vec::new(), Vec::new());
    let mut members: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
    for at in (0..(days + 2) * DAY).step_by(5) {
        if let Some(place) = jumps.iter().position(|(when, _)| *when <= at) {
            let (_, seconds) = jumps.swap_remove(place);
            offset += seconds;
            book.shift(seconds);
        }
        for (place, subject) in (0_i64..).zip(&subjects) {
            if (at + place * TICK) % LOOK == 0 {
                let observation = world.look(subject, at);
                book.see(Seen::Observations(vec![observation]), at + offset);
            }
        }
        book.tick(at + offset);
        let written = book.take_written().change;
        for row in written.incidents {
            members.entry(row.id).or_default().extend(row.members);
        }
        let queued = written.messages.into_iter();
        waiting.extend(queued.map(|message| (at, message.not_before - offset, message)));
        if !world.is_down(&Subject::Internet, at) {
            let (due, later) = std::mem::take(&mut waiting)
                .into_iter()
                .partition(|(_, not_before, _)| *not_before <= at);
            waiting = later;
            let due: Vec<(i64, i64, NewMessage)> = due;
            delivered.extend(due.into_iter().map(|(queued, _, message)| Delivered {
                at,
                queued,
                message,
            }));
        }
    }
    Told {
        delivered,
        members,
        left_open: book.shown(offset).incidents.len(),
    }
}

fn site_of(name: &str) -> plan::Site {
    plan::Site {
        name: ondol_model::HostPattern::parse(name).unwrap(),
        aliases: Vec::new(),
        alias_answer: plan::AliasAnswer::Serve,
        scheme: plan::Scheme::Https,
        certificate: None,
        issuance: Arc::default(),
        client_auth: None,
        passthrough: None,
        rules: plan::Rules::default(),
        redirects: Vec::new(),
        check: Some(plan::SiteCheck::default()),
        health: None,
        routes: Vec::new(),
    }
}

impl Told {
    fn is_about(&self, message: &NewMessage, subject: &Subject) -> bool {
        let members = message.incident.and_then(|id| self.members.get(&id));
        members.is_some_and(|members| members.contains(&subject.to_string()))
    }

    /// When somebody was told of a fault that began then.
    fn told_of(&self, fault: &Fault) -> Option<i64> {
        let problems = self.delivered.iter().filter(|one| {
            one.message.kind == NoticeKind::Problem && self.is_about(&one.message, &fault.subject)
        });
        let after = problems.filter(|one| one.at >= fault.from);
        after.map(|one| one.at).min()
    }
}

#[expect(clippy::disallowed_methods, reason = "a switch of the tests")]
fn number(variable: &str, usual: u64) -> u64 {
    let value = std::env::var(variable).ok();
    value.map_or(usual, |value| value.parse().expect("a number"))
}

#[test]
fn a_year_of_faults_alarms_in_time_seldom_for_nothing_and_leaves_nothing_open() {
    let days = i64::try_from(number("ONDOL_DAYS", 21)).unwrap();
    let mut world = World::new(days, number("ONDOL_SEED", 42));
    let told = live(&mut world, days);
    assert_eq!(told.left_open, 0, "incidents are open for ever");

    let mut late = Vec::new();
    let steady = world.faults.iter().filter(|fault| !fault.flaps);
    let long: Vec<_> = steady
        .filter(|fault| fault.to - fault.from > TOLD_FROM)
        .collect();
    for fault in &long {
        let mut online = fault.from;
        while world.is_down(&Subject::Internet, online) {
            online += TICK;
        }
        // While it goes on, or once the internet is back.
        let mut by = fault.from + TOLD_BY;
        while world.is_down(&Subject::Internet, by) {
            by += TICK;
        }
        let by = by.max(online + TOLD_BY);
        if told.told_of(fault).is_none_or(|at| at > by) {
            late.push((*fault, told.told_of(fault), by));
        }
    }
    let problems: Vec<_> = told
        .delivered
        .iter()
        .filter(|one| one.message.kind == NoticeKind::Problem)
        .collect();
    let is_real = |one: &&&Delivered| {
        world.faults.iter().any(|fault| {
            told.is_about(&one.message, &fault.subject)
                && (fault.from..fault.to + 2 * MINUTE).contains(&one.queued)
        })
    };
    let of_me = |one: &&&Delivered| one.message.person == "me";
    let real = problems.iter().filter(of_me).filter(is_real).count();
    let of_mine = problems.iter().filter(of_me).count();
    let fakes = of_mine - real;
    println!(
        "{days} days: {} faults of more than 3 minutes, {} told late; {of_mine} alarms, {fakes} for nothing; {} messages",
        long.len(),
        late.len(),
        told.delivered.len(),
    );
    assert!(late.is_empty(), "{late:#?}");
    let months = u64::try_from(days / 30 + 1).unwrap();
    assert!(
        u64::try_from(fakes).unwrap() < months,
        "{fakes} false alarms"
    );
    for one in &problems {
        let is_end = |other: &Delivered| {
            other.message.kind == NoticeKind::Recovery
                && other.message.person == one.message.person
                && other.message.incident == one.message.incident
        };
        let ends = told.delivered.iter().filter(|other| is_end(other)).count();
        assert_eq!(ends, 1, "{one:?} has one end");
    }
    assert!(
        problems
            .iter()
            .any(|one| one.message.severity == Severity::Critical)
    );
}
