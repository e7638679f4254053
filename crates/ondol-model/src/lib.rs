//! The words of Ondol and its decisions: values in, values out.
//!
//! This crate does no I/O. It knows nothing of async, clocks, files, serde or SQL, and its types are
//! not serializable on purpose: each surface has its own, and converts by hand.
//!
//! # Glossary
//!
//! | word | meaning |
//! |---|---|
//! | box | the machine, and the whole configuration of it |
//! | plan | an accepted configuration; it cannot be wrong |
//! | site | one domain and what it serves; its key in the file is its main name |
//! | alias | another name of a site, redirected to the main name or served beside it |
//! | route | a path prefix of a site with its own target |
//! | target | what answers: `app`, `files`, `php`, `proxy`, `redirect` or `respond` |
//! | app | a program that Ondol runs; its key in the file is its name |
//! | release | one version of an app's files, in a folder of its own; numbers only grow |
//! | launch | the processes of one release with one set of settings, started together; numbers only grow |
//! | instance | one running process of a launch: `web.1`, `worker.1` |
//! | swap | how one launch takes the place of another: `overlap`, `hold` or `restart` |
//! | deploy | making a release and launching it |
//! | endpoint | what the visitors of an app get now: its servers, or a wait, or a page |
//! | backup | what one run saved: a snapshot of each part, and a manifest, which makes it count |
//! | part | `box`, `databases`, `apps`, `files`: in this order saved, and put back |
//! | repository | where backups are, in restic's format: a folder, a bucket, a REST server, another machine |
//! | proof | a part of a backup read back, restored, or started, and found to be right |
//! | kit | what is needed to get everything back on another machine, on paper |
//! | claim | which box may write to a repository; the newest counts |
//! | subject | something that is watched: a site, a disk, the internet; well or not |
//! | incident | what is wrong from one cause, from its begin to its end |
//! | person | somebody who is told when something is wrong, by one or several channels |
//! | notice | what a person is told once; one message by each channel, kept in the outbox until it is delivered |
//! | heartbeat | a report that a job lives; its absence is the alarm |
//! | upstream | the address that a `proxy` target forwards to |
//! | listener | an address that accepts visitors, for `http` or `https` |
//! | agent | the control process: configuration, certificates, sockets, state |
//! | data plane | the process that serves visitors (`ondol serve`) |
//! | generation | one data plane process; numbers only grow |
//! | snapshot | all that a data plane needs to serve, as one immutable value |
//! | reload | taking up a changed configuration; each accepted one has a revision |

pub mod app;
pub mod backup;
pub mod balance;
pub mod base64;
pub mod caa;
pub mod certificate;
pub mod diff;
pub mod event;
pub mod forwarded;
pub mod health;
pub mod host;
pub mod issuing;
pub mod latency;
pub mod limits;
pub mod listen;
pub mod network;
pub mod pace;
pub mod password;
pub mod path;
pub mod plan;
pub mod rewrite;
pub mod route;
pub mod upstream;
pub mod watch;

pub use app::AppName;
pub use host::HostPattern;
pub use host::Hostname;
pub use plan::Plan;
pub use plan::Site;
pub use plan::Target;

/// What Ondol calls itself where it asks others by HTTP.
pub const USER_AGENT: &str = concat!("ondol/", env!("CARGO_PKG_VERSION"));
