//! Restoring what was archived, from repositories that restic itself finds to be right.

mod damage;
mod files;
pub(crate) mod harness;
mod places;
mod select;
mod servers;
