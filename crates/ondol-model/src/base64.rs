//! Base64 without padding, in its common alphabet (RFC 4648 §4) and in that of bcrypt.

#[derive(Debug, Clone, Copy)]
enum Alphabet {
    Common,
    Bcrypt,
}

const COMMON: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BCRYPT: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The bytes of a text; `None` when it is none, or has bits that mean nothing.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let (bytes, rest) = bits(text, Alphabet::Common)?;
    (rest == 0).then_some(bytes)
}

/// The same as bcrypt writes it: programs differ in the last bits, which mean nothing.
pub(crate) fn decode_bcrypt(text: &str) -> Option<Vec<u8>> {
    bits(text, Alphabet::Bcrypt).map(|(bytes, _)| bytes)
}

/// The text of bytes, without padding.
pub fn encode(bytes: &[u8]) -> String {
    text(bytes, COMMON)
}

pub(crate) fn encode_bcrypt(bytes: &[u8]) -> String {
    text(bytes, BCRYPT)
}

/// Whether the alphabet of the old crypt has it.
pub(crate) fn is_crypt(byte: u8) -> bool {
    value(byte, Alphabet::Bcrypt).is_some()
}

/// The bytes, and the bits that are left at the end.
fn bits(text: &str, alphabet: Alphabet) -> Option<(Vec<u8>, u32)> {
    if text.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut held, mut count) = (0_u32, 0);
    for letter in text.bytes() {
        held = held << 6 | u32::from(value(letter, alphabet)?);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(held >> count).ok()?);
            held &= (1 << count) - 1;
        }
    }
    Some((bytes, held))
}

fn value(letter: u8, alphabet: Alphabet) -> Option<u8> {
    let value = match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        _ => {
            return match (alphabet, letter) {
                (Alphabet::Common, b'+') => Some(62),
                (Alphabet::Common, b'/') => Some(63),
                (Alphabet::Bcrypt, b'.') => Some(0),
                (Alphabet::Bcrypt, b'/') => Some(1),
                _ => None,
            };
        }
    };
    Some(match alphabet {
        Alphabet::Common => value,
        Alphabet::Bcrypt => value + 2,
    })
}

fn text(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let mut text = String::with_capacity(bytes.len() * 4 / 3 + 1);
    for chunk in bytes.chunks(3) {
        let filled = [0, 1, 2].map(|at| u32::from(chunk.get(at).copied().unwrap_or(0)));
        let held = filled[0] << 16 | filled[1] << 8 | filled[2];
        for letter in 0..=chunk.len() {
            let value = held >> (18 - 6 * letter) & 63;
            text.extend(alphabet.get(value as usize).map(|byte| char::from(*byte)));
        }
    }
    text
}
