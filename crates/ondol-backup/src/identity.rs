//! Which box this is, towards repositories.

use serde::Deserialize;
use serde::Serialize;

/// A box, as repositories know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoxIdentity {
    /// Random, made once; a box that was recovered has one of its own.
    pub id: String,
    /// Its name, for people: the host of its snapshots.
    pub name: String,
}
