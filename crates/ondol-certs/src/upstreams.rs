//! The files that TLS towards upstreams needs: what plans name, and the authorities that the system
//! trusts. They are read here because the data plane must not read keys.
//!
//! Blocks on the disk. What can't be read any more stays in use as it was, and whoever changed it is told.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use ondol_base::authorities::read_authorities;
use ondol_base::authorities::system_roots;
use ondol_model::Plan;
use ondol_model::Target;
use ondol_model::upstream::Tls;

use crate::internal::Notices;
use crate::stamp::FileStamp;

/// What TLS towards upstreams needs of the disk, as PEM texts.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct UpstreamFiles {
    /// The authorities that the system trusts; empty when no upstream needs them.
    pub system_roots: Arc<str>,
    /// The files that a plan names.
    pub named: HashMap<PathBuf, Arc<str>>,
}

impl fmt::Debug for UpstreamFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Some are keys, which must not get into a log.
        f.debug_struct("UpstreamFiles")
            .field("named", &self.named.keys())
            .finish_non_exhaustive()
    }
}

/// The files of the current plan.
#[derive(Debug, Default)]
pub(super) struct Upstreams {
    kept: BTreeMap<PathBuf, Kept>,
    /// The system's authorities, where an upstream needs them.
    roots: Option<PathBuf>,
    files: Arc<UpstreamFiles>,
}

/// What is known of a file.
#[derive(Debug, Default)]
struct Kept {
    /// The state of the file that was read last.
    read: Option<FileStamp>,
    /// A later state, not read until it was seen twice: someone may still be writing.
    settling: Option<FileStamp>,
    text: Option<Arc<str>>,
}

impl Upstreams {
    /// Reads what a plan needs, and forgets what it does not.
    pub(super) fn take_up(&mut self, plan: &Plan, notices: &mut Notices) {
        let tls: Vec<_> = tls_of(plan).collect();
        let needs_roots = tls.iter().any(|tls| tls.needs_system_roots());
        self.roots = needs_roots.then(system_roots).flatten();
        let named = tls.into_iter().flat_map(Tls::files).cloned();
        let wanted: BTreeSet<PathBuf> = named.chain(self.roots.clone()).collect();
        self.kept.retain(|path, _| wanted.contains(path));
        for path in wanted {
            let seen = FileStamp::of(&path);
            let kept = self.kept.entry(path.clone()).or_default();
            if kept.read != Some(seen) {
                kept.read(&path, seen, notices);
            }
        }
        self.gather();
    }

    /// Takes up files that changed; true when one did.
    pub(super) fn look(&mut self, notices: &mut Notices) -> bool {
        let mut changed = false;
        for (path, kept) in &mut self.kept {
            changed |= kept.look(path, notices);
        }
        if changed {
            self.gather();
        }
        changed
    }

    pub(super) fn files(&self) -> Arc<UpstreamFiles> {
        Arc::clone(&self.files)
    }

    fn gather(&mut self) {
        let text = |path: &PathBuf| self.kept.get(path)?.text.clone();
        let system_roots = self.roots.as_ref().and_then(text);
        let named = self.kept.keys();
        let named = named.filter_map(|path| Some((path.clone(), text(path)?)));
        self.files = Arc::new(UpstreamFiles {
            named: named.collect(),
            system_roots: system_roots.unwrap_or_default(),
        });
    }
}

impl Kept {
    fn look(&mut self, path: &Path, notices: &mut Notices) -> bool {
        let seen = FileStamp::of(path);
        if self.read == Some(seen) {
            self.settling = None;
            return false;
        }
        if self.settling != Some(seen) {
            self.settling = Some(seen);
            return false;
        }
        self.read(path, seen, notices)
    }

    /// Reads the file; true when it says something else.
    fn read(&mut self, path: &Path, seen: FileStamp, notices: &mut Notices) -> bool {
        self.read = Some(seen);
        match read_authorities(path) {
            Ok(text) => {
                let is_new = self.text.as_deref() != Some(&text);
                self.text = Some(text.into());
                is_new
            }
            Err(error) => {
                let instead = match self.text {
                    Some(_) => "what it said before stays in use",
                    None => "servers that need it cannot be reached",
                };
                notices.push(format!(
                    "{} could not be read: {error}; {instead}.",
                    path.display()
                ));
                false
            }
        }
    }
}

fn tls_of(plan: &Plan) -> impl Iterator<Item = &Tls> {
    let routes = plan.sites.iter().flat_map(|site| &site.routes);
    let proxies = routes.filter_map(|route| match &route.target {
        Target::Proxy(proxy) => Some(proxy),
        Target::App(_)
        | Target::Files(_)
        | Target::Php(_)
        | Target::Redirect(_)
        | Target::Respond(_) => None,
    });
    let upstreams = proxies.flat_map(|proxy| proxy.upstreams());
    upstreams.filter_map(|upstream| upstream.tls.as_deref())
}

#[cfg(test)]
mod tests;
