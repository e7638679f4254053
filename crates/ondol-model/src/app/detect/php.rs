//! PHP: it has a target of its own, so nothing is run, and its owner is told.

use super::Listing;

pub(super) fn hint(listing: &Listing) -> Option<String> {
    let script = listing.first(&["public/index.php", "index.php"])?;
    let folder = match script {
        "index.php" => "…",
        _ => "…/public",
    };
    Some(format!(
        "this is PHP, which php-fpm runs: a site takes it with `php = {{ root = \"{folder}\", pool = \"NAME\" }}`, and the app `php = {{}}` in place of a command"
    ))
}
