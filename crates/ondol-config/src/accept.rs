//! From texts to a plan, or to every mistake in them.

use std::sync::Arc;

use ondol_model::Plan;

use crate::check;
use crate::document::Document;
use crate::file;
use crate::mistake::Mistakes;
use crate::origins::Origins;
use crate::report::Report;
use crate::sources::Sources;
use crate::text::Place;
use crate::text::Texts;

/// An accepted configuration.
#[derive(Debug)]
pub struct Accepted {
    /// What is wanted.
    pub plan: Arc<Plan>,
    /// Where each value of it stands in the files.
    pub origins: Origins,
}

/// Reads the texts of a configuration. Pure: the same texts give the same answer in every process.
///
/// # Errors
///
/// Every mistake in the texts.
pub fn accept(sources: &Sources) -> Result<Accepted, Mistakes> {
    let texts = Texts::new(sources);
    let mut report = Report::default();
    let documents: Vec<_> = sources.files.iter().enumerate().collect();
    let documents: Vec<_> = documents
        .into_iter()
        .map(|(file, source)| Document::parse(file, &source.text, &mut report))
        .collect();
    for (file, document) in documents.iter().enumerate() {
        let description = if file == 0 {
            &file::MAIN
        } else {
            &file::INCLUDED
        };
        check::table(&mut report, Place::top(file), document.table(), description);
    }
    let roots: Vec<_> = documents.iter().map(Document::root).collect();
    let plan = file::plan(&roots, sources, &mut report);
    if !report.is_empty() {
        return Err(report.into_mistakes(&texts));
    }
    let origins = Origins::new(&roots, texts);
    Ok(Accepted {
        plan: Arc::new(plan),
        origins,
    })
}

#[cfg(test)]
mod tests;
