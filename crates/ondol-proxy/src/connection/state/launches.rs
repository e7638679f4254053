//! Which requests of a connection are with which launch of an app, so that those of one can be cut.

use super::ConnectionState;
use super::Order;
use super::Speaks;

impl ConnectionState {
    /// Notes that a launch has the request, by the launch's key.
    pub(crate) fn is_with_launch(&self, request: usize, key: u64) {
        if let Some(request) = self.requests.borrow_mut().get_mut(request) {
            request.launch = Some(key);
        }
    }

    /// Notes that its answer begins, so that it can't be given another one any more.
    pub(crate) fn is_answered(&self, request: usize) {
        if let Some(request) = self.requests.borrow_mut().get_mut(request) {
            request.is_answered = true;
        }
    }

    /// Ends what is with the launch of this key. What has no answer yet is woken, and finds out by itself; an
    /// answer that has begun can only be cut, by HTTP/1.1 with its connection.
    pub(crate) fn cut_launch(&self, key: u64) {
        let (mut is_told, mut is_to_close) = (self.tunnel_to.get() == Some(key), false);
        for (_, request) in self.requests.borrow_mut().iter_mut() {
            if request.launch != Some(key) {
                continue;
            }
            match (self.speaks.get(), request.is_answered) {
                (Speaks::Http1, true) => is_to_close = true,
                (Speaks::Http1, false) => is_told = true,
                (Speaks::Http2, true) => request.cut(),
                (Speaks::Http2, false) => request.wake(),
            }
        }
        if is_to_close {
            self.tell(Order::Close);
        } else if is_told {
            self.wake();
        }
    }
}
