//! What is known of folders for a moment: which file a path leads to, and the bytes of small ones.
//!
//! Each worker has its own, so no lock is taken. What is too old is looked up again before it is used;
//! bytes are kept as long as the file is the same. The two queues are those of S3-FIFO: what was asked for
//! once leaves by the short one, so a visitor who tries a million paths drives nothing of use away.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::rc::Rc;
use std::rc::Weak;

use ondol_model::limits::FILES_KNOWN;
use tokio::time::Instant;

use super::version::Document;

/// What a path leads to.
#[derive(Debug)]
pub(super) enum What {
    /// A file.
    File(Document),
    /// A folder, whose address ends with a slash.
    Slash,
    /// A folder that shows what is in it.
    Listing,
    /// The file of a candidate, by its place in the list.
    Instead(usize),
    /// Nothing.
    Nothing,
}

/// What a path leads to, for as long as someone uses that.
#[derive(Debug)]
pub(super) struct Located {
    pub(super) what: What,
    cost: Cost,
}

/// All that is known of one folder.
#[derive(Debug)]
pub(super) struct Known {
    entries: Rc<Entries>,
    shelf: Rc<Shelf>,
}

type Entries = RefCell<HashMap<Rc<str>, Rc<Entry>>>;

#[derive(Debug)]
struct Entry {
    key: Rc<str>,
    home: Weak<Entries>,
    located: RefCell<Rc<Located>>,
    looked_up: Cell<Instant>,
    /// Asked for again since it was put in, or since it was last spared.
    is_used: Cell<bool>,
}

/// The memory that all folders of a worker share.
#[derive(Debug)]
pub(super) struct Shelf {
    bytes: Cell<usize>,
    bytes_max: usize,
    queues: RefCell<Queues>,
}

#[derive(Debug, Default)]
struct Queues {
    /// Asked for once so far.
    fresh: VecDeque<Weak<Entry>>,
    /// Asked for again.
    proven: VecDeque<Weak<Entry>>,
}

/// Bytes of the shelf, given back when dropped.
#[derive(Debug)]
struct Cost {
    bytes: Cell<usize>,
    shelf: Rc<Shelf>,
}

/// What an entry takes besides its key, its headers and its bytes, roughly.
const ENTRY_BYTES: usize = 384;
/// What a version of a file takes besides its bytes, roughly.
const VERSION_BYTES: usize = 512;
/// The share of the entries that were asked for once: one in so many.
const FRESH_SHARE: usize = 10;

impl Located {
    /// Counts bytes that are kept with it from now on.
    pub(super) fn grow(&self, bytes: usize) {
        self.cost.bytes.set(self.cost.bytes.get() + bytes);
        let shelf = &self.cost.shelf;
        shelf.bytes.set(shelf.bytes.get() + bytes);
        shelf.make_room();
    }
}

impl Drop for Cost {
    fn drop(&mut self) {
        let left = self.shelf.bytes.get().saturating_sub(self.bytes.get());
        self.shelf.bytes.set(left);
    }
}

impl Known {
    pub(super) fn new(shelf: &Rc<Shelf>) -> Self {
        Self {
            entries: Rc::default(),
            shelf: Rc::clone(shelf),
        }
    }

    /// What a key leads to, where that was looked up a moment ago.
    pub(super) fn located(&self, key: &str, now: Instant) -> Option<Rc<Located>> {
        let entries = self.entries.borrow();
        let entry = entries.get(key)?;
        if now.duration_since(entry.looked_up.get()) >= FILES_KNOWN {
            return None;
        }
        entry.is_used.set(true);
        Some(Rc::clone(&entry.located.borrow()))
    }

    /// Remembers what a key leads to since `now`, with what had been read of the same file before.
    pub(super) fn remember(&self, key: &str, what: What, now: Instant) -> Rc<Located> {
        let entry = self.entries.borrow().get(key).cloned();
        let versions = match &what {
            What::File(document) => document.versions.len(),
            What::Slash | What::Listing | What::Instead(_) | What::Nothing => 0,
        };
        let inherited = match (&what, &entry) {
            (What::File(new), Some(entry)) => match &entry.located.borrow().what {
                What::File(earlier) => new.inherit(earlier),
                What::Slash | What::Listing | What::Instead(_) | What::Nothing => 0,
            },
            _ => 0,
        };
        let located = Rc::new(Located {
            what,
            cost: Cost {
                bytes: Cell::new(0),
                shelf: Rc::clone(&self.shelf),
            },
        });
        match entry {
            Some(entry) => {
                entry.is_used.set(true);
                entry.looked_up.set(now);
                entry.located.replace(Rc::clone(&located));
            }
            None => self.put(key, Rc::clone(&located), now),
        }
        located.grow(ENTRY_BYTES + key.len() + versions * VERSION_BYTES + inherited);
        located
    }

    /// Forgets what a key leads to, because it has been seen to be otherwise.
    pub(super) fn doubt(&self, key: &str, now: Instant) {
        if let Some(entry) = self.entries.borrow().get(key)
            && let Some(past) = now.checked_sub(FILES_KNOWN)
        {
            entry.looked_up.set(past);
        }
    }

    fn put(&self, key: &str, located: Rc<Located>, now: Instant) {
        let key: Rc<str> = key.into();
        let entry = Rc::new(Entry {
            key: Rc::clone(&key),
            home: Rc::downgrade(&self.entries),
            located: RefCell::new(located),
            looked_up: Cell::new(now),
            is_used: Cell::new(false),
        });
        let mut queues = self.shelf.queues.borrow_mut();
        queues.fresh.push_back(Rc::downgrade(&entry));
        self.entries.borrow_mut().insert(key, entry);
    }
}

impl Shelf {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            bytes: Cell::new(0),
            bytes_max,
            queues: RefCell::default(),
        }
    }

    /// What is kept, in bytes.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes.get()
    }

    /// Forgets the places of what is gone with its folder.
    pub(super) fn sweep(&self) {
        let mut queues = self.queues.borrow_mut();
        let Queues { fresh, proven } = &mut *queues;
        for queue in [fresh, proven] {
            queue.retain(|entry| entry.strong_count() > 0);
        }
    }

    /// Drops what is of least use until the rest fits. What a response still holds counts, but is not waited for.
    fn make_room(&self) {
        // Each entry is spared once at most.
        let mut attempts = self.queues.borrow().len() * 2;
        while self.bytes.get() > self.bytes_max && attempts > 0 {
            attempts -= 1;
            let Some(entry) = self.queues.borrow_mut().next() else {
                return;
            };
            if let Some(home) = entry.home.upgrade() {
                let removed = home.borrow_mut().remove(&entry.key);
                drop(removed);
            }
        }
    }
}

impl Queues {
    fn len(&self) -> usize {
        self.fresh.len() + self.proven.len()
    }

    /// Takes out what is to go; `None` when nothing is left, or all of it has just been spared.
    fn next(&mut self) -> Option<Rc<Entry>> {
        for _ in 0..=self.len() * 2 {
            let is_fresh = self.fresh.len() * FRESH_SHARE > self.len() || self.proven.is_empty();
            let queue = if is_fresh {
                &mut self.fresh
            } else {
                &mut self.proven
            };
            let Some(entry) = queue.pop_front()?.upgrade() else {
                continue; // Its folder is gone.
            };
            if !entry.is_used.replace(false) {
                return Some(entry);
            }
            self.proven.push_back(Rc::downgrade(&entry));
        }
        None
    }
}
