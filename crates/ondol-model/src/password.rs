//! Hashes of passwords as a configuration has them: argon2id (RFC 9106, in the PHC string format) and
//! bcrypt. Others are too quick to be guessed, or not safe at all, and are refused with a reason.

use std::fmt;

use crate::base64;
use crate::limits::PASSWORD_MEMORY_KIB_MAX;

/// The least memory that is recommended for argon2id, in KiB (OWASP Password Storage).
const MEMORY_KIB_MIN: u32 = 7 * 1024;
/// More would take seconds of a core for each guess of a stranger.
const PASSES_MAX: u32 = 16;
/// More threads than any home machine has.
const LANES_MAX: u32 = 16;
/// 12 takes about a quarter of a second; each more doubles that.
const BCRYPT_COST_MAX: u32 = 14;
/// The least that bcrypt knows.
const BCRYPT_COST_MIN: u32 = 4;

/// The hash of a password.
#[derive(Clone, PartialEq, Eq)]
pub enum PasswordHash {
    /// argon2id, version 19.
    Argon2id {
        /// What computing it takes.
        cost: Argon2Cost,
        /// 8 to 64 bytes.
        salt: Vec<u8>,
        /// 16 to 64 bytes.
        hash: Vec<u8>,
    },
    /// bcrypt, of the first 72 bytes of a password.
    Bcrypt {
        /// Rounds, as the exponent of two.
        cost: u32,
        /// Random bytes.
        salt: [u8; 16],
        /// The result, without its last byte.
        hash: [u8; 23],
    },
}

/// What computing an argon2id hash takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Cost {
    /// In KiB.
    pub memory_kib: u32,
    /// How often the memory is gone through.
    pub passes: u32,
    /// Into how many parts the memory is divided.
    pub lanes: u32,
}

/// Why a text is no hash that can be used. Never repeats the text, which may be a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashError {
    /// The first argument is the name of its kind.
    Weak(&'static str),
    /// Safe enough, but not known here.
    Unknown(&'static str),
    /// Something in it is missing or cut.
    Broken(&'static str),
    /// Its cost is out of bounds, which the text says.
    Cost(&'static str),
    /// It is none at all, so probably the password itself.
    None,
}

impl PasswordHash {
    /// Reads a hash.
    ///
    /// # Errors
    ///
    /// When it is of another kind, broken, or its cost is out of bounds.
    pub fn parse(text: &str) -> Result<Self, HashError> {
        let mut parts = text.split('$');
        let is_marked = parts.next() == Some("");
        let kind = parts.next().filter(|_| is_marked);
        match kind {
            Some("argon2id") => argon2id(parts).ok_or(HashError::Broken("argon2id"))?,
            Some("2y" | "2b" | "2a") => bcrypt(parts).ok_or(HashError::Broken("bcrypt"))?,
            Some("argon2i" | "argon2d") => Err(HashError::Unknown("argon2i or argon2d")),
            Some("apr1" | "1") => Err(HashError::Weak("MD5")),
            Some("5" | "6") => Err(HashError::Unknown("SHA-crypt")),
            Some("7") => Err(HashError::Unknown("scrypt")),
            Some("y" | "gy") => Err(HashError::Unknown("yescrypt")),
            _ if text.starts_with("{SHA}") || text.starts_with("{SSHA}") => {
                Err(HashError::Weak("SHA-1"))
            }
            _ if text.len() == 13 && text.bytes().all(base64::is_crypt) => {
                Err(HashError::Weak("crypt"))
            }
            _ => Err(HashError::None),
        }
    }
}

fn argon2id<'t>(
    mut parts: impl Iterator<Item = &'t str>,
) -> Option<Result<PasswordHash, HashError>> {
    if parts.next()? != "v=19" {
        return None;
    }
    let mut costs = parts.next()?.split(',');
    let mut number = |key: &str| {
        let text = costs.next()?.strip_prefix(key)?.strip_prefix('=')?;
        text.parse::<u32>().ok().filter(|_| !text.starts_with('+'))
    };
    let cost = Argon2Cost {
        memory_kib: number("m")?,
        passes: number("t")?,
        lanes: number("p")?,
    };
    let salt = base64::decode(parts.next()?).filter(|salt| (8..=64).contains(&salt.len()))?;
    let hash = base64::decode(parts.next()?).filter(|hash| (16..=64).contains(&hash.len()))?;
    if costs.next().is_some() || parts.next().is_some() {
        return None;
    }
    let hash = PasswordHash::Argon2id { cost, salt, hash };
    Some(cost.check().map(|()| hash))
}

impl Argon2Cost {
    fn check(self) -> Result<(), HashError> {
        let Self {
            memory_kib,
            passes,
            lanes,
        } = self;
        if memory_kib < MEMORY_KIB_MIN {
            return Err(HashError::Cost("its memory (m) is less than 7168 KiB"));
        }
        if memory_kib > PASSWORD_MEMORY_KIB_MAX {
            return Err(HashError::Cost("its memory (m) is more than 131072 KiB"));
        }
        if !(1..=PASSES_MAX).contains(&passes) {
            return Err(HashError::Cost("its passes (t) are not from 1 to 16"));
        }
        if !(1..=LANES_MAX).contains(&lanes) {
            return Err(HashError::Cost("its lanes (p) are not from 1 to 16"));
        }
        Ok(())
    }
}

fn bcrypt<'t>(mut parts: impl Iterator<Item = &'t str>) -> Option<Result<PasswordHash, HashError>> {
    let cost = parts
        .next()
        .filter(|cost| cost.len() == 2)?
        .parse::<u32>()
        .ok()?;
    let (salt, hash) = parts
        .next()
        .filter(|text| text.len() == 53)?
        .split_at_checked(22)?;
    let hash = PasswordHash::Bcrypt {
        cost,
        salt: base64::decode_bcrypt(salt)?.try_into().ok()?,
        hash: base64::decode_bcrypt(hash)?.try_into().ok()?,
    };
    if parts.next().is_some() {
        return None;
    }
    Some(match cost {
        BCRYPT_COST_MIN..=BCRYPT_COST_MAX => Ok(hash),
        _ => Err(HashError::Cost("its cost is not from 04 to 14")),
    })
}

/// As it is written in a configuration.
impl fmt::Display for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argon2id { cost, salt, hash } => {
                let Argon2Cost {
                    memory_kib,
                    passes,
                    lanes,
                } = cost;
                let (salt, hash) = (base64::encode(salt), base64::encode(hash));
                write!(
                    f,
                    "$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${hash}"
                )
            }
            Self::Bcrypt { cost, salt, hash } => {
                let (salt, hash) = (base64::encode_bcrypt(salt), base64::encode_bcrypt(hash));
                write!(f, "$2y${cost:02}${salt}{hash}")
            }
        }
    }
}

/// A hash is no secret of the first rank, but has no business in a log either.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

impl fmt::Display for HashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weak(kind) => write!(f, "it is a hash of {kind}, which is guessed too quickly"),
            Self::Unknown(kind) => write!(f, "it is a hash of {kind}, which is not known here"),
            Self::Broken(kind) => write!(f, "it is a hash of {kind} that is not whole"),
            Self::Cost(problem) => write!(f, "{problem}"),
            Self::None => write!(f, "it is no hash"),
        }
    }
}

impl std::error::Error for HashError {}

#[cfg(test)]
mod tests;
