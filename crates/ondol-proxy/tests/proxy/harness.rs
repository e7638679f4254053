//! Both ends of the proxy: visitors in front, upstreams behind, and the data plane between them.

mod fastcgi;
pub(crate) mod frames;
mod http2;
mod identity;
mod peer;
mod php_fpm;
mod plane;
mod sites;
mod upstream;
mod upstream_http2;
mod wire;

pub(crate) use fastcgi::complaint;
pub(crate) use fastcgi::end;
pub(crate) use fastcgi::output;
pub(crate) use fastcgi::php;
pub(crate) use http2::Http2;
pub(crate) use http2::SentBody;
pub(crate) use identity::Authority;
pub(crate) use identity::Identity;
pub(crate) use identity::TlsStream;
pub(crate) use identity::client_config;
pub(crate) use identity::handshake;
pub(crate) use identity::issuer_config;
pub(crate) use identity::showing;
pub(crate) use peer::Peer;
pub(crate) use php_fpm::PhpFpm;
pub(crate) use php_fpm::nginx_site;
pub(crate) use php_fpm::open_folder;
pub(crate) use plane::Plane;
pub(crate) use sites::guarded;
pub(crate) use sites::networks;
pub(crate) use sites::passed_site;
pub(crate) use sites::plan;
pub(crate) use sites::proxy_to;
pub(crate) use sites::proxy_to_all;
pub(crate) use sites::respond;
pub(crate) use sites::ruled;
pub(crate) use sites::secure_site;
pub(crate) use sites::site;
pub(crate) use sites::trusting;
pub(crate) use upstream::Stream as UpstreamStream;
pub(crate) use upstream::Upstream;
pub(crate) use upstream_http2::Http2Upstream;
pub(crate) use upstream_http2::body_of;
pub(crate) use upstream_http2::reply;
pub(crate) use wire::Cut;
pub(crate) use wire::Message;
pub(crate) use wire::Wire;

use std::time::Duration;

/// How long a test waits for what must come; only a broken one waits this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Asks again until it is so.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = ondol_base::clock::now() + PATIENCE;
    while !is_so() {
        assert!(ondol_base::clock::now() < until, "never came: {what}");
        std::thread::yield_now();
    }
}
