//! The plan: what the person wants served, complete and free of mistakes.
//!
//! Only `ondol-config` makes plans from text. Whether the machine can carry one out (folders, ports,
//! certificates) is not known here.

pub mod access;
mod app;
pub mod auth;
mod backup;
mod client_auth;
mod compression;
mod error_pages;
mod files;
mod headers;
mod issuance;
mod log;
mod named;
mod passthrough;
mod patience;
mod php;
mod proxy;
mod redirects;
mod request_id;
mod rules;
mod security;
mod template;
mod watch;

use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::app::AppName;
use crate::forwarded::ClientIpHeader;
use crate::host::HostPattern;
use crate::listen::Listener;
use crate::network::Network;
use crate::path::RoutePath;

pub use app::App;
pub use app::AppHealth;
pub use app::AppListen;
pub use app::CronLine;
pub use app::CronMissed;
pub use app::CronOverlap;
pub use app::EnvValue;
pub use app::PhpPool;
pub use app::Ready;
pub use app::SwapKind;
pub use backup::Backup;
pub use backup::BackupTarget;
pub use backup::BandwidthWindow;
pub use backup::Database;
pub use backup::DatabaseSource;
pub use backup::Keep;
pub use backup::Often;
pub use backup::Rest;
pub use backup::S3;
pub use backup::S3Key;
pub use backup::Sftp;
pub use backup::Storage;
pub use backup::Verify;
pub use client_auth::ClientAuth;
pub use client_auth::ClientCertificate;
pub use compression::Compression;
pub use compression::CompressionLevel;
pub use compression::Encoding;
pub use error_pages::ErrorPages;
pub use files::CacheRule;
pub use files::Candidate;
pub use files::Dotfiles;
pub use files::Files;
pub use files::Listing;
pub use files::NamePattern;
pub use files::Precompressed;
pub use files::Symlinks;
pub use headers::HeaderChange;
pub use headers::HeaderRule;
pub use headers::HeaderRules;
pub use headers::Towards;
pub use headers::forbidden;
pub use headers::is_name;
pub use issuance::AcmeIssuer;
pub use issuance::Challenge;
pub use issuance::DnsProvider;
pub use issuance::ExternalAccount;
pub use issuance::Issuance;
pub use issuance::Issuer;
pub use issuance::KnownIssuer;
pub use issuance::Reach;
pub use issuance::SHORT_LIVED;
pub use issuance::Secret;
pub use issuance::TsigAlgorithm;
pub use log::AccessLog;
pub use log::AccessLogFormat;
pub use log::BOX_LOG;
pub use log::LogCompression;
pub use log::LogName;
pub use log::LogTo;
pub use log::Rotation;
pub use log::SECRETS;
pub use log::SecretName;
pub use log::Share;
pub use log::SiteLog;
pub use passthrough::Destination;
pub use passthrough::Passthrough;
pub use passthrough::ProxyVersion;
pub use patience::Patience;
pub use php::Php;
pub use php::PhpVia;
pub use proxy::Failing;
pub use proxy::HealthCheck;
pub use proxy::Proxy;
pub use proxy::Retry;
pub use proxy::SentHost;
pub use proxy::SentPath;
pub use proxy::Server;
pub use proxy::Statuses;
pub use proxy::Via;
pub use redirects::Moved;
pub use redirects::MovedPath;
pub use redirects::MovedPiece;
pub use redirects::MovedTo;
pub use redirects::PathPattern;
pub use redirects::STARS_MAX;
pub use redirects::Stars;
pub use request_id::RequestIdHeader;
pub use rules::BodyKind;
pub use rules::Rules;
pub use rules::Timeouts;
pub use security::Hsts;
pub use security::Security;
pub use template::Piece;
pub use template::Template;
pub use template::TemplateError;
pub use template::Variable;
pub use watch::Alarms;
pub use watch::Care;
pub use watch::Channel;
pub use watch::Escalation;
pub use watch::Health;
pub use watch::Heartbeat;
pub use watch::Hook;
pub use watch::Language;
pub use watch::Person;
pub use watch::PersonName;
pub use watch::Power;
pub use watch::Quiet;
pub use watch::Role;
pub use watch::SiteCheck;
pub use watch::Smtp;
pub use watch::SmtpSecurity;
pub use watch::To;
pub use watch::Topic;
pub use watch::Ups;
pub use watch::Value;
pub use watch::Watch;

/// An accepted configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The name of the box, for people: log lines, pages, alarms.
    pub box_name: String,
    /// The address of the person who runs the box; `None` when not given.
    pub email: Option<String>,
    /// IANA time zone of the box; `None` means the machine's own.
    pub timezone: Option<String>,
    /// Where visitors are accepted.
    pub listen: Listen,
    /// What is kept of requests, and for how long.
    pub access_log: AccessLog,
    /// Certificate files of `[tls]`, offered to every site whose names they cover.
    pub certificates: Vec<CertificateFiles>,
    /// The name servers that are asked before a certificate is ordered; empty means the machine's own.
    pub resolvers: Vec<SocketAddr>,
    /// The sites, in the order of their main names.
    pub sites: Vec<Site>,
    /// The apps, in the order of their names. Every app that a target names is one of them.
    pub apps: Vec<App>,
    /// What is backed up, when and where to.
    pub backup: Backup,
    /// How the box watches itself, and who is told.
    pub care: Care,
}

/// Where visitors are accepted, and which peers are believed about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// For plain HTTP.
    pub http: Vec<Listener>,
    /// For HTTPS.
    pub https: Vec<Listener>,
    /// Peers whose word about the visitor is believed.
    pub trusted_proxies: Vec<Network>,
    /// The header by which they tell who the visitor is.
    pub client_ip_header: ClientIpHeader,
}

/// A certificate chain and its key, as two PEM files.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CertificateFiles {
    /// The certificate and what links it to its root, in PEM.
    pub chain: PathBuf,
    /// The private key in PEM; its file must not be readable by everyone.
    pub key: PathBuf,
}

/// One domain and what it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The main name: the key in the configuration.
    pub name: HostPattern,
    /// Other names of the site.
    pub aliases: Vec<HostPattern>,
    /// What happens to a request for an alias.
    pub alias_answer: AliasAnswer,
    /// Whether the site has HTTPS, or plain HTTP alone.
    pub scheme: Scheme,
    /// The site's own certificate; `None` means one of `[tls]` that covers it, else one by its issuance.
    pub certificate: Option<CertificateFiles>,
    /// How a certificate is got for the names that no file covers.
    pub issuance: Arc<Issuance>,
    /// Which certificates visitors show; `None` means that they are asked for none.
    pub client_auth: Option<ClientAuth>,
    /// The machine that serves the site in place of this one; then it has no certificate here, and at most
    /// one route, of plain HTTP.
    pub passthrough: Option<Passthrough>,
    /// What applies where no route does, and to routes that say nothing else.
    pub rules: Rules,
    /// Paths that have moved; looked at before the routes.
    pub redirects: Vec<MovedPath>,
    /// How it is looked at; `None` means that it is not.
    pub check: Option<SiteCheck>,
    /// The path at which the site says whether the box is well; `None` where it doesn't.
    pub health: Option<RoutePath>,
    /// The routes, longest path first. The site's own target, when it has one, is the route of `/`.
    pub routes: Vec<Route>,
}

impl Site {
    /// The folders with files of this site: those that it serves, and those of its pages. Some may come
    /// several times.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        let routes = self.routes.iter();
        let targets = routes.clone().filter_map(|route| match &route.target {
            Target::Files(files) => Some(files.root.as_path()),
            Target::Respond(respond) => match &respond.body {
                RespondBody::File(file) => file.parent(),
                RespondBody::Text(_) => None,
            },
            Target::Php(php) => Some(php.root.as_path()),
            Target::App(_) | Target::Proxy(_) | Target::Redirect(_) => None,
        });
        let rules = std::iter::once(&self.rules).chain(routes.map(|route| &route.rules));
        let pages = rules.filter_map(|rules| rules.error_pages.as_ref());
        targets.chain(pages.map(|pages| pages.folder.as_path()))
    }

    /// The routes with targets of their own; the others have that of `/`.
    pub fn own_routes(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter().filter(|route| route.base == route.path)
    }

    /// Whether an app answers one of its routes.
    pub fn is_answered_by(&self, app: &AppName) -> bool {
        self.routes
            .iter()
            .any(|route| route.target.app() == Some(app))
    }

    /// The main name and the aliases.
    pub fn names(&self) -> impl Iterator<Item = &HostPattern> {
        std::iter::once(&self.name).chain(&self.aliases)
    }

    /// Whether TLS connections of the site end here.
    pub fn has_tls(&self) -> bool {
        self.scheme == Scheme::Https && self.passthrough.is_none()
    }

    /// Whether requests by plain HTTP are led to HTTPS.
    pub fn leads_to_https(&self) -> bool {
        let is_forwarded = self.passthrough.is_some() && !self.routes.is_empty();
        self.scheme == Scheme::Https && !is_forwarded
    }
}

/// What happens to a request for an alias of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AliasAnswer {
    /// 308 to the main name; the default, and the only answer where the main name is a wildcard is
    /// [`AliasAnswer::Serve`].
    Redirect,
    /// Served like the main name.
    Serve,
}

/// How a site is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// HTTPS, and plain HTTP is redirected to it.
    Https,
    /// Plain HTTP alone.
    Http,
}

impl Scheme {
    /// The word for it in a URL.
    pub fn word(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }
}

/// A path prefix of a site and what answers there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The prefix.
    pub path: RoutePath,
    /// Where the target begins: what follows it is the name of a file in a folder. The route's own path, or `/` for
    /// a route that is answered as its site is.
    pub base: RoutePath,
    /// What applies on the way to the target and back.
    pub rules: Rules,
    /// What answers.
    pub target: Target,
}

/// What answers a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A program that Ondol runs.
    App(AppName),
    /// A folder. The route's path is not part of the names in it.
    Files(Files),
    /// A PHP application.
    Php(Php),
    /// Other servers, asked in turn.
    Proxy(Proxy),
    /// Another address.
    Redirect(Redirect),
    /// A fixed answer.
    Respond(Respond),
}

impl Target {
    /// The servers, if it has some.
    pub fn proxy(&self) -> Option<&Proxy> {
        match self {
            Self::Proxy(proxy) => Some(proxy),
            Self::App(_) | Self::Files(_) | Self::Php(_) | Self::Redirect(_) | Self::Respond(_) => {
                None
            }
        }
    }

    /// The app that answers, be it asked in HTTP or as a pool of PHP.
    pub fn app(&self) -> Option<&AppName> {
        match self {
            Self::App(app) => Some(app),
            Self::Php(php) => match &php.via {
                PhpVia::Pool(app) => Some(app),
                PhpVia::Socket(_) => None,
            },
            Self::Files(_) | Self::Proxy(_) | Self::Redirect(_) | Self::Respond(_) => None,
        }
    }

    /// The key of this target in the configuration.
    pub fn word(&self) -> &'static str {
        match self {
            Self::App(_) => "app",
            Self::Files(_) => "files",
            Self::Php(_) => "php",
            Self::Proxy(_) => "proxy",
            Self::Redirect(_) => "redirect",
            Self::Respond(_) => "respond",
        }
    }
}

/// A redirect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// An absolute URL (`https://…`), or a path beginning with `/`.
    pub to: String,
    /// Whether the path and query of the request are appended.
    pub path: RedirectPath,
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
}

/// What becomes of the path and query of a redirected request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectPath {
    /// They are appended to the new address.
    Keep,
    /// They are dropped.
    Drop,
}

/// A fixed answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Respond {
    /// 200 to 599.
    pub status: u16,
    /// The body.
    pub body: RespondBody,
    /// `Content-Type` of the body; `None` for what the name of its file says.
    pub content_type: Option<String>,
}

impl Respond {
    /// A plain text, in UTF-8.
    pub fn text(status: u16, body: &str) -> Self {
        Self {
            status,
            body: RespondBody::Text(body.to_owned()),
            content_type: Some("text/plain; charset=utf-8".to_owned()),
        }
    }
}

/// The body of a fixed answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RespondBody {
    /// A file, by its absolute path; read for each answer.
    File(PathBuf),
    /// A text; may be empty.
    Text(String),
}
