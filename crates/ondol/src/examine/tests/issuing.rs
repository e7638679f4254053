//! What certificates need to be got, and the names that will have none of an issuer.

use super::*;

/// A site with a public name, whose certificate is got in this way.
fn site(tls: &str) -> String {
    format!("[sites.\"ondol.net\"]\nrespond = \"\"\ntls = {{ {tls} }}\n")
}

impl Place {
    /// What is found as in `check`, on a box that has port 80 already.
    fn check_open(&self, text: &str, mistakes: &[&str], warnings: &[&str]) {
        let text = format!(
            "{text}[listen]\nhttp = [\"127.0.0.1:8080\", \"0.0.0.0:80\"]\nhttps = [\"127.0.0.1:443\"]\n"
        );
        let accepted = self.accepted(&text);
        let findings = examine(Subject {
            plan: &accepted.plan,
            origins: &accepted.origins,
            state: &self.path().join("state"),
            user: &ServeUser::Own,
            held: &listeners::keys(&accepted.plan.listen).collect(),
            now: NOW,
        });
        self.compare(&findings, &text, mistakes, warnings);
    }
}

#[test]
fn secrets_in_files_must_be_there_and_for_few_eyes() {
    let place = Place::new();
    let text = site("dns = { provider = \"gandi\", token = { file = \"token\" } }");
    let token = place.path().join("token");
    let at = |problem: &str| format!("3:54 {problem}");
    let missing = at("cannot read the secret in ~/token: No such file or directory (os error 2)");
    place.check_open(&text, &[&missing], &[]);
    write(&token, "", 0o600);
    let empty = at("there is no secret in ~/token: the file is empty");
    place.check_open(&text, &[&empty], &[]);
    write(&token, "kuromoji\n", 0o644);
    let exposed = at(
        "~/token can be read by other users of this machine, so it is no secret; `chmod go= ~/token` ends that",
    );
    place.check_open(&text, &[&exposed], &[]);
    fs::set_permissions(&token, Permissions::from_mode(0o600)).unwrap();
    place.check_open(&text, &[], &[]);
}

#[test]
fn a_variable_that_is_not_set_here_is_worth_a_word() {
    let place = Place::new();
    let dns = "dns = { provider = \"porkbun\", api_key = { env = \"PATH\" }, secret_key = { env = \"ONDOL_TEST_NOT_SET\" } }";
    let expected = "3:88 the environment variable ONDOL_TEST_NOT_SET is not set, or empty";
    place.check_open(&site(dns), &[], &[expected]);
}

#[test]
fn what_is_said_in_tls_is_shown_there_and_once() {
    let place = Place::new();
    let text = "[tls]\nissuers = [\"letsencrypt\", { name = \"zerossl\", account = { key_id = \"k\", hmac_key = { file = \"key\" } } }]\n\
                dns = { provider = \"exec\", command = \"hook\" }\n\
                [sites.\"ondol.net\"]\nrespond = \"\"\n[sites.\"other.net\"]\nrespond = \"\"\ntls = { challenge = \"dns\" }\n";
    place.check_open(
        text,
        &[
            "2:93 cannot read the secret in ~/key: No such file or directory (os error 2)",
            "3:38 cannot run ~/hook: No such file or directory (os error 2)",
        ],
        &[],
    );
}

#[test]
fn staging_is_not_for_visitors() {
    let place = Place::new();
    let text = "[tls]\nissuers = [\"letsencrypt-staging\"]\n[sites.\"ondol.net\"]\nrespond = \"\"\n[sites.\"other.net\"]\nrespond = \"\"\n";
    let expected =
        "2:12 Let's Encrypt's staging is for trying out: no browser believes its certificates";
    place.check_open(text, &[], &[expected]);
}

#[test]
fn a_hook_must_be_a_program() {
    let place = Place::new();
    let text = site("dns = { provider = \"exec\", command = [\"hook\", \"-x\"] }");
    let hook = place.path().join("hook");
    write(&hook, "#!/bin/sh\n", 0o644);
    place.check_open(
        &text,
        &["3:47 cannot run ~/hook: it is not executable"],
        &[],
    );
    fs::set_permissions(&hook, Permissions::from_mode(0o755)).unwrap();
    place.check_open(&text, &[], &[]);
    let folder = text.replace("hook", "www");
    place.check_open(&folder, &["3:47 cannot run ~/www: it is not a file"], &[]);
}

#[test]
fn the_roots_of_an_issuer_must_be_certificates() {
    let place = Place::new();
    let text = site("issuers = { directory = \"https://ca.lan/\", root = \"root.pem\" }");
    let missing = "3:59 cannot read ~/root.pem: No such file or directory (os error 2)";
    place.check_open(&text, &[missing], &[]);
    let file = place.path().join("root.pem");
    write(&file, "nothing", 0o644);
    let empty = "3:59 there is no certificate in ~/root.pem (`-----BEGIN CERTIFICATE-----`)";
    place.check_open(&text, &[empty], &[]);
    write(&file, &Sample::of(&["ca.lan"]).chain(), 0o644);
    place.check_open(&text, &[], &[]);
}

#[test]
fn names_that_no_issuer_will_vouch_for_are_told_what_they_get() {
    let place = Place::new();
    let text = "[sites.\"a.example.com\"]\naliases = [\"b.example.com\"]\nrespond = \"\"\n\
                [sites.\"*.ondol.net\"]\nrespond = \"\"\n[sites.\"*.other.net\"]\nrespond = \"\"\n\
                [sites.\"8.8.8.8\"]\nrespond = \"\"\n\
                [sites.\"c.test\"]\nrespond = \"\"\n[sites.\"192.168.0.7\"]\nrespond = \"\"\n[sites.\"ondol.net\"]\nrespond = \"\"\n";
    let own = "will have a certificate of Ondol's own CA";
    place.check_open(
        text,
        &[],
        &[
            &format!("1:1 a.example.com, b.example.com {own}: the domain is kept for examples, so no issuer vouches for it"),
            &format!("4:1 *.ondol.net, *.other.net {own}: nobody can write the record that a wildcard needs"),
            &format!("8:1 8.8.8.8 {own}: issuers vouch for an address in a short-lived certificate alone"),
        ],
    );
    place.check(&format!("[tls]\nissuers = \"internal\"\n{text}"), &[], &[]);
    let persist = "[tls]\nchallenge = \"dns-persist\"\n[sites.\"*.ondol.net\"]\nrespond = \"\"\n";
    place.check(persist, &[], &[]);
}

#[test]
fn ports_that_issuers_will_look_on_in_vain_are_worth_a_word() {
    let place = Place::new();
    let vain = |place: &str, port: &str| {
        format!(
            "{place} issuers may not reach this box: they look for ondol.net on port {port}, where it does not listen for visitors from outside"
        )
    };
    place.check(&site(""), &[], &[&vain("1:1", "80 or 443")]);
    place.check(&site("challenge = \"http\""), &[], &[&vain("3:21", "80")]);
    place.check(
        &site("challenge = \"tls-alpn\""),
        &[],
        &[&vain("3:21", "443")],
    );
    place.check_open(
        &site("challenge = \"tls-alpn\""),
        &[],
        &[&vain("3:21", "443")],
    );
    place.check_open(&site("challenge = \"http\""), &[], &[]);
    place.check_open(&site(""), &[], &[]);
    place.check(&site("issuers = \"https://ca.lan/\""), &[], &[]);
    // Its ports may be others, but some it needs.
    let own = site("issuers = \"https://ca.lan/\", challenge = \"http\"");
    place.check(&own, &[], &[]);
    place.check(
        &format!("{own}[listen]\nhttp = []\nhttps = [\"127.0.0.1:0\"]\n"),
        &[],
        &[&vain("3:50", "80")],
    );
    place.check(
        &site("dns = { provider = \"desec\", token = { env = \"PATH\" } }"),
        &[],
        &[],
    );
}
