//! An order under way, kept so that an agent that was killed goes on with it.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use ondol_base::file;
use ondol_model::HostPattern;
use serde::Deserialize;
use serde::Serialize;

use super::Shelf;
use super::remove_all;
use super::with_end;

/// At the end of the name of a folder with an order.
pub(super) const END: &str = "@order";
const ORDER: &str = "order.json";
const KEY: &str = "key.pem";

/// An order that an issuer has taken.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct KeptOrder {
    /// Its URL.
    pub(crate) url: String,
    /// The names, what the certificate is called first.
    pub(crate) names: Vec<HostPattern>,
    /// Whether it names the certificate that it replaces.
    pub(crate) replaces: bool,
    /// The kind that was asked for.
    pub(crate) profile: Option<String>,
    /// The private key, in PEM; never logged.
    pub(crate) key_pem: String,
}

impl fmt::Debug for KeptOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            url,
            names,
            replaces,
            profile,
            key_pem: _,
        } = self;
        f.debug_struct("KeptOrder")
            .field("url", url)
            .field("names", names)
            .field("replaces", replaces)
            .field("profile", profile)
            .finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Written {
    url: String,
    names: Vec<String>,
    replaces: bool,
    #[serde(default)]
    profile: Option<String>,
}

impl Shelf {
    fn order_folder(&self, issuer: &str, name: &HostPattern) -> PathBuf {
        with_end(&self.folder(issuer, name), END)
    }

    /// Keeps the key of an order that is about to be made, in place of an earlier order's.
    pub(crate) fn prepare_order(
        &self,
        issuer: &str,
        name: &HostPattern,
        key_pem: &str,
    ) -> io::Result<()> {
        let folder = self.order_folder(issuer, name);
        remove_all(&folder)?;
        file::create_dir_private(&folder)?;
        file::replace(&folder.join(KEY), key_pem.as_bytes(), 0o600)
    }

    /// Keeps an order that was just made; its key must be there.
    pub(crate) fn keep_order(
        &self,
        issuer: &str,
        name: &HostPattern,
        order: &KeptOrder,
    ) -> io::Result<()> {
        let KeptOrder {
            url,
            names,
            replaces,
            profile,
            key_pem: _,
        } = order;
        let written = Written {
            url: url.clone(),
            names: names.iter().map(ToString::to_string).collect(),
            replaces: *replaces,
            profile: profile.clone(),
        };
        let text = serde_json::to_string_pretty(&written).map_err(io::Error::other)?;
        let folder = self.order_folder(issuer, name);
        file::replace(&folder.join(ORDER), text.as_bytes(), 0o600)
    }

    /// The order under way for a certificate; none that can't be read, since another can be made.
    pub(crate) fn order(&self, issuer: &str, name: &HostPattern) -> Option<KeptOrder> {
        read(&self.order_folder(issuer, name))
    }

    /// Forgets the order for a certificate.
    pub(crate) fn forget_order(&self, issuer: &str, name: &HostPattern) -> io::Result<()> {
        remove_all(&self.order_folder(issuer, name))
    }
}

fn read(folder: &Path) -> Option<KeptOrder> {
    let text = fs::read_to_string(folder.join(ORDER)).ok()?;
    let Written {
        url,
        names,
        replaces,
        profile,
    } = serde_json::from_str(&text).ok()?;
    let names = names.iter().map(|name| HostPattern::parse(name).ok());
    Some(KeptOrder {
        url,
        names: names.collect::<Option<_>>()?,
        replaces,
        profile,
        key_pem: fs::read_to_string(folder.join(KEY)).ok()?,
    })
}
