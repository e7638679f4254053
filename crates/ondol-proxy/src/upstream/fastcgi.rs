//! FastCGI to those who run scripts (php-fpm): one request at a time on a connection, polled inside of the request.
//!
//! A connection holds a process at its other end, also while it waits for its next request. So only a few are
//! kept, and where it is not known how many such processes there are, none.

mod body;
mod exchange;
mod messages;
mod params;
mod records;
mod script;

pub(crate) use body::FastCgiBody;
pub(super) use exchange::FastCgiExchange;
pub(super) use records::END_OF_INPUT;
pub(super) use records::RECORD_BYTES_MAX;
pub(super) use records::input_header;
pub(crate) use script::Script;
