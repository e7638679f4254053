//! One connection of a visitor: its phases, their time limits, and how it is told to end.
//!
//! A connection has no timer of its own. The worker looks at all of them at each of its ticks and tells
//! those that are overdue; the request path only writes down what happens.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use ondol_model::limits;
use ondol_model::plan::Scheme;

use crate::client_auth::ClientIdentity;
use crate::client_auth::Guard;
use crate::proxy_header::Introduction;
use crate::worker::Worker;

mod credit;
mod in_flight;
mod ledger;
mod phase;
mod state;

use in_flight::InFlight;
pub(crate) use ledger::Ledger;
pub(crate) use phase::Answer;
pub(crate) use phase::Order;
pub(crate) use phase::Phase;
pub(crate) use phase::Speaks;
pub(crate) use state::ConnectionState;

/// What the request path knows of a connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) worker: Rc<Worker>,
    pub(crate) state: Rc<ConnectionState>,
    pub(crate) peer: SocketAddr,
    /// Whether the peer is known by a PROXY header.
    pub(crate) introduction: Introduction,
    /// What was visited, where an upstream is told.
    pub(crate) local: Option<SocketAddr>,
    /// The peer's address as text, made once.
    pub(crate) peer_text: Box<str>,
    pub(crate) scheme: Scheme,
    /// The version of TLS; `None` on plain HTTP.
    pub(crate) tls_version: Option<rustls::ProtocolVersion>,
    /// The name that the TLS handshake asked for, in canonical form.
    pub(crate) server_name: Option<Box<str>>,
    /// The guard of the site that the handshake asked for, which all its requests must be for then.
    pub(crate) guard: Option<Arc<Guard>>,
    /// The certificate that the visitor has shown to it.
    pub(crate) client: Option<ClientIdentity>,
}

impl Connection {
    /// Notes that a part of an answer was handed over. When visitors have too much that they don't take,
    /// those that have had theirs for longest lose it.
    pub(crate) fn gave(&self, request: usize, bytes: usize) {
        self.state.gave(request, bytes);
        self.worker.connections.call_in(&self.worker.ledger);
    }

    /// How large the pieces of a file's answer may be: large ones are quicker, small ones take less memory
    /// while nobody takes them. By HTTP/2 a piece is taken whole or not at all, so its visitor has to show
    /// first that it is quick; otherwise it would look as if it took nothing.
    pub(crate) fn piece_bytes(&self, request: usize) -> usize {
        let requests = self.state.requests.borrow();
        let is_slow = self.state.speaks() == Speaks::Http2
            && !requests
                .get(request)
                .is_some_and(InFlight::takes_large_parts);
        let is_crowded = requests.len() > CROWD;
        let is_much = self.worker.ledger.lent() > limits::LENT_BYTES_MAX / 4;
        if is_slow || is_crowded || is_much {
            PIECE_BYTES_MIN
        } else {
            usize::MAX
        }
    }
}

/// Requests at once on one connection from which on their answers are read in small pieces.
const CROWD: usize = 8;
const PIECE_BYTES_MIN: usize = 16 * 1024;
