//! The admin socket: a JSON API over one Unix socket, and the client that the command line uses; and what machines ask
//! to know how the box is.
//!
//! [`api`] has the words of both sides. The server reads published values and passes commands on; it
//! does not know how anything is done. Nothing of it is reachable from the web.

pub mod api;
pub mod client;
mod endpoints;
mod health;
mod metrics;
mod server;
mod socket;
mod traffic;

pub use endpoints::AppCommand;
pub use endpoints::AppDeed;
pub use endpoints::BackupCommand;
pub use endpoints::BackupDeed;
pub use endpoints::CertCommand;
pub use endpoints::Command;
pub use endpoints::Surface;
pub use endpoints::WatchCommand;
pub use health::HealthDoor;
pub use server::serve;
pub use socket::BindError;
pub use socket::Socket;
pub use traffic::OpenConnections;
pub use traffic::SiteTraffic;
pub use traffic::Traffic;
