//! What the owner asks for: each is answered at once, but for what an issuer must say.

use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_base::tasks::Group;
use ondol_model::HostPattern;
use ondol_model::event::EventKind;
use ondol_model::issuing::Environment;
use ondol_model::issuing::Next;
use ondol_model::issuing::Wanted;
use ondol_model::plan::AcmeIssuer;

use super::desk::Desk;
use super::tools::Tools;
use crate::managed::Answer;
use crate::managed::News;
use crate::managed::Request;
use crate::managed::RevocationReason;
use crate::shelf::AskedRevocation;
use crate::shelf::Kept;
use crate::shelf::Meta;

/// A certificate to be revoked.
#[derive(Debug, Clone)]
pub(super) struct Revocation {
    kept: Kept,
    issuer: AcmeIssuer,
    email: Option<String>,
    asked: AskedRevocation,
}

impl Revocation {
    /// `None` when its issuer is not asked any more.
    pub(super) fn of(
        kept: &Kept,
        wanted: &Wanted,
        email: Option<String>,
        asked: AskedRevocation,
    ) -> Option<Self> {
        let issuer = wanted.issuers().find(|it| it.name == kept.issuer)?;
        Some(Self {
            kept: kept.clone(),
            issuer: issuer.clone(),
            email,
            asked,
        })
    }
}

/// Takes a request and answers it, or has a worker do so.
pub(super) fn take(request: Request, desk: &mut Desk, tools: &Tools, workers: &mut Group) {
    // Who asked may have gone.
    match request {
        Request::Renew { name, reply } => {
            let _ = reply.send(renew(desk, &name));
        }
        Request::Revoke {
            name,
            reason,
            reply,
        } => {
            let answer = revoke_later(desk, &name, reason);
            let noting = note_revocation(desk, &name, tools.clone());
            workers.spawn(format!("wish to revoke {name}"), async move {
                noting.await;
                let _ = reply.send(answer);
            });
        }
        Request::Rekey { name, reply } => match issuer_of(desk, &name) {
            Err(why) => drop(reply.send(Err(why))),
            // An order goes on with the key that it began with.
            Ok(issuer) if desk.is_asking(&issuer.name) => {
                let issuer = issuer.name;
                let why = format!(
                    "{issuer} is being asked for certificates with the key there is: try again when that is done"
                );
                drop(reply.send(Err(why)));
            }
            Ok(issuer) => {
                let (tools, email) = (tools.clone(), email(desk));
                workers.spawn(format!("new account key at {}", issuer.name), async move {
                    let _ = reply.send(rekey(&tools, &issuer, email.as_deref()).await);
                });
            }
        },
        Request::Persist { name, reply } => match first_issuer(desk, &name) {
            Err(why) => drop(reply.send(Err(why))),
            Ok(issuer) => {
                let (tools, email) = (tools.clone(), email(desk));
                workers.spawn(format!("record for {name}"), async move {
                    let _ = reply.send(persist(&tools, &issuer, email.as_deref(), &name).await);
                });
            }
        },
    }
}

fn renew(desk: &mut Desk, name: &HostPattern) -> Answer {
    let called = called(desk, name)?;
    let asked_at = asked_at(desk, &called);
    let Some(entry) = desk.entries.get_mut(&called) else {
        return Err(unknown(name));
    };
    if let Some(under_way) = &entry.under_way {
        let issuer = &under_way.issuer;
        return Ok(format!(
            "{issuer} is being asked for a certificate for {called} already"
        ));
    }
    if matches!(entry.next, Next::Nobody | Next::NoWay) {
        return Err(format!(
            "nobody can be asked for a certificate for {called}: {}",
            entry.why_nobody()
        ));
    }
    entry.asks_again(asked_at);
    Ok(format!("a new certificate for {called} is asked for"))
}

/// Now; a second later when a try has begun in this one, which was before the owner asked.
fn asked_at(desk: &Desk, called: &HostPattern) -> i64 {
    let now = clock::unix_seconds();
    let tries = desk.ledger.of(called);
    let has_just_begun = tries.iter().any(|one| one.at == now);
    now + i64::from(has_just_begun)
}

fn revoke_later(desk: &mut Desk, name: &HostPattern, reason: RevocationReason) -> Answer {
    let called = called(desk, name)?;
    let asked_at = asked_at(desk, &called);
    let email = email(desk);
    let Some(entry) = desk.entries.get_mut(&called) else {
        return Err(unknown(name));
    };
    let Some(kept) = desk.known.kept(entry.wanted.name()) else {
        return Err(format!(
            "there is no certificate of an issuer for {called} that could be revoked"
        ));
    };
    let asked = AskedRevocation {
        at: asked_at,
        reason,
    };
    let Some(revocation) = Revocation::of(kept, &entry.wanted, email, asked) else {
        let issuer = &kept.issuer;
        return Err(format!(
            "the certificate of {called} is of {issuer}, which is not among the issuers any more: put it back into `issuers` for this"
        ));
    };
    entry.revocation = Some(revocation);
    entry.asks_again(asked_at);
    Ok(format!(
        "a new certificate for {called} is asked for; when it is in use, the one before it is revoked"
    ))
}

/// Writes the wish down, so that a restart does not forget it.
fn note_revocation(
    desk: &Desk,
    name: &HostPattern,
    tools: Tools,
) -> impl Future<Output = ()> + Send + use<> {
    let called = called(desk, name).ok();
    let entry = called.and_then(|called| desk.entries.get(&called));
    let wish = entry.and_then(|entry| entry.revocation.clone());
    async move {
        let Some(Revocation { kept, asked, .. }) = wish else {
            return;
        };
        let wished = move |meta: &mut Meta| meta.revocation = Some(asked);
        if let Err(error) = tools.certificates.note(&kept, wished).await {
            let error = Chain(&error).to_string();
            tracing::warn!(
                error,
                "a wish to revoke was not noted, so a restart forgets it"
            );
        }
    }
}

/// Revokes what another has taken the place of.
pub(super) fn revoke(
    revocation: Revocation,
    tools: &Tools,
    news: &tokio::sync::mpsc::Sender<News>,
    workers: &mut Group,
) {
    let (tools, news) = (tools.clone(), news.clone());
    let name = revocation.kept.name.clone();
    workers.spawn(format!("revocation for {name}"), async move {
        let (kind, message) = match revoke_now(&tools, &revocation).await {
            Ok(()) => (
                EventKind::CertificateRevoked,
                format!(
                    "The previous certificate of {name} was revoked; browsers learn of it within some days."
                ),
            ),
            Err(why) => (
                EventKind::CertificateFailed,
                format!(
                    "The previous certificate of {name} could not be revoked: {why}. It is not in use any more, and Ondol does not try again: ask its issuer to revoke it."
                ),
            ),
        };
        let told = News {
            kind,
            subject: name.to_string(),
            message,
        };
        let _ = news.send(told).await; // The agent may be ending.
    });
}

async fn revoke_now(tools: &Tools, revocation: &Revocation) -> Result<(), String> {
    let Revocation {
        kept,
        issuer,
        email,
        asked,
    } = revocation;
    let session = tools
        .sessions
        .of(issuer, Environment::Production, email.as_deref());
    let session = session.await.map_err(|failure| failure.sentence)?;
    let revoked = session.revoke(&kept.pair.pem.chain_pem, asked.reason).await;
    revoked.map_err(|failure| failure.sentence)
}

async fn rekey(tools: &Tools, issuer: &AcmeIssuer, email: Option<&str>) -> Answer {
    let session = tools.sessions.of(issuer, Environment::Production, email);
    let session = session.await.map_err(|failure| failure.sentence)?;
    session.rekey().await.map_err(|failure| failure.sentence)?;
    tools.sessions.forget(issuer, Environment::Production);
    Ok(format!(
        "the account at {} has a new key; the old one is of no use any more",
        issuer.name
    ))
}

async fn persist(
    tools: &Tools,
    issuer: &AcmeIssuer,
    email: Option<&str>,
    name: &HostPattern,
) -> Answer {
    let session = tools.sessions.of(issuer, Environment::Production, email);
    let session = session.await.map_err(|failure| failure.sentence)?;
    session
        .persist_record(name)
        .await
        .map_err(|failure| failure.sentence)
}

/// What the certificate is called that is wanted for a name.
fn called(desk: &Desk, name: &HostPattern) -> Result<HostPattern, String> {
    let covers = |wanted: &HostPattern| wanted == name;
    let entry = desk
        .entries
        .iter()
        .find(|(_, entry)| entry.wanted.names.iter().any(covers));
    match entry {
        Some((called, _)) => Ok(called.clone()),
        None => Err(unknown(name)),
    }
}

fn unknown(name: &HostPattern) -> String {
    format!(
        "no issuer is asked for a certificate for {name}: it has one from files or of Ondol's own CA, or is covered by a wildcard, or no site has this name (see `ondol certs`)"
    )
}

/// The issuer of this name, or of the certificate of this name.
fn issuer_of(desk: &Desk, name: &str) -> Result<AcmeIssuer, String> {
    let all = || {
        desk.entries
            .values()
            .flat_map(|entry| entry.wanted.issuers())
    };
    if let Some(issuer) = all().find(|issuer| *issuer.name == *name) {
        return Ok(issuer.clone());
    }
    let Ok(host) = HostPattern::parse(name) else {
        return Err(format!("there is no issuer and no site of the name {name}"));
    };
    let entry = &desk.entries[&called(desk, &host)?];
    let in_use = desk.known.kept(entry.wanted.name());
    let used = in_use.and_then(|kept| entry.wanted.issuers().find(|it| it.name == kept.issuer));
    let issuer = used.or_else(|| entry.wanted.issuers().next());
    issuer.cloned().ok_or_else(|| unknown(&host))
}

fn first_issuer(desk: &Desk, name: &HostPattern) -> Result<AcmeIssuer, String> {
    let entry = &desk.entries[&called(desk, name)?];
    let issuer = entry.wanted.issuers().next();
    issuer.cloned().ok_or_else(|| unknown(name))
}

fn email(desk: &Desk) -> Option<String> {
    desk.known.set().email().map(str::to_owned)
}
