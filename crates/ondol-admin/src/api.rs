//! The JSON of the admin socket, as both the server and its clients see it. Stable: fields are added,
//! never renamed. The model is not serialized; what it knows is copied here by hand ([`mod@convert`]).

use serde::Deserialize;
use serde::Serialize;

mod apps;
mod backups;
mod certs;
pub mod convert;
mod logs;
mod time;
mod watch;

pub use apps::App;
pub use apps::AppAnswer;
pub use apps::AppCron;
pub use apps::AppCronRun;
pub use apps::AppDetail;
pub use apps::AppInstance;
pub use apps::AppLaunch;
pub use apps::AppRun;
pub use apps::AppState;
pub use apps::Apps;
pub use apps::DeployFrom;
pub use apps::DeployQuestion;
pub use apps::ExecAnswer;
pub use apps::ExecQuestion;
pub use apps::FollowQuery;
pub use apps::Following;
pub use apps::FollowingEnd;
pub use apps::FollowingLine;
pub use apps::RollbackQuestion;
pub use backups::Backup;
pub use backups::BackupAmount;
pub use backups::BackupAnswer;
pub use backups::BackupCredential;
pub use backups::BackupDatabase;
pub use backups::BackupEnd;
pub use backups::BackupFollowQuery;
pub use backups::BackupFollowing;
pub use backups::BackupFound;
pub use backups::BackupJob;
pub use backups::BackupJobs;
pub use backups::BackupJobsQuery;
pub use backups::BackupLine;
pub use backups::BackupPart;
pub use backups::BackupQuestion;
pub use backups::BackupTarget;
pub use backups::BackupTargetQuestion;
pub use backups::Backups;
pub use backups::DatabaseAge;
pub use backups::KeptBeside;
pub use backups::KitAnswer;
pub use backups::KitConfirmedAnswer;
pub use backups::KitQuestion;
pub use backups::LastBackupJob;
pub use backups::ListQuestion;
pub use backups::NextBackupJob;
pub use backups::PruneQuestion;
pub use backups::RestoreAnswer;
pub use backups::RestoreQuestion;
pub use backups::RestoreWhat;
pub use backups::RunningBackupJob;
pub use backups::VerifyQuestion;
pub use certs::Cert;
pub use certs::CertAnswer;
pub use certs::CertProblem;
pub use certs::CertState;
pub use certs::Certs;
pub use certs::LastResult;
pub use certs::PersistQuestion;
pub use certs::RekeyQuestion;
pub use certs::RenewAnswer;
pub use certs::RenewQuestion;
pub use certs::RevocationReason;
pub use certs::RevokeQuestion;
pub use logs::LogLine;
pub use logs::Logs;
pub use logs::LogsQuery;
pub use time::Time;
pub use time::TimeError;
pub use watch::AlarmAckQuestion;
pub use watch::AlarmAnswer;
pub use watch::AlarmMessage;
pub use watch::AlarmSeverity;
pub use watch::AlarmSilenceQuestion;
pub use watch::AlarmTestAnswer;
pub use watch::AlarmTestQuestion;
pub use watch::Alarms;
pub use watch::AlarmsQuery;
pub use watch::HealthState;
pub use watch::Incident;
pub use watch::PowerSource;
pub use watch::Watch;
pub use watch::WatchChannel;
pub use watch::WatchHeartbeat;
pub use watch::WatchPerson;
pub use watch::WatchPower;
pub use watch::WatchSubject;

/// `GET /status`: the box at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The name of the box.
    pub box_name: String,
    /// The time zone that times are told in, by its IANA name; `None` for the machine's own.
    #[serde(default)]
    pub timezone: Option<String>,
    /// The version of Ondol that the agent is.
    pub version: String,
    /// The agent's process.
    pub pid: u32,
    /// Since when the agent runs; an upgrade in place begins anew.
    pub started_at: Time,
    /// The number of the accepted configuration; grows with each accepted reload.
    pub revision: u64,
    /// The path of the configuration file.
    pub configuration: String,
    /// The last reload that was asked for; `None` when there was none since the start.
    pub last_reload: Option<LastReload>,
    /// Whether the last good configuration is served because the file is broken.
    pub on_last_good: bool,
    /// Why that is so; `None` when it is not.
    pub on_last_good_reason: Option<String>,
    /// The data plane that serves new visitors; `None` while there is none.
    pub generation: Option<u64>,
    /// Every data plane, the oldest first.
    pub generations: Vec<Generation>,
    /// Where visitors are accepted.
    pub listeners: Vec<Listener>,
    /// How many sites are served.
    pub sites: usize,
    /// How many certificates are held.
    pub certificates: usize,
    /// How many sites have a certificate of Ondol's own CA only until an issuer gives one.
    #[serde(default)]
    pub stand_ins: usize,
    /// What is wrong with certificates, those of issuers and those in files.
    #[serde(default)]
    pub certificate_problems: Vec<CertProblem>,
    /// Open connections of all data planes.
    pub connections: u64,
    /// Requests since the agent's start.
    pub requests: u64,
    /// Lines of access logs that were lost since then, because the disk was full or too slow.
    #[serde(default)]
    pub log_lines_dropped: u64,
    /// Servers behind the sites: those that share requests, or are asked for their health.
    #[serde(default)]
    pub servers: Vec<Server>,
    /// The apps, in the order of their names.
    #[serde(default)]
    pub apps: Vec<App>,
    /// How backups are.
    #[serde(default)]
    pub backups: Backups,
    /// How everything is, what is wrong, and who is told.
    #[serde(default)]
    pub watch: Watch,
    /// What the owner should know: what can't be enforced on this machine, what needs a look.
    pub warnings: Vec<String>,
    /// The parts of the agent.
    pub services: Vec<Service>,
}

/// How the last reload went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LastReload {
    /// When.
    pub at: Time,
    /// What came of it, as a sentence.
    pub outcome: String,
}

/// A data plane process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generation {
    /// Its number.
    pub number: u64,
    /// Its process.
    pub pid: u32,
    /// What it does.
    pub state: GenerationState,
    /// Since when it does that.
    pub since: Time,
    /// Its open connections.
    pub connections: u64,
    /// Requests that it has answered.
    pub requests: u64,
    /// The version of Ondol that it is.
    pub version: String,
}

/// What a data plane does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GenerationState {
    /// It is not ready yet.
    Starting,
    /// It serves.
    Ready,
    /// It finishes what it has, and takes nothing new.
    Draining,
}

impl GenerationState {
    /// The word for it, as in the JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Draining => "draining",
        }
    }
}

/// A server behind a site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// Its address, as the configuration has it.
    pub address: String,
    /// The sites that use it, by their main names.
    pub sites: Vec<String>,
    /// The requests that it has at the moment; not counted where it is alone.
    pub requests: u64,
    /// Why it is down; `None` while it is up.
    pub trouble: Option<String>,
}

/// An address that accepts visitors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listener {
    /// The address with its real port, also where the configuration leaves it to the system.
    pub address: String,
    /// `http` or `https`.
    pub protocol: String,
}

/// A part of the agent that is started again when it fails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// `running`, `waiting` (for its restart), `failed` or `stopped`.
    pub state: String,
    /// Since when it is so.
    pub since: Time,
    /// How often it was started again.
    pub restarts: u64,
    /// Why it ended last; `None` when it never did.
    pub last_error: Option<String>,
}

/// `GET /sites`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Sites {
    /// The sites, in the order of their names.
    pub sites: Vec<Site>,
}

/// A site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Site {
    /// Its main name.
    pub name: String,
    /// Its other names.
    pub aliases: Vec<String>,
    /// Whether those are served like the main name; otherwise their visitors are redirected to it.
    #[serde(default)]
    pub serves_aliases: bool,
    /// `https`, or `http` for plain HTTP alone.
    pub scheme: String,
    /// Addresses of the box that answer for it.
    pub listens: Vec<String>,
    /// Its routes, the longest path first.
    pub routes: Vec<Route>,
    /// The certificate that its visitors get; `None` for plain HTTP, or while there is none.
    pub certificate: Option<SiteCertificate>,
    /// How it is, where it is looked at.
    #[serde(default)]
    pub health: Option<SiteHealth>,
}

/// How a site is when the box asks it as a visitor does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SiteHealth {
    /// How it is.
    pub state: HealthState,
    /// Since when.
    pub since: Time,
    /// What was found, as a sentence; empty when it is well.
    pub sentence: String,
    /// How long the last answer took, in milliseconds.
    pub took_ms: Option<u32>,
    /// The share of the last 30 days that it was well, of those in which that was known; 0 to 1.
    pub uptime: Option<f64>,
}

/// A route of a site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// The path that it begins at.
    pub path: String,
    /// `files`, `proxy`, `redirect` or `respond`; or `passthrough`, where it is no path that decides but the
    /// name that a TLS connection asks for.
    pub target: String,
    /// Where that is: a folder, the upstreams, an address, a status.
    pub to: String,
}

/// The certificate of a site, in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SiteCertificate {
    /// Who vouches for the site.
    pub issuer: String,
    /// Its last second.
    pub expires: Time,
    /// `internal` for Ondol's own CA, `acme` for an issuer, or the file that it was read from.
    pub source: String,
    /// What the configuration calls the issuer; `internal` for Ondol's own CA, `None` for a file.
    #[serde(default)]
    pub issuer_name: Option<String>,
    /// Whether it is used only until an issuer gives the one that is wanted.
    #[serde(default)]
    pub stand_in: bool,
    /// What is done to get another.
    #[serde(default)]
    pub state: CertState,
    /// When something is to be done next; see [`Cert::next_at`].
    #[serde(default)]
    pub next_at: Option<Time>,
}

/// The query of `GET /events`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    /// How many at most; `None` means 50, and never more than 1,000 come.
    pub limit: Option<u32>,
    /// Only those older than the event of this number.
    pub before: Option<i64>,
    /// Only those with this in their subject.
    #[serde(default)]
    pub subject: Option<String>,
    /// Only those of this kind, or of all kinds whose words begin with it and a hyphen (`backup` of `backup-taken`).
    #[serde(default)]
    pub kind: Option<String>,
    /// Only those that are not older than this.
    #[serde(default)]
    pub since: Option<Time>,
}

/// `GET /events`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Events {
    /// The events, the newest first.
    pub events: Vec<Event>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its number; later events have larger ones.
    pub id: i64,
    /// When.
    pub at: Time,
    /// What kind of thing, as one word.
    pub kind: String,
    /// What it happened to; empty for the box itself.
    pub subject: String,
    /// A sentence about it.
    pub message: String,
}

/// The answer to `POST /reload`: status 200 when accepted, 422 when not.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ReloadAnswer {
    /// Whether the configuration was taken up; if not, the one before it is served on.
    pub accepted: bool,
    /// The number of the configuration that is served now.
    pub revision: u64,
    /// What is different from before; empty when not accepted.
    pub changes: Changes,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Every mistake as text for a terminal, without color; empty when accepted.
    pub mistakes: String,
    /// Every mistake as values; empty when accepted.
    pub mistakes_list: Vec<Mistake>,
}

/// What a reload changed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Changes {
    /// Sites that are new.
    pub added: Vec<String>,
    /// Sites that are gone.
    pub removed: Vec<String>,
    /// Sites that are different.
    pub changed: Vec<String>,
    /// What is different of apps.
    #[serde(default)]
    pub apps: AppChanges,
    /// Whether the addresses to listen on are different.
    pub listeners: bool,
    /// Whether what is backed up, when or where to is different.
    #[serde(default)]
    pub backup: bool,
    /// Whether how the box watches itself, or who is told, is different.
    #[serde(default)]
    pub care: bool,
    /// Whether something else is different.
    pub settings: bool,
}

/// What a reload changed of apps.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AppChanges {
    /// Apps that are new.
    pub added: Vec<String>,
    /// Apps that are gone.
    pub removed: Vec<String>,
    /// Apps that are different.
    pub changed: Vec<String>,
}

/// A mistake in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mistake {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 when it is about the file as a whole.
    pub line: usize,
    /// The column, from 1; 0 when it is about the file as a whole.
    pub column: usize,
    /// What is wrong.
    pub problem: String,
    /// What would be right; `None` when there is nothing to add.
    pub help: Option<String>,
}

/// The body of `POST /upgrade`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpgradeQuestion {
    /// The absolute path of the new binary, as the agent sees it.
    pub file: String,
}

/// The answer to `POST /upgrade`: status 200 when accepted, 422 when not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UpgradeAnswer {
    /// Whether the agent becomes the new binary; if not, nothing has changed.
    pub accepted: bool,
    /// What happens now, or why not, as a sentence.
    pub message: String,
    /// The version of the new binary; `None` when it did not tell.
    pub version: Option<String>,
}

/// The body of every other answer that is not 200.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What is wrong, as a sentence.
    pub message: String,
}
