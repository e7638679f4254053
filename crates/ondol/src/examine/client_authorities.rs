//! Files of `client_ca` that name nobody who could issue certificates to visitors.

use ondol_base::chain::Chain;
use ondol_certs::load_client_authority;
use ondol_config::KeyPath;

use super::Findings;
use super::Subject;

pub(super) fn examine(subject: Subject<'_>, findings: &mut Findings) {
    for site in &subject.plan.sites {
        let Some(auth) = &site.client_auth else {
            continue;
        };
        if let Err(error) = load_client_authority(&auth.ca) {
            let key = KeyPath::site(&site.name.to_string()).key("client_ca");
            let help = "`client_ca` takes the certificates of those who issue certificates to visitors, in PEM, without any key";
            findings.mistake(subject, &key, Chain(&error).to_string(), help);
        }
    }
}
