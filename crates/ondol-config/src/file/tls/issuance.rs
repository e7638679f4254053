//! How certificates are got: by `[tls]`, and by the `tls` of a site, which inherits what it leaves out.

use std::path::Path;
use std::sync::Arc;

use ondol_model::plan::Challenge;
use ondol_model::plan::Issuance;
use ondol_model::plan::KnownIssuer;

use super::dns;
use super::issuers;
use super::names;
use super::names::Names;
use crate::nearest::nearest;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Form;
use crate::shape::Shape;

pub(super) const CHALLENGE: &str = "challenge";
pub(super) const CHALLENGE_SHAPE: Shape =
    Shape::Choice(&["http", "tls-alpn", "dns", "dns-persist"]);
const CHALLENGES: [Challenge; 4] = [
    Challenge::Http,
    Challenge::TlsAlpn,
    Challenge::Dns,
    Challenge::DnsPersist,
];

pub(super) const PROFILE: &str = "profile";
pub(super) const PROFILE_SHAPE: Shape = Shape::Text(Form {
    what: "a profile",
    example: "shortlived",
});
/// What Let's Encrypt offers.
const PROFILES: [&str; 3] = ["classic", "tlsserver", "shortlived"];
/// A word of a directory's list.
const PROFILE_CHARACTERS_MAX: usize = 64;

/// Every way in which certificates are got, each once.
#[derive(Debug)]
pub(in crate::file) struct Issuances {
    /// The way of `[tls]` first.
    ways: Vec<Arc<Issuance>>,
    names: Names,
}

impl Issuances {
    /// The way of `[tls]`.
    pub(in crate::file) fn of_all(
        section: Option<Section<'_>>,
        folder: &Path,
        report: &mut Report,
    ) -> Self {
        let mut names = Names::default();
        let usual = Issuance::default();
        let way = match section {
            Some(section) => read(section, &usual, &mut names, folder, report),
            None => usual,
        };
        let ways = vec![Arc::new(way)];
        Self { ways, names }
    }

    /// The way of a site, by its `tls` if it has one.
    pub(in crate::file) fn of_site(
        &mut self,
        section: Option<Section<'_>>,
        folder: &Path,
        report: &mut Report,
    ) -> Arc<Issuance> {
        let usual = self.ways.first().map(Arc::clone).unwrap_or_default();
        let Some(section) = section else {
            return usual;
        };
        let way = read(section, &usual, &mut self.names, folder, report);
        if let Some(known) = self.ways.iter().find(|known| ***known == way) {
            return Arc::clone(known);
        }
        let way = Arc::new(way);
        self.ways.push(Arc::clone(&way));
        way
    }
}

fn read(
    section: Section<'_>,
    inherited: &Issuance,
    names: &mut Names,
    folder: &Path,
    report: &mut Report,
) -> Issuance {
    let issuers = issuers::issuers(section, names, folder, report);
    let dns = dns::dns(section, folder, report);
    let issuance = Issuance {
        issuers: issuers.unwrap_or_else(|| inherited.issuers.clone()),
        challenge: challenge(section).or(inherited.challenge),
        dns: dns.or_else(|| inherited.dns.clone()),
        profile: profile(section, report).or_else(|| inherited.profile.clone()),
    };
    needs_dns(section, &issuance, report);
    is_offered(section, &issuance, report);
    issuance
}

fn challenge(section: Section<'_>) -> Option<Challenge> {
    let word = section.text(CHALLENGE)?.text;
    let mut challenges = CHALLENGES.into_iter();
    challenges.find(|challenge| challenge.word() == word)
}

fn needs_dns(section: Section<'_>, issuance: &Issuance, report: &mut Report) {
    let is_written = issuance.challenge == Some(Challenge::Dns);
    if is_written && issuance.dns.is_none() && !section.has(dns::NAME) {
        report
            .add(section.key_at(CHALLENGE), "nobody could write the records: there is no `dns`")
            .help("say who keeps the zone, such as dns = { provider = \"cloudflare\", token = { env = \"CF_TOKEN\" } }; challenge = \"dns-persist\" needs one record that you write yourself");
    }
}

fn profile(section: Section<'_>, report: &mut Report) -> Option<Box<str>> {
    let word = section.text(PROFILE)?;
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_fine =
        (1..=PROFILE_CHARACTERS_MAX).contains(&word.text.len()) && word.text.chars().all(is_letter);
    if !is_fine {
        let problem = format!("\"{}\" is not a profile", repeated(word.text));
        report.add(word.at, problem).help(format!(
            "accepted: {}, or a word of the issuer's",
            one_of(&PROFILES)
        ));
        return None;
    }
    Some(word.text.into())
}

/// Which profiles Let's Encrypt has is known; others may have any.
fn is_offered(section: Section<'_>, issuance: &Issuance, report: &mut Report) {
    let Some(profile) = issuance.profile.as_deref() else {
        return;
    };
    let has_own = section.has(PROFILE);
    if PROFILES.contains(&profile) || !(has_own || section.has(issuers::NAME)) {
        return;
    }
    let mut asked = issuance.acme_issuers().peekable();
    let is_letsencrypt = |name: &str| {
        matches!(
            names::known(name),
            Some(KnownIssuer::LetsEncrypt | KnownIssuer::LetsEncryptStaging)
        )
    };
    if asked.peek().is_none() || !asked.all(|issuer| is_letsencrypt(&issuer.name)) {
        return;
    }
    let hint = nearest(profile, PROFILES.into_iter());
    let hint = hint.map_or(String::new(), |meant| format!("did you mean \"{meant}\"? "));
    let at = section.key_at(if has_own { PROFILE } else { issuers::NAME });
    report
        .add(at, format!("Let's Encrypt has no profile \"{profile}\""))
        .help(format!("{hint}accepted: {}", one_of(&PROFILES)));
}

fn one_of(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
    quoted.join(", ")
}
