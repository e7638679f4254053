//! Which of the known names was probably meant. Pure.

/// So many names are proposed for one that is unknown.
const PROPOSED_MAX: usize = 3;
/// So many names are listed where none was nearly typed.
const LISTED_MAX: usize = 20;
/// Longer texts are no typing error of a name; what is compared costs as much as the product of two.
const TYPED_BYTES_MAX: usize = 253;

/// The sentence about a name that nothing has: which was meant, or which there are.
pub(crate) fn unknown<'n>(
    noun: &str,
    typed: &str,
    known: impl Iterator<Item = &'n str> + Clone,
) -> String {
    let typed: String = typed.chars().filter(|c| !c.is_control()).collect();
    let quoted = |name: &str| format!("`{name}`");
    let meant: Vec<_> = near(&typed, known.clone())
        .into_iter()
        .map(quoted)
        .collect();
    if !meant.is_empty() {
        let meant = meant.join(" or ");
        return format!("there is no {noun} `{typed}`; did you mean {meant}?");
    }
    let all: Vec<_> = known.take(LISTED_MAX).map(quoted).collect();
    match all.as_slice() {
        [] => format!("there is no {noun} `{typed}`: the configuration has none"),
        all => format!("there is no {noun} `{typed}`: there are {}", all.join(", ")),
    }
}

/// The names most like the one that was typed, the likeliest first.
pub(crate) fn near<'n>(typed: &str, known: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    if typed.is_empty() || typed.len() > TYPED_BYTES_MAX {
        return Vec::new();
    }
    let most = 1 + typed.chars().count() / 4;
    let distance = |name: &str| {
        let distance = strsim::damerau_levenshtein(typed, name);
        let is_part = typed.len() > 2 && name.contains(typed);
        (distance <= most || is_part).then_some(distance)
    };
    let mut near: Vec<_> = known
        .filter_map(|name| Some((distance(name)?, name)))
        .collect();
    near.sort_unstable();
    near.dedup();
    let nearest = near.first().map_or(0, |(distance, _)| *distance);
    near.retain(|(distance, _)| *distance <= nearest + 1);
    let names = near.into_iter().map(|(_, name)| name);
    names.take(PROPOSED_MAX).collect()
}
