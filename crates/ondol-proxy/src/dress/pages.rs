//! An owner's own pages for errors, from a folder.

use std::rc::Rc;

use bytes::Bytes;
use http::StatusCode;
use ondol_model::plan::ErrorPages;
use ondol_model::plan::Files;

use crate::files::Folders;
use crate::files::Root;
use crate::request_id::ShownId;

/// The folder of an owner's pages.
#[derive(Debug)]
pub(crate) struct Pages {
    root: Rc<Root>,
    pub(crate) replaces_answers: bool,
}

impl Pages {
    pub(super) fn new(pages: &ErrorPages, folders: &Folders) -> Self {
        Self {
            root: folders.of(&Files::at(pages.folder.clone())),
            replaces_answers: pages.replaces_answers,
        }
    }

    /// The page for a status; `None` when there is none, or it can't be read.
    pub(crate) async fn page(&self, status: StatusCode, id: ShownId<'_>) -> Option<Bytes> {
        for name in ErrorPages::names(status.as_u16()) {
            if let Some((page, _)) = self.root.small(&name).await {
                return Some(filled(&page, status, id));
            }
        }
        None
    }
}

/// The page with `{status}` and `{request_id}` filled in.
fn filled(page: &Bytes, status: StatusCode, id: ShownId<'_>) -> Bytes {
    let mut filled = Vec::with_capacity(page.len());
    let mut rest = &**page;
    while let Some(at) = memchr::memchr(b'{', rest) {
        let (before, after) = rest.split_at(at);
        filled.extend_from_slice(before);
        if let Some(after) = after.strip_prefix(b"{status}") {
            filled.extend_from_slice(status.as_str().as_bytes());
            rest = after;
        } else if let Some(after) = after.strip_prefix(b"{request_id}") {
            id.put(&mut filled);
            rest = after;
        } else {
            filled.push(b'{');
            rest = &after[1..];
        }
    }
    filled.extend_from_slice(rest);
    Bytes::from(filled)
}
