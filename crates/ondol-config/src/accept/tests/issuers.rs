//! Who is asked for certificates, and how: `[tls]` and the `tls` of sites.

use ondol_model::plan::AcmeIssuer;
use ondol_model::plan::Challenge;
use ondol_model::plan::DnsProvider;
use ondol_model::plan::Issuance;
use ondol_model::plan::Issuer;
use ondol_model::plan::KnownIssuer;
use ondol_model::plan::Reach;
use ondol_model::plan::Secret;
use ondol_model::plan::TsigAlgorithm;

use super::*;

/// The plan of a file in `/etc/ondol`.
fn plan(text: &str) -> Plan {
    let accepted = accept(&sources(&[("/etc/ondol/ondol.toml", text)]));
    Arc::unwrap_or_clone(
        accepted
            .unwrap_or_else(|mistakes| panic!("{mistakes}"))
            .plan,
    )
}

/// How the certificate of a single site is got.
fn of_tls(tls: &str) -> Issuance {
    let plan = plan(&format!("[tls]\n{tls}\n[sites.'a.test']\nrespond = ''\n"));
    Issuance::clone(&plan.sites[0].issuance)
}

fn acme(issuance: &Issuance) -> Vec<AcmeIssuer> {
    issuance.acme_issuers().cloned().collect()
}

fn names(issuance: &Issuance) -> Vec<String> {
    let issuers = issuance.acme_issuers();
    issuers.map(|issuer| issuer.name.to_string()).collect()
}

#[test]
fn without_a_word_lets_encrypt_is_asked() {
    let usual = of_tls("");
    assert_eq!(usual, Issuance::default());
    assert_eq!(acme(&usual), [KnownIssuer::LetsEncrypt.issuer(None)]);
    assert_eq!(of_tls("issuers = 'letsencrypt'"), usual);
    assert_eq!(of_tls("issuers = [{ name = 'letsencrypt' }]"), usual);
    let directory = KnownIssuer::LetsEncrypt.directory();
    assert_eq!(of_tls(&format!("issuers = '{directory}'")), usual);
}

#[test]
fn ondols_own_ca_alone_asks_nobody() {
    assert_eq!(of_tls("issuers = 'internal'").issuers, [Issuer::Internal]);
    let both = of_tls("issuers = ['letsencrypt-staging', 'internal']");
    assert_eq!(names(&both), ["letsencrypt-staging"]);
    assert_eq!(both.issuers.last(), Some(&Issuer::Internal));
}

#[test]
fn an_issuer_of_ones_own_is_described_by_a_table() {
    let issuance = of_tls(
        "issuers = [{ directory = 'https://ca.lan:9000/acme/acme/directory', name = 'step', root = 'root.pem', staging = 'http://127.0.0.1:1/dir', account = { key_id = 'k', hmac_key = { file = 'key' } } }]",
    );
    let [issuer] = &acme(&issuance)[..] else {
        panic!("{issuance:?}")
    };
    assert_eq!(&*issuer.name, "step");
    assert_eq!(
        &*issuer.directory,
        "https://ca.lan:9000/acme/acme/directory"
    );
    assert_eq!(issuer.staging.as_deref(), Some("http://127.0.0.1:1/dir"));
    assert_eq!(
        issuer.root.as_deref(),
        Some(Path::new("/etc/ondol/root.pem"))
    );
    assert_eq!(issuer.reach, Reach::Any);
    let account = issuer.external_account.as_ref().unwrap();
    assert_eq!(&*account.key_id, "k");
    assert_eq!(account.hmac_key, Secret::File("/etc/ondol/key".into()));
}

#[test]
fn zerossl_has_an_account_and_may_have_another_name() {
    let account = "account = { key_id = 'k', hmac_key = { env = 'KEY' } }";
    let zerossl = acme(&of_tls(&format!(
        "issuers = [{{ name = 'zerossl', {account} }}]"
    )));
    let key = Secret::Environment("KEY".into());
    assert_eq!(zerossl[0].external_account.as_ref().unwrap().hmac_key, key);
    assert_eq!(zerossl[0].reach, Reach::Public);
    let directory = KnownIssuer::ZeroSsl.directory();
    let other = acme(&of_tls(&format!(
        "issuers = [{{ name = 'second', directory = '{directory}', {account} }}]"
    )));
    let renamed = AcmeIssuer {
        name: "second".into(),
        ..zerossl[0].clone()
    };
    assert_eq!(other, [renamed]);
}

#[test]
fn a_directory_is_called_by_its_host_and_a_number_where_that_is_anothers() {
    for (url, name) in [
        ("https://CA.Example.com/acme/directory", "ca.example.com"),
        ("https://ca.example.com:8443/x", "ca.example.com"),
        ("http://127.0.0.1:14000/dir", "127.0.0.1"),
        ("https://[2001:db8::53]/dir", "2001-db8--53"),
        ("http://localhost:4001/directory", "localhost"),
        ("https://internal/dir", "internal-2"),
        ("https://ca-staging/dir", "ca-staging"),
        ("https://letsencrypt/dir", "letsencrypt-2"),
    ] {
        assert_eq!(
            names(&of_tls(&format!("issuers = '{url}'"))),
            [name],
            "{url}"
        );
    }
    let several = of_tls(
        "issuers = ['https://ca.test/a', 'https://ca.test/b', { directory = 'https://ca.test/a', root = 'r' }, 'https://ca.test/c']",
    );
    let expected = ["ca.test", "ca.test-2", "ca.test-3", "ca.test-4"];
    assert_eq!(names(&several), expected);
    let long = format!("https://{}.{}.test/", "a".repeat(60), "b".repeat(60));
    assert_eq!(names(&of_tls(&format!("issuers = '{long}'")))[0].len(), 56);
}

#[test]
fn who_browsers_believe_is_not_asked_for_private_names() {
    for (url, reach) in [
        ("https://dv.acme-v02.api.pki.goog/directory", Reach::Public),
        ("https://acme.ssl.com/sslcom-dv-ecc", Reach::Public),
        ("https://acme.notssl.com/directory", Reach::Any),
        ("https://zerossl.com.lan/directory", Reach::Any),
        ("https://127.0.0.1:14000/dir", Reach::Any),
    ] {
        let issuance = of_tls(&format!("issuers = '{url}'"));
        assert_eq!(acme(&issuance)[0].reach, reach, "{url}");
    }
}

#[test]
fn a_site_inherits_what_it_leaves_out_and_shares_what_is_alike() {
    let cloudflare = "{ provider = 'cloudflare', token = { env = 'T' } }";
    let plan = plan(&format!(
        "[tls]\nissuers = [{{ name = 'own', directory = 'https://ca.test/' }}, 'letsencrypt']\n\
         dns = {cloudflare}\nprofile = 'classic'\n\
         [sites.'a.test']\nrespond = ''\n\
         [sites.'b.test']\nrespond = ''\ntls = {{}}\n\
         [sites.'c.test']\nrespond = ''\ntls = {{ issuers = 'own', challenge = 'dns', profile = 'x' }}\n\
         [sites.'d.test']\nrespond = ''\ntls = {{ issuers = ['https://ca.test/'], challenge = 'dns', profile = 'x' }}\n\
         [sites.'e.test']\nrespond = ''\ntls = {{ issuers = 'own', challenge = 'dns', profile = 'x' }}\n",
    ));
    let [a, b, c, d, e] = &plan.sites[..] else {
        panic!("{:?}", plan.sites)
    };
    assert!(Arc::ptr_eq(&a.issuance, &b.issuance));
    assert!(Arc::ptr_eq(&c.issuance, &e.issuance));
    assert_eq!(names(&c.issuance), ["own"]);
    assert_eq!(c.issuance.challenge, Some(Challenge::Dns));
    assert_eq!(c.issuance.profile.as_deref(), Some("x"));
    assert!(c.issuance.dns.is_some() && c.issuance.dns == a.issuance.dns);
    // Without its name, the same directory is another issuer, with folders of its own.
    assert_eq!(names(&d.issuance), ["ca.test"]);
}

#[test]
fn every_challenge_has_its_word() {
    assert_eq!(of_tls("").challenge, None);
    for (word, challenge) in [
        ("http", Challenge::Http),
        ("tls-alpn", Challenge::TlsAlpn),
        ("dns-persist", Challenge::DnsPersist),
    ] {
        let found = of_tls(&format!("challenge = '{word}'")).challenge;
        assert_eq!(found, Some(challenge));
    }
}

#[test]
fn every_provider_has_its_keys() {
    let dns = |table: &str| of_tls(&format!("dns = {{ {table} }}")).dns.unwrap();
    let secret = |name: &str| Secret::Environment(name.into());
    assert_eq!(
        dns("provider = 'rfc2136', server = '10.0.0.1', key_name = 'Ondol.', key = { env = 'A' }"),
        DnsProvider::Rfc2136 {
            server: "10.0.0.1:53".parse().unwrap(),
            key_name: "ondol".into(),
            algorithm: TsigAlgorithm::HmacSha256,
            key: secret("A"),
        }
    );
    let with_port = dns(
        "provider = 'rfc2136', server = '[::1]:5353', key_name = 'k', key = { env = 'A' }, algorithm = 'hmac-sha512'",
    );
    let DnsProvider::Rfc2136 {
        server, algorithm, ..
    } = with_port
    else {
        panic!("{with_port:?}")
    };
    assert_eq!(server.to_string(), "[::1]:5353");
    assert_eq!(algorithm, TsigAlgorithm::HmacSha512);
    let token = "token = { env = 'A' }";
    let cloudflare = dns(&format!("provider = 'cloudflare', {token}"));
    assert_eq!(cloudflare, DnsProvider::Cloudflare { token: secret("A") });
    let desec = dns(&format!("provider = 'desec', {token}"));
    assert_eq!(desec, DnsProvider::Desec { token: secret("A") });
    let gandi = dns(&format!("provider = 'gandi', {token}"));
    assert_eq!(gandi, DnsProvider::Gandi { token: secret("A") });
    assert_eq!(
        dns("provider = 'route53', access_key = { env = 'A' }, secret_key = { file = '/b' }"),
        DnsProvider::Route53 {
            access_key: secret("A"),
            secret_key: Secret::File("/b".into()),
        }
    );
    assert_eq!(
        dns("provider = 'porkbun', api_key = { env = 'A' }, secret_key = { env = 'B' }"),
        DnsProvider::Porkbun {
            api_key: secret("A"),
            secret_key: secret("B"),
        }
    );
    let exec = |command: &str| dns(&format!("provider = 'exec', command = {command}"));
    let command = |words: &[&str]| DnsProvider::Exec {
        command: words.iter().map(|word| Box::from(*word)).collect(),
    };
    assert_eq!(exec("'dns-hook'"), command(&["/etc/ondol/dns-hook"]));
    assert_eq!(exec("['/a b', '-x', '']"), command(&["/a b", "-x", ""]));
}

#[test]
fn name_servers_have_port_53_unless_they_say_another() {
    let text = "[tls]\nresolvers = ['1.1.1.1:5353', '9.9.9.9', '2620:fe::fe']\n[sites.'a.test']\nrespond = ''\n";
    let resolvers = plan(text).resolvers.into_iter().map(|it| it.to_string());
    let expected = ["1.1.1.1:5353", "9.9.9.9:53", "[2620:fe::fe]:53"];
    assert_eq!(resolvers.collect::<Vec<_>>(), expected);
}

#[test]
fn any_profile_is_taken_where_the_issuer_may_have_it() {
    assert_eq!(
        of_tls("profile = 'shortlived'").profile.as_deref(),
        Some("shortlived")
    );
    let own = of_tls("issuers = ['letsencrypt', 'https://ca.test/']\nprofile = 'own'");
    assert_eq!(own.profile.as_deref(), Some("own"));
    let text = "[tls]\nissuers = 'https://ca.test/'\nprofile = 'own'\n\
                [sites.'a.test']\nrespond = ''\ntls.issuers = 'letsencrypt'\n";
    check(
        &[("a.toml", text)],
        &["a.toml:6:5 Let's Encrypt has no profile \"own\""],
    );
}

#[test]
fn a_secret_in_the_file_is_not_repeated() {
    let secret = "kuromoji";
    for text in [
        format!("tls.dns = {{ provider = 'gandi', token = '{secret}', tokn = 1, provder = 2 }}"),
        format!("tls.dns = {{ provider = 'gandi', token = {{ value = '{secret}' }} }}"),
        format!("tls.dns = {{ provider = 'gandi', token = {{ env = 'v1.{secret}' }} }}"),
        format!("tls.dns = {{ provider = 'gandi', api_token = '{secret}' }}"),
        format!("tls.issuers = {{ name = 'a', eab_hmac_key = '{secret}' }}"),
        format!("tls.issuers = {{ name = 'a', account = {{ key_id = '', hmac = '{secret}' }} }}"),
    ] {
        let site = format!("{text}\n[sites.'a.test']\nrespond = ''\n");
        let said = accept(&sources(&[("a.toml", &site)]))
            .expect_err(&text)
            .to_string();
        assert!(!said.contains(secret), "{text}\n{said}");
    }
}
