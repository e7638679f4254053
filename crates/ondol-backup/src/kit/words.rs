//! Passwords as words: 128 random bits and 4 bits that show a wrong word, by the scheme and the list of BIP 39. Of each
//! word of that list the first four letters are enough.

use std::io;

use aws_lc_rs::digest;
use aws_lc_rs::digest::SHA256;

/// `bip-0039/english.txt`, sorted.
const LIST: &str = include_str!("english.txt");
/// Each word stands for so many bits.
const WORD_BITS: usize = 11;
/// Words of a password: 128 bits and their check.
pub(super) const WORDS: usize = 12;
const RANDOM_BYTES: usize = 16;
/// Two words of the list never begin with the same letters.
const TELLING_LETTERS: usize = 4;

/// A new password for repositories: twelve words with a space between.
///
/// # Errors
///
/// When the system has no random numbers.
pub fn new_password() -> io::Result<String> {
    let mut random = [0; RANDOM_BYTES];
    aws_lc_rs::rand::fill(&mut random)
        .map_err(|_| io::Error::other("the system has no random numbers"))?;
    Ok(sentence(&random))
}

/// Whether a password is one that Ondol made.
pub(super) fn is_ours(password: &str) -> bool {
    bytes(password).is_some_and(|bytes| sentence(&bytes) == password)
}

/// The word of the list that is meant: in any case, and by its first four letters.
pub(super) fn meant(typed: &str) -> Option<&'static str> {
    let typed = typed.to_ascii_lowercase();
    let start = typed.get(..TELLING_LETTERS.min(typed.len()))?;
    let mut found = LIST.lines().filter(|word| *word == typed);
    let mut begun = LIST
        .lines()
        .filter(|word| typed.len() >= TELLING_LETTERS && word.starts_with(start));
    found.next().or_else(|| begun.next())
}

/// The letters of each word that are enough to tell it.
pub(super) fn shortest(words: &str) -> String {
    let short = words
        .split(' ')
        .map(|word| word.get(..TELLING_LETTERS).unwrap_or(word));
    short.collect::<Vec<_>>().join(" ")
}

fn sentence(random: &[u8; RANDOM_BYTES]) -> String {
    let check = digest::digest(&SHA256, random);
    let mut bytes = random.to_vec();
    bytes.extend(check.as_ref().iter().take(1));
    let words = (0..WORDS).map(|word| {
        let bits = (word * WORD_BITS..(word + 1) * WORD_BITS).map(|bit| bit_of(&bytes, bit));
        let number = bits.fold(0, |number, bit| number << 1 | usize::from(bit));
        LIST.lines().nth(number).unwrap_or_default()
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The random bytes of a sentence, whatever its check says.
fn bytes(sentence: &str) -> Option<[u8; RANDOM_BYTES]> {
    let numbers: Option<Vec<usize>> = sentence
        .split(' ')
        .map(|word| LIST.lines().position(|listed| listed == word))
        .collect();
    let numbers = numbers.filter(|numbers| numbers.len() == WORDS)?;
    let mut bytes = [0; RANDOM_BYTES];
    for (bit, byte) in (0..RANDOM_BYTES * 8).map(|bit| (bit, bit / 8)) {
        let number = numbers[bit / WORD_BITS];
        let is_set = number >> (WORD_BITS - 1 - bit % WORD_BITS) & 1 == 1;
        bytes[byte] = bytes[byte] << 1 | u8::from(is_set);
    }
    Some(bytes)
}

fn bit_of(bytes: &[u8], bit: usize) -> bool {
    bytes[bit / 8] >> (7 - bit % 8) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_bip_39() {
        // Vectors of the reference implementation.
        for (random, words) in [
            (
                [0; 16],
                "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about",
            ),
            (
                [0x7f; 16],
                "legal winner thank year wave sausage worth useful legal winner thank yellow",
            ),
            (
                [0xff; 16],
                "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo wrong",
            ),
        ] {
            assert_eq!(sentence(&random), words);
            assert_eq!(bytes(words), Some(random));
            assert!(is_ours(words));
        }
    }

    #[test]
    fn passwords_are_ours_and_differ() {
        let (one, other) = (new_password().unwrap(), new_password().unwrap());
        assert_ne!(one, other);
        for password in [&one, &other] {
            assert!(is_ours(password), "{password}");
        }
        let wrong_check = "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo";
        for other in [wrong_check, "zoo", "", "correct horse", &one.to_uppercase()] {
            assert!(!is_ours(other), "{other}");
        }
    }

    #[test]
    fn four_letters_tell_a_word() {
        for (typed, word) in [
            ("abandon", Some("abandon")),
            ("ABAN", Some("abandon")),
            ("abandone", Some("abandon")),
            ("act", Some("act")),
            ("acti", Some("action")),
            ("ac", None),
            ("", None),
            ("온돌온돌", None),
        ] {
            assert_eq!(meant(typed), word, "{typed}");
        }
    }
}
