//! Real issuers and name servers for tests: each is started in a folder of its own, on free ports of this
//! machine, waited for until it answers, and ended when its value is dropped.
//!
//! Who needs them includes this file with `#[path = "…/tests/issuers/lib.rs"] mod issuers;`. Nothing in
//! it may know the box.

pub(crate) mod caddy;
pub(crate) mod challtestsrv;
pub(crate) mod front;
pub(crate) mod https;
pub(crate) mod knot;
pub(crate) mod pebble;
pub(crate) mod program;
