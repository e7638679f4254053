//! What the data plane shows issuers that look whether names are the owner's (RFC 8555 §8.3, RFC 8737).
//!
//! A [`Board`] posts answers, and waits until every worker shows them before the issuer is told to look.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::entry::KeyPair;

/// How long the data plane may take to show an answer.
const SHOWN: Duration = Duration::from_secs(10);

/// All answers that issuers may ask for now, as one value.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Challenges {
    /// Each value has a greater one.
    pub sequence: u64,
    /// HTTP-01: from tokens to what is answered at `/.well-known/acme-challenge/<token>`.
    pub http: BTreeMap<Box<str>, Box<str>>,
    /// TLS-ALPN-01: from names, as handshakes ask for them, to the certificates that are shown.
    pub tls_alpn: BTreeMap<Box<str>, KeyPair>,
}

impl fmt::Debug for Challenges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenges")
            .field("sequence", &self.sequence)
            .field("http", &self.http.len())
            .field("tls_alpn", &self.tls_alpn.keys())
            .finish()
    }
}

/// Posts answers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Board {
    posted: watch::Sender<Arc<Challenges>>,
    shown: watch::Receiver<u64>,
}

/// The other end of a board, for who brings the answers to the data plane.
#[derive(Debug)]
pub struct BoardReader {
    /// What is to be shown.
    pub posted: watch::Receiver<Arc<Challenges>>,
    /// The sequence of what every worker that accepts visitors shows.
    pub shown: watch::Sender<u64>,
}

/// The data plane does not show an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the data plane did not take up the answer for the issuer within {} s", SHOWN.as_secs())]
pub struct NotShown;

/// An answer that is shown until this is dropped.
#[derive(Debug)]
pub struct Posted {
    board: watch::Sender<Arc<Challenges>>,
    which: Which,
}

#[derive(Debug)]
enum Which {
    Http(Box<str>),
    TlsAlpn(Box<str>),
}

impl Board {
    /// An empty board.
    pub fn new() -> (Self, BoardReader) {
        let (posted, posted_reader) = watch::channel(Arc::default());
        let (shown_sender, shown) = watch::channel(0);
        let reader = BoardReader {
            posted: posted_reader,
            shown: shown_sender,
        };
        (Self { posted, shown }, reader)
    }

    /// Posts the answer to an HTTP-01 challenge, and returns when it is shown.
    pub async fn post_http(&self, token: &str, answer: &str) -> Result<Posted, NotShown> {
        let (key, value) = (Box::from(token), Box::from(answer));
        self.post(Which::Http(Box::from(token)), |all| {
            all.http.insert(key, value);
        })
        .await
    }

    /// Posts the certificate of a TLS-ALPN-01 challenge, and returns when it is shown.
    pub async fn post_tls_alpn(&self, name: &str, pair: KeyPair) -> Result<Posted, NotShown> {
        let key = Box::from(name);
        self.post(Which::TlsAlpn(Box::from(name)), |all| {
            all.tls_alpn.insert(key, pair);
        })
        .await
    }

    async fn post(
        &self,
        which: Which,
        insert: impl FnOnce(&mut Challenges),
    ) -> Result<Posted, NotShown> {
        let posted = Posted {
            board: self.posted.clone(),
            which,
        };
        let sequence = change(&self.posted, insert);
        let mut shown = self.shown.clone();
        let shown = shown.wait_for(|shown| *shown >= sequence);
        match tokio::time::timeout(SHOWN, shown).await {
            Ok(Ok(_)) => Ok(posted),
            Ok(Err(_)) | Err(_) => Err(NotShown),
        }
    }
}

impl Drop for Posted {
    fn drop(&mut self) {
        change(&self.board, |all| match &self.which {
            Which::Http(token) => {
                all.http.remove(token);
            }
            Which::TlsAlpn(name) => {
                all.tls_alpn.remove(name);
            }
        });
    }
}

fn change(board: &watch::Sender<Arc<Challenges>>, change: impl FnOnce(&mut Challenges)) -> u64 {
    let mut sequence = 0;
    board.send_modify(|all| {
        let mut next = Challenges::clone(all);
        change(&mut next);
        next.sequence += 1;
        sequence = next.sequence;
        *all = Arc::new(next);
    });
    sequence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_shown_until_it_is_dropped() {
        let (board, reader) = Board::new();
        let mut posted = reader.posted.clone();
        let posting = board.post_http("token", "token.thumb");
        let showing = async {
            posted.changed().await.unwrap();
            let all = Arc::clone(&posted.borrow());
            assert_eq!(&*all.http["token"], "token.thumb");
            reader.shown.send_replace(all.sequence);
        };
        let (answer, ()) = tokio::join!(posting, showing);
        drop(answer.unwrap());
        assert!(reader.posted.borrow().http.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_data_plane_that_shows_nothing_is_not_waited_for_forever() {
        let (board, reader) = Board::new();
        let posted = board.post_http("token", "token.thumb").await;
        assert_eq!(posted.unwrap_err(), NotShown);
        assert!(reader.posted.borrow().http.is_empty());
    }
}
