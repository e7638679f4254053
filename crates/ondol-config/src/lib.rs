//! `ondol.toml` → [`ondol_model::Plan`], or every mistake at once, each with its place in the file.
//!
//! [`Sources::read`] is the only function here that does I/O. [`accept`] is pure: the agent and the
//! data plane call it on the same texts and get the same plan. This crate does not know where it
//! runs: whether a folder exists or a port is free is found by others, who show it at its place in
//! the file with [`Origins::mistake`].
//!
//! Every key is described once, as a `static` of `shape::Table` in `file.rs` and `file/*.rs`. The
//! check for unknown keys and wrong types, the editors' [`schema()`] and the test of `deploy/ondol.toml`
//! all read that description; the function below it turns the checked values into the plan.

mod accept;
mod check;
mod document;
mod duration;
mod file;
mod mistake;
mod nearest;
mod origins;
mod report;
mod schema;
mod section;
mod shape;
mod share;
mod size;
mod sources;
mod syntax;
mod text;

pub use accept::Accepted;
pub use accept::accept;
pub use mistake::Ink;
pub use mistake::Mistake;
pub use mistake::Mistakes;
pub use origins::KeyPath;
pub use origins::Origins;
pub use schema::schema;
pub use sources::ReadError;
pub use sources::SourceFile;
pub use sources::Sources;
