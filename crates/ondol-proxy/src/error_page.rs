//! One page per status, with the request's id.
