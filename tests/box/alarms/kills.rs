//! The agent is killed while messages are on their way.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;

use super::hook::Hook;
use super::hook::Manner;
use super::messages;
use super::send;
use super::watching;
use crate::harness::Folders;
use crate::harness::eventually;

/// How often it is killed; more with `ONDOL_ALARM_KILLS`.
const KILLS: usize = 3;
/// Tests that are queued before each kill.
const QUEUED: usize = 6;
/// The receiver hangs up after taking one of so many: whether that arrived is known to nobody.
const HANGS_UP: usize = 5;

#[test]
fn kills_lose_no_message_and_repeat_none_visibly() {
    let kills = std::env::var("ONDOL_ALARM_KILLS");
    let kills = kills.map_or(KILLS, |count| count.parse().unwrap());
    let hook = Hook::open(Manner::HangsUp(HANGS_UP));
    let people = format!("[people.me]\nwebhook = \"http://{}/\"\n", hook.at);
    let mut running = Folders::with(&watching(&people)).start();
    let mut promised = BTreeSet::new();
    for kill in 0..kills {
        for _ in 0..QUEUED {
            promised.extend(send(&running, None));
        }
        for _ in 0..kill % 4 {
            messages(&running); // Another moment each time.
        }
        if kill + 1 == kills {
            hook.becomes(Manner::Takes);
        }
        running = running.start_after_kill();
    }
    assert_eq!(promised.len(), kills * QUEUED);
    let ended = eventually("nothing waits any more", || {
        let messages = messages(&running);
        let is_ours = |one: &Value| promised.contains(&one["id"].as_i64().unwrap());
        let ours: Vec<_> = messages.into_iter().filter(is_ours).collect();
        let have_ended = ours.iter().all(|one| one["outcome"].is_string());
        have_ended.then_some(ours)
    });
    let mut keys = BTreeMap::<i64, BTreeSet<String>>::new();
    for taken in hook.taken() {
        let id = taken.body["id"].as_i64().unwrap();
        assert!(!taken.key.is_empty());
        keys.entry(id).or_default().insert(taken.key);
    }
    for message in &ended {
        let id = message["id"].as_i64().unwrap();
        assert_eq!(message["outcome"], "delivered", "{message}");
        assert_eq!(keys.get(&id).map(BTreeSet::len), Some(1), "{message}");
    }
    assert_eq!(ended.len(), promised.len(), "none is lost");
}
