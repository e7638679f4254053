//! Every limit of the request path, with its reason. Sizes in bytes unless the name says otherwise.

use std::time::Duration;

/// The largest head of a request: request line and headers. Apps rarely send cookies over 8 KiB;
/// more than 16 is an attack or a mistake (431, or 414 for the target alone).
pub const HEAD_BYTES_MAX: usize = 16 * 1024;
/// The most header fields of a request (431).
pub const HEADERS_MAX: usize = 100;
/// The longest request target (414); what other servers accept by default.
pub const TARGET_BYTES_MAX: usize = 8 * 1024;
/// The largest head of an upstream's response (502).
pub const RESPONSE_HEAD_BYTES_MAX: usize = 64 * 1024;
/// The largest request body where a site does not say otherwise (413). Bodies are streamed, so this
/// bounds disk and patience of the app, not memory here.
pub const BODY_BYTES_MAX: u64 = 10 * 1024 * 1024 * 1024;
/// What one read from a visitor or an upstream may take.
pub const READ_BYTES: usize = 16 * 1024;

/// A connection's first byte, and the whole TLS handshake.
pub const HANDSHAKE: Duration = Duration::from_secs(10);
/// The PROXY header of a connection; a proxy sends it at once.
pub const PROXY_HEADER: Duration = Duration::from_secs(5);
/// From the first byte of a request's head to its last.
pub const HEAD: Duration = Duration::from_secs(15);
/// A connection between two requests.
pub const IDLE: Duration = Duration::from_secs(120);
/// A visitor who takes nothing of a response, or sends nothing of a body.
pub const STALL: Duration = Duration::from_secs(60);
/// What a body or an answer must move in each second that its visitor is waited for, on the average of
/// [`STALL`]; a modem of 1985 was faster.
pub const BYTES_PER_SECOND_MIN: u64 = 240;
/// Bytes of answers that the visitors of one core have been given and don't take. Above this, those who
/// have had theirs for longest lose it; what is just on its way is spared up to twice as much.
pub const LENT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// A visitor that has asked and then ended its side of the connection: it has left, or it waits for the
/// answer (`nc -N`). What comes within this time of the end, or of the part before, reaches it; an app does
/// not work for nobody much longer.
pub const HALF_CLOSED: Duration = Duration::from_secs(3);
/// A tunnel (WebSocket) in which nothing moves.
pub const TUNNEL_IDLE: Duration = Duration::from_secs(3600);
/// From the order to stop to the end of the box, and of the last request.
pub const DRAIN: Duration = Duration::from_secs(30);
/// How long a data plane that another has replaced may go on with what it has: a long download ends, and
/// a WebSocket gets time to be opened anew. It costs about ten megabytes meanwhile.
pub const DRAIN_REPLACED: Duration = Duration::from_secs(600);

/// An idle connection to an upstream is kept this long: below the 5 s of Node.js, the shortest
/// keep-alive among common app servers, so that the upstream is not the one to close.
pub const UPSTREAM_IDLE: Duration = Duration::from_secs(4);
/// Idle connections kept per upstream and core.
pub const UPSTREAM_IDLE_CONNECTIONS_MAX: usize = 64;
/// How long a connection to an upstream may take to be made.
pub const UPSTREAM_CONNECT: Duration = Duration::from_secs(3);
/// How long an upstream may take to begin its answer, and between two parts of it.
pub const UPSTREAM_RESPONSE: Duration = Duration::from_secs(60);
/// What is gathered of the body of one request for a script before that is asked: forms, and most pictures.
pub const GATHERED_PER_REQUEST_BYTES_MAX: usize = 1024 * 1024;
/// What is gathered of all of them.
pub const GATHERED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Requests that wait for one app, of all cores: what comes in a few seconds to a site that is not slow. More
/// are told to come back at once.
pub const APP_HELD_MAX: u32 = 1_000;
/// How long a request waits for an app of which nothing is known yet: a box that boots finds its apps, and
/// starts them, within this time.
pub const APP_HELD: Duration = Duration::from_secs(30);
/// How long a request that could not be handed to its app is kept: who runs apps notices within this time that
/// one has ended, and says where another is, or that visitors wait.
pub const APP_UNREACHED: Duration = Duration::from_secs(3);
/// Of those who have waited, as many are let in at a time: an app that has just started is slow, and would have
/// all of them at once.
pub const APP_LET_IN_MAX: usize = 16;

/// Servers that share the requests of one `proxy`: each request may be compared with all of them.
pub const SERVERS_MAX: usize = 64;
/// Apps of one box: each has processes, a log and a folder of its own.
pub const APPS_MAX: usize = 256;
/// Routes of one site: each request is compared with them in turn.
pub const ROUTES_MAX: usize = 1_000;
/// Users of one site or route: they are few people, in a text that is sent whole.
pub const USERS_MAX: usize = 1_000;
/// The memory that the hash of one password may want, in KiB: twice the most that is common, and two are
/// made at once.
pub const PASSWORD_MEMORY_KIB_MAX: u32 = 128 * 1024;
/// The longest password that is hashed; more is refused unseen.
pub const PASSWORD_BYTES_MAX: usize = 1024;
/// Header fields that a site or route may change: each is looked at for each answer.
pub const HEADER_RULES_MAX: usize = 100;
/// Moved paths of one site: an old site with every page of its archive.
pub const REDIRECTS_MAX: usize = 10_000;
/// Those of them with stars: each request is compared with them in turn.
pub const REDIRECT_PATTERNS_MAX: usize = 500;
/// The largest page of an owner for an error, and the largest file of a fixed answer (built-in pages take
/// their place): they are held in memory on their way.
pub const PAGE_BYTES_MAX: u64 = 1024 * 1024;
/// The longest time that a site may set for an upstream: an answer that takes longer is a job.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 3600);

/// Small files kept in memory by one data plane: the pages, scripts and icons of a hundred sites.
pub const FILES_CACHE_BYTES: usize = 64 * 1024 * 1024;
/// The largest file that is kept so; more is read anew for each visitor.
pub const FILES_CACHED_BYTES_MAX: usize = 128 * 1024;
/// How old what is known of a folder's files may be. A change is seen after twice this time at the latest:
/// once for the folder that a path leads to, and once for the file in it.
pub const FILES_KNOWN: Duration = Duration::from_millis(400);
/// Ranges of one request; more are answered with the whole file. Readers of PDFs ask for a dozen.
pub const RANGES_MAX: usize = 32;
/// Entries in the list of a folder; what is beyond is left out, and the page says so.
pub const LISTING_ENTRIES_MAX: usize = 2_000;

/// Connections of one data plane.
pub const CONNECTIONS_MAX: usize = 16_384;
/// Connections from one address (a /64 for version 6).
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 512;
/// Streams at once in one HTTP/2 connection.
pub const H2_STREAMS_MAX: u32 = 128;

/// The largest configuration file; a thousand sites take about 100 KiB.
pub const CONFIG_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Files that `include` may bring in.
pub const CONFIG_FILES_MAX: usize = 1_000;
/// Mistakes that are shown of one configuration.
pub const MISTAKES_MAX: usize = 50;
/// Events kept in the store.
pub const EVENTS_MAX: u32 = 10_000;
/// Events in one answer of the store.
pub const EVENTS_PER_ANSWER_MAX: u32 = 1_000;
/// The subject and the message of an event, each; what is longer is cut.
pub const EVENT_TEXT_BYTES_MAX: usize = 4 * 1024;
/// Questions waiting for the store's thread. Who can't wait for room loses an event, and it is counted.
pub const STORE_QUEUE: usize = 256;
/// How long the store waits for another program that has its file locked (`sqlite3 ondol.db`).
pub const STORE_BUSY: Duration = Duration::from_secs(5);

/// Connections to the admin socket; more wait in its backlog.
pub const ADMIN_CONNECTIONS_MAX: usize = 32;
/// Connections to the addresses where machines ask how the box is.
pub const HEALTH_CONNECTIONS_MAX: usize = 64;
/// Of them, those of one address: a neighbor that hangs must not keep others from asking.
pub const HEALTH_CONNECTIONS_PER_ADDRESS_MAX: usize = 8;
/// The largest body of a request to the admin socket.
pub const ADMIN_BODY_BYTES_MAX: usize = 64 * 1024;
/// The largest answer that a client of the admin socket takes: a thousand sites fill about 1 MiB.
pub const ADMIN_ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The whole of a question to the admin socket; an upgrade waits for a data plane to become ready.
pub const ADMIN_ANSWER: Duration = Duration::from_secs(120);
/// The head of a request to the admin socket.
pub const ADMIN_HEAD: Duration = Duration::from_secs(5);
/// Commands waiting for the agent; each is answered before the next is taken.
pub const ADMIN_COMMANDS: usize = 8;
/// Lines that one core gathers before it hands them to the access log's writer.
pub const ACCESS_LOG_BUFFER_BYTES: usize = 32 * 1024;
/// Such buffers waiting for the writer, of all cores together: 2 MiB. When the writer is further
/// behind, lines are dropped and counted.
pub const ACCESS_LOG_QUEUE: usize = 64;
/// What is kept of a `Referer` or `User-Agent` in the access log; longer ones are cut.
pub const ACCESS_LOG_FIELD_BYTES_MAX: usize = 2 * 1024;
/// A log file of this size makes room for a new one. With those that are kept, compressed to a tenth as
/// logs usually are, a log takes 150 MiB of a small disk; were nothing compressible, 1 GiB.
pub const ACCESS_LOG_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// The smallest size that can be asked for: a file for each handful of requests helps nobody.
pub const ACCESS_LOG_FILE_BYTES_MIN: u64 = 64 * 1024;
/// So does one of this age: whole days are found again by their names.
pub const ACCESS_LOG_FILE_AGE: Duration = Duration::from_secs(24 * 3600);
/// The oldest that a log file can be asked to become.
pub const ACCESS_LOG_FILE_AGE_MAX: Duration = Duration::from_secs(366 * 24 * 3600);
/// Rotated files of each log: two weeks, as Debian keeps those of web servers.
pub const ACCESS_LOG_FILES_KEPT: usize = 14;
/// The most that can be asked for.
pub const ACCESS_LOG_FILES_KEPT_MAX: usize = 10_000;
/// Log files of sites beside the box's own; each is open, and each core has a buffer for it.
pub const ACCESS_LOG_NAMES_MAX: usize = 100;
/// Names of parameters in `redact`.
pub const ACCESS_LOG_SECRETS_MAX: usize = 100;

/// The largest file with a certificate chain or a key. Ten certificates with large RSA keys take
/// about 20 KiB.
pub const CERTIFICATE_BYTES_MAX: u64 = 128 * 1024;
/// Certificates in one file of those who issue certificates to visitors; a handshake names each of them.
pub const CLIENT_AUTHORITIES_MAX: usize = 100;
/// Certificates in one chain: clients refuse longer ones.
pub const CERTIFICATE_CHAIN_MAX: usize = 10;

/// Tries for certificates that are remembered: a hundred days of daily tries for a hundred sites.
pub const TRIES_MAX: u32 = 10_000;
/// Launches of an app that are remembered, of each kind: the deploys of some months beside the starts of as many
/// naps. The one that visitors get is never forgotten.
pub const LAUNCHES_PER_KIND_MAX: u32 = 200;
/// Launches, or runs of cron lines, in one answer of the store.
pub const LAUNCHES_PER_ANSWER_MAX: u32 = 1_000;
/// Runs of an app's cron lines that are remembered: a week of one that runs every five minutes.
pub const CRON_RUNS_PER_APP_MAX: u32 = 2_000;
/// Jobs of backups that are remembered, of each kind at each target: a week of hourly ones. The last good one is never
/// forgotten.
pub const BACKUP_JOBS_PER_KIND_MAX: u32 = 200;
/// Jobs of backups in one answer of the store.
pub const BACKUP_JOBS_PER_ANSWER_MAX: u32 = 1_000;
/// Messages that wait for one channel of one person; they are folded long before. More than that: the oldest give way.
pub const MESSAGES_WAITING_MAX: u32 = 10_000;
/// Messages that don't wait any more and are remembered.
pub const MESSAGES_ENDED_MAX: u32 = 10_000;
/// Messages, and incidents, in one answer of the store.
pub const MESSAGES_PER_ANSWER_MAX: u32 = 1_000;
/// The text of a message; what is longer is cut.
pub const MESSAGE_TEXT_BYTES_MAX: usize = 16 * 1024;
/// Incidents that are over and are remembered.
pub const INCIDENTS_ENDED_MAX: u32 = 2_000;
/// Days for which it is remembered how things were.
pub const WATCH_DAYS_MAX: u32 = 90;
/// Hours for which it is remembered how long answers took: a week.
pub const WATCH_HOURS_MAX: u32 = 7 * 24;
/// Rows of either, of all subjects: those of 2,000 sites, and 30 MB.
pub const WATCH_ROWS_MAX: u32 = 400_000;
/// Backups at a target that are known by name: two years of hourly ones where nothing is ever removed.
pub const BACKUP_CATALOGUE_MAX: u32 = 20_000;
/// Name servers of `resolvers`: two are enough, and each costs a look-up its patience.
pub const RESOLVERS_MAX: usize = 8;
