//! Apps: programs that Ondol runs, what visitors get of them now, and every decision about them.

pub mod assets;
pub mod commit;
pub mod cron;
mod cron_outcome;
pub mod detect;
mod endpoints;
mod idle;
mod judge;
mod keep;
mod launch;
mod name;
pub mod procfile;
pub mod room;
mod traffic;

pub use cron_outcome::CronOutcome;
pub use endpoints::Endpoint;
pub use endpoints::EndpointState;
pub use endpoints::Endpoints;
pub use endpoints::Launch;
pub use idle::IdleWatch;
pub use idle::Look;
pub use judge::worse;
pub use keep::AfterEnd;
pub use keep::Keeper;
pub use launch::LaunchKind;
pub use launch::LaunchOutcome;
pub use name::AppName;
pub use name::InstanceName;
pub use name::NameError;
pub use name::ProcessName;
pub use traffic::LaunchTraffic;
pub use traffic::Traffic;
