//! What the standard library and Tokio leave out: owned tasks, a clock that tests can pause, files
//! that survive a power cut, signals that wait, sockets handed from process to process.
//!
//! This crate knows no word of Ondol: nothing here is about sites, certificates or configuration.

pub mod authorities;
pub mod backoff;
pub mod chain;
pub mod clock;
pub mod descriptors;
pub mod file;
pub mod https;
pub mod memory;
pub mod notify;
pub mod priority;
pub mod process;
pub mod program;
pub mod secret;
pub mod signals;
pub mod signature_v4;
pub mod slow_hash;
pub mod tasks;
