//! The parts that are files.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use aws_lc_rs::digest;
use aws_lc_rs::rand;
use ondol_base::signature_v4::hex;
use ondol_model::backup::Part;

use crate::access::DatabasePlace;
use crate::databases::SQLITE_SIDECARS;
use crate::databases::beside;
use crate::databases::snapshot_path;
use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::manifest::CANARY_PATH;
use crate::manifest::Manifest;
use crate::source::Gaps;
use crate::source::Other;
use crate::source::Source;
use crate::source::Wanted;
use crate::take::Taking;
use crate::take::told;
use crate::work::PartWork;

/// A canary that nobody guesses.
const CANARY_BYTES: usize = 256;

impl Taking<'_> {
    /// Saves a part of files, when there is one.
    pub(super) fn files(&self, part: Part, manifest: &mut Manifest) -> Result<(), Failure> {
        let wanted = self.work.parts.iter().find(|it| it.part == part.word());
        let Some(wanted) = wanted else {
            return Ok(());
        };
        self.reporter.step(match part {
            Part::Box => "saving the configuration and the state of the box",
            Part::Apps => "saving the code of the apps",
            Part::Databases | Part::Files => "saving the files",
        });
        let canary = canary()?;
        let digest = hex(digest::digest(&digest::SHA256, &canary).as_ref());
        let gaps = Arc::new(Gaps::new(self.reporter.clone()));
        let source = Source::new(self.wanted(wanted, canary), Arc::clone(&gaps));
        let archived = self.archive(part, &wanted.roots, &source, &gaps)?;
        manifest
            .parts
            .push(told(part, archived, &gaps, Some(digest)));
        Ok(())
    }

    fn wanted(&self, part: &PartWork, canary: Vec<u8>) -> Wanted {
        let mut left_out = part.left_out.clone();
        left_out.extend(self.database_files());
        let texts = part.texts.iter().map(|(path, text)| {
            let bytes = Other::Bytes(text.clone().into_bytes());
            (path.clone(), bytes)
        });
        let mut others: BTreeMap<_, _> = texts.collect();
        others.insert(PathBuf::from(CANARY_PATH), Other::Bytes(canary));
        Wanted {
            roots: part.roots.clone(),
            left_out,
            patterns: part.patterns.clone(),
            others,
            scratch: self.work.state.clone(),
        }
    }

    /// The files of databases that have a part of their own.
    fn database_files(&self) -> impl Iterator<Item = PathBuf> {
        let sqlite = self
            .work
            .databases
            .iter()
            .filter(|it| matches!(it.place, DatabasePlace::Sqlite { .. }));
        sqlite.map(snapshot_path).flat_map(|path| {
            let sidecars = SQLITE_SIDECARS.map(|end| beside(&path, end));
            std::iter::once(path).chain(sidecars)
        })
    }
}

fn canary() -> Result<Vec<u8>, Failure> {
    let mut canary = vec![0; CANARY_BYTES];
    rand::fill(&mut canary).map_err(|_| {
        let sentence = "The machine gave no random bytes.";
        Failure::new(FailureKind::Internal, sentence)
    })?;
    Ok(canary)
}
