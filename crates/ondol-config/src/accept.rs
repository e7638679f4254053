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
    let files = sources.files.iter().enumerate();
    let documents: Vec<_> = files
        .map(|(file, source)| Document::parse(file, &source.text, &texts, &mut report))
        .collect();
    let roots: Vec<_> = documents.iter().map(Document::root).collect();
    for (index, root) in roots.iter().enumerate() {
        let description = match index {
            0 => &file::MAIN,
            _ => &file::INCLUDED,
        };
        check::table(&mut report, *root, description);
    }
    let plan = file::plan(&roots, sources, &mut report);
    for broken in documents
        .iter()
        .filter_map(|document| document.broken.as_ref())
    {
        report.retain(|note| !broken.explains(note, &texts));
    }
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
