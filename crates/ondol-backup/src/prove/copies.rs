//! Databases of servers that are made to be compared, and for a drill to start apps on: dropped when that is done. What
//! a killed job leaves is found by its name, and dropped by the next.

use std::collections::BTreeMap;

use super::Proof;
use crate::access::DatabaseAccess;
use crate::report::Ground;
use crate::report::Report;
use crate::restore::server;

/// A database that is kept for a while.
#[derive(Debug)]
pub(super) struct Copy<'a> {
    of: &'a DatabaseAccess,
    name: String,
}

impl<'a> Proof<'a> {
    /// Drops what a proof left that was killed.
    pub(super) fn sweep(&self) {
        for access in &self.work.databases {
            // A server that does not answer is told of when something is loaded there.
            for name in server::left_of_proofs(access).unwrap_or_default() {
                self.drop_copy(access, &name);
            }
        }
    }

    /// Keeps a database that was loaded, when an app is to be started on it; else it is dropped.
    pub(super) fn keep_or_drop(&mut self, access: &'a DatabaseAccess, name: String) {
        let app = access.app.as_ref();
        if !app.is_some_and(|app| self.work.keep_for.contains(app)) {
            return self.drop_copy(access, &name);
        }
        if let Err(failure) = server::let_in(access, &name) {
            self.reporter.note(format!(
                "Nobody could be let into the copy of the database {}: {}",
                access.name, failure.sentence
            ));
            return self.drop_copy(access, &name);
        }
        self.copies.push(Copy { of: access, name });
    }

    /// Says what lies ready, and clears it away when it is not needed any more.
    pub(super) fn hand_over(&self) {
        let copies: BTreeMap<_, _> = self
            .copies
            .iter()
            .filter_map(|Copy { of, name }| Some((of.name.clone(), server::address(of, name)?)))
            .collect();
        let ground = Ground {
            root: self.work.scratch.clone(),
            copies,
        };
        self.leash
            .wait(|| self.reporter.send(&Report::Ready(ground)));
    }

    fn drop_copy(&self, access: &DatabaseAccess, name: &str) {
        if let Err(failure) = server::discard(access, name) {
            self.reporter.note(format!(
                "The database {name}, which was made to be compared, could not be dropped: {} The next proof tries it again.",
                failure.sentence
            ));
        }
    }
}

impl Drop for Proof<'_> {
    fn drop(&mut self) {
        for Copy { of, name } in std::mem::take(&mut self.copies) {
            self.drop_copy(of, &name);
        }
        if !self.work.keep_for.is_empty() {
            self.clear(&self.work.scratch);
        }
    }
}
