//! Asks the agent over its admin socket: the whole command line goes through here.

use std::io;
use std::path::Path;
use std::path::PathBuf;

use axum::body::Bytes;
use http_body_util::BodyExt;
use http_body_util::Full;
use http_body_util::Limited;
use hyper::Method;
use hyper::Request;
use hyper::StatusCode;
use hyper::client::conn::http1;
use hyper::header;
use hyper_util::rt::TokioIo;
use ondol_model::limits;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use crate::api;

mod backups;
mod watch;

/// Asks the agent of one runtime folder. Every question is a connection of its own.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("no agent is running here: nothing answers on {}", path.display())]
    NoAgent {
        /// The admin socket.
        path: PathBuf,
    },
    /// The socket is not for this user.
    #[error(
        "this user may not ask the agent on {}: ask as root, or as the user that runs it",
        path.display()
    )]
    Denied {
        /// The admin socket.
        path: PathBuf,
    },
    /// The socket could not be reached for another reason.
    #[error("cannot reach the agent on {}", path.display())]
    Connect {
        /// The admin socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The connection broke before the answer was there; what was asked may have happened.
    #[error("the agent went away before it had answered")]
    Lost(#[source] hyper::Error),
    /// The answer did not come in time, or was too large; what was asked may have happened.
    #[error("could not read the agent's answer")]
    Answer(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The answer did not come in time; what was asked may still happen.
    #[error("the agent did not answer in time")]
    Late,
    /// The agent could not do what was asked, and said why.
    #[error("{message}")]
    Refused {
        /// The HTTP status of the answer.
        status: u16,
        /// The agent's sentence.
        message: String,
    },
    /// The answer is not what this version expects.
    #[error("the agent's answer is of another version of Ondol")]
    Malformed(#[source] serde_json::Error),
}

impl Client {
    /// A client of the agent behind this socket; does not connect yet.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self {
            socket: socket.into(),
        }
    }

    /// The admin socket that it asks.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The box at a glance.
    pub async fn status(&self) -> Result<api::Status, ClientError> {
        self.read("/status").await
    }

    /// The sites.
    pub async fn sites(&self) -> Result<api::Sites, ClientError> {
        self.read("/sites").await
    }

    /// The certificates.
    pub async fn certs(&self) -> Result<api::Certs, ClientError> {
        self.read("/certs").await
    }

    /// The root of Ondol's own CA, as PEM. Refused with 404 while there is none.
    pub async fn root(&self) -> Result<String, ClientError> {
        let (status, body) = self.exchange(Method::GET, "/certs/root", None).await?;
        if status != StatusCode::OK {
            return Err(refused(status, &body));
        }
        String::from_utf8(body.into()).map_err(|error| ClientError::Answer(error.into()))
    }

    /// The newest events, the newest first.
    pub async fn events(&self, query: api::EventsQuery) -> Result<api::Events, ClientError> {
        let api::EventsQuery {
            limit,
            before,
            subject,
            kind,
            since,
        } = query;
        let parts = [
            limit.map(|limit| format!("limit={limit}")),
            before.map(|before| format!("before={before}")),
            subject.map(|subject| format!("subject={}", encoded(&subject))),
            kind.map(|kind| format!("kind={}", encoded(&kind))),
            since.map(|since| format!("since={}", encoded(&String::from(since)))),
        ];
        let query: Vec<_> = parts.into_iter().flatten().collect();
        self.read(&format!("/events?{}", query.join("&"))).await
    }

    /// Has the configuration taken up; one that is not accepted is an answer too.
    pub async fn reload(&self) -> Result<api::ReloadAnswer, ClientError> {
        let (status, body) = self.exchange(Method::POST, "/reload", None).await?;
        decided(status, &body)
    }

    /// Has the agent become another binary; one that is not accepted is an answer too. The path must
    /// be absolute, and UTF-8.
    pub async fn upgrade(&self, file: &str) -> Result<api::UpgradeAnswer, ClientError> {
        let file = file.to_owned();
        self.command("/upgrade", &api::UpgradeQuestion { file })
            .await
    }

    /// Has new certificates got; that some can't be is an answer too.
    pub async fn renew(
        &self,
        question: &api::RenewQuestion,
    ) -> Result<api::RenewAnswer, ClientError> {
        self.command("/certs/renew", question).await
    }

    /// Has a certificate revoked; a refusal is an answer too.
    pub async fn revoke(
        &self,
        question: &api::RevokeQuestion,
    ) -> Result<api::CertAnswer, ClientError> {
        self.command("/certs/revoke", question).await
    }

    /// Has the account at an issuer get a new key; a refusal is an answer too.
    pub async fn rekey(
        &self,
        question: &api::RekeyQuestion,
    ) -> Result<api::CertAnswer, ClientError> {
        self.command("/certs/rekey", question).await
    }

    /// Asks which record makes the owner of a name known for good; a refusal is an answer too.
    pub async fn persist(
        &self,
        question: &api::PersistQuestion,
    ) -> Result<api::CertAnswer, ClientError> {
        self.command("/certs/persist", question).await
    }

    /// The apps.
    pub async fn apps(&self) -> Result<api::Apps, ClientError> {
        self.read("/apps").await
    }

    /// All that is known of an app. Refused with 404 when there is none of this name.
    pub async fn app(&self, app: &str) -> Result<api::AppDetail, ClientError> {
        self.read(&of_app(app, "")).await
    }

    /// Has a release made and launched; a refusal is an answer too.
    pub async fn deploy(
        &self,
        app: &str,
        question: &api::DeployQuestion,
    ) -> Result<api::AppAnswer, ClientError> {
        self.command(&of_app(app, "/deploy"), question).await
    }

    /// Has an earlier release launched; a refusal is an answer too.
    pub async fn rollback(
        &self,
        app: &str,
        question: &api::RollbackQuestion,
    ) -> Result<api::AppAnswer, ClientError> {
        self.command(&of_app(app, "/rollback"), question).await
    }

    /// Has the same release launched anew; a refusal is an answer too.
    pub async fn restart(&self, app: &str) -> Result<api::AppAnswer, ClientError> {
        self.command(&of_app(app, "/restart"), &()).await
    }

    /// Has an app stopped; a refusal is an answer too.
    pub async fn stop(&self, app: &str) -> Result<api::AppAnswer, ClientError> {
        self.command(&of_app(app, "/stop"), &()).await
    }

    /// Has an app started; a refusal is an answer too.
    pub async fn start(&self, app: &str) -> Result<api::AppAnswer, ClientError> {
        self.command(&of_app(app, "/start"), &()).await
    }

    /// Asks what a command needs to run as an app does; a refusal is an answer too.
    pub async fn exec(
        &self,
        app: &str,
        question: &api::ExecQuestion,
    ) -> Result<api::ExecAnswer, ClientError> {
        self.command(&of_app(app, "/exec"), question).await
    }

    /// How a launch goes on.
    pub async fn follow(
        &self,
        app: &str,
        query: api::FollowQuery,
    ) -> Result<api::Following, ClientError> {
        let api::FollowQuery { launch, from, seen } = query;
        let parts = [
            launch.map(|launch| format!("&launch={launch}")),
            seen.map(|seen| format!("&seen={seen}")),
        ];
        let more: String = parts.into_iter().flatten().collect();
        self.read(&of_app(app, &format!("/follow?from={from}{more}")))
            .await
    }

    /// What an app wrote. Refused with 404 when there is none of this name.
    pub async fn logs(&self, app: &str, query: &api::LogsQuery) -> Result<api::Logs, ClientError> {
        let api::LogsQuery {
            process,
            since,
            lines,
            after,
        } = query;
        let parts = [
            process
                .as_ref()
                .map(|process| format!("process={}", encoded(process))),
            since.map(|since| format!("since={}", encoded(&String::from(since)))),
            lines.map(|lines| format!("lines={lines}")),
            after
                .as_ref()
                .map(|after| format!("after={}", encoded(after))),
        ];
        let query: Vec<_> = parts.into_iter().flatten().collect();
        self.read(&of_app(app, &format!("/logs?{}", query.join("&"))))
            .await
    }

    async fn command<T: DeserializeOwned>(
        &self,
        path: &str,
        question: &impl Serialize,
    ) -> Result<T, ClientError> {
        let question = Some(json(question)?);
        let (status, body) = self.exchange(Method::POST, path, question).await?;
        decided(status, &body)
    }

    async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let (status, body) = self.exchange(Method::GET, path, None).await?;
        if status != StatusCode::OK {
            return Err(refused(status, &body));
        }
        serde_json::from_slice(&body).map_err(ClientError::Malformed)
    }

    /// One question and its whole answer, within [`limits::ADMIN_ANSWER`] and a little more, so that
    /// the agent's own word about the time comes first.
    async fn exchange(
        &self,
        method: Method,
        path: &str,
        json: Option<Bytes>,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        let limit = limits::ADMIN_ANSWER + limits::ADMIN_HEAD;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "ondol")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(json.unwrap_or_default()))
            .expect("method, path and headers are ours and valid");
        tokio::time::timeout(limit, self.ask(request))
            .await
            .map_err(|_| ClientError::Late)?
    }

    async fn ask(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), ClientError> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|source| self.unreachable(source))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(ClientError::Lost)?;
        let exchange = async {
            let response = sender.send_request(request).await;
            let (head, body) = response.map_err(ClientError::Lost)?.into_parts();
            let body = Limited::new(body, limits::ADMIN_ANSWER_BYTES_MAX).collect();
            let body = body.await.map_err(ClientError::Answer)?.to_bytes();
            Ok((head.status, body))
        };
        let mut exchange = std::pin::pin!(exchange);
        tokio::select! {
            biased;
            answer = &mut exchange => answer,
            ended = connection => match ended {
                Ok(()) => exchange.await,
                Err(error) => Err(ClientError::Lost(error)),
            },
        }
    }

    fn unreachable(&self, source: io::Error) -> ClientError {
        let path = self.socket.clone();
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                ClientError::NoAgent { path }
            }
            io::ErrorKind::PermissionDenied => ClientError::Denied { path },
            _ => ClientError::Connect { path, source },
        }
    }
}

/// An address of an app. Whatever was typed as its name, the address is a valid one.
fn of_app(app: &str, rest: &str) -> String {
    format!("/apps/{}{rest}", encoded(app))
}

/// A text as a part of an address.
fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let encode = |byte: u8| {
        if is_plain(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(encode).collect()
}

fn json(value: &impl Serialize) -> Result<Bytes, ClientError> {
    let text = serde_json::to_vec(value).map_err(ClientError::Malformed)?;
    Ok(text.into())
}

/// The answer to a command: yes and no come as the same kind of value.
fn decided<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Result<T, ClientError> {
    if status != StatusCode::OK && status != StatusCode::UNPROCESSABLE_ENTITY {
        return Err(refused(status, body));
    }
    serde_json::from_slice(body).map_err(ClientError::Malformed)
}

fn refused(status: StatusCode, body: &[u8]) -> ClientError {
    let message = match serde_json::from_slice(body) {
        Ok(api::Problem { message }) => message,
        Err(_) => format!("the agent answered {status}"),
    };
    ClientError::Refused {
        status: status.as_u16(),
        message,
    }
}
