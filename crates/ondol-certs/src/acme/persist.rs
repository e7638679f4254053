//! The record that makes the owner of a name known for good (draft-ietf-acme-dns-persist, DNS-PERSIST-01).

use ondol_model::HostPattern;
use ondol_model::issuing::FailureKind;

use super::Session;
use crate::failure::Failure;

/// Where the record stands, below the name.
const LABEL: &str = "_validation-persist";

impl Session {
    /// The record as one would write it into a zone file.
    pub(crate) async fn persist_record(&self, name: &HostPattern) -> Result<String, Failure> {
        let directory = self.directory().await?;
        let Some(identity) = directory.listed.meta.caa_identities.first() else {
            let sentence = format!(
                "{} does not say by which name a record would let it issue",
                self.inner.called
            );
            return Err(Failure::new(FailureKind::Rejected, sentence));
        };
        if name.exact().is_some_and(|host| host.ip().is_some()) {
            let sentence = format!("{name} is an address, and has no records of its own");
            return Err(Failure::new(FailureKind::Rejected, sentence));
        }
        Ok(record(name, identity, self.account_uri()))
    }
}

fn record(name: &HostPattern, identity: &str, account_uri: &str) -> String {
    let (domain, policy) = match name {
        HostPattern::Exact(host) => (host, ""),
        HostPattern::Wildcard(domain) => (domain, "; policy=wildcard"),
    };
    format!("{LABEL}.{domain}. IN TXT \"{identity}; accounturi={account_uri}{policy}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_needs_a_record_that_says_so() {
        let of = |name: &str| {
            let name = HostPattern::parse(name).unwrap();
            record(&name, "ca.example", "https://ca.example/acct/1")
        };
        assert_eq!(
            of("app.example.com"),
            "_validation-persist.app.example.com. IN TXT \"ca.example; accounturi=https://ca.example/acct/1\""
        );
        assert_eq!(
            of("*.example.com"),
            "_validation-persist.example.com. IN TXT \"ca.example; accounturi=https://ca.example/acct/1; policy=wildcard\""
        );
    }
}
