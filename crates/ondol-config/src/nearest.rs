//! The word that was probably meant.

/// Longer texts are no typing error of a known word.
const WORD_BYTES_MAX: usize = 64;

/// The word most like the given one, when it is close enough to be meant.
pub(crate) fn nearest<'w>(given: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    if given.len() > WORD_BYTES_MAX {
        return None;
    }
    let given = given.to_lowercase().replace('-', "_");
    let distances = words.map(|word| (strsim::damerau_levenshtein(&given, word), word));
    let (distance, word) = distances.min()?;
    let most = 1 + word.chars().count() / 4;
    (distance <= most && distance < given.chars().count()).then_some(word)
}

/// What keys of ours are called by other servers, and by other programs that get certificates.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("access_key", "key"),
    ("access_key_id", "key"),
    ("acme", "tls"),
    ("acme_ca", "issuers"),
    ("acme_ca_root", "root"),
    ("acme_dns", "dns"),
    ("acme_eab", "account"),
    ("acme_issuer", "issuers"),
    ("add_header", "headers"),
    ("address", "url"),
    ("after_backup", "after"),
    ("api_token", "token"),
    ("apitoken", "token"),
    ("auth_basic", "basic_auth"),
    ("auth_request", "forward_auth"),
    ("authtype", "basic_auth"),
    ("autoindex", "listing"),
    ("aws_access_key_id", "key"),
    ("aws_secret_access_key", "secret"),
    ("b2", "s3"),
    ("before_backup", "before"),
    ("bind", "listen"),
    ("browse", "listing"),
    ("build_command", "build"),
    ("bwlimit", "bandwidth"),
    ("ca", "directory"),
    ("ca", "issuers"),
    ("ca_root", "root"),
    ("cacertificates", "root"),
    ("caserver", "directory"),
    ("caserver", "issuers"),
    ("cert_issuer", "issuers"),
    ("certificate_authority", "issuers"),
    ("certificatesresolvers", "tls"),
    ("certresolver", "tls"),
    ("challenges", "challenge"),
    ("check", "verify"),
    ("checks", "verify"),
    ("client_max_body_size", "limits"),
    ("cmd", "run"),
    ("command", "run"),
    ("consistency", "verify"),
    ("contact", "email"),
    ("cpuquota", "cpu"),
    ("cpus", "cpu"),
    ("cron", "at"),
    ("crontab", "cron"),
    ("cwd", "dir"),
    ("depends_on", "after"),
    ("deploy_timeout", "start_timeout"),
    ("destination", "to"),
    ("destinations", "to"),
    ("dir", "local"),
    ("dns_challenge", "dns"),
    ("dns_provider", "dns"),
    ("dnschallenge", "dns"),
    ("document_root", "root"),
    ("documentroot", "files"),
    ("documentroot", "root"),
    ("drain", "drain_timeout"),
    ("eab", "account"),
    ("eab_hmac_key", "account"),
    ("eab_hmac_key", "hmac_key"),
    ("eab_key_id", "account"),
    ("eab_key_id", "key_id"),
    ("eab_kid", "account"),
    ("eab_kid", "key_id"),
    ("encode", "compression"),
    ("encryption_passphrase", "password"),
    ("env_file", "env_files"),
    ("environment", "env"),
    ("environmentfile", "env_files"),
    ("error_page", "error_pages"),
    ("errordocument", "error_pages"),
    ("exclude_patterns", "exclude"),
    ("excluded", "exclude"),
    ("excludes", "exclude"),
    ("execstart", "run"),
    ("expires", "cache_control"),
    ("external_account", "account"),
    ("external_account_binding", "account"),
    ("external_account_key", "account"),
    ("fastcgi_index", "index"),
    ("fastcgi_pass", "php"),
    ("fastcgi_pass", "socket"),
    ("file_server", "files"),
    ("files", "include"),
    ("folder", "local"),
    ("forget", "keep"),
    ("gzip", "compression"),
    ("healthcheck", "health"),
    ("hmac", "hmac_key"),
    ("hmacencoded", "hmac_key"),
    ("hook_before", "before"),
    ("hostname", "host"),
    ("httpchallenge", "challenge"),
    ("ignore", "exclude"),
    ("includes", "include"),
    ("includesubdomains", "subdomains"),
    ("interval", "at"),
    ("jobs", "cron"),
    ("keep_daily", "keep"),
    ("keep_hourly", "keep"),
    ("keep_last", "keep"),
    ("keep_monthly", "keep"),
    ("keep_releases", "releases"),
    ("keep_weekly", "keep"),
    ("keep_yearly", "keep"),
    ("keyfile", "identity"),
    ("keyid", "key_id"),
    ("kid", "key_id"),
    ("kill_timeout", "stop_timeout"),
    ("label", "name"),
    ("lb_policy", "balance"),
    ("limit_upload", "bandwidth"),
    ("limitrequestbody", "limits"),
    ("location", "routes"),
    ("mac_key", "hmac_key"),
    ("mariadb", "mysql"),
    ("max_children", "children"),
    ("max_memory_restart", "memory"),
    ("mem_limit", "memory"),
    ("memorymax", "memory"),
    ("minio", "s3"),
    ("nameserver", "server"),
    ("numprocs", "instances"),
    ("passphrase", "password"),
    ("password_file", "password"),
    ("path", "root"),
    ("paths", "include"),
    ("pg", "postgres"),
    ("php_admin_value", "ini"),
    ("php_fastcgi", "php"),
    ("php_value", "ini"),
    ("pids_limit", "tasks"),
    ("pm.max_children", "children"),
    ("post", "after"),
    ("post_hook", "after"),
    ("postgresql", "postgres"),
    ("pre", "before"),
    ("pre_hook", "before"),
    ("preferred_challenges", "challenge"),
    ("preferred_profile", "profile"),
    ("private_key", "identity"),
    ("process_types", "processes"),
    ("proxy_pass", "proxy"),
    ("proxy_set_header", "request_headers"),
    ("proxypass", "proxy"),
    ("prune", "keep"),
    ("ratelimit", "bandwidth"),
    ("readwritepaths", "write"),
    ("release_command", "release"),
    ("replicas", "instances"),
    ("repo", "git"),
    ("repo", "to"),
    ("repositories", "to"),
    ("repository", "git"),
    ("repository", "to"),
    ("required_profile", "profile"),
    ("requires", "after"),
    ("resolver", "resolvers"),
    ("rest_server", "rest"),
    ("retention", "keep"),
    ("reverse_proxy", "proxy"),
    ("rewrite", "redirects"),
    ("root", "files"),
    ("root_ca", "root"),
    ("schedule", "at"),
    ("schedule", "cron"),
    ("secret_access_key", "secret_key"),
    ("secret_access_key", "secret"),
    ("secret_key", "secret"),
    ("server", "directory"),
    ("server_name", "aliases"),
    ("serveralias", "aliases"),
    ("source_directories", "include"),
    ("sources", "include"),
    ("ssh", "sftp"),
    ("ssl_certificate", "certificate"),
    ("ssl_client_certificate", "client_ca"),
    ("ssl_trusted_certificate", "root"),
    ("start", "run"),
    ("stop_grace_period", "stop_timeout"),
    ("strategy", "swap"),
    ("target", "to"),
    ("targets", "to"),
    ("tasksmax", "tasks"),
    ("timeoutstartsec", "start_timeout"),
    ("timeoutstopsec", "stop_timeout"),
    ("tlschallenge", "challenge"),
    ("trusted_roots", "root"),
    ("try_files", "try"),
    ("tsig_algorithm", "algorithm"),
    ("tsig_key", "key_name"),
    ("tsig_secret", "key"),
    ("tz", "timezone"),
    ("upload_rate_limit", "bandwidth"),
    ("upstream", "proxy"),
    ("uri", "directory"),
    ("uri", "path"),
    ("uri", "url"),
    ("url", "directory"),
    ("url", "path"),
    ("username", "user"),
    ("volumes", "write"),
    ("workdir", "dir"),
    ("workers", "instances"),
    ("working_dir", "dir"),
    ("working_directory", "dir"),
    ("workingdirectory", "dir"),
];

/// Keys of others that have none here in their place, and what to know instead.
const NEEDLESS: &[(&str, &str)] = &[
    ("accept_terms_of_service", AGREED),
    ("agree_tos", AGREED),
    ("auto_https", BY_ITSELF),
    ("key_type", "every certificate has a new key, ECDSA P-256"),
    ("keytype", "every certificate has a new key, ECDSA P-256"),
    ("must_staple", "browsers and issuers have given up OCSP"),
    ("on_demand", BEFOREHAND),
    ("on_demand_tls", BEFOREHAND),
    ("renew_before", RENEWED),
    ("renewal_window_ratio", RENEWED),
    ("staging", STAGING),
    ("state_path", KEPT),
    ("storage", KEPT),
];
const KEPT: &str = "accounts and certificates are in Ondol's own folder (`ondol run --state`)";
const AGREED: &str = "whoever asks an issuer for a certificate agrees to its terms";
const BY_ITSELF: &str = "every site has HTTPS, and plain HTTP is redirected to it; `https = false` in a site turns that off";
const BEFOREHAND: &str = "certificates are got before anyone asks for them, for every name of the sites; a wildcard (`*.example.com`) is for names that nobody knows yet";
const STAGING: &str = "issuers = [\"letsencrypt-staging\"] asks Let's Encrypt's staging alone; after a failure it is tried first by itself";
const RENEWED: &str =
    "certificates are renewed when their issuers say, or at a third of their time";

/// Our key for what another server calls so, of those that are accepted.
pub(crate) fn elsewhere_called(
    given: &str,
    is_accepted: impl Fn(&str) -> bool,
) -> Option<&'static str> {
    let given = canonical(given);
    let mut words = OTHER_WORDS.iter();
    words
        .find(|(theirs, ours)| *theirs == given && is_accepted(ours))
        .map(|(_, ours)| *ours)
}

/// What to know where a key of another server has none of ours in its place.
pub(crate) fn needless(given: &str) -> Option<&'static str> {
    let given = canonical(given);
    let mut words = NEEDLESS.iter();
    words
        .find(|(theirs, _)| *theirs == given)
        .map(|(_, why)| *why)
}

fn canonical(given: &str) -> String {
    given.to_ascii_lowercase().replace('-', "_")
}

/// A text of a file as messages repeat it: short, and on one line.
pub(crate) fn repeated(text: &str) -> String {
    let mut shown: String = text.chars().take(WORD_BYTES_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    let is_plain = |c: char| {
        !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    shown
        .chars()
        .map(|c| if is_plain(c) { c } else { '\u{fffd}' })
        .collect()
}
