//! The whole box: the real binary with real sockets, as the person who runs it sees it.

mod agent;
mod harness;
