//! What could not be written down, because the disk is full or does not answer: kept in memory, bounded, sent all the
//! same, and written when that can be done. It does no input or output.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use ondol_base::clock;
use ondol_model::watch::Severity;
use ondol_store::Message;
use ondol_store::MessageOutcome;
use ondol_store::NewMessage;
use ondol_store::WatchChange;

/// Messages, and ends of messages, that are kept; lanes fold them long before there are so many.
const KEPT_MAX: usize = 10_000;

/// What could not be written down.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Incidents and states, as they are now.
    change: WatchChange,
    /// Messages, by their negative numbers: the later, the smaller.
    entries: BTreeMap<i64, Entry>,
    /// Messages of the store that ended.
    endings: BTreeMap<i64, Ending>,
    /// The number that was given last.
    last: i64,
}

/// A message that was queued when it could not be written. It keeps its number though it is written later, so that its
/// receiver can tell when it comes twice.
#[derive(Debug, Clone)]
struct Entry {
    message: Message,
    /// Its number in the store, once it is there.
    row: Option<i64>,
    /// The messages of the store in whose place it is.
    replaces: Vec<i64>,
}

/// What the store may say waits, though it does not, or does so here.
#[derive(Debug, Default)]
pub(super) struct Hidden {
    rows: BTreeSet<i64>,
    /// One that was written too late for us to know its number is known by what it says.
    unwritten: Vec<NewMessage>,
}

impl Hidden {
    fn has(&self, row: &Message) -> bool {
        self.rows.contains(&row.id) || self.unwritten.contains(&row.new)
    }
}

/// How a message of the store ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) outcome: MessageOutcome,
    pub(super) at: i64,
    pub(super) error: Option<String>,
    /// The message that took its place, where that is in the store.
    pub(super) into: Option<i64>,
}

/// A message that is to be written in the place of others.
#[derive(Debug)]
pub(super) struct Replacement {
    pub(super) id: i64,
    pub(super) new: NewMessage,
    pub(super) parts: Option<String>,
    pub(super) replaces: Vec<i64>,
}

impl Kept {
    /// Keeps a change; returns the numbers of its messages.
    pub(super) fn keep(&mut self, change: WatchChange) -> Vec<i64> {
        let WatchChange {
            incidents,
            messages,
            states,
        } = change;
        self.add_facts(WatchChange {
            incidents,
            states,
            messages: Vec::new(),
        });
        messages
            .into_iter()
            .map(|new| self.add(new, None, Vec::new()))
            .collect()
    }

    /// Keeps a message in the place of others; returns its number.
    pub(super) fn replace(
        &mut self,
        ids: &[i64],
        new: NewMessage,
        parts: Option<String>,
        at: i64,
    ) -> i64 {
        let mut replaces: Vec<_> = ids.iter().copied().filter(|id| *id > 0).collect();
        for id in ids {
            if let Some(entry) = self.entries.get_mut(id) {
                replaces.append(&mut entry.replaces);
                replaces.extend(entry.row);
            }
            self.end(*id, ending(MessageOutcome::Folded, at));
        }
        self.add(new, parts, replaces)
    }

    /// The number of a message in the store; `None` while it is not there.
    pub(super) fn row(&self, id: i64) -> Option<i64> {
        if id > 0 {
            return Some(id);
        }
        self.entries.get(&id)?.row
    }

    /// Keeps how a message ended, as long as that is not written.
    pub(super) fn end(&mut self, id: i64, ending: Ending) {
        if let Some(row) = self.row(id) {
            self.entries.remove(&id);
            self.keep_ending(row, ending);
        } else if let Some(entry) = self.entries.get_mut(&id) {
            let message = &mut entry.message;
            message.outcome = Some(ending.outcome);
            message.ended_at = Some(ending.at);
            message.error = ending.error;
        }
    }

    /// Forgets a message that the store has, with its end.
    pub(super) fn forget(&mut self, id: i64) {
        self.entries.remove(&id);
    }

    /// The end of a message of the store was written.
    pub(super) fn forget_ending(&mut self, id: i64) {
        self.endings.remove(&id);
    }

    /// Changes a message that is kept.
    pub(super) fn update(&mut self, id: i64, update: impl FnOnce(&mut Message)) {
        if let Some(entry) = self.entries.get_mut(&id) {
            update(&mut entry.message);
        }
    }

    /// Takes what is to be written at once, with the numbers of the messages in it.
    pub(super) fn take_unwritten(&mut self) -> (WatchChange, Vec<i64>) {
        let mut change = std::mem::take(&mut self.change);
        let mut numbers = Vec::new();
        for (id, entry) in self.entries.iter().rev() {
            if entry.row.is_none() && entry.replaces.is_empty() && entry.message.parts.is_none() {
                change.messages.push(entry.message.new.clone());
                numbers.push(*id);
            }
        }
        (change, numbers)
    }

    /// What was taken could not be written; what was kept meanwhile is newer.
    pub(super) fn put_back(&mut self, mut change: WatchChange) {
        change.messages.clear();
        let newer = std::mem::replace(&mut self.change, change);
        self.add_facts(newer);
    }

    /// Messages were written, and have these numbers in the store.
    pub(super) fn written(&mut self, numbers: &[i64], rows: &[i64]) {
        for (id, row) in numbers.iter().zip(rows) {
            let Some(entry) = self.entries.get_mut(id) else {
                continue;
            };
            entry.row = Some(*row);
            entry.replaces.clear();
            let message = &entry.message;
            if let Some(outcome) = message.outcome {
                let ending = Ending {
                    error: message.error.clone(),
                    ..ending(outcome, message.ended_at.unwrap_or(message.new.queued_at))
                };
                self.end(*id, ending);
            }
        }
    }

    /// Moves the times of what waits: the clock was set.
    pub(super) fn shift(&mut self, seconds: i64) {
        for entry in self.entries.values_mut() {
            let message = &mut entry.message;
            message.new.queued_at += seconds;
            message.new.not_before += seconds;
            message.new.expires_at += seconds;
            message.next_at += seconds;
        }
        for incident in &mut self.change.incidents {
            incident.began_at += seconds;
        }
        for state in &mut self.change.states {
            state.since += seconds;
        }
    }

    /// Messages to be written in the place of others.
    pub(super) fn replacements(&self) -> Vec<Replacement> {
        let unwritten = self.entries.iter().rev().filter(|(_, entry)| {
            entry.row.is_none() && (!entry.replaces.is_empty() || entry.message.parts.is_some())
        });
        unwritten
            .map(|(id, entry)| Replacement {
                id: *id,
                new: entry.message.new.clone(),
                parts: entry.message.parts.clone(),
                replaces: entry.replaces.clone(),
            })
            .collect()
    }

    /// How messages of the store ended, to be written.
    pub(super) fn endings(&self) -> Vec<(i64, Ending)> {
        let endings = self.endings.iter();
        endings.map(|(id, end)| (*id, end.clone())).collect()
    }

    /// The messages that are kept and wait, by the oldest.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Message> {
        let messages = self.entries.values().rev().map(|entry| &entry.message);
        messages.filter(|message| message.outcome.is_none())
    }

    /// How many messages wait that the store doesn't have, and since when the oldest of them does.
    pub(super) fn count_waiting(&self) -> (u64, Option<i64>) {
        let only_here = self.entries.values().filter(|entry| entry.row.is_none());
        let times: Vec<_> = only_here
            .map(|entry| &entry.message)
            .filter(|message| message.outcome.is_none())
            .map(|message| message.new.queued_at)
            .collect();
        (times.len() as u64, times.into_iter().min())
    }

    /// What the store may say waits, though it does not, or does so here.
    pub(super) fn hidden(&self) -> Hidden {
        let ended = self.endings.keys().copied();
        let written = self.entries.values().filter_map(|entry| entry.row);
        let replaced = self.entries.values().flat_map(|entry| &entry.replaces);
        let unwritten = self.entries.values().filter(|entry| entry.row.is_none());
        Hidden {
            rows: ended.chain(written).chain(replaced.copied()).collect(),
            unwritten: unwritten.map(|entry| entry.message.new.clone()).collect(),
        }
    }

    /// Of messages that the store says wait, those that do: which are not kept here besides, and have not ended. What
    /// was hidden before the store was asked may be forgotten here by now, and was not known there then.
    pub(super) fn without_kept(&self, rows: Vec<Message>, before: &Hidden) -> Vec<Message> {
        let now = self.hidden();
        let waits = |row: &Message| !before.has(row) && !now.has(row);
        rows.into_iter().filter(waits).collect()
    }

    /// Whether the store has everything that was to be written.
    pub(super) fn is_written(&self) -> bool {
        self.endings.is_empty() && self.is_change_written()
    }

    /// The same, but for ends of messages: whether something new can be written over what the store has.
    pub(super) fn is_change_written(&self) -> bool {
        self.change == WatchChange::default()
            && self.entries.values().all(|entry| entry.row.is_some())
    }

    fn add(&mut self, new: NewMessage, parts: Option<String>, replaces: Vec<i64>) -> i64 {
        self.make_room();
        // The time makes it another number than any of an earlier run of the agent, which a receiver may remember.
        let id = (self.last - 1).min(-clock::unix_milliseconds());
        self.last = id;
        let message = Message {
            id,
            tries: 0,
            is_begun: false,
            next_at: new.not_before,
            outcome: None,
            ended_at: None,
            error: None,
            parts,
            new,
        };
        let entry = Entry {
            message,
            row: None,
            replaces,
        };
        self.entries.insert(id, entry);
        id
    }

    fn add_facts(&mut self, change: WatchChange) {
        for incident in change.incidents {
            self.change.incidents.retain(|old| old.id != incident.id);
            self.change.incidents.push(incident);
        }
        for state in change.states {
            self.change
                .states
                .retain(|old| old.subject != state.subject);
            self.change.states.push(state);
        }
    }

    /// The oldest that is not critical goes; one that was sent first of all.
    fn make_room(&mut self) {
        if self.entries.len() < KEPT_MAX {
            return;
        }
        let oldest = self.entries.iter().rev().min_by_key(|(_, entry)| {
            let is_critical = entry.message.new.severity == Severity::Critical;
            (entry.message.outcome.is_none(), is_critical)
        });
        if let Some(id) = oldest.map(|(id, _)| *id) {
            tracing::error!(
                "a message was lost: the store can't be written, and {KEPT_MAX} are kept in memory"
            );
            self.entries.remove(&id);
        }
    }

    fn keep_ending(&mut self, id: i64, ending: Ending) {
        if self.endings.len() >= KEPT_MAX {
            self.endings.pop_first();
        }
        self.endings.insert(id, ending);
    }
}

/// An end without an error.
pub(super) fn ending(outcome: MessageOutcome, at: i64) -> Ending {
    Ending {
        outcome,
        at,
        error: None,
        into: None,
    }
}

#[cfg(test)]
mod tests;
