//! A file as it was found: what tells it from others, and the headers that go with it.

use std::cell::OnceCell;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::header;
use ondol_base::clock;
use ondol_model::plan::Files;
use rustix::fs::Stat;

use super::content_type;
use super::encoding::Accepted;
use super::encoding::Encoding;
use super::find::FoundFile;
use super::validators::Validators;

/// A file as it is, and as it is compressed beside it.
#[derive(Debug)]
pub(super) struct Document {
    /// At least one; the first is the file as it is.
    pub(super) versions: Vec<Version>,
}

/// A file that can be sent.
#[derive(Debug)]
pub(super) struct Version {
    /// Below the root.
    pub(super) name: Box<str>,
    pub(super) size: u64,
    pub(super) validators: Validators,
    pub(super) content_type: HeaderValue,
    encoding: Option<Encoding>,
    identity: Identity,
    length: HeaderValue,
    cache_control: Option<HeaderValue>,
    /// Whether another version is sent to visitors who accept other encodings.
    varies: bool,
    memory: OnceCell<Memory>,
}

/// All bytes of a file.
#[derive(Debug, Clone)]
struct Memory {
    bytes: Bytes,
    read_at: SystemTime,
}

/// What changes when a file changes, or when another one takes its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    size: i64,
    modified: (i64, i128),
    changed: (i64, i128),
}

/// Times of files move in steps of some milliseconds, so a file that was read right after it changed may
/// have changed again without a trace. What was read this long after is sure.
const SETTLED: Duration = Duration::from_secs(2);

impl Identity {
    pub(super) fn of(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: stat.st_size,
            modified: (stat.st_mtime, i128::from(stat.st_mtime_nsec)),
            changed: (stat.st_ctime, i128::from(stat.st_ctime_nsec)),
        }
    }

    fn is_settled(&self, at: SystemTime) -> bool {
        let seconds = u64::try_from(self.changed.0.max(self.modified.0)).unwrap_or(0);
        UNIX_EPOCH + Duration::from_secs(seconds + 1) + SETTLED <= at
    }
}

impl Document {
    pub(super) fn new(found: &[FoundFile], files: &Files) -> Self {
        let varies = found.len() > 1;
        let plain = found.first().map_or("", |plain| &*plain.name);
        let content_type = content_type::of(plain, files);
        let cache_control = files.cache_control(plain);
        let cache_control = cache_control.and_then(|value| HeaderValue::from_str(value).ok());
        let now = clock::wall();
        let version = |found: &FoundFile| Version {
            name: found.name.as_str().into(),
            size: u64::try_from(found.opened.stat.st_size).unwrap_or(0),
            validators: Validators::new(&found.opened.stat, found.encoding, now),
            content_type: content_type.clone(),
            encoding: found.encoding,
            identity: Identity::of(&found.opened.stat),
            length: HeaderValue::from(u64::try_from(found.opened.stat.st_size).unwrap_or(0)),
            cache_control: cache_control.clone(),
            varies,
            memory: OnceCell::new(),
        };
        Self {
            versions: found.iter().map(version).collect(),
        }
    }

    /// The place of the version that a visitor likes most; of those liked equally the smallest. A visitor
    /// who refuses all of them gets the file as it is.
    pub(super) fn chosen(&self, headers: &HeaderMap) -> usize {
        if self.versions.len() == 1 {
            return 0;
        }
        let accepted = Accepted::of(headers);
        let places = self.versions.iter().enumerate();
        let liked = places.filter_map(|(place, version)| {
            let quality = accepted.quality(version.encoding);
            (quality > 0).then_some((quality, std::cmp::Reverse(version.size), place))
        });
        liked.max().map_or(0, |(_, _, place)| place)
    }

    /// Keeps what was read of the same files before. Returns how many bytes that is.
    pub(super) fn inherit(&self, earlier: &Self) -> usize {
        let mut bytes = 0;
        for version in &self.versions {
            let before = earlier.versions.iter();
            let mut same = before.filter(|old| old.identity == version.identity);
            let memory = same.find_map(|old| old.memory.get());
            let sure = memory.filter(|memory| version.identity.is_settled(memory.read_at));
            if let Some(memory) = sure {
                bytes += memory.bytes.len();
                let _ = version.memory.set(memory.clone()); // It is new, so it has none.
            }
        }
        bytes
    }
}

impl Version {
    /// All its bytes, where they have been read.
    pub(super) fn bytes(&self) -> Option<&Bytes> {
        self.memory.get().map(|memory| &memory.bytes)
    }

    /// Keeps all its bytes; whether they are news.
    pub(super) fn keep(&self, bytes: Bytes) -> bool {
        let read_at = clock::wall();
        self.memory.set(Memory { bytes, read_at }).is_ok()
    }

    /// Whether an opened file is still this one.
    pub(super) fn is(&self, stat: &Stat) -> bool {
        self.identity == Identity::of(stat)
    }

    /// The headers of the whole, as they are with 200.
    pub(super) fn headers(&self) -> HeaderMap {
        // Room for what the request path adds as well, so that the map never grows.
        let mut headers = HeaderMap::with_capacity(12);
        headers.insert(header::CONTENT_TYPE, self.content_type.clone());
        headers.insert(header::CONTENT_LENGTH, self.length.clone());
        if let Some(encoding) = self.encoding {
            headers.insert(header::CONTENT_ENCODING, encoding.header());
        }
        self.write_validity(&mut headers);
        let unit = HeaderValue::from_static("bytes");
        headers.insert(header::ACCEPT_RANGES, unit);
        headers
    }

    /// The headers that 304 has too (RFC 9110 §15.4.5).
    pub(super) fn write_validity(&self, headers: &mut HeaderMap) {
        self.validators.write(headers);
        if self.varies {
            let by = HeaderValue::from_static("Accept-Encoding");
            headers.insert(header::VARY, by);
        }
        if let Some(cache_control) = &self.cache_control {
            headers.insert(header::CACHE_CONTROL, cache_control.clone());
        }
    }
}
