//! Shares as people write them: `10%`, `0.5%`.

use ondol_model::plan::Share;

/// Millionths in a percent, by the digits after the point.
const DECIMALS: usize = 4;

/// Reads a share; the error says why it is none.
pub(crate) fn parse(text: &str) -> Result<Share, String> {
    let number = text.strip_suffix('%').unwrap_or_default().trim_end();
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > DECIMALS {
        return Err(
            "a share is a number, with four decimals at most, and `%`: \"10%\", \"0.5%\"".into(),
        );
    }
    let millionths = format!("{whole}{decimals:0<DECIMALS$}").parse().ok();
    millionths
        .and_then(Share::of_millionths)
        .ok_or_else(|| "a share is more than nothing, and 100% at most".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_percentage() {
        for (text, millionths) in [
            ("100%", 1_000_000),
            ("10%", 100_000),
            ("0.5 %", 5_000),
            ("0.0001%", 1),
            ("33.33%", 333_300),
        ] {
            assert_eq!(parse(text).unwrap().millionths(), millionths, "{text}");
        }
        for text in [
            "",
            "%",
            "10",
            "0%",
            "0.0%",
            "100.1%",
            "-1%",
            "1.%",
            ".5%",
            "1e1%",
            "0.00001%",
            "10%%",
            "½%",
            "99999999999999999999%",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
