//! How answers are made smaller on their way to visitors.

/// How answers are compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compression {
    /// What may be used, the dearest to us first; a visitor's own order comes before ours.
    pub encodings: Vec<Encoding>,
    /// A shorter body is sent as it is.
    pub bytes_min: u64,
    /// How hard it is tried.
    pub level: CompressionLevel,
}

/// A content coding (RFC 9110 §8.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Encoding {
    /// RFC 7932.
    Brotli,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// How hard it is tried to make an answer small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompressionLevel {
    /// Twice the work of `Fast`, for about an eighth less.
    Balanced,
    /// Hardly any work.
    Fast,
}

impl Encoding {
    /// All of them, the quickest for its size first.
    pub const ALL: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    /// The word for it in `Accept-Encoding`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// A packet holds this much anyway.
const BYTES_MIN: u64 = 1024;

impl Default for Compression {
    fn default() -> Self {
        Self {
            encodings: Self::default_encodings(),
            bytes_min: BYTES_MIN,
            level: CompressionLevel::Balanced,
        }
    }
}

impl Compression {
    fn default_encodings() -> Vec<Encoding> {
        Encoding::ALL.to_vec()
    }
}
