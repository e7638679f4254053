//! The certificates in use: what was read and made for the current plan, and when to do it again.
//!
//! Blocks on the disk. A certificate that went bad never replaces a good one here: whoever changed the
//! files is told, and visitors notice nothing.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::upstreams::UpstreamFiles;
use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_model::HostPattern;
use ondol_model::Plan;
use ondol_model::plan::CertificateFiles;

use crate::authorities::Authorities;
use crate::authorities::ClientAuthority;
use crate::choose::Source;
use crate::choose::choose;
use crate::entry::CertificateEntry;
use crate::facts::Facts;
use crate::files;
use crate::files::KeyReaders;
use crate::files::Pair;
use crate::files::PairError;
use crate::internal::InternalCa;
use crate::internal::IssueError;
use crate::internal::Leaf;
use crate::internal::Notices;
use crate::stamp::Stamp;
use crate::upstreams::Upstreams;

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
    kept: HashMap<CertificateFiles, Kept>,
    authorities: Authorities,
    leaves: HashMap<Vec<HostPattern>, Pair>,
    /// Names whose certificate is in `leaves`, but not on disk yet.
    unkept: Vec<Vec<HostPattern>>,
    issue_trouble: Option<String>,
    upstreams: Upstreams,
    notices: Notices,
}

/// Whether there is more to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// There is.
    Some,
    /// All is done.
    None,
}

/// What is known of a pair of files.
#[derive(Debug, Default)]
struct Kept {
    /// The state of the files that was judged last; `None` when they are to be judged again.
    judged: Option<Stamp>,
    /// A later state, not judged until it was seen twice: someone may still be writing.
    settling: Option<Stamp>,
    /// The last good content.
    pair: Option<Pair>,
    trouble: Option<String>,
    /// The names of sites that it answers now.
    names: Vec<HostPattern>,
}

/// The time, and the zone that it is told in.
#[derive(Debug, Clone, Copy)]
struct Now<'p> {
    /// Since the Unix epoch.
    seconds: i64,
    zone: Option<&'p str>,
}

/// Why files are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// The person asked for it, and was told what is wrong before.
    Reload,
    /// They changed by themselves.
    Change,
}

impl Owner {
    /// Opens Ondol's own CA in this folder, or makes one.
    pub(crate) fn open(folder: PathBuf, box_name: &str, now: i64) -> Result<Self, IssueError> {
        let (ca, notices) = InternalCa::open(&folder, box_name, now)?;
        Ok(Self {
            folder,
            box_name: box_name.to_owned(),
            ca,
            plan: None,
            kept: HashMap::new(),
            authorities: Authorities::default(),
            leaves: HashMap::new(),
            unkept: Vec::new(),
            issue_trouble: None,
            upstreams: Upstreams::default(),
            notices,
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
        changed |= self.authorities.refresh(&mut self.notices);
        changed |= self.upstreams.look(&mut self.notices);
        if self.ca.is_ending(now) {
            self.replace_ca(now);
            changed = true;
        }
        let fresh = |pair: &Pair| self.ca.is_fresh(pair.facts.validity, now);
        changed |= self.issue_trouble.is_some() || !self.leaves.values().all(fresh);
        changed.then(|| self.build(now))
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
        let mut internal = Vec::new();
        let kept = &self.kept;
        let facts = |files: &CertificateFiles| Some(&kept.get(files)?.pair.as_ref()?.facts);
        for choice in choose(&plan, &facts) {
            let names = choice.names.into_iter().cloned();
            match choice.source {
                Source::Files(files) => by_files.entry(files).or_default().extend(names),
                Source::Internal => internal.push(names.collect::<Vec<_>>()),
            }
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

impl Kept {
    /// Looks whether the files changed; true when a new content is to be used.
    fn look(&mut self, files: &CertificateFiles, now: Now<'_>, notices: &mut Notices) -> bool {
        let seen = Stamp::of(files);
        if self.judged == Some(seen) {
            self.settling = None;
            return self.expire(files, now, notices);
        }
        if self.settling != Some(seen) {
            self.settling = Some(seen);
            return false;
        }
        self.judge(files, seen, Cause::Change, now, notices)
    }

    /// Reads the files; true when what is in use or said of it changed.
    fn judge(
        &mut self,
        files: &CertificateFiles,
        seen: Stamp,
        cause: Cause,
        now: Now<'_>,
        notices: &mut Notices,
    ) -> bool {
        self.judged = Some(seen);
        let (pair, readers) = match files::load(files) {
            Ok(loaded) => loaded,
            // Which files they are is said there.
            Err(PairError::Text { source, .. }) => {
                return self.refuse(files, &Chain(&source), notices);
            }
            Err(error) => return self.refuse(files, &Chain(&error), notices),
        };
        if let (Cause::Change, Some(before)) = (cause, &self.pair)
            && let Some(reason) = worse(&pair.facts, &before.facts, &self.names, now)
        {
            if pair.facts.validity.not_before > now.seconds {
                self.judged = None; // Its time will come without a change of the files.
            }
            return self.refuse(files, &reason, notices);
        }
        let until = now.told(pair.facts.validity.not_after);
        if cause == Cause::Change {
            notices.push(format!(
                "The certificate in {} was taken up: it is good until {until}.",
                files.chain.display()
            ));
        }
        let key = files.key.display();
        match readers {
            KeyReaders::Few => {}
            KeyReaders::Group(group) => notices.push(format!(
                "The key {key} can be read by every user of the group {group}; `chmod g= {key}` ends that."
            )),
            KeyReaders::Everyone => notices.push(format!(
                "The key {key} can be read by every user of this machine; `chmod o= {key}` ends that."
            )),
        }
        self.trouble = None;
        self.pair = Some(pair);
        self.expire(files, now, notices);
        true
    }

    fn refuse(
        &mut self,
        files: &CertificateFiles,
        reason: &dyn fmt::Display,
        notices: &mut Notices,
    ) -> bool {
        let instead = match self.pair {
            Some(_) => "the one before it stays in use",
            None => "its sites have a certificate of Ondol's own CA until it can",
        };
        let trouble = format!(
            "The certificate in {} cannot be used: {reason}; {instead}.",
            files.chain.display(),
        );
        let news = self.trouble.as_ref() != Some(&trouble);
        if news {
            notices.push(trouble.clone());
            self.trouble = Some(trouble);
        }
        news
    }

    /// Says once that what is in use has ended.
    fn expire(&mut self, files: &CertificateFiles, now: Now<'_>, notices: &mut Notices) -> bool {
        let Some(pair) = &self.pair else { return false };
        if self.trouble.is_some() || !pair.facts.validity.is_expired(now.seconds) {
            return false;
        }
        let trouble = format!(
            "The certificate in {} ended on {}: visitors are warned off. Put a new one there.",
            files.chain.display(),
            now.told(pair.facts.validity.not_after),
        );
        notices.push(trouble.clone());
        self.trouble = Some(trouble);
        true
    }

    fn add_to(
        &mut self,
        set: &mut CertificateSet,
        files: &CertificateFiles,
        names: Vec<HostPattern>,
    ) {
        self.names.clone_from(&names);
        match (&self.pair, &self.trouble) {
            (Some(pair), trouble) => {
                set.push(Origin::Files(files.clone()), pair, names, trouble.clone());
            }
            (None, Some(trouble)) => set.unusable.push((files.clone(), trouble.clone())),
            (None, None) => {}
        }
    }
}

impl<'p> Now<'p> {
    fn of(seconds: i64, plan: &'p Plan) -> Self {
        let zone = plan.timezone.as_deref();
        Self { seconds, zone }
    }

    /// A moment as the person's clock on the wall shows it.
    fn told(self, moment: i64) -> String {
        clock::minute_in(self.zone, moment)
    }
}

/// Why a certificate should not take the place of the one before it; `None` when it may.
fn worse(new: &Facts, before: &Facts, names: &[HostPattern], now: Now<'_>) -> Option<String> {
    let usable = |facts: &Facts| {
        facts.validity.not_before <= now.seconds && !facts.validity.is_expired(now.seconds)
    };
    if usable(before) && !usable(new) {
        let ended = new.validity.is_expired(now.seconds);
        let (verb, moment) = if ended {
            ("ended", new.validity.not_after)
        } else {
            ("begins", new.validity.not_before)
        };
        return Some(format!("it {verb} on {}", now.told(moment)));
    }
    let lost = names
        .iter()
        .find(|name| before.covers(name) && !new.covers(name))?;
    Some(format!("it does not cover {lost}"))
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
