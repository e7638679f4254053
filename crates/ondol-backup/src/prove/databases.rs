//! Every database of a backup, restored and compared: its file, whether it is whole, and the rows of each table.

use std::fs;
use std::path::Path;

use ondol_base::clock;

use super::Proof;
use crate::digest::Digest;
use crate::failure::Failure;
use crate::manifest::Manifest;
use crate::manifest::ManifestDatabase;
use crate::repository::Snapshot;
use crate::restore;
use crate::restore::choose;
use crate::restore::select::Thing;
use crate::restore::server;
use crate::work::ProveWork;
use ondol_model::backup::Part;

impl<'a> Proof<'a> {
    /// Restores the newest of each database that these backups have.
    pub(super) fn databases(&mut self, manifests: &[Manifest]) -> Result<(), Failure> {
        for name in choose::database_names(manifests, None) {
            let Some((manifest, database)) = choose::database(manifests, &name, None) else {
                self.faults
                    .push(format!("No backup has the database {name}."));
                continue;
            };
            self.reporter.step(&format!("trying the database {name}"));
            match self.thing(manifest, database) {
                Ok(Some(thing)) if database.kind == "sqlite" => self.file(database, thing)?,
                Ok(Some(thing)) => self.of_server(database, &thing)?,
                Ok(None) => self.faults.push(format!(
                    "The backup {} says that it has the database {name}, but it has not.",
                    manifest.run
                )),
                Err(failure) => self.fault(&format!("the database {name}"), failure)?,
            }
        }
        Ok(())
    }

    fn thing(
        &self,
        manifest: &Manifest,
        database: &ManifestDatabase,
    ) -> Result<Option<Thing>, Failure> {
        let part = manifest
            .parts
            .iter()
            .find(|part| part.part == Part::Databases.word());
        let is_its = |snapshot: &&Snapshot| part.is_some_and(|part| part.snapshot == snapshot.id);
        let Some(snapshot) = self.snapshots.iter().find(is_its) else {
            return Ok(None);
        };
        let node = self.repository.node(snapshot, &database.path)?;
        Ok(node.map(|node| Thing {
            run: manifest.run.clone(),
            snapshot: snapshot.clone(),
            source: database.path.clone(),
            node,
            amount: None,
        }))
    }

    fn file(&mut self, database: &ManifestDatabase, thing: Thing) -> Result<(), Failure> {
        let below = &self.work.scratch;
        let path = below.join(database.path.strip_prefix("/").unwrap_or(&database.path));
        let outcome = self.restored(vec![thing], below)?;
        let name = &database.name;
        if outcome.faults.is_empty() {
            match compared(&path, database) {
                Ok(()) => self.shown.push(shown(database)),
                Err(why) => self.faults.push(format!(
                    "The database {name} did not come back as it was: {why}"
                )),
            }
        }
        self.faults.extend(outcome.faults);
        if !self.is_kept(database) {
            // The folder goes at the end; what is large goes now.
            let _ = fs::remove_file(&path);
        }
        Ok(())
    }

    /// Whether an app is started on it afterwards.
    fn is_kept(&self, database: &ManifestDatabase) -> bool {
        let app = database.app.as_ref();
        app.is_some_and(|app| self.work.keep_for.contains(app))
    }

    fn of_server(&mut self, database: &ManifestDatabase, thing: &Thing) -> Result<(), Failure> {
        let name = &database.name;
        let work: &'a ProveWork = self.work;
        let Some(access) = work.databases.iter().find(|access| access.name == *name) else {
            self.shown.push(format!(
                "the database {name} was not loaded: the configuration does not name it any more"
            ));
            return Ok(());
        };
        let suffix = server::proof_suffix(&thing.run);
        match server::load(self.repository, access, &thing.node, database, &suffix) {
            Ok(loaded) => {
                self.shown.push(shown(database));
                self.keep_or_drop(access, loaded.name);
            }
            Err(failure) if server::may_not_create(&failure) => self.only_read(database, thing)?,
            Err(failure) => self.fault(&format!("the database {name}"), failure)?,
        }
        Ok(())
    }

    /// Where no database may be made to load it into, its file can be compared.
    fn only_read(&mut self, database: &ManifestDatabase, thing: &Thing) -> Result<(), Failure> {
        let name = &database.name;
        let mut digest = Digest::default();
        match self.repository.write_file(&thing.node, &mut digest) {
            Ok(()) if digest.text() == database.digest => self.shown.push(format!(
                "the file of the database {name} came back as it was; it was not loaded, for its user may not create databases"
            )),
            Ok(()) => self.faults.push(format!("The file of the database {name} came back as something else.")),
            Err(failure) => self.fault(&format!("the database {name}"), failure)?,
        }
        Ok(())
    }
}

fn compared(path: &Path, database: &ManifestDatabase) -> Result<(), String> {
    let digest = Digest::of_file(path).map_err(|error| format!("{error}."))?;
    if !database.digest.is_empty() && digest != database.digest {
        return Err("its file is not the one that was saved.".to_owned());
    }
    restore::check_sqlite(path, database)
}

fn shown(database: &ManifestDatabase) -> String {
    let name = &database.name;
    let at = clock::rfc3339(database.as_of);
    let rows: u64 = database.rows.values().sum();
    match database.rows.len() {
        0 => format!("the database {name} of {at} came back whole"),
        tables => format!(
            "the database {name} of {at} came back whole, with {rows} rows in {tables} tables"
        ),
    }
}
