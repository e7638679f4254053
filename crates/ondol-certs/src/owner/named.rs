//! Certificates in files that the person named: read, watched, and never replaced by a worse one.

use std::fmt;

use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_model::HostPattern;
use ondol_model::Plan;
use ondol_model::plan::CertificateFiles;

use super::CertificateSet;
use super::Origin;
use crate::facts::Facts;
use crate::files;
use crate::files::KeyReaders;
use crate::files::Pair;
use crate::files::PairError;
use crate::internal::Notices;
use crate::stamp::Stamp;

/// What is known of a pair of files.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// The state of the files that was judged last; `None` when they are to be judged again.
    pub(super) judged: Option<Stamp>,
    /// A later state, not judged until it was seen twice: someone may still be writing.
    settling: Option<Stamp>,
    /// The last good content.
    pub(super) pair: Option<Pair>,
    trouble: Option<String>,
    /// The names of sites that it answers now.
    names: Vec<HostPattern>,
}

/// The time, and the zone that it is told in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now<'p> {
    /// Since the Unix epoch.
    pub(super) seconds: i64,
    zone: Option<&'p str>,
}

/// Why files are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The person asked for it, and was told what is wrong before.
    Reload,
    /// They changed by themselves.
    Change,
}

impl Named {
    /// Looks whether the files changed; true when a new content is to be used.
    pub(super) fn look(
        &mut self,
        files: &CertificateFiles,
        now: Now<'_>,
        notices: &mut Notices,
    ) -> bool {
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
    pub(super) fn judge(
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

    pub(super) fn add_to(
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
    pub(super) fn of(seconds: i64, plan: &'p Plan) -> Self {
        let zone = plan.timezone.as_deref();
        Self { seconds, zone }
    }

    /// A moment as the person's clock on the wall shows it.
    pub(super) fn told(self, moment: i64) -> String {
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
