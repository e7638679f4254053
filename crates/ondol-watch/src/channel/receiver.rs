//! A receiver that is asked by HTTP, and what its answers mean for the next try.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::Method;
use http::StatusCode;
use http::header;
use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_base::https::Answer;
use ondol_base::https::Ask;
use ondol_base::https::Https;
use ondol_base::https::HttpsError;
use ondol_base::https::times;
use ondol_model::USER_AGENT;
use serde::de::DeserializeOwned;

use super::failure::SendFailure;
use super::quote;

/// A whole request. Two fit into the time that sending may take.
const WHOLE: Duration = Duration::from_secs(14);
/// Answers are a line or two of JSON.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Who takes messages by HTTP.
#[derive(Debug)]
pub(crate) struct Receiver {
    https: Https,
    /// The name that people know it by, with its host.
    called: String,
    secrets: Vec<String>,
    /// What the owner can do when it knows neither the secret nor the address.
    advice: &'static str,
}

impl Receiver {
    /// One that is reached by a URL. What is secret in that, and these, will be in no sentence.
    pub(crate) async fn open(
        kind: &'static str,
        url: &str,
        secrets: &[&str],
        advice: &'static str,
    ) -> Result<Self, SendFailure> {
        let opened = match url.starts_with("http://") {
            true => Https::plain(USER_AGENT),
            false => Https::open(USER_AGENT, None).await,
        };
        let https = opened.map_err(|error| {
            SendFailure::refused(format!("{kind} can't be asked: {}", Chain(&error)))
        })?;
        Ok(Self {
            https,
            called: quote::called(kind, url),
            secrets: quote::secrets_of(url, secrets),
            advice,
        })
    }

    pub(crate) fn https(&self) -> &Https {
        &self.https
    }

    /// Sends JSON, whatever is answered.
    pub(crate) async fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        body: impl Into<Bytes>,
    ) -> Result<Answer, SendFailure> {
        let (url, authorization) = quote::without_user(url);
        let mut ask = Ask::new(Method::POST, url);
        ask.headers = headers;
        let json = HeaderValue::from_static("application/json");
        let kind = ask.headers.entry(header::CONTENT_TYPE);
        kind.or_insert(json);
        if let Some(authorization) = authorization {
            let field = ask.headers.entry(header::AUTHORIZATION);
            field.or_insert(authorization);
        }
        ask.body = body.into();
        self.ask(ask).await
    }

    /// Asks, whatever is answered.
    pub(crate) async fn ask(&self, mut ask: Ask) -> Result<Answer, SendFailure> {
        ask.time = WHOLE;
        ask.bytes_max = ANSWER_BYTES_MAX;
        self.ask_long(ask).await
    }

    /// The same with limits of the question's own.
    pub(crate) async fn ask_long(&self, ask: Ask) -> Result<Answer, SendFailure> {
        let asked = self.https.ask(ask).await;
        asked.map_err(|error| self.unanswered(&error))
    }

    /// Whether it took what was sent, as far as the status tells.
    pub(crate) fn taken(&self, answer: &Answer) -> Result<(), SendFailure> {
        if answer.status.is_success() {
            return Ok(());
        }
        Err(self.not_taken(answer, wait_of(&answer.headers)))
    }

    /// What an answer with a status that is none of success means; how long it wants to be left alone is known.
    pub(crate) fn not_taken(&self, answer: &Answer, wait: Option<Duration>) -> SendFailure {
        let status = answer.status;
        let said = self.said(answer);
        let called = &self.called;
        if is_for_later(status) && wait.is_some() || status == StatusCode::TOO_MANY_REQUESTS {
            let when = wait.map_or_else(String::new, |wait| format!(" for {} s", wait.as_secs()));
            return SendFailure::busy(
                wait,
                format!("{called} takes no more messages{when} ({status}){said}; Ondol waits"),
            );
        }
        if is_for_later(status) {
            return SendFailure::unreachable(format!(
                "{called} can't take messages now ({status}){said}; Ondol tries again"
            ));
        }
        if status.is_redirection() {
            let place = answer.headers.get(header::LOCATION);
            let place = place.and_then(|place| place.to_str().ok());
            let place = quote::host_of(place.unwrap_or_default());
            return SendFailure::refused(format!(
                "{called} sends Ondol on to {place} ({status}), and messages are not sent after a redirect: write the \
                 address that it leads to"
            ));
        }
        SendFailure::refused(format!(
            "{called} refused the message ({status}){said}; {}",
            self.advice
        ))
    }

    /// The answer as JSON of this shape.
    pub(crate) fn json<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, SendFailure> {
        serde_json::from_slice(&answer.body).map_err(|_| self.strange(answer))
    }

    /// What is said of an answer that no receiver of its kind gives.
    pub(crate) fn strange(&self, answer: &Answer) -> SendFailure {
        let what = match quote::is_page(&answer.body) {
            true => "a web page, and not as it should",
            false => "what Ondol does not understand",
        };
        SendFailure::strange(format!(
            "{} answered with {what} ({}){}; whether the message arrived is not known",
            self.called,
            answer.status,
            self.said(answer)
        ))
    }

    /// What is said of none at all.
    pub(crate) fn unanswered(&self, error: &HttpsError) -> SendFailure {
        let sentence = || format!("{} was not reached: {}", self.called, Chain(error));
        match error {
            HttpsError::Roots { .. }
            | HttpsError::NoRoots
            | HttpsError::Unready(_)
            | HttpsError::Url(_)
            | HttpsError::Private { .. } => SendFailure::refused(sentence()),
            HttpsError::Lookup { .. }
            | HttpsError::Connect { .. }
            | HttpsError::Tls { .. }
            | HttpsError::Slow { .. } => SendFailure::unreachable(sentence()),
            HttpsError::Http { .. } | HttpsError::TooLarge(_) => SendFailure::strange(format!(
                "{} gave no whole answer, and whether the message arrived is not known: {}",
                self.called,
                Chain(error)
            )),
        }
    }

    /// What an answer says, as the next part of a sentence; empty when it says nothing.
    pub(crate) fn said(&self, answer: &Answer) -> String {
        match quote::quoted(&answer.body, &self.secrets) {
            Some(words) => format!(": `{words}`"),
            None => String::new(),
        }
    }
}

/// Whether a status speaks of now, and not of what was asked.
fn is_for_later(status: StatusCode) -> bool {
    status.is_server_error()
        || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY].contains(&status)
}

/// How long a receiver wants to be left alone, in the usual field.
pub(super) fn wait_of(headers: &HeaderMap) -> Option<Duration> {
    let now = clock::unix_seconds();
    let seconds = times::retry_at(headers, now)? - now;
    u64::try_from(seconds).ok().map(Duration::from_secs)
}
