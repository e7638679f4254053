//! What backups need of this machine, looked at before one is taken. Nothing is changed, nobody outside is asked.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use ondol_model::Plan;
use ondol_model::plan::DatabaseSource;

use crate::backups::contents;
use crate::databases::Program;
use crate::failure::Failure;
use crate::places::Places;

/// The files and folders that a backup of everything holds, with all below them.
pub fn roots(plan: &Plan, configuration: &Path, state: &Path) -> BTreeSet<PathBuf> {
    let places = Places {
        configuration: configuration.to_owned(),
        state: state.to_owned(),
        // These only say what is left out.
        runtime: state.to_owned(),
        logs: state.to_owned(),
        program: PathBuf::new(),
    };
    let parts = contents(plan, &places, &[], String::new())
        .parts
        .into_iter();
    parts.flat_map(|part| part.roots).collect()
}

/// Which program that a database is read with is not on this machine; `None` when nothing is missing.
pub fn missing_program(source: &DatabaseSource) -> Option<Failure> {
    let program = match source {
        DatabaseSource::Sqlite(_) => return None,
        DatabaseSource::Postgres { .. } => Program::PgDump,
        DatabaseSource::Mysql { .. } => Program::MysqlDump,
    };
    match program.find() {
        Some(_) => None,
        None => Some(program.missing()),
    }
}
