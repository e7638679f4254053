//! What is stored is sealed: compressed, then encrypted so that a changed bit is noticed (AES-256-CTR with
//! Poly1305-AES, as restic does it).

use aes256ctr_poly1305aes::Aes256CtrPoly1305Aes;
use aes256ctr_poly1305aes::Key;
use aes256ctr_poly1305aes::aead::Aead;
use aes256ctr_poly1305aes::aead::Nonce;
use aws_lc_rs::digest;
use rustic_core::repofile::MasterKey;

/// What sealed bytes begin with: a number that is used once.
const NONCE: usize = 16;
/// The first byte of a compressed file that is no pack; others begin with a bracket.
const IS_COMPRESSED: u8 = 2;
/// The largest file that is no pack: an index has at most 50,000 blobs.
const FILE_MAX: usize = 256 * 1024 * 1024;

/// The key of a repository, ready to use.
pub(super) struct Seal(Aes256CtrPoly1305Aes);

impl Seal {
    /// `None` when it is no key.
    pub(super) fn of(master: &MasterKey) -> Option<Self> {
        let whole = [&master.encrypt, &master.mac.k, &master.mac.r].map(Vec::as_slice);
        let whole: [u8; 64] = whole.concat().try_into().ok()?;
        Some(Self(Aes256CtrPoly1305Aes::new(Key::from_slice(&whole))))
    }

    /// What was sealed; `None` when it was changed, or sealed with another key.
    pub(super) fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_at_checked(NONCE)?;
        let nonce = Nonce::<Aes256CtrPoly1305Aes>::from_slice(nonce);
        self.0.decrypt(nonce, rest).ok()
    }

    /// Sealed; `None` when the system has no random numbers.
    pub(super) fn close(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = Nonce::<Aes256CtrPoly1305Aes>::default();
        aws_lc_rs::rand::fill(&mut nonce).ok()?;
        let sealed = self.0.encrypt(&nonce, plain).ok()?;
        Some([nonce.as_slice(), &sealed].concat())
    }

    /// The text of a file that is no pack.
    pub(super) fn open_file(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let plain = self.open(sealed)?;
        match plain.split_first() {
            Some((&IS_COMPRESSED, rest)) => decompress(rest, FILE_MAX),
            Some((b'{' | b'[', _)) => Some(plain),
            _ => None,
        }
    }

    /// A blob of a pack, that has so many bytes when it is compressed.
    pub(super) fn open_blob(&self, sealed: &[u8], compressed_of: Option<usize>) -> Option<Vec<u8>> {
        let plain = self.open(sealed)?;
        let Some(length) = compressed_of else {
            return Some(plain);
        };
        decompress(&plain, length).filter(|blob| blob.len() == length)
    }
}

fn decompress(bytes: &[u8], most: usize) -> Option<Vec<u8>> {
    use std::io::Read as _;

    let mut plain = Vec::new();
    let decoder = zstd::Decoder::with_buffer(bytes).ok()?;
    let limit = u64::try_from(most).ok()?.saturating_add(1);
    decoder.take(limit).read_to_end(&mut plain).ok()?;
    (plain.len() <= most).then_some(plain)
}

/// SHA-256 of it.
pub(crate) fn hash(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

/// Its hexadecimal digits.
pub(crate) fn hex(hash: &[u8; 32]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = hash
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]));
    digits.collect()
}

/// Of its hexadecimal digits; `None` when it has others, or another length.
pub(crate) fn unhex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let pairs = text.as_bytes().chunks(2);
    let bytes = pairs.map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    let bytes: Vec<u8> = bytes.collect::<Option<_>>()?;
    bytes.try_into().ok()
}
