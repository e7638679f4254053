//! The flags of verbs about alarms.

use clap::Args;
use clap::Subcommand;

use super::ShowFlags;
use crate::span;

/// What `ondol alarm` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum AlarmCommand {
    /// Send people a message by each of their channels, and wait until it has arrived
    Test(AlarmTestFlags),
    /// List what is wrong, who was told and who answered, and the messages that wait
    List(AlarmListFlags),
    /// Say that somebody looks after what is wrong: nobody else is called, and nobody reminded
    Ack(AckFlags),
    /// Tell nobody of something, or of anything, for a while; looking goes on
    Silence(SilenceFlags),
}

/// Flags of `ondol alarm test`.
#[derive(Debug, Args)]
#[command(after_help = TESTED)]
pub(crate) struct AlarmTestFlags {
    /// Whom [default: everybody]
    #[arg(value_name = "PERSON")]
    pub(crate) person: Option<String>,
    #[command(flatten)]
    pub(crate) show: ShowFlags,
}

const TESTED: &str = "\
Exit codes: 0 everybody was reached by one channel at least; 1 somebody was not, with the reason in the table; 2 wrong \
usage; 3 no Ondol is running.";

/// Flags of `ondol alarm list`.
#[derive(Debug, Args)]
pub(crate) struct AlarmListFlags {
    /// Also what is over, and messages that have arrived
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) show: ShowFlags,
}

/// Flags of `ondol alarm ack`.
#[derive(Debug, Args)]
pub(crate) struct AckFlags {
    /// The number of the incident, from `ondol alarm list` [default: all that are open]
    #[arg(value_name = "ID")]
    pub(crate) incident: Option<i64>,
    /// Who looks after it [default: the owner at the box]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    #[command(flatten)]
    pub(crate) show: ShowFlags,
}

/// Flags of `ondol alarm silence`.
#[derive(Debug, Args)]
pub(crate) struct SilenceFlags {
    /// What, as `ondol status --verbose` calls it: `site:blog.example.com`, or the name alone [default: everything]
    #[arg(value_name = "SUBJECT")]
    pub(crate) subject: Option<String>,
    /// For how long: `30m`, `2h`, `1d`
    #[arg(long = "for", value_name = "TIME", value_parser = span::parse, required_unless_present = "off")]
    pub(crate) seconds: Option<u64>,
    /// End the silence; without a subject, all of them
    #[arg(long, conflicts_with = "seconds")]
    pub(crate) off: bool,
    #[command(flatten)]
    pub(crate) show: ShowFlags,
}
