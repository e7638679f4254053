//! A PHP application behind FastCGI: `php = { … }` of a site or a route.

use std::path::PathBuf;

use crate::app::AppName;
use crate::plan::Dotfiles;
use crate::upstream::Address;

/// A PHP application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Php {
    /// Its folder: files in it that are no scripts are sent as they are.
    pub root: PathBuf,
    /// The script that answers what no file does (pretty links).
    pub index: String,
    /// Who runs the scripts.
    pub via: PhpVia,
    /// Whether names that begin with a dot are served as files.
    pub dotfiles: Dotfiles,
}

/// Who runs the scripts of a PHP application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhpVia {
    /// A php-fpm of somebody else.
    Socket(Address),
    /// The php-fpm pool that this app is.
    Pool(AppName),
}
