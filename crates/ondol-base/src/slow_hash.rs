//! Hashes that are slow on purpose, for passwords. Each call takes a good part of a second of a core, and
//! memory, so it belongs off the runtime.

use argon2::Algorithm;
use argon2::Argon2;
use argon2::Params;
use argon2::Version;

/// What bcrypt uses of a password and the zero that ends it.
const BCRYPT_BYTES_MAX: usize = 72;
/// More makes the number of rounds overflow.
const BCRYPT_COST_MAX: u32 = 31;

/// argon2id (RFC 9106) over `memory_kib` of memory; `None` when it can't be computed with these numbers.
/// `length` is that of the hash.
pub fn argon2id(
    password: &[u8],
    salt: &[u8],
    (memory_kib, passes, lanes): (u32, u32, u32),
    length: usize,
) -> Option<Vec<u8>> {
    let params = Params::new(memory_kib, passes, lanes, Some(length)).ok()?;
    let mut hash = vec![0; length];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password, salt, &mut hash)
        .ok()?;
    Some(hash)
}

/// bcrypt of the first 72 bytes of a password, which ends at a zero byte as in C; `None` when it can't be computed with this
/// cost. Its last byte is left out, as always.
pub fn bcrypt(password: &[u8], salt: [u8; 16], cost: u32) -> Option<[u8; 23]> {
    if cost > BCRYPT_COST_MAX {
        return None;
    }
    let password = password.split(|byte| *byte == 0).next().unwrap_or_default();
    let mut ended = Vec::with_capacity(password.len() + 1);
    ended.extend_from_slice(password);
    ended.push(0);
    ended.truncate(BCRYPT_BYTES_MAX);
    let hash = bcrypt::bcrypt(cost, salt, &ended);
    hash.first_chunk().copied()
}

/// Whether two hashes are the same, in a time that does not tell how much of them is.
pub fn is_equal(one: &[u8], other: &[u8]) -> bool {
    let differs = one.iter().zip(other).fold(0, |bits, (a, b)| bits | (a ^ b));
    one.len() == other.len() && std::hint::black_box(differs) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `argon2 somesalt -id -t 2 -k 65536 -p 1`, in the tests of the reference implementation.
    #[test]
    fn argon2id_is_that_of_the_reference() {
        let hash = argon2id(b"password", b"somesalt", (256, 2, 1), 32).expect("a hash");
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"
        );
        assert_eq!(argon2id(b"password", b"somesalt", (0, 2, 1), 32), None);
    }

    /// `$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe`, of jBCrypt's tests.
    #[test]
    fn bcrypt_is_that_of_the_reference() {
        let salt = [
            0xa3, 0x61, 0x2d, 0x8c, 0x9a, 0x37, 0xda, 0xc2, 0xf9, 0x9d, 0x94, 0xda, 0x3, 0xbd,
            0x45, 0x21,
        ];
        let hash = bcrypt(b"a", salt, 6).expect("a hash");
        assert_eq!(hash[..4], [0xe6, 0xd5, 0x38, 0x31]);
        assert_eq!(bcrypt(&[b'a'; 72], salt, 4), bcrypt(&[b'a'; 99], salt, 4));
        assert_ne!(bcrypt(&[b'a'; 70], salt, 4), bcrypt(&[b'a'; 71], salt, 4));
        assert_eq!(bcrypt(b"a", salt, 32), None);
    }

    #[test]
    fn hashes_are_equal_as_a_whole_alone() {
        assert!(is_equal(b"abc", b"abc") && is_equal(b"", b""));
        assert!(!is_equal(b"abc", b"abd") && !is_equal(b"abc", b"ab") && !is_equal(b"", b"a"));
    }
}
