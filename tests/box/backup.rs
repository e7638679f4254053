//! Jobs of backups that end badly: power cuts, kills, disks that are full or fail, and what was stored and is damaged.

mod damage;
mod disk;
mod field;
mod job;
mod kills;
mod powercut;
mod troubles;
