//! What went wrong with a mail server, and what that means for the next try.

use std::io;
use std::time::Duration;

use lettre::transport::smtp::Error;
use ondol_model::plan::Smtp;
use ondol_model::plan::SmtpSecurity;

use crate::channel::failure::SendFailure;
use crate::channel::quote;

/// How far it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A connection, TLS where that is first, and a greeting.
    Connect,
    /// TLS on a connection that began without.
    Secure,
    /// The user and password.
    LogIn,
    /// The letter.
    Send,
}

/// What is said of an error at a step; of a letter to an address, where it is about one.
pub(super) fn failure(step: Step, smtp: &Smtp, address: &str, error: &Error) -> SendFailure {
    let server = format!("the mail server {}:{}", smtp.host, smtp.port);
    let said = said(error);
    let code = error.status().map(|code| code.to_string());
    let code = code.unwrap_or_default();
    if error.is_transient() {
        return SendFailure::busy(
            None,
            format!("{server} takes no mail for now ({code}){said}; Ondol tries again"),
        );
    }
    if error.is_permanent() {
        let advice = advice(step, address);
        return SendFailure::refused(format!("{server} refused {advice} ({code}){said}"));
    }
    if error.is_tls() || is_about_tls(error) {
        return SendFailure::unreachable(format!(
            "{server} and this box could not agree on TLS{said}{}{}",
            certificate_advice(error),
            port_advice(smtp)
        ));
    }
    if error.is_response() {
        return SendFailure::strange(format!(
            "{server} does not answer as a mail server does{said}{}",
            port_advice(smtp)
        ));
    }
    if error.is_client() {
        return SendFailure::refused(match step {
            Step::Secure => format!(
                "{server} offers no TLS by STARTTLS, and mail is not sent where others can read it: look at \
                 `alarms.smtp.port` and `alarms.smtp.security`"
            ),
            Step::LogIn => format!(
                "{server} offers no way to log in that Ondol knows{said}: look at `alarms.smtp.security` and \
                 `alarms.smtp.port`"
            ),
            Step::Connect | Step::Send => format!("{server} can't take the letter{said}"),
        });
    }
    SendFailure::unreachable(format!("{server} was not reached{said}; Ondol tries again"))
}

/// What is said of a server that took so long over a step.
pub(super) fn silence(step: Step, smtp: &Smtp, waited: Duration) -> SendFailure {
    let at = match step {
        Step::Connect => "did not greet",
        Step::Secure => "did not come to terms on TLS",
        Step::LogIn => "did not answer who had logged in",
        Step::Send => "did not take the letter",
    };
    SendFailure::unreachable(format!(
        "the mail server {}:{} {at} within {} s{}; Ondol tries again",
        smtp.host,
        smtp.port,
        waited.as_secs(),
        match step {
            Step::Connect => port_advice(smtp),
            Step::Secure | Step::LogIn | Step::Send => "",
        }
    ))
}

fn advice(step: Step, address: &str) -> String {
    match step {
        Step::LogIn => "the user or the password in `alarms.smtp`".to_owned(),
        Step::Send => format!(
            "the letter to {address}: the address may be wrong, `alarms.smtp.from` not the user's own, or the words \
             not liked"
        ),
        Step::Connect | Step::Secure => "the connection".to_owned(),
    }
}

/// Servers speak TLS at once on one port and later on another; who is at the wrong one waits, or reads noise.
fn port_advice(smtp: &Smtp) -> &'static str {
    match (smtp.security, smtp.port) {
        (SmtpSecurity::Tls, 587 | 25) => {
            " (port 587 and 25 usually want `security = \"starttls\"` in `alarms.smtp`)"
        }
        (SmtpSecurity::StartTls | SmtpSecurity::None, 465) => {
            " (port 465 usually wants `security = \"tls\"` in `alarms.smtp`)"
        }
        _ => "",
    }
}

/// Whether a handshake failed: that comes as an error of the connection.
fn is_about_tls(error: &Error) -> bool {
    handshake(error).is_some()
}

fn handshake(error: &Error) -> Option<&rustls::Error> {
    causes(error).find_map(|cause| {
        let cause = cause.downcast_ref::<io::Error>();
        cause.and_then(io::Error::get_ref)?.downcast_ref()
    })
}

/// What to do about a certificate that is not good enough.
fn certificate_advice(error: &Error) -> &'static str {
    use rustls::CertificateError as Why;
    let Some(rustls::Error::InvalidCertificate(why)) = handshake(error) else {
        return "";
    };
    match why {
        Why::NotValidForName | Why::NotValidForNameContext { .. } => {
            "; its certificate is for another name: look at `alarms.smtp.host`"
        }
        Why::Expired | Why::ExpiredContext { .. } => "; its certificate has ended",
        _ => {
            "; its certificate is of nobody whom this system trusts: where the server is your own, put the root of its \
             issuer into /usr/local/share/ca-certificates and run `update-ca-certificates`"
        }
    }
}

/// What the server or the system said, as the next part of a sentence.
fn said(error: &Error) -> String {
    let innermost = causes(error).last();
    let words = innermost.map(ToString::to_string).unwrap_or_default();
    match quote::quoted(words.as_bytes(), &[]) {
        Some(words) => format!(": `{words}`"),
        None => String::new(),
    }
}

fn causes(error: &Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(error), |cause| cause.source())
}
