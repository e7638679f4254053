//! One URL outside of the house that is told that the box lives.

use bytes::Bytes;
use http::HeaderValue;
use http::Method;
use http::header;
use ondol_base::https::Ask;
use ondol_model::plan::Value;
use serde::Serialize;

use crate::channel::quote;
use crate::channel::receiver::Receiver;
use crate::ground::Known;
use crate::value;

/// What the owner can do about a URL that is refused.
const ADVICE: &str = "look whether the URL in `alarms.heartbeat` is the one that the service shows";

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// It lives.
    Alive,
    /// It begins to live.
    Start,
    /// It will be gone soon, and why.
    Fail(&'static str),
    /// A remark.
    Log(&'static str),
}

/// One URL.
pub(super) struct Outside {
    url: Value,
    /// What it was when it was read last, and how it is asked.
    open: Option<(String, Receiver)>,
}

/// How a URL is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    /// Healthchecks: words are added to the path, a body goes with them.
    Healthchecks,
    /// Anything else, Uptime Kuma among it: it is asked for, and nothing more.
    Plain,
}

/// What goes with each word.
#[derive(Serialize)]
struct Body<'b> {
    #[serde(rename = "box")]
    box_name: &'b str,
    version: &'static str,
    status: &'static str,
    message: &'b str,
}

impl Outside {
    pub(super) fn new(url: &Value) -> Self {
        let url = url.clone();
        Self { url, open: None }
    }

    /// Tells it a word. What it could not be told is a sentence without secrets; a word that it does not know is not
    /// told.
    pub(super) async fn hear(
        &mut self,
        word: Word,
        known: &Known,
        box_name: &str,
    ) -> Result<(), String> {
        let url = value::read(&self.url).await?;
        let protocol = Protocol::of(&url);
        if protocol == Protocol::Plain && word != Word::Alive {
            return Ok(());
        }
        let ask = ask(&url, protocol, word, known, box_name);
        let receiver = self.receiver(&url).await?;
        let asked = receiver.ask(ask).await;
        let taken = asked.and_then(|answer| receiver.taken(&answer));
        taken.map_err(|failure| {
            self.open = None; // Whom this system trusts may have changed.
            failure.message
        })
    }

    async fn receiver(&mut self, url: &str) -> Result<&Receiver, String> {
        let open = match self.open.take() {
            Some(open) if open.0 == url => open,
            Some(_) | None => {
                let receiver = Receiver::open("the heartbeat", url, &[], ADVICE).await;
                (url.to_owned(), receiver.map_err(|failure| failure.message)?)
            }
        };
        Ok(&self.open.insert(open).1)
    }
}

impl Protocol {
    fn of(url: &str) -> Self {
        match url.contains("/api/push/") || url.contains('?') {
            true => Self::Plain,
            false => Self::Healthchecks,
        }
    }
}

fn ask(url: &str, protocol: Protocol, word: Word, known: &Known, box_name: &str) -> Ask {
    let (url, authorization) = quote::without_user(url);
    let mut ask = match protocol {
        Protocol::Plain => Ask::new(Method::GET, url),
        Protocol::Healthchecks => {
            let url = url.trim_end_matches('/');
            let mut ask = Ask::new(Method::POST, format!("{url}{}", word.suffix()));
            let json = HeaderValue::from_static("application/json");
            ask.headers.insert(header::CONTENT_TYPE, json);
            ask.body = body(word, known, box_name);
            ask
        }
    };
    if let Some(authorization) = authorization {
        ask.headers.insert(header::AUTHORIZATION, authorization);
    }
    ask
}

fn body(word: Word, known: &Known, box_name: &str) -> Bytes {
    let message = match word {
        Word::Alive | Word::Start => known.headline.as_str(),
        Word::Fail(why) | Word::Log(why) => why,
    };
    let body = Body {
        box_name,
        version: env!("CARGO_PKG_VERSION"),
        status: match word {
            Word::Fail(_) => "fail",
            _ if known.is_well => "pass",
            _ => "warn",
        },
        message,
    };
    serde_json::to_vec(&body).unwrap_or_default().into() // Texts can be written.
}

impl Word {
    fn suffix(self) -> &'static str {
        match self {
            Self::Alive => "",
            Self::Start => "/start",
            Self::Fail(_) => "/fail",
            Self::Log(_) => "/log",
        }
    }
}
