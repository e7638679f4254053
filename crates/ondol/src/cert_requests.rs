//! From what the owner asks on the admin socket to requests of those who get certificates: any name of a
//! certificate will do, and what can't be asked for is answered here.

use std::sync::Arc;
use std::time::Duration;

use ondol_admin::CertCommand;
use ondol_admin::api;
use ondol_base::clock;
use ondol_base::tasks::Group;
use ondol_certs::Answer;
use ondol_certs::Request;
use ondol_certs::RevocationReason;
use ondol_model::HostPattern;
use ondol_model::limits;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::certificate_of;

/// How long those who get certificates may take to say what happens now: asking an issuer for a record or
/// giving it a key may take a few tries. Less than a question to the admin socket may take.
const ANSWER: Duration = Duration::from_secs(90);
/// The names that people may ask to have renewed at once.
const NAMES_MAX: usize = 10_000;

/// Takes commands about certificates.
#[derive(Debug)]
pub(crate) struct CertRequests {
    pub(crate) commands: mpsc::Receiver<CertCommand>,
    pub(crate) desk: Desk,
}

/// What each command needs. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) certs: watch::Receiver<Arc<api::Certs>>,
    pub(crate) sites: watch::Receiver<Arc<api::Sites>>,
    /// Who gets certificates.
    pub(crate) requests: mpsc::Sender<Request>,
}

impl CertRequests {
    /// Answers commands side by side, so that one which waits for an issuer holds up no other.
    pub(crate) async fn run(self) {
        let Self { mut commands, desk } = self;
        let mut under_way = Group::default();
        loop {
            let has_room = under_way.len() < limits::ADMIN_COMMANDS;
            tokio::select! {
                Some(_) = under_way.next_end() => {}
                command = commands.recv(), if has_room => match command {
                    Some(command) => under_way.spawn("certificate command", desk.clone().carry_out(command)),
                    None => return,
                },
            }
        }
    }
}

impl Desk {
    async fn carry_out(self, command: CertCommand) {
        // Who asked may have gone.
        match command {
            CertCommand::Renew { question, reply } => {
                drop(reply.send(self.renew(question).await));
            }
            CertCommand::Revoke { question, reply } => {
                drop(reply.send(self.revoke(&question).await));
            }
            CertCommand::Rekey { question, reply } => {
                drop(reply.send(self.rekey(&question.name).await));
            }
            CertCommand::Persist { question, reply } => {
                drop(reply.send(self.persist(&question.name).await));
            }
        }
    }

    async fn renew(&self, question: api::RenewQuestion) -> api::RenewAnswer {
        let api::RenewQuestion { names, all } = question;
        let typed = if all { self.every_name() } else { names };
        if typed.is_empty() {
            let refused = "no certificate comes from an issuer, so there is none to renew";
            return renewals(vec![answer("", Err(refused.to_owned()))]);
        }
        let deadline = clock::now() + ANSWER;
        let mut asked: Vec<(String, Result<Pending, String>)> = Vec::new();
        for typed in typed.into_iter().take(NAMES_MAX) {
            let (called, pending) = match self.managed(&typed, Verb::Renew) {
                Err(refused) => (typed, Err(refused)),
                Ok(name) => {
                    let called = name.to_string();
                    if asked.iter().any(|(before, _)| *before == called) {
                        continue; // Two names of one certificate.
                    }
                    let request = |reply| Request::Renew { name, reply };
                    (called, self.send(request, deadline).await)
                }
            };
            asked.push((called, pending));
        }
        let mut answers = Vec::with_capacity(asked.len());
        for (called, pending) in asked {
            answers.push(answer(&called, received(pending, deadline).await));
        }
        renewals(answers)
    }

    async fn revoke(&self, question: &api::RevokeQuestion) -> api::CertAnswer {
        let api::RevokeQuestion { name, reason } = question;
        let reason = match reason {
            api::RevocationReason::Unspecified => RevocationReason::Unspecified,
            api::RevocationReason::KeyCompromise => RevocationReason::KeyCompromise,
            api::RevocationReason::Superseded => RevocationReason::Superseded,
            api::RevocationReason::CessationOfOperation => RevocationReason::CessationOfOperation,
        };
        let found = self.managed(name, Verb::Revoke);
        match found.and_then(|found| self.is_from_an_issuer(name).map(|()| found)) {
            Err(refused) => answer(name, Err(refused)),
            Ok(name) => {
                let called = name.to_string();
                let request = |reply| Request::Revoke {
                    name,
                    reason,
                    reply,
                };
                answer(&called, self.ask(request).await)
            }
        }
    }

    /// A name that no certificate has may be an issuer's: that is for those who know the issuers.
    async fn rekey(&self, typed: &str) -> api::CertAnswer {
        let is_known = certificate_of::find(&self.certs.borrow(), typed).is_some();
        let name = if is_known {
            self.managed(typed, Verb::Rekey)
                .map(|name| name.to_string())
        } else {
            Ok(typed.to_owned())
        };
        match name {
            Err(refused) => answer(typed, Err(refused)),
            Ok(name) => {
                let called = name.clone();
                let request = |reply| Request::Rekey { name, reply };
                let refused = |why: String| {
                    let certs = self.certs.borrow();
                    match certificate_of::issuer_meant(&certs, typed) {
                        Some(issuer) if !is_known && issuer != typed => {
                            format!("{why}; did you mean the issuer `{issuer}`?")
                        }
                        Some(_) | None => why,
                    }
                };
                answer(&called, self.ask(request).await.map_err(refused))
            }
        }
    }

    /// The record is of this name, not of the certificate's first.
    async fn persist(&self, typed: &str) -> api::CertAnswer {
        match self.managed(typed, Verb::Persist) {
            Err(refused) => answer(typed, Err(refused)),
            Ok(first) => {
                let name = self.wanted(typed).unwrap_or(first);
                let called = name.to_string();
                let request = |reply| Request::Persist { name, reply };
                answer(&called, self.ask(request).await)
            }
        }
    }

    /// What every certificate that issuers are to give is called, each once.
    fn every_name(&self) -> Vec<String> {
        let certs = self.certs.borrow();
        let wanted = certs.certificates.iter().map(|cert| cert.wanted.first());
        let mut names: Vec<_> = wanted.flatten().cloned().collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What the certificate of a name is called, when it is one that issuers give.
    fn managed(&self, typed: &str, verb: Verb) -> Result<HostPattern, String> {
        let certs = self.certs.borrow();
        let Some(certificate) = certificate_of::find(&certs, typed) else {
            return Err(certificate_of::missing(&certs, &self.sites.borrow(), typed));
        };
        let wanted = certificate.wanted.first();
        match wanted.and_then(|name| HostPattern::parse(name).ok()) {
            Some(name) => Ok(name),
            None => Err(refusal(certificate, typed, verb)),
        }
    }

    /// Nothing can be revoked that no issuer has given.
    fn is_from_an_issuer(&self, typed: &str) -> Result<(), String> {
        let certs = self.certs.borrow();
        match certificate_of::find(&certs, typed) {
            Some(certificate) if certificate.is_stand_in() => Err(format!(
                "{typed} has a certificate of Ondol's own CA for now: there is none of an issuer to revoke"
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// The name as it is wanted from an issuer.
    fn wanted(&self, typed: &str) -> Option<HostPattern> {
        let name = HostPattern::parse(typed).ok()?;
        let text = name.to_string();
        let certs = self.certs.borrow();
        let mut wanted = certs.certificates.iter().flat_map(|cert| &cert.wanted);
        wanted.any(|wanted| *wanted == text).then_some(name)
    }

    async fn ask(&self, request: impl FnOnce(oneshot::Sender<Answer>) -> Request) -> Answer {
        let deadline = clock::now() + ANSWER;
        let pending = self.send(request, deadline).await;
        received(pending, deadline).await
    }

    async fn send(
        &self,
        request: impl FnOnce(oneshot::Sender<Answer>) -> Request,
        deadline: Instant,
    ) -> Result<Pending, String> {
        let (reply, pending) = oneshot::channel();
        let sending = self.requests.send(request(reply));
        match tokio::time::timeout_at(deadline, sending).await {
            Ok(Ok(())) => Ok(pending),
            Ok(Err(_nobody)) => Err(NOBODY.to_owned()),
            Err(_late) => Err(late()),
        }
    }
}

type Pending = oneshot::Receiver<Answer>;

/// What is to be done with a certificate.
#[derive(Debug, Clone, Copy)]
enum Verb {
    Renew,
    Revoke,
    Rekey,
    Persist,
}

/// Why nothing is done with a certificate that no issuer of the configuration gives.
fn refusal(certificate: &api::Cert, typed: &str, verb: Verb) -> String {
    let source = certificate.source.as_str();
    match (source, verb) {
        ("internal", Verb::Renew) => {
            format!("the certificate of {typed} is of Ondol's own CA, which renews it by itself")
        }
        ("internal", Verb::Revoke | Verb::Rekey | Verb::Persist) => format!(
            "the certificate of {typed} is of Ondol's own CA, and no issuer is asked for one"
        ),
        (file, Verb::Renew) => {
            format!("the certificate of {typed} comes from {file}: put a new one there")
        }
        (file, Verb::Revoke) => {
            format!("the certificate of {typed} comes from {file}: who got it there can revoke it")
        }
        (file, Verb::Rekey | Verb::Persist) => {
            format!("the certificate of {typed} comes from {file}, and no issuer is asked for one")
        }
    }
}

async fn received(pending: Result<Pending, String>, deadline: Instant) -> Answer {
    match tokio::time::timeout_at(deadline, pending?).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_dropped)) => Err(NOBODY.to_owned()),
        Err(_late) => Err(late()),
    }
}

fn answer(name: &str, answer: Answer) -> api::CertAnswer {
    let (accepted, message) = match answer {
        Ok(message) => (true, message),
        Err(message) => (false, message),
    };
    api::CertAnswer {
        name: name.to_owned(),
        accepted,
        message,
    }
}

fn renewals(certificates: Vec<api::CertAnswer>) -> api::RenewAnswer {
    api::RenewAnswer {
        accepted: certificates.iter().all(|answer| answer.accepted),
        certificates,
    }
}

const NOBODY: &str = "the part of Ondol that gets certificates is not running: `ondol status` and \
     `ondol events` say why";

fn late() -> String {
    let seconds = ANSWER.as_secs();
    format!("there was no answer within {seconds} s, and it may still happen: see `ondol certs`")
}

#[cfg(test)]
mod tests;
