//! What is kept comes back.
