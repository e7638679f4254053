//! A stand-in for the world outside: it takes messages, or does not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;

use ondol_model::plan::Channel;
use tokio::sync::watch;

use crate::channel::Parcel;
use crate::channel::Receipt;
use crate::channel::SendFailure;
use crate::channel::SendFailureKind;

/// How the world is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::delivery) enum Mood {
    Well,
    Away,
    Refuses,
    /// Takes a message, and says something that makes no sense.
    Mumbles,
    /// Takes a message, and says so on standard output.
    Aloud,
    /// Takes a message, and never answers.
    Silent,
}

#[derive(Debug)]
pub(in crate::delivery) struct World {
    inside: Mutex<Inside>,
    changed: watch::Sender<u64>,
}

#[derive(Debug)]
struct Inside {
    mood: Mood,
    moods: BTreeMap<String, Mood>,
    tries: BTreeMap<String, usize>,
    taken: Vec<(String, Parcel)>,
}

impl World {
    pub(in crate::delivery) fn new(mood: Mood) -> Arc<Self> {
        let inside = Inside {
            mood,
            moods: BTreeMap::new(),
            tries: BTreeMap::new(),
            taken: Vec::new(),
        };
        Arc::new(Self {
            inside: Mutex::new(inside),
            changed: watch::Sender::new(0),
        })
    }

    /// How it is for one person from now on.
    pub(in crate::delivery) fn is(&self, person: &str, mood: Mood) {
        let mut inside = self.inside.lock().unwrap();
        inside.moods.insert(person.to_owned(), mood);
    }

    /// How it is for everybody from now on.
    pub(in crate::delivery) fn is_for_all(&self, mood: Mood) {
        let mut inside = self.inside.lock().unwrap();
        inside.mood = mood;
        inside.moods.clear();
    }

    /// Waits until so many tries were made to reach somebody.
    pub(in crate::delivery) async fn tried(&self, person: &str, tries: usize) {
        let enough = |inside: &Inside| inside.tries.get(person).is_some_and(|made| *made >= tries);
        let mut changed = self.changed.subscribe();
        while !enough(&self.inside.lock().unwrap()) {
            changed.changed().await.unwrap();
        }
    }

    /// The numbers of what was taken.
    pub(in crate::delivery) fn ids(&self) -> Vec<i64> {
        let inside = self.inside.lock().unwrap();
        inside.taken.iter().map(|(_, parcel)| parcel.id).collect()
    }

    /// What somebody was told.
    pub(in crate::delivery) fn parcels(&self, person: &str) -> Vec<Parcel> {
        let inside = self.inside.lock().unwrap();
        let to_person = inside.taken.iter().filter(|(to, _)| to == person);
        to_person.map(|(_, parcel)| parcel.clone()).collect()
    }

    /// The titles of what somebody was told.
    pub(in crate::delivery) fn titles(&self, person: &str) -> Vec<String> {
        let parcels = self.parcels(person).into_iter();
        parcels.map(|parcel| parcel.title).collect()
    }

    pub(in crate::delivery) async fn take(
        &self,
        channel: &Channel,
        parcel: &Parcel,
    ) -> Result<Option<Receipt>, SendFailure> {
        let Channel::Email(address) = channel else {
            panic!("{channel:?}");
        };
        let person = address.split('@').next().unwrap_or_default().to_owned();
        let mood = {
            let mut inside = self.inside.lock().unwrap();
            let mood = inside.moods.get(&person).copied().unwrap_or(inside.mood);
            *inside.tries.entry(person.clone()).or_default() += 1;
            if !matches!(mood, Mood::Away | Mood::Refuses) {
                inside.taken.push((person, parcel.clone()));
            }
            mood
        };
        self.changed.send_modify(|changes| *changes += 1);
        let failure = |kind, message: &str| {
            Err(SendFailure {
                kind,
                message: message.to_owned(),
            })
        };
        match mood {
            Mood::Well => Ok(None),
            Mood::Aloud => {
                println!("took {} {}", parcel.id, parcel.title);
                Ok(None)
            }
            Mood::Away => failure(SendFailureKind::Unreachable, "no route"),
            Mood::Refuses => failure(SendFailureKind::Refused, "wrong token"),
            Mood::Mumbles => failure(SendFailureKind::Strange, "<html>"),
            Mood::Silent => std::future::pending().await,
        }
    }
}
