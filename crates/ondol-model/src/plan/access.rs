//! Who is let through to a target: from where, to do what, and having shown what.

use std::net::IpAddr;
use std::sync::Arc;

use crate::network::Network;
use crate::plan::auth::Auth;

/// What a site or route asks of its visitors. Asks for nothing by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Access {
    /// The networks that visitors may come from; `None` is all of them.
    pub allow: Option<Vec<Network>>,
    /// The networks that they may not come from, even where `allow` has them.
    pub deny: Vec<Network>,
    /// What visitors may do; `None` is everything.
    pub methods: Option<Methods>,
    /// What visitors have to show; `None` is nothing.
    pub auth: Option<Arc<Auth>>,
}

impl Access {
    /// Whether visitors from this address may come at all; the others get 403.
    pub fn lets_in(&self, client: IpAddr) -> bool {
        let is_in = |networks: &[Network]| networks.iter().any(|network| network.contains(client));
        !is_in(&self.deny) && self.allow.as_deref().is_none_or(is_in)
    }
}

/// The methods of requests that are let through; the others get 405.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Methods(Vec<String>);

impl Methods {
    /// These, each a token of RFC 9110 §5.6.2, in the given order. GET brings HEAD, which is GET
    /// without the body (RFC 9110 §9.3.2).
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let mut methods = Vec::new();
        let mut add = |name: String| {
            if !methods.contains(&name) {
                methods.push(name);
            }
        };
        for name in names {
            let is_get = name == "GET";
            add(name);
            if is_get {
                add("HEAD".to_owned());
            }
        }
        Self(methods)
    }

    /// Whether it is one of them. Case matters (RFC 9110 §9.1).
    pub fn has(&self, method: &str) -> bool {
        self.0.iter().any(|name| name == method)
    }

    /// As the header `Allow` lists them.
    pub fn list(&self) -> String {
        self.0.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Vec<Network> {
        texts
            .iter()
            .flat_map(|text| Network::parse_several(text).expect("a test's own network"))
            .collect()
    }

    #[test]
    fn deny_wins_over_allow() {
        let access = Access {
            allow: Some(networks(&["192.168.0.0/16", "fd00::/8"])),
            deny: networks(&["192.168.7.0/24", "::ffff:192.168.8.0/120"]),
            ..Access::default()
        };
        for (address, expected) in [
            ("192.168.0.1", true),
            ("::ffff:192.168.0.1", true),
            ("192.168.7.1", false),
            ("::ffff:192.168.7.1", false),
            ("192.168.8.1", false),
            ("8.8.8.8", false),
            ("fd12::1", true),
            ("2001:db8::1", false),
        ] {
            let address = address.parse().expect("an address");
            assert_eq!(access.lets_in(address), expected, "{address}");
        }
    }

    #[test]
    fn without_allow_all_come_that_are_not_denied() {
        let access = |deny: &[&str]| Access {
            deny: networks(deny),
            ..Access::default()
        };
        let address = IpAddr::from([8, 8, 8, 8]);
        assert!(access(&[]).lets_in(address));
        assert!(access(&["private"]).lets_in(address));
        assert!(!access(&["all"]).lets_in(address));
    }

    #[test]
    fn get_brings_head_and_case_matters() {
        let methods = Methods::new(["GET", "POST", "GET"].map(str::to_owned));
        assert_eq!(methods.list(), "GET, HEAD, POST");
        assert!(methods.has("HEAD") && methods.has("POST"));
        assert!(!methods.has("get") && !methods.has("OPTIONS"));
    }
}
