//! Mail: one connection for each message to the server in `alarms.smtp`.

use std::net::IpAddr;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::client::Certificate;
use lettre::transport::smtp::client::CertificateStore;
use lettre::transport::smtp::client::TlsParameters;
use lettre::transport::smtp::extension::ClientId;
use ondol_base::authorities::trusted;
use ondol_base::tasks;
use ondol_model::plan::Smtp;
use ondol_model::plan::SmtpSecurity;
use rustls_pki_types::CertificateDer;
use tokio::time::timeout;

use super::failure::SendFailure;
use super::parcel::Parcel;
use crate::value;
use explain::Step;

mod explain;
mod letter;

/// What one address of a server may take to be connected to.
const CONNECT: Duration = Duration::from_secs(6);
/// All of it: less than sending may take, so that the step that took so long can be told.
const WHOLE: Duration = Duration::from_secs(28);
/// The message is taken when the server says so; how it says good-bye matters little.
const GOOD_BYE: Duration = Duration::from_secs(2);

/// Sends a message to an address.
pub(super) async fn send(
    address: &str,
    smtp: Option<&Smtp>,
    parcel: &Parcel,
) -> Result<(), SendFailure> {
    let Some(smtp) = smtp else {
        return Err(SendFailure::refused(
            "`alarms.smtp` is not set, so no mail can be sent",
        ));
    };
    let roots = match smtp.security {
        SmtpSecurity::None => Vec::new(),
        SmtpSecurity::Tls | SmtpSecurity::StartTls => {
            let read = tasks::spawn_blocking(trusted).await;
            read.unwrap_or_default()
        }
    };
    send_trusting(address, smtp, parcel, roots).await
}

async fn send_trusting(
    address: &str,
    smtp: &Smtp,
    parcel: &Parcel,
    roots: Vec<CertificateDer<'static>>,
) -> Result<(), SendFailure> {
    let from = mailbox(&smtp.from, "alarms.smtp.from")?;
    let to = mailbox(address, "email")?;
    let letter = letter::letter(from, to, parcel)?;
    let mut step = Step::Connect;
    let sending = async {
        let mut connection = open(smtp, roots, &mut step).await?;
        step = Step::Send;
        let text = letter.formatted();
        let sent = connection.send(letter.envelope(), &text).await;
        sent.map_err(|error| explain::failure(Step::Send, smtp, address, &error))?;
        // Dropping the connection would do as well.
        let _ = timeout(GOOD_BYE, connection.quit()).await;
        Ok(())
    };
    match timeout(WHOLE, Box::pin(sending)).await {
        Ok(sent) => sent,
        Err(_) => Err(explain::silence(step, smtp, WHOLE)),
    }
}

/// A connection by which mail can be sent, as far as the server wants to know who does.
async fn open(
    smtp: &Smtp,
    roots: Vec<CertificateDer<'static>>,
    step: &mut Step,
) -> Result<AsyncSmtpConnection, SendFailure> {
    let failed = |step: Step| {
        move |error: lettre::transport::smtp::Error| explain::failure(step, smtp, "", &error)
    };
    let tls = match smtp.security {
        SmtpSecurity::None => None,
        SmtpSecurity::Tls | SmtpSecurity::StartTls => Some(tls(&smtp.host, roots)?),
    };
    let (at_once, later) = match smtp.security {
        SmtpSecurity::StartTls => (None, tls),
        SmtpSecurity::Tls | SmtpSecurity::None => (tls, None),
    };
    let name = own_name();
    let server = (smtp.host.as_str(), smtp.port);
    let connecting =
        AsyncSmtpConnection::connect_tokio1(server, Some(CONNECT), &name, at_once, None);
    let mut connection = connecting.await.map_err(failed(Step::Connect))?;
    if let Some(tls) = later {
        *step = Step::Secure;
        let secured = connection.starttls(tls, &name).await;
        secured.map_err(failed(Step::Secure))?;
    }
    if let Some(credentials) = credentials(smtp).await? {
        *step = Step::LogIn;
        let mechanisms = [Mechanism::Plain, Mechanism::Login];
        let known = connection.auth(&mechanisms, &credentials).await;
        known.map_err(failed(Step::LogIn))?;
    }
    Ok(connection)
}

fn tls(host: &str, roots: Vec<CertificateDer<'static>>) -> Result<TlsParameters, SendFailure> {
    if roots.is_empty() {
        return Err(SendFailure::refused(
            "this system has no file of the authorities that it trusts, so no mail server can be either (Debian's is in \
             the package `ca-certificates`)",
        ));
    }
    let mut tls = TlsParameters::builder(host.to_owned()).certificate_store(CertificateStore::None);
    for root in roots {
        if let Ok(root) = Certificate::from_der(root.to_vec()) {
            tls = tls.add_root_certificate(root);
        }
    }
    tls.build_rustls().map_err(|error| {
        SendFailure::refused(format!(
            "`{host}` can't be asked with TLS ({error}): look at `alarms.smtp.host`"
        ))
    })
}

async fn credentials(smtp: &Smtp) -> Result<Option<Credentials>, SendFailure> {
    let Some(user) = &smtp.user else {
        return Ok(None);
    };
    let password = match &smtp.password {
        Some(password) => value::read_secret(password).await,
        None => Err("`alarms.smtp` has a user and no password".to_owned()),
    };
    let password = password.map_err(SendFailure::refused)?;
    Ok(Some(Credentials::new(user.clone(), password)))
}

fn mailbox(text: &str, key: &str) -> Result<Mailbox, SendFailure> {
    text.parse().map_err(|_| {
        SendFailure::refused(format!(
            "`{text}` in `{key}` is no address of mail: write it as `me@example.com`"
        ))
    })
}

/// What the box calls itself to a server, which for the servers that it may send by is of little interest.
fn own_name() -> ClientId {
    let name = rustix::system::uname();
    let name = name.nodename().to_str().unwrap_or_default();
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '.';
    match name.is_empty() || !name.chars().all(is_plain) {
        true => ClientId::Ipv4(std::net::Ipv4Addr::LOCALHOST),
        false if name.parse::<IpAddr>().is_ok() => ClientId::Ipv4(std::net::Ipv4Addr::LOCALHOST),
        false => ClientId::Domain(name.to_owned()),
    }
}

#[cfg(test)]
mod tests;
