//! Whether the record of DNS-PERSIST-01 stands in the zone, which its owner writes by hand.

use ondol_model::HostPattern;

use crate::lookup::Lookup;

/// Where the record stands, below the name.
const LABEL: &str = "_validation-persist";

/// The names for which there is certainly no record: none at the name, and none at a domain above it that
/// might count for it. Name servers are asked that no resolver stands before, so that a record is seen as
/// soon as it is there.
pub(crate) async fn missing<'n>(names: &'n [HostPattern], lookup: &Lookup) -> Vec<&'n HostPattern> {
    let mut missing = Vec::new();
    for name in names {
        if is_missing(name, lookup).await {
            missing.push(name);
        }
    }
    missing
}

async fn is_missing(name: &HostPattern, lookup: &Lookup) -> bool {
    let (HostPattern::Exact(host) | HostPattern::Wildcard(host)) = name;
    let mut domain = host.as_str();
    loop {
        if !is_without_record(&format!("{LABEL}.{domain}"), lookup).await {
            return false;
        }
        match domain.split_once('.') {
            Some((_, above)) if above.contains('.') => domain = above,
            Some(_) | None => return true,
        }
    }
}

/// Whether all name servers of its zone say that there is no text, and that it is no alias.
async fn is_without_record(at: &str, lookup: &Lookup) -> bool {
    let Ok(None) = lookup.cname(at).await else {
        return false;
    };
    let Ok((_, servers)) = lookup.zone_of(at).await else {
        return false;
    };
    for server in &servers {
        match lookup.texts_at(*server, at).await {
            Ok(texts) if texts.is_empty() => {}
            Ok(_) | Err(_) => return false,
        }
    }
    !servers.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup::name_server::NameServer;

    #[tokio::test]
    async fn only_what_is_certainly_not_there_is_missing() {
        let server = NameServer::start(
            "127.0.0.1",
            &[
                "example.org SOA ns.example.org",
                "example.org NS ns.example.org",
                "ns.example.org A 127.0.0.1",
                "_validation-persist.has.example.org TXT ca.example",
                "_validation-persist.leads.example.org CNAME elsewhere.example.net",
            ],
        );
        let lookup = Lookup::new(&[server.address]);
        let names = ["has", "below.has", "leads", "lacks"];
        let names = names.map(|name| HostPattern::parse(&format!("{name}.example.org")).unwrap());
        let missing = missing(&names, &lookup).await;
        assert_eq!(missing, [&names[3]]);
        // Who can't ask can't be certain.
        let nobody = Lookup::new(&["127.0.0.1:1".parse().unwrap()]);
        assert!(super::missing(&names, &nobody).await.is_empty());
    }
}
