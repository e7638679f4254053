//! Backups as they are taken.
