//! The whole box: the real binary with real sockets, as the person who runs it sees it.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that can't go on must fail, its files and threads end with it, and what it skipped is told"
)]

mod agent;
mod alarms;
mod answers;
mod apps;
mod attackers;
mod backup;
mod bad_input;
mod differential;
mod edges;
mod files;
mod harness;
mod heartbeats;
#[expect(dead_code, reason = "what starts issuers has more users than this")]
#[path = "../issuers/lib.rs"]
mod issuers;
mod issuing;
mod jobs;
mod login;
mod logs;
mod migration;
mod owner;
mod peers;
mod php;
mod recover;
mod reload;
mod scraped;
mod serving;
mod surroundings;
mod takeover;
mod trouble;
mod upstreams;
mod watch;
mod words;
