//! The certificates in use: what was read and made for the current plan, and when to do it again.
//!
//! Blocks on the disk. A certificate that went bad never replaces a good one here: whoever changed the
//! files is told, and visitors notice nothing.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::upstreams::UpstreamFiles;
use ondol_base::chain::Chain;
use ondol_model::HostPattern;
use ondol_model::Plan;
use ondol_model::Site;
use ondol_model::issuing::Wanted;
use ondol_model::issuing::wanted;
use ondol_model::plan::CertificateFiles;

use crate::authorities::Authorities;
use crate::authorities::ClientAuthority;
use crate::choose::Offers;
use crate::choose::Source;
use crate::choose::choose;
use crate::entry::CertificateEntry;
use crate::facts::Facts;
use crate::files::Pair;
use crate::internal::InternalCa;
use crate::internal::IssueError;
use crate::internal::Leaf;
use crate::internal::Notices;
use crate::shelf::Kept;
use crate::shelf::Meta;
use crate::shelf::Shelf;
use crate::stamp::Stamp;
use crate::upstreams::Upstreams;

mod issued;
mod named;

use issued::Issued;
use named::Cause;
use named::Named;
use named::Now;

/// So many certificates are written while a reload waits: some tens of milliseconds.
const KEEP_AT_ONCE: usize = 32;

/// The certificates of a plan, as one value.
#[derive(Debug, Clone)]
pub struct CertificateSet {
    /// For the data plane.
    pub entries: Vec<CertificateEntry>,
    /// For people; one for each entry, in the same order.
    pub rows: Vec<CertificateRow>,
    /// Pairs of the plan that never could be used, and why, as a sentence.
    pub unusable: Vec<(CertificateFiles, String)>,
    /// The plan that they are for; `None` before the first.
    pub plan: Option<Arc<Plan>>,
    /// What issuers are to be asked for.
    pub wanted: Vec<Wanted>,
    /// All that came from issuers, in use or not.
    pub kept: Vec<Kept>,
    /// Those who issue certificates to visitors.
    pub client_authorities: Vec<ClientAuthority>,
    /// The root of Ondol's own CA in PEM.
    pub root_pem: Arc<str>,
    /// What TLS towards upstreams needs.
    pub upstream_files: Arc<UpstreamFiles>,
}

/// What a person wants to know of a certificate in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRow {
    /// The names of sites that it answers.
    pub names: Vec<HostPattern>,
    /// Where it comes from.
    pub origin: Origin,
    /// What it says.
    pub facts: Facts,
    /// What is wrong with its files, as a sentence; `None` when nothing is.
    pub trouble: Option<String>,
}

/// Where a certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Files that the person named.
    Files(CertificateFiles),
    /// An issuer.
    Issued {
        /// Its name.
        issuer: Box<str>,
        /// What the certificate is called.
        name: HostPattern,
    },
    /// Ondol's own CA, renewed by Ondol.
    Internal,
}

/// The owner of the certificates in use.
#[derive(Debug)]
pub(crate) struct Owner {
    folder: PathBuf,
    box_name: String,
    ca: InternalCa,
    plan: Option<Arc<Plan>>,
    kept: HashMap<CertificateFiles, Named>,
    issued: Issued,
    authorities: Authorities,
    leaves: HashMap<Vec<HostPattern>, Pair>,
    /// Names whose certificate is in `leaves`, but not on disk yet.
    unkept: Vec<Vec<HostPattern>>,
    issue_trouble: Option<String>,
    upstreams: Upstreams,
    notices: Notices,
    same_until: SameUntil,
}

/// The time in which what was chosen of the certificates from issuers stays the best.
#[derive(Debug, Clone, Copy)]
struct SameUntil {
    from: i64,
    /// The first of their ends that is still to come.
    end: i64,
}

/// Whether there is more to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// There is.
    Some,
    /// All is done.
    None,
}

impl Owner {
    /// Opens Ondol's own CA in this folder, or makes one; and reads what came from issuers before.
    pub(crate) fn open(
        folder: PathBuf,
        shelf: Shelf,
        box_name: &str,
        now: i64,
    ) -> Result<Self, IssueError> {
        let (ca, mut notices) = InternalCa::open(&folder, box_name, now)?;
        let issued = Issued::open(shelf, &mut notices);
        Ok(Self {
            folder,
            box_name: box_name.to_owned(),
            ca,
            plan: None,
            kept: HashMap::new(),
            issued,
            authorities: Authorities::default(),
            leaves: HashMap::new(),
            unkept: Vec::new(),
            issue_trouble: None,
            upstreams: Upstreams::default(),
            notices,
            same_until: SameUntil {
                from: now,
                end: i64::MAX,
            },
        })
    }

    /// Gives every name of a plan a certificate. What is known already is not read or made again.
    pub(crate) fn take_up(&mut self, plan: Arc<Plan>, now: i64) -> CertificateSet {
        let wanted: BTreeSet<_> = files_of(&plan).cloned().collect();
        let told = Now::of(now, &plan);
        self.kept.retain(|files, _| wanted.contains(files));
        for files in wanted {
            let kept = self.kept.entry(files.clone()).or_default();
            let seen = Stamp::of(&files);
            if kept.judged != Some(seen) {
                kept.judge(&files, seen, Cause::Reload, told, &mut self.notices);
            }
        }
        self.authorities.take_up(&plan, &mut self.notices);
        self.upstreams.take_up(&plan, &mut self.notices);
        self.plan = Some(plan);
        self.build(now)
    }

    /// Takes up files that changed and renews what is about to end. `None` when all is as before.
    pub(crate) fn refresh(&mut self, now: i64) -> Option<CertificateSet> {
        let told = Now::of(now, self.plan.as_ref()?);
        let mut changed = false;
        for (files, kept) in &mut self.kept {
            changed |= kept.look(files, told, &mut self.notices);
        }
        self.issued.look(&mut self.notices);
        changed |= self.authorities.refresh(&mut self.notices);
        changed |= self.upstreams.look(&mut self.notices);
        if self.ca.is_ending(now) {
            self.replace_ca(now);
            changed = true;
        }
        let SameUntil { from, end } = self.same_until;
        changed |= !(from..=end).contains(&now);
        let fresh = |pair: &Pair| self.ca.is_fresh(pair.facts.validity, now);
        changed |= self.issue_trouble.is_some() || !self.leaves.values().all(fresh);
        changed.then(|| self.build(now))
    }

    /// Puts a certificate on the shelf and takes it up.
    pub(crate) fn put(&mut self, kept: Kept, now: i64) -> io::Result<CertificateSet> {
        self.issued.keep(kept)?;
        Ok(self.build(now))
    }

    /// Takes up what is known anew of one that is kept, and writes it down. `None` when nothing is.
    pub(crate) fn note(
        &mut self,
        of: &Kept,
        change: impl FnOnce(&mut Meta),
        now: i64,
    ) -> io::Result<Option<CertificateSet>> {
        let is_new = self.issued.note(of, change)?;
        Ok(is_new.then(|| self.build(now)))
    }

    /// Removes certificates of issuers that ended long ago and are not in use. `None` when there was none.
    pub(crate) fn clean_up(&mut self, now: i64) -> Option<CertificateSet> {
        let set = self.build(now);
        let in_use: Vec<_> = set
            .rows
            .iter()
            .filter_map(|row| match &row.origin {
                Origin::Issued { issuer, name } => Some((issuer.clone(), name.clone())),
                Origin::Files(_) | Origin::Internal => None,
            })
            .collect();
        let removed = self.issued.clean_up(&in_use, now, &mut self.notices);
        removed.then(|| self.build(now))
    }

    /// Writes some of the own certificates that were made to disk.
    pub(crate) fn keep_some(&mut self) -> Rest {
        for _ in 0..KEEP_AT_ONCE {
            let Some(names) = self.unkept.pop() else {
                return Rest::None;
            };
            let Some(pair) = self.leaves.get(&names) else {
                continue; // Its site was taken out meanwhile.
            };
            if let Err(error) = self.ca.keep(&names, &pair.pem) {
                self.notices.push(format!(
                    "{} of Ondol's own certificates could not be kept in {}: {error}. They are used, and made again at the next start.",
                    self.unkept.len() + 1,
                    self.folder.display(),
                ));
                self.unkept.clear();
            }
        }
        Rest::Some
    }

    /// What happened since the last call, as sentences for the person.
    pub(crate) fn take_notices(&mut self) -> Notices {
        std::mem::take(&mut self.notices)
    }

    /// No certificate yet, but the root.
    pub(crate) fn empty_set(&self) -> CertificateSet {
        CertificateSet {
            entries: Vec::new(),
            rows: Vec::new(),
            unusable: Vec::new(),
            plan: self.plan.clone(),
            wanted: Vec::new(),
            kept: self.issued.iter().cloned().collect(),
            client_authorities: self.authorities.current(),
            root_pem: self.ca.root_pem(),
            upstream_files: self.upstreams.files(),
        }
    }

    fn replace_ca(&mut self, now: i64) {
        match InternalCa::open(&self.folder, &self.box_name, now) {
            Ok((ca, notices)) => {
                self.ca = ca;
                self.notices.extend(notices);
                self.leaves.clear();
            }
            Err(error) => self.complain_of_ca(&error),
        }
    }

    fn build(&mut self, now: i64) -> CertificateSet {
        let mut set = self.empty_set();
        let Some(plan) = self.plan.clone() else {
            return set;
        };
        let mut by_files: HashMap<&CertificateFiles, Vec<HostPattern>> = HashMap::new();
        let mut by_issued: BTreeMap<_, (&Kept, Vec<HostPattern>)> = BTreeMap::new();
        let mut internal = Vec::new();
        let mut left: Vec<(&Site, Vec<&HostPattern>)> = Vec::new();
        let kept = &self.kept;
        let facts = |files: &CertificateFiles| Some(&kept.get(files)?.pair.as_ref()?.facts);
        let offers = Offers::new(self.issued.iter(), now);
        self.same_until = SameUntil {
            from: now,
            end: self.issued.next_end(now),
        };
        for choice in choose(&plan, &facts, &offers) {
            if !matches!(choice.source, Source::Files(_)) {
                match left.last_mut() {
                    Some((site, names)) if std::ptr::eq(*site, choice.site) => {
                        names.extend(&choice.names);
                    }
                    _ => left.push((choice.site, choice.names.clone())),
                }
            }
            let names = choice.names.into_iter().cloned();
            match choice.source {
                Source::Files(files) => by_files.entry(files).or_default().extend(names),
                Source::Issued(kept) => by_issued
                    .entry((&kept.issuer, &kept.name))
                    .or_insert((kept, Vec::new()))
                    .1
                    .extend(names),
                Source::Internal => internal.push(names.collect::<Vec<_>>()),
            }
        }
        set.wanted = wanted(left);
        for (kept, names) in by_issued.into_values() {
            set.push_issued(kept, names, now, &plan);
        }
        for files in files_of(&plan) {
            let names = by_files.remove(files).unwrap_or_default();
            if let Some(kept) = self.kept.get_mut(files) {
                kept.add_to(&mut set, files, names);
            }
        }
        self.add_internal(&mut set, internal, now);
        set
    }

    fn add_internal(&mut self, set: &mut CertificateSet, wanted: Vec<Vec<HostPattern>>, now: i64) {
        let mut before = std::mem::take(&mut self.leaves);
        let mut failed = None;
        for names in wanted {
            let known = before.remove(&names);
            let fresh = known.filter(|pair| self.ca.is_fresh(pair.facts.validity, now));
            let leaf = fresh.map_or_else(|| self.ca.leaf(&names, now), |pair| Ok(Leaf::Kept(pair)));
            let pair = match leaf {
                Ok(Leaf::Kept(pair)) => pair,
                Ok(Leaf::Made(pair)) => {
                    self.unkept.push(names.clone());
                    pair
                }
                Err(error) => {
                    failed = Some(error);
                    continue;
                }
            };
            set.push(Origin::Internal, &pair, names.clone(), None);
            self.leaves.insert(names, pair);
        }
        match failed {
            Some(error) => self.complain_of_ca(&error),
            None => self.issue_trouble = None,
        }
    }

    fn complain_of_ca(&mut self, error: &IssueError) {
        let text = format!(
            "Ondol's own CA could not issue a certificate: {}. Sites without another certificate cannot be reached by HTTPS until it can.",
            Chain(error)
        );
        if self.issue_trouble.as_ref() != Some(&text) {
            self.notices.push(text.clone());
            self.issue_trouble = Some(text);
        }
    }
}

impl CertificateSet {
    /// The address that issuers are told.
    pub(crate) fn email(&self) -> Option<&str> {
        self.plan.as_ref()?.email.as_deref()
    }

    /// The zone in which moments are told.
    pub(crate) fn timezone(&self) -> Option<&str> {
        self.plan.as_ref()?.timezone.as_deref()
    }

    fn push_issued(&mut self, kept: &Kept, names: Vec<HostPattern>, now: i64, plan: &Plan) {
        let Kept {
            issuer,
            name,
            pair,
            meta: _,
        } = kept;
        let end = pair.facts.validity.not_after;
        let is_over = pair.facts.validity.is_expired(now);
        let trouble = is_over.then(|| {
            let end = Now::of(now, plan).told(end);
            format!("The certificate of {name} ended on {end}: visitors are warned off until there is a new one.")
        });
        let (issuer, name) = (issuer.clone(), name.clone());
        self.push(Origin::Issued { issuer, name }, pair, names, trouble);
    }

    fn push(
        &mut self,
        origin: Origin,
        pair: &Pair,
        names: Vec<HostPattern>,
        trouble: Option<String>,
    ) {
        let pem = pair.pem.clone();
        self.entries.push(CertificateEntry {
            names: names.clone(),
            pair: pem,
        });
        self.rows.push(CertificateRow {
            names,
            origin,
            facts: pair.facts.clone(),
            trouble,
        });
    }
}

/// The certificate files of a plan, each once: those of `[tls]`, then the sites' own.
fn files_of(plan: &Plan) -> impl Iterator<Item = &CertificateFiles> {
    let own = plan
        .sites
        .iter()
        .filter_map(|site| site.certificate.as_ref());
    let mut seen = HashSet::new();
    plan.certificates
        .iter()
        .chain(own)
        .filter(move |files| seen.insert(*files))
}

#[cfg(test)]
mod tests;
