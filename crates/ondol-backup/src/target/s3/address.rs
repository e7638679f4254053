//! Where a bucket is asked: by its name in the path, or in the host.

use std::fmt;
use std::fmt::Write as _;

use super::TargetError;
use super::Trouble;
use crate::http::Origin;

/// Services that want the bucket's name in the host. All others take it in the path too, and servers in the house
/// take nothing else: the same rule as that of restic, so that both find the same repository.
const WITH_BUCKET_IN_HOST: [&str; 4] = [
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".aliyuncs.com",
    ".myqcloud.com",
];

/// Where the objects of a repository are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    origin: Origin,
    bucket: String,
    /// What names of objects begin with: empty, or with a slash at the end.
    prefix: String,
    /// The path of the bucket itself, encoded.
    bucket_path: String,
}

/// Whether a slash stays one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slash {
    Kept,
    Encoded,
}

impl Address {
    pub(super) fn new(endpoint: &str, bucket: &str, prefix: &str) -> Result<Self, TargetError> {
        let (origin, path) = Origin::of_url(endpoint)?;
        let prefix = match prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        // Consoles show addresses with the bucket in them, which people copy.
        let is_in_host = origin
            .host()
            .strip_prefix(bucket)
            .is_some_and(|rest| rest.starts_with('.') && rest.len() > 1);
        let (origin, bucket_path) = if is_in_host {
            (origin, format!("{path}/"))
        } else if wants_bucket_in_host(&origin, bucket) {
            let host = format!("{bucket}.{}", origin.host());
            let origin = origin.with_host(&host).ok_or_else(|| {
                let what = format!("`{bucket}` can't be the name of a bucket");
                TargetError::new(Trouble::Other, what)
            })?;
            (origin, format!("{path}/"))
        } else {
            let bucket = encoded(bucket, Slash::Encoded);
            (origin, format!("{path}/{bucket}"))
        };
        Ok(Self {
            origin,
            bucket: bucket.to_owned(),
            prefix,
            bucket_path,
        })
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(super) fn bucket(&self) -> &str {
        &self.bucket
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn bucket_path(&self) -> &str {
        &self.bucket_path
    }

    /// The path of an object of the repository, encoded.
    pub(super) fn object_path(&self, object: &str) -> String {
        let bucket = self.bucket_path.trim_end_matches('/');
        let prefix = encoded(&self.prefix, Slash::Kept);
        format!("{bucket}/{prefix}{object}")
    }
}

/// As people write it: `s3.example/bucket/prefix`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            origin,
            bucket,
            prefix,
            bucket_path,
        } = self;
        let is_in_host = bucket_path.ends_with('/');
        if is_in_host {
            write!(f, "{origin}")?;
        } else {
            write!(f, "{origin}/{bucket}")?;
        }
        match prefix.trim_end_matches('/') {
            "" => Ok(()),
            prefix => write!(f, "/{prefix}"),
        }
    }
}

/// A text as it stands in a URL (RFC 3986 §2.3), and as signatures want it.
pub(super) fn encoded(text: &str, slash: Slash) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if is_plain || (byte == b'/' && slash == Slash::Kept) {
            encoded.push(char::from(byte));
        } else {
            let _infallible = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn wants_bucket_in_host(origin: &Origin, bucket: &str) -> bool {
    // No certificate is for two names before the service's.
    let fits_certificate = !(origin.is_secure() && bucket.contains('.'));
    let host = origin.host().to_ascii_lowercase();
    fits_certificate && WITH_BUCKET_IN_HOST.iter().any(|end| host.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_asked_where_their_services_want_it() {
        let check = |endpoint: &str, bucket: &str, prefix: &str, expected: &str| {
            let address = Address::new(endpoint, bucket, prefix).unwrap();
            let object = address.object_path("config");
            let found = format!("{} {} {object}", address.origin, address.bucket_path());
            assert_eq!(found, expected, "{endpoint} {bucket} {prefix}");
        };
        let amazon = "https://s3.eu-central-1.amazonaws.com";
        check(amazon, "b", "", "b.s3.eu-central-1.amazonaws.com / /config");
        check(
            amazon,
            "b",
            "a b/c",
            "b.s3.eu-central-1.amazonaws.com / /a%20b/c/config",
        );
        check(
            amazon,
            "b.c",
            "",
            "s3.eu-central-1.amazonaws.com /b.c /b.c/config",
        );
        check(
            "https://b.s3.amazonaws.com/",
            "b",
            "x",
            "b.s3.amazonaws.com / /x/config",
        );
        check(
            "https://b.fr-par.scw.cloud",
            "b",
            "",
            "b.fr-par.scw.cloud / /config",
        );
        check(
            "https://s3.fr-par.scw.cloud",
            "b",
            "",
            "s3.fr-par.scw.cloud /b /b/config",
        );
        check(
            "http://127.0.0.1:9000",
            "b",
            "",
            "127.0.0.1:9000 /b /b/config",
        );
        check(
            "http://localhost:9000/",
            "b",
            "/x/",
            "localhost:9000 /b /b/x/config",
        );
        check("http://nas/s3/", "b", "", "nas /s3/b /s3/b/config");
        check("http://nas/s3/", "nas", "", "nas /s3/nas /s3/nas/config");
    }

    #[test]
    fn people_read_where_a_repository_is() {
        let shown = |endpoint, prefix| {
            let address = Address::new(endpoint, "b", prefix);
            address.unwrap().to_string()
        };
        assert_eq!(shown("http://nas:9000", ""), "nas:9000/b");
        assert_eq!(shown("http://nas:9000", "box/"), "nas:9000/b/box");
        let amazon = "https://s3.amazonaws.com";
        assert_eq!(shown(amazon, "box"), "b.s3.amazonaws.com/box");
    }

    #[test]
    fn texts_in_urls_are_plain() {
        assert_eq!(encoded("a/b+ä~", Slash::Kept), "a/b%2B%C3%A4~");
        assert_eq!(encoded("a/b=", Slash::Encoded), "a%2Fb%3D");
    }
}
