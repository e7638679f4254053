//! A script, as who runs it is told.

use std::path::Path;
use std::rc::Rc;

use http::Version;

/// The script that answers a request.
#[derive(Debug)]
pub(crate) struct Script {
    /// The folder that it is in, without a symbolic link on the way: who runs scripts remembers them by their
    /// paths, and would run those of an earlier release on.
    pub(crate) root: Rc<Path>,
    /// The path of its site under which the folder is shown: empty, or begins with `/` and does not end with one.
    pub(crate) base: Box<str>,
    /// Its name below the folder, without a slash before it. It is there, and a regular file.
    pub(crate) name: Box<str>,
    /// What the path of the request has after it: empty, or begins with `/`.
    pub(crate) path_info: Box<str>,
    /// As whom the visitor was let through.
    pub(crate) user: Option<Box<[u8]>>,
    /// What the visitor speaks.
    pub(crate) version: Version,
}
