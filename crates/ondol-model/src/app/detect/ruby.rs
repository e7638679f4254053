//! Ruby: Rack applications, Rails among them.

use super::Found;
use super::Listing;
use crate::plan::AppListen;

const GEMS: &[&str] = &["Gemfile.lock", "Gemfile"];

pub(super) fn find(listing: &Listing) -> Option<Found> {
    let gems = listing.first(&["Gemfile"]);
    let rack = listing.first(&["config.ru"])?;
    let why = match gems {
        Some(gems) => format!("{gems} and {rack}"),
        None => rack.to_owned(),
    };
    let bundle = gems.map_or("", |_| "bundle exec ");
    let has_gem = |name| listing.says(GEMS, name);
    let commands = if has_gem("puma") || listing.has("config/puma.rb") || gems.is_none() {
        let puma = format!("{bundle}puma -e ${{RACK_ENV:-production}} -b $ONDOL_BIND");
        [AppListen::Port, AppListen::Unix, AppListen::Fd]
            .map(|listen| (listen, puma.clone()))
            .to_vec()
    } else if has_gem("unicorn") {
        let unicorn = format!("{bundle}unicorn -E ${{RACK_ENV:-production}}");
        vec![
            (AppListen::Port, format!("{unicorn} -l 127.0.0.1:$PORT")),
            (AppListen::Unix, format!("{unicorn} -l $ONDOL_SOCKET")),
        ]
    } else if has_gem("falcon") {
        let falcon = format!("{bundle}falcon serve --bind http://127.0.0.1:$PORT");
        vec![(AppListen::Port, falcon)]
    } else {
        let rackup = format!("{bundle}rackup -E ${{RACK_ENV:-production}} -o 127.0.0.1 -p $PORT");
        vec![(AppListen::Port, rackup)]
    };
    Some(Found {
        why,
        build: build(listing),
        commands,
    })
}

/// Gems are installed into the release, so that one that goes back has its own.
pub(super) fn build(listing: &Listing) -> Option<String> {
    if !listing.has("Gemfile") {
        return None;
    }
    let setting = match listing.has("Gemfile.lock") {
        true => "deployment true",
        false => "path vendor/bundle",
    };
    let install = format!("bundle config set --local {setting} && bundle install");
    let has_assets = listing.says(GEMS, "sprockets") || listing.says(GEMS, "propshaft");
    match has_assets && listing.has("bin/rails") {
        true => Some(format!(
            "{install} && RAILS_ENV=${{RAILS_ENV:-production}} SECRET_KEY_BASE_DUMMY=1 bin/rails assets:precompile"
        )),
        false => Some(install),
    }
}
