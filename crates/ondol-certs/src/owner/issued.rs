//! Certificates that came from issuers: read from their shelf once, and kept in step with it.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;

use ondol_base::chain::Chain;
use ondol_model::HostPattern;

use crate::internal::Notices;
use crate::shelf::Kept;
use crate::shelf::Meta;
use crate::shelf::Shelf;
use crate::stamp::Stamp;

/// Expired certificates that nobody needs are removed so long after their end.
const EXPIRED_FOR_MAX: i64 = 14 * 24 * 3600;

/// All certificates that came from issuers.
#[derive(Debug)]
pub(super) struct Issued {
    shelf: Shelf,
    kept: BTreeMap<Key, Kept>,
    /// The state of the files that are in use, and whether a change of them was told.
    seen: HashMap<Key, Stamp>,
}

/// The name of an issuer, and what the certificate is called.
type Key = (Box<str>, HostPattern);

impl Issued {
    /// Reads what is kept. What can't be used stays where it is, and is told.
    pub(super) fn open(shelf: Shelf, notices: &mut Notices) -> Self {
        let (all, unusable) = shelf.all();
        for unusable in unusable {
            notices.push(format!(
                "The certificate in {} cannot be used: {}. It is left as it is, and its site gets a new one.",
                unusable.folder.display(),
                Chain(&unusable.error),
            ));
        }
        let mut issued = Self {
            shelf,
            kept: BTreeMap::new(),
            seen: HashMap::new(),
        };
        for kept in all {
            issued.put(kept);
        }
        issued
    }

    /// Puts one on the shelf, in the place of the one before it.
    pub(super) fn keep(&mut self, kept: Kept) -> io::Result<()> {
        self.shelf.keep(&kept)?;
        self.put(kept);
        Ok(())
    }

    fn put(&mut self, kept: Kept) {
        let key = (kept.issuer.clone(), kept.name.clone());
        self.seen.insert(key.clone(), self.stamp(&key));
        self.kept.insert(key, kept);
    }

    /// Writes down what is known anew of one; false when nothing is, or another has taken its place.
    pub(super) fn note(&mut self, of: &Kept, change: impl FnOnce(&mut Meta)) -> io::Result<bool> {
        let key = (of.issuer.clone(), of.name.clone());
        let Some(kept) = self.kept.get_mut(&key) else {
            return Ok(false);
        };
        let mut meta = kept.meta.clone();
        change(&mut meta);
        if kept.pair.pem != of.pair.pem || meta == kept.meta {
            return Ok(false);
        }
        self.shelf.note(&key.0, &key.1, &meta)?;
        kept.meta = meta;
        Ok(true)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Kept> {
        self.kept.values()
    }

    /// When the next of them ends that has not ended yet.
    pub(super) fn next_end(&self, now: i64) -> i64 {
        let ends = self.iter().map(|kept| kept.pair.facts.validity);
        let to_come = ends.filter(|validity| !validity.is_expired(now));
        to_come.map(|it| it.not_after).min().unwrap_or(i64::MAX)
    }

    /// Looks whether somebody changed the files; what is in use stays in use, and is told.
    pub(super) fn look(&mut self, notices: &mut Notices) {
        let keys: Vec<_> = self.kept.keys().cloned().collect();
        for key in keys {
            let now = self.stamp(&key);
            if self.seen.get(&key) == Some(&now) {
                continue;
            }
            self.seen.insert(key.clone(), now);
            let folder = self.folder(&key);
            if let Err(error) = crate::files::load(&crate::shelf::files_in(&folder)) {
                notices.push(format!(
                    "The certificate in {} was changed by someone and cannot be used any more: {}. The one that was read before is in use until Ondol is started again; `ondol certs renew {}` gets a new one.",
                    folder.display(),
                    Chain(&error),
                    key.1,
                ));
            }
        }
    }

    /// Removes what ended long ago and is not among those in use; whether there was any.
    pub(super) fn clean_up(&mut self, in_use: &[Key], now: i64, notices: &mut Notices) -> bool {
        let over: Vec<_> = self
            .kept
            .iter()
            .filter(|(key, kept)| {
                let end = kept.pair.facts.validity.not_after;
                now > end.saturating_add(EXPIRED_FOR_MAX) && !in_use.contains(key)
            })
            .map(|(key, _)| key.clone())
            .collect();
        let is_any = !over.is_empty();
        for key in over {
            if let Err(error) = self.shelf.remove(&key.0, &key.1) {
                let folder = self.folder(&key);
                notices.push(format!(
                    "The certificate in {} ended long ago and could not be removed: {error}.",
                    folder.display()
                ));
            }
            self.kept.remove(&key);
            self.seen.remove(&key);
        }
        is_any
    }

    fn folder(&self, (issuer, name): &Key) -> PathBuf {
        self.shelf.folder(issuer, name)
    }

    fn stamp(&self, key: &Key) -> Stamp {
        Stamp::of(&crate::shelf::files_in(&self.folder(key)))
    }
}
