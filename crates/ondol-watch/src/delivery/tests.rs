//! The outbox with a world that takes messages, refuses them, or is away.

mod kill;
mod outage;
mod trouble;
mod world;

use std::sync::Arc;
use std::time::Duration;

use ondol_base::clock;
use ondol_base::tasks::Group;
use ondol_base::tasks::Stopper;
use ondol_model::plan::Channel;
use ondol_model::plan::Language;
use ondol_model::plan::Person;
use ondol_model::plan::PersonName;
use ondol_model::plan::Role;
use ondol_model::watch::NoticeKind;
use ondol_model::watch::Severity;
use ondol_model::watch::State;
use ondol_model::watch::Subject;
use ondol_store::NewMessage;
use ondol_store::Store;

use super::*;
use crate::ground::Known;
use crate::planted::Planted;
use crate::planted::empty_plan;
use world::Mood;
pub(super) use world::World;

/// Two people with a channel each.
fn plan() -> Plan {
    let person = |name: &str| Person {
        name: PersonName(name.to_owned()),
        language: Language::English,
        role: Role::Operator,
        runbook: None,
        channels: vec![Channel::Email(format!("{name}@example.com"))],
    };
    let mut plan = empty_plan();
    plan.care.people = vec![person("me"), person("spouse")];
    plan
}

/// An outbox that delivers into a world.
struct Stage {
    planted: Planted,
    world: Arc<World>,
    outbox: Outbox,
    group: Group,
    /// Ends with the test.
    _stopper: Stopper,
}

impl Stage {
    fn new(world: Arc<World>) -> Self {
        Self::on(ondol_store::open_in_memory().unwrap(), world)
    }

    fn on(store: Store, world: Arc<World>) -> Self {
        let planted = Planted::on(plan(), store, std::path::Path::new("/nowhere"));
        let carrier = Carrier::World(world.clone());
        let outbox = Outbox::by(planted.ground.store.clone(), carrier);
        let mut group = Group::default();
        let (stopper, stop) = Stopper::new();
        let running = run(planted.ground.clone(), outbox.clone(), stop);
        group.spawn("delivery", async { running.await.unwrap_or_default() });
        Self {
            planted,
            world,
            outbox,
            group,
            _stopper: stopper,
        }
    }

    async fn queue(&self, messages: Vec<NewMessage>) -> Vec<i64> {
        let change = WatchChange {
            messages,
            ..WatchChange::default()
        };
        self.outbox.commit(change).await
    }

    fn is_online(&self, is_online: bool) {
        let known = Known {
            is_online,
            ..Known::default()
        };
        self.planted.known.send_replace(Arc::new(known));
    }

    fn reload(&self) {
        self.planted.plan.send_modify(|_| {});
    }

    /// Waits until nothing waits.
    async fn emptied(&self) {
        while self.outbox.shared.ledger.count_waiting().await.0 > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until nothing waits for these people, written down or not.
    async fn emptied_of_what_waits(&self, people: &[&str]) {
        for person in people {
            while !self
                .outbox
                .shared
                .ledger
                .waiting_for(person, "email")
                .await
                .is_empty()
            {
                tokio::task::yield_now().await;
            }
        }
    }

    /// What the desk hears next of what is wrong with the first person's channel.
    async fn trouble_of_me(&mut self) -> Option<String> {
        loop {
            if let Seen::People(people) = self.planted.seen.recv().await.unwrap() {
                return people[0].channels[0].2.clone();
            }
        }
    }

    /// Ends everything at once, as a power cut does; what was written is left.
    fn killed(self) -> Store {
        drop(self.group);
        self.planted.store
    }
}

/// A message queued so many seconds ago.
fn message(person: &str, incident: i64, kind: NoticeKind, age: i64) -> NewMessage {
    let now = clock::unix_seconds();
    NewMessage {
        incident: Some(incident),
        person: person.to_owned(),
        channel: "email".to_owned(),
        kind,
        severity: Severity::Warning,
        subject: format!("site:{incident}.example.com"),
        title: format!("{} {incident}", kind.word()),
        text: format!("About {incident}."),
        queued_at: now - age,
        not_before: now - age,
        expires_at: now + 1_000_000,
        wants_answer: false,
    }
}

fn problem(person: &str, incident: i64) -> NewMessage {
    message(person, incident, NoticeKind::Problem, 0)
}

#[tokio::test]
async fn what_is_queued_is_delivered_once_and_written_down() {
    let stage = Stage::new(World::new(Mood::Well));
    let ids = stage
        .queue(vec![
            problem("me", 1),
            problem("spouse", 1),
            problem("me", 2),
        ])
        .await;
    stage.emptied().await;
    let mut taken = stage.world.ids();
    taken.sort_unstable();
    assert_eq!(taken, ids);
    let mine = stage.world.titles("me");
    assert_eq!(mine, ["problem 1", "problem 2"], "in their order");
    let messages = stage.planted.store.handle().messages(9).await.unwrap();
    for message in messages {
        assert_eq!(message.outcome, Some(MessageOutcome::Delivered));
    }
    assert!(stage.outbox.shared.ledger.is_written());
}

#[tokio::test]
async fn the_desk_hears_how_the_channels_are() {
    let mut stage = Stage::new(World::new(Mood::Refuses));
    stage.is_online(true);
    stage.queue(vec![problem("me", 1)]).await;
    for tries in 1..=3 {
        stage.world.tried("me", tries).await;
        stage.reload();
    }
    loop {
        match stage.planted.seen.recv().await.unwrap() {
            Seen::Observations(observations) if observations[0].state == State::Warn => {
                assert_eq!(
                    observations[0].subject,
                    Subject::Channel("me/email".to_owned())
                );
                let finding = observations[0].finding.clone().unwrap();
                assert_eq!(finding.detail, "wrong token");
                assert_eq!(observations[1].state, State::Pass);
                break;
            }
            Seen::People(people) => {
                assert_eq!(people.len(), 2);
                assert_eq!(people[0].name, "me");
            }
            Seen::Outbox { waiting, .. } => assert!(waiting <= 1),
            _ => {}
        }
    }
    stage.world.is("me", Mood::Well);
    stage.reload();
    loop {
        if let Seen::People(people) = stage.planted.seen.recv().await.unwrap()
            && let (_, Some(delivered_at), None) = people[0].channels[0]
        {
            assert!(delivered_at > 1_700_000_000);
            break;
        }
    }
}
