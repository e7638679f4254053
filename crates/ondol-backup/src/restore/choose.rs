//! Which backup something comes from: for each part and each database the newest that is not younger than was asked.

use ondol_model::backup::Part;

use crate::manifest::Manifest;
use crate::manifest::ManifestDatabase;
use crate::manifest::ManifestPart;

/// The newest backup that has the part and began by that moment. Manifests come newest first.
pub(crate) fn part(
    manifests: &[Manifest],
    part: Part,
    at: Option<i64>,
) -> Option<(&Manifest, &ManifestPart)> {
    let in_time = |manifest: &&Manifest| at.is_none_or(|at| manifest.began_at <= at);
    let its = |manifest: &'_ Manifest| -> Option<usize> {
        let mut parts = manifest.parts.iter();
        parts.position(|candidate| candidate.part == part.word())
    };
    manifests
        .iter()
        .filter(in_time)
        .find_map(|manifest| its(manifest).map(|index| (manifest, &manifest.parts[index])))
}

/// The newest backup that has the database as it was by that moment. Manifests come newest first.
pub(crate) fn database<'a>(
    manifests: &'a [Manifest],
    name: &str,
    at: Option<i64>,
) -> Option<(&'a Manifest, &'a ManifestDatabase)> {
    let fits = |database: &&ManifestDatabase| {
        database.name == name && at.is_none_or(|at| database.as_of <= at)
    };
    manifests.iter().find_map(|manifest| {
        let found = manifest.databases.iter().find(fits);
        found.map(|database| (manifest, database))
    })
}

/// The names of all databases that backups by that moment should have: those that the newest saved, or tried to.
pub(crate) fn database_names(manifests: &[Manifest], at: Option<i64>) -> Vec<String> {
    let Some((manifest, _)) = part(manifests, Part::Databases, at) else {
        return Vec::new();
    };
    let saved = manifest.databases.iter().map(|database| &database.name);
    let mut names: Vec<String> = saved
        .chain(manifest.failed_databases.keys())
        .cloned()
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
