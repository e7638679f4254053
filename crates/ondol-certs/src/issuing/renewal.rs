//! Asks issuers when they want a certificate to be renewed (RFC 9773).

use std::hash::BuildHasher as _;
use std::hash::RandomState;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_model::HostPattern;
use ondol_model::issuing;
use ondol_model::issuing::Environment;
use ondol_model::plan::AcmeIssuer;

use super::Heard;
use super::tools::Tools;
use crate::acme::RenewalInfo;
use crate::owner::CertificateSet;
use crate::shelf::Kept;
use crate::shelf::Meta;
use crate::shelf::Renewal;

/// What an issuer is asked about.
#[derive(Debug)]
pub(super) struct RenewalQuestion {
    pub(super) name: HostPattern,
    pub(super) kept: Kept,
    pub(super) issuer: AcmeIssuer,
    pub(super) set: Arc<CertificateSet>,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) name: HostPattern,
    /// A sentence, when the issuer wants the renewal at another time than before.
    pub(super) moved: Option<String>,
    /// Whether nothing was learnt, so that it is asked again after a pause.
    pub(super) retry: bool,
}

/// Asks, keeps the answer, and tells the loop.
pub(super) async fn ask(tools: Tools, question: RenewalQuestion) {
    let name = question.name.clone();
    let learnt = AssertUnwindSafe(learn(&tools, question)).catch_unwind();
    let (moved, retry) = match learnt.await {
        Ok(Ok(Some(moved))) => (moved, false),
        Ok(Ok(None)) | Err(_) => (None, true), // What a panic was is in the log.
        Ok(Err(error)) => {
            tracing::debug!(%name, error, "an issuer said nothing about a renewal");
            (None, true)
        }
    };
    tools
        .say(Heard::Renewal(Answered { name, moved, retry }))
        .await;
}

/// `None` where the issuer suggests nothing.
async fn learn(tools: &Tools, question: RenewalQuestion) -> Result<Option<Option<String>>, String> {
    let RenewalQuestion {
        name: _,
        kept,
        issuer,
        set,
    } = question;
    let sessions = &tools.sessions;
    let session = sessions
        .of(&issuer, Environment::Production, set.email())
        .await;
    let session = session.map_err(|failure| failure.sentence)?;
    if !session.offers_renewal_info() {
        return Ok(None);
    }
    let info = session.renewal_info(&kept.pair.pem.chain_pem).await;
    let Some(info) = info.map_err(|failure| failure.sentence)? else {
        return Ok(None);
    };
    let (renewal, is_moved) = choose(&kept, &info);
    let moved = is_moved.then(|| told(&kept, &renewal, set.timezone()));
    let learnt = move |meta: &mut Meta| meta.renewal = Some(renewal);
    let noted = tools.certificates.note(&kept, learnt).await;
    noted.map_err(|error| Chain(&error).to_string())?;
    Ok(Some(moved))
}

/// The moment in the window: the one that was chosen before, while it is in the window (RFC 9773 §4.2).
fn choose(kept: &Kept, info: &RenewalInfo) -> (Renewal, bool) {
    let before = kept.meta.renewal.as_ref();
    let same = before.filter(|it| (info.start..=info.end).contains(&it.moment));
    let moment = match same {
        Some(same) => same.moment,
        None => issuing::choose_in_window(info.start, info.end, chance(kept)),
    };
    let renewal = Renewal {
        start: info.start,
        end: info.end,
        moment,
        ask_at: info.retry_at,
        explanation: info.explanation.clone(),
    };
    (renewal, before.is_some() && same.is_none())
}

/// A number that nobody can foresee; the standard library's hash keys are random.
fn chance(kept: &Kept) -> u64 {
    RandomState::new().hash_one(&kept.pair.pem.chain_pem)
}

fn told(kept: &Kept, renewal: &Renewal, zone: Option<&str>) -> String {
    let (issuer, name) = (&kept.issuer, &kept.name);
    let moment = clock::minute_in(zone, renewal.moment);
    let why = match &renewal.explanation {
        Some(url) => format!(" ({url} says why)"),
        None => String::new(),
    };
    format!(
        "{issuer} wants the certificate of {name} to be renewed at another time{why}: Ondol does so on {moment}."
    )
}
