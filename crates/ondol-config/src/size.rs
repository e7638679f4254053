//! Sizes as people write them: `512KB`, `32MB`, `10GiB`.

/// Reads a size in bytes; the error says why it is none.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let unit_at = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(unit_at);
    let unit: u64 = match unit.trim_start() {
        "B" => 1,
        "KB" | "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => {
            return Err("a size is a whole number and a unit: B, KB, MB, GB, TB (1 KB is 1000 bytes) or KiB, MiB, GiB, TiB (1 KiB is 1024)".into());
        }
    };
    if digits.is_empty() {
        return Err("a size begins with a whole number".into());
    }
    let bytes = digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit));
    match bytes {
        Some(0) => Err("a size of zero would refuse everything".into()),
        Some(bytes) => Ok(bytes),
        None => Err("this size is larger than any disk".into()),
    }
}

#[cfg(test)]
mod tests;
