//! `ondol certs renew|revoke|rekey|persist`: what the owner asks for about certificates.

use std::collections::VecDeque;
use std::io;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use ondol_admin::api;
use ondol_admin::api::Cert;
use ondol_admin::client::Client;
use ondol_base::clock;
use serde::Serialize;

use super::follow::Before;
use super::follow::Verdict;
use crate::certificate_of;
use crate::cli::IssuerFlags;
use crate::cli::NameFlags;
use crate::cli::RenewFlags;
use crate::cli::RevokeFlags;
use crate::command::consent;
use crate::command::spinner::Spinner;
use crate::command::spinner::TURN;
use crate::output;
use crate::output::Format;
use crate::output::Screen;
use crate::span;
use crate::table;

/// How often the agent is asked how far it is.
const POLL: Duration = Duration::from_millis(500);
/// So long the agent may be away meanwhile: it may be becoming another program.
const AWAY: Duration = Duration::from_secs(90);

/// What became of the renewals, for programs.
#[derive(Debug, Serialize)]
struct Renewals {
    /// Whether all have a new certificate.
    renewed: bool,
    certificates: Vec<Renewal>,
}

#[derive(Debug, Serialize)]
struct Renewal {
    name: String,
    renewed: bool,
    message: String,
    certificate: Option<Cert>,
}

/// Asks for new certificates, and follows them until each is there or has failed.
pub(crate) async fn renew(client: &Client, flags: &RenewFlags) -> anyhow::Result<ExitCode> {
    let before = client.certs().await?;
    let question = api::RenewQuestion {
        names: flags.names.clone(),
        all: flags.all,
    };
    let answer = client.renew(&question).await?;
    let format = flags.show.format();
    if flags.no_wait {
        return told_at_once(&answer, format);
    }
    let mut done = Vec::new();
    let mut under_way = VecDeque::new();
    for api::CertAnswer {
        name,
        accepted,
        message,
    } in answer.certificates
    {
        if accepted {
            under_way.push_back(Before::of(&before, &name));
        } else {
            done.push(tell(Renewal::failed(name, message), format)?);
        }
    }
    done.append(&mut follow(client, under_way, format).await?);
    let renewed = done.iter().all(|renewal| renewal.renewed);
    if format == Format::Json {
        let certificates = done;
        output::print_json(&Renewals {
            renewed,
            certificates,
        })?;
    }
    Ok(exit_code(renewed))
}

fn told_at_once(answer: &api::RenewAnswer, format: Format) -> anyhow::Result<ExitCode> {
    match format {
        Format::Json => output::print_json(answer)?,
        Format::Human => {
            for each in &answer.certificates {
                say(each)?;
            }
        }
    }
    Ok(exit_code(answer.accepted))
}

/// Asks again and again how far they are.
async fn follow(
    client: &Client,
    mut under_way: VecDeque<Before>,
    format: Format,
) -> anyhow::Result<Vec<Renewal>> {
    let all = under_way.len();
    let began = clock::now();
    let (mut polled, mut answered) = (None, began);
    let mut done = Vec::new();
    let mut steps = String::new();
    let mut progress = Spinner::new();
    while !under_way.is_empty() {
        if polled.is_none_or(|at| clock::now() - at >= POLL) {
            polled = Some(clock::now());
            match client.certs().await {
                Ok(certs) => {
                    answered = clock::now();
                    let waited = answered - began;
                    steps.clear();
                    for before in std::mem::take(&mut under_way) {
                        match before.judge(&certs, clock::unix_seconds(), waited) {
                            Verdict::UnderWay(step) => {
                                if steps.is_empty() {
                                    steps = format!("{}: {step}", before.name);
                                }
                                under_way.push_back(before);
                            }
                            verdict => {
                                progress.clear();
                                done.push(tell(Renewal::new(before.name, verdict), format)?);
                            }
                        }
                    }
                }
                Err(_) if clock::now() - answered < AWAY => {}
                Err(error) => return Err(error.into()),
            }
        }
        let seconds = (clock::now() - began).as_secs();
        match all {
            1 => progress.show(&format!("{seconds} s  {steps}")),
            all => progress.show(&format!("{} of {all}, {seconds} s  {steps}", done.len())),
        }
        tokio::time::sleep(TURN).await;
    }
    Ok(done)
}

impl Renewal {
    fn new(name: String, verdict: Verdict) -> Self {
        match verdict {
            Verdict::Renewed(certificate) => Self {
                name,
                renewed: true,
                message: renewed(&certificate, clock::unix_seconds()),
                certificate: Some(*certificate),
            },
            Verdict::Failed(why) | Verdict::UnderWay(why) => Self::failed(name, why),
        }
    }

    fn failed(name: String, message: String) -> Self {
        Self {
            name,
            renewed: false,
            message,
            certificate: None,
        }
    }
}

fn renewed(certificate: &Cert, now: i64) -> String {
    let from = certificate.issuer_name.as_ref();
    let from = from.unwrap_or(&certificate.issuer);
    let good = span::span(certificate.not_after.unix_seconds().abs_diff(now));
    format!("a new certificate from {from} is in use, good for {good}")
}

/// Says what became of one, to people; to standard error when there is no new one.
fn tell(renewal: Renewal, format: Format) -> anyhow::Result<Renewal> {
    let Renewal {
        name,
        renewed,
        message,
        certificate: _,
    } = &renewal;
    let answer = api::CertAnswer {
        name: name.clone(),
        accepted: *renewed,
        message: message.clone(),
    };
    if format == Format::Human {
        say(&answer)?;
    }
    Ok(renewal)
}

/// Asks whether it is meant, and has a certificate revoked.
pub(crate) async fn revoke(client: &Client, flags: &RevokeFlags) -> anyhow::Result<ExitCode> {
    let certs = client.certs().await?;
    let found = certificate_of::find(&certs, &flags.name);
    if let Some(certificate) = found.filter(|found| is_revocable(found) && !flags.yes) {
        let zone = client.status().await?.timezone;
        let about = consent::Asked {
            what_happens: &what_happens(certificate, zone.as_deref()),
            question: "Revoke it?",
            nobody: "nobody can be asked here whether the certificate is to be revoked: say --yes",
        };
        if !consent::is_meant(&about)? {
            writeln!(io::stderr().lock(), "Nothing changed.")?;
            return Ok(exit_code(false));
        }
    }
    let question = api::RevokeQuestion {
        name: flags.name.clone(),
        reason: flags.reason.into(),
    };
    told(&client.revoke(&question).await?, flags.show.format())
}

/// Has the account at an issuer get a new key.
pub(crate) async fn rekey(client: &Client, flags: &IssuerFlags) -> anyhow::Result<ExitCode> {
    let name = flags.name.clone();
    let question = api::RekeyQuestion { name };
    told(&client.rekey(&question).await?, flags.show.format())
}

/// Prints the record that makes the owner of a name known for good.
pub(crate) async fn persist(client: &Client, flags: &NameFlags) -> anyhow::Result<ExitCode> {
    let name = flags.name.clone();
    let question = api::PersistQuestion { name };
    let answer = client.persist(&question).await?;
    if answer.accepted && flags.show.format() == Format::Human {
        output::print(&format!("{}\n", answer.message.trim_end()))?;
        let name = &answer.name;
        let hint = format!("put it into the zone, once; then `ondol certs renew '{name}'`");
        // Apart from the record, which may go to a file.
        writeln!(io::stderr(), "{hint}")?;
        return Ok(exit_code(true));
    }
    told(&answer, flags.show.format())
}

fn told(answer: &api::CertAnswer, format: Format) -> anyhow::Result<ExitCode> {
    match format {
        Format::Json => output::print_json(answer)?,
        Format::Human => say(answer)?,
    }
    Ok(exit_code(answer.accepted))
}

/// A refusal goes to standard error.
fn say(answer: &api::CertAnswer) -> anyhow::Result<()> {
    let api::CertAnswer {
        name,
        accepted,
        message,
    } = answer;
    let sentence = super::problems::about(name, message.trim_end_matches('.'));
    if *accepted {
        output::print(&wrapped(&sentence, Screen::of_standard_output()))?;
    } else {
        let sentence = format!("ondol: {sentence}");
        let sentence = wrapped(&sentence, Screen::of_standard_error());
        io::stderr().lock().write_all(sentence.as_bytes())?;
    }
    Ok(())
}

fn is_revocable(certificate: &Cert) -> bool {
    !certificate.wanted.is_empty() && !certificate.is_stand_in()
}

/// What is about to happen, in paragraphs.
fn what_happens(certificate: &Cert, zone: Option<&str>) -> [String; 2] {
    let from = certificate.issuer_name.as_ref();
    let from = from.unwrap_or(&certificate.issuer);
    let until = clock::minute_in(zone, certificate.not_after.unix_seconds());
    [
        format!(
            "The certificate of {} from {from}, good until {until}, is to be revoked.",
            certificate.names.join(", ")
        ),
        "First a new one with a new key is got and taken up, and visitors notice nothing. Then the old one is \
         revoked: wherever it is still used, visitors are warned off. That can't be taken back."
            .to_owned(),
    ]
}

/// The lines of a text as wide as the screen.
fn wrapped(text: &str, screen: Screen) -> String {
    let width = screen.width.unwrap_or(usize::MAX);
    let mut lines = table::wrap(text, width).join("\n");
    lines.push('\n');
    lines
}

fn exit_code(is_done: bool) -> ExitCode {
    if is_done {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[cfg(test)]
mod tests;
