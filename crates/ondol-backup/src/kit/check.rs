//! Three characters behind each line that show when it was mistyped, and six for all lines. They are of an alphabet in
//! which no two look alike (Crockford's base 32).

use aws_lc_rs::digest;
use aws_lc_rs::digest::SHA256;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const BITS: u32 = 5;
const OF_LINE: u32 = 3;
const OF_ALL: u32 = 6;

/// Of a line, by its number, its field and its value.
pub(super) fn of_line(number: usize, field: &str, value: &str) -> String {
    of(&format!("{number}\n{field}\n{value}"), OF_LINE)
}

/// Of all lines together.
pub(super) fn of_all<'a>(lines: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let all: Vec<_> = lines
        .map(|(field, value)| format!("{field}\n{value}\n"))
        .collect();
    of(&all.concat(), OF_ALL)
}

/// As it would have been printed: letters that are not of the alphabet are what they look like.
pub(super) fn meant(typed: &str) -> String {
    let typed = typed.chars().map(|c| match c.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        'u' => 'v',
        other => other,
    });
    typed.collect()
}

fn of(text: &str, length: u32) -> String {
    let digest = digest::digest(&SHA256, text.as_bytes());
    let start = digest.as_ref().iter().take(8);
    let number = start.fold(0, |number, byte| number << 8 | u64::from(*byte));
    let digits = (0..length).map(|digit| {
        let shifted = number >> (digit * BITS) & 31;
        char::from(ALPHABET[usize::try_from(shifted).unwrap_or_default()])
    });
    digits.collect()
}
