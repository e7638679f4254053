//! Which server is asked: scheme, host and port of a URL.

use std::fmt;

use http::HeaderValue;
use http::Uri;
use rustls::pki_types::ServerName;

use crate::target::TargetError;
use crate::target::Trouble;

/// A server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// `None` for plain HTTP.
    tls_name: Option<ServerName<'static>>,
    /// Without the brackets of IPv6.
    host: String,
    port: u16,
    /// As `Host` says it: the port only where it is not that of the scheme.
    field: HeaderValue,
}

impl Origin {
    /// The server of a URL, and the URL's path without a slash at its end.
    pub(crate) fn of_url(url: &str) -> Result<(Self, String), TargetError> {
        let bad = |why: &str| {
            let why = format!("its address can't be used: {why}");
            TargetError::new(Trouble::Other, why)
        };
        let uri: Uri = url.parse().map_err(|_| bad("it is no URL"))?;
        let authority = uri.authority().ok_or_else(|| bad("it is no URL"))?;
        if authority.as_str().contains('@') {
            return Err(bad("a user and a password have keys of their own"));
        }
        if uri.query().is_some() {
            return Err(bad("it has a `?`"));
        }
        let is_secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) | None => return Err(bad("it begins with neither https:// nor http://")),
        };
        let origin = Self::new(is_secure, authority.host(), authority.port_u16());
        let origin = origin.ok_or_else(|| bad("its host is no name and no address"))?;
        Ok((origin, uri.path().trim_end_matches('/').to_owned()))
    }

    /// The same server by another name.
    pub(crate) fn with_host(&self, host: &str) -> Option<Self> {
        Self::new(self.is_secure(), host, Some(self.port))
    }

    /// The name or the address, without the brackets of IPv6.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is asked by TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.tls_name.is_some()
    }

    pub(super) fn tls_name(&self) -> Option<&ServerName<'static>> {
        self.tls_name.as_ref()
    }

    /// The value of `Host`.
    pub(crate) fn host_field(&self) -> &HeaderValue {
        &self.field
    }

    fn new(is_secure: bool, host: &str, port: Option<u16>) -> Option<Self> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned()).ok()?;
        let usual = if is_secure { 443 } else { 80 };
        let port = port.unwrap_or(usual);
        let shown = if bare.contains(':') {
            format!("[{bare}]")
        } else {
            bare.to_ascii_lowercase()
        };
        let field = if port == usual {
            shown
        } else {
            format!("{shown}:{port}")
        };
        Some(Self {
            tls_name: is_secure.then_some(name),
            host: bare.to_owned(),
            port,
            field: HeaderValue::from_str(&field).ok()?,
        })
    }
}

/// As people write it.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.field.to_str().unwrap_or(&self.host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lead_to_servers() {
        let check = |url: &str, expected: Result<(&str, u16, &str), &str>| {
            let found = Origin::of_url(url);
            let found = found.map(|(origin, path)| (origin.to_string(), origin.port(), path));
            match (found, expected) {
                (Ok((origin, port, path)), Ok(expected)) => {
                    assert_eq!((&*origin, port, &*path), expected, "{url}");
                }
                (Err(error), Err(expected)) => {
                    assert!(error.what.contains(expected), "{url}: {error}");
                }
                (found, _) => panic!("{url}: {found:?}"),
            }
        };
        check("https://S3.example", Ok(("s3.example", 443, "")));
        check("https://s3.example:443/a/", Ok(("s3.example", 443, "/a")));
        check("http://nas:9000/x", Ok(("nas:9000", 9000, "/x")));
        check("http://[::1]:80/", Ok(("[::1]", 80, "")));
        check(
            "https://192.168.0.1:8000",
            Ok(("192.168.0.1:8000", 8000, "")),
        );
        check("s3.example", Err("https://"));
        check("ftp://s3.example", Err("https://"));
        check("https://a:b@s3.example", Err("keys of their own"));
        check("https://s3.example/?x", Err("`?`"));
        check("https:///x", Err("no URL"));
    }
}
