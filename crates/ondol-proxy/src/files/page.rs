//! A page by its name, whole: for errors, and for fixed answers.

use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use ondol_model::limits::PAGE_BYTES_MAX;

use super::Root;
use super::content_type;
use super::read;

impl Root {
    /// A small file of the folder, and its type; `None` when it is not there, too large, or can't be read.
    pub(crate) async fn small(&self, name: &str) -> Option<(Bytes, HeaderValue)> {
        let opened = self.open(name).await.ok()??;
        let size = u64::try_from(opened.stat.st_size).ok()?;
        let size = usize::try_from(size)
            .ok()
            .filter(|_| size <= PAGE_BYTES_MAX)?;
        let file = File::from(opened.descriptor);
        let bytes = read::whole(&Arc::new(file), size).await.ok()?;
        Some((bytes, content_type::of(name, &self.files)))
    }
}
