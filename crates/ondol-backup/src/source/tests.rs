//! What a source gives.
