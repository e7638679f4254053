//! Records in a zone, written into a real name server that the issuer asks.

use ondol_model::plan::DnsProvider;
use ondol_model::plan::Secret;
use ondol_model::plan::TsigAlgorithm;

use super::issuers::knot::Knot;
use super::*;
use crate::lookup::Lookup;
use crate::zone::ZoneJournal;

#[tokio::test]
async fn a_wildcard_and_its_domain_are_shown_in_the_zone_at_once() {
    let Some(knot) = Knot::start(&["example.com"]) else {
        return;
    };
    let world = World::new(|settings| settings.name_server = Some(knot.address()));
    let Some(world) = world.await else { return };
    let session = world.open().await.unwrap();
    let names = ["*.example.com", "example.com"].map(host);
    let order = NewCertificate {
        names: &names,
        profile: None,
        replaces: None,
    };
    let begun = session.begin(&order).await.unwrap();
    let provider = DnsProvider::Rfc2136 {
        server: knot.address(),
        key_name: "box-key".into(),
        algorithm: TsigAlgorithm::HmacSha256,
        key: Secret::File(knot.key_file()),
    };
    let journal = ZoneJournal::open(&world.folder.path().join("records.json")).unwrap();
    let lookup = Lookup::new(&[knot.address()]);
    let zone = Zone::new(&provider, &lookup, journal).unwrap();
    let shown = Mutex::new(Vec::new());
    let solver = Solver {
        ways: &|_| vec![Challenge::Dns],
        board: &world.plane.board,
        zone: Some(&zone),
        step: &|step| {
            let texts = knot.texts("_acme-challenge.example.com");
            shown.lock().unwrap().push((step, texts.len()));
        },
    };
    let key = new_key();
    let chain = sent(session.proceed(&begun.url, &names, &key, &solver))
        .await
        .unwrap();
    let mut covered = crate::files::parse(&chain, &key).unwrap().facts.names;
    covered.sort_by_key(ToString::to_string);
    assert_eq!(covered, names);
    assert_eq!(
        *shown.lock().unwrap(),
        [
            ("shows the answer", 0),
            ("waits for the issuer's check", 2),
            ("waits for the certificate", 0),
            ("waits for the certificate", 0),
        ]
    );
}

#[tokio::test]
async fn a_record_that_cannot_be_written_is_said() {
    let Some(world) = World::new(|_| {}).await else {
        return;
    };
    let session = world.open().await.unwrap();
    let names = [host("*.example.com")];
    let order = NewCertificate {
        names: &names,
        profile: None,
        replaces: None,
    };
    let begun = session.begin(&order).await.unwrap();
    let provider = DnsProvider::Exec {
        command: vec!["/bin/false".into()],
    };
    let journal = ZoneJournal::open(&world.folder.path().join("records.json")).unwrap();
    let lookup = Lookup::new(&[world.name_server.address()]);
    let zone = Zone::new(&provider, &lookup, journal).unwrap();
    let solver = Solver {
        ways: &|_| vec![Challenge::Dns],
        board: &world.plane.board,
        zone: Some(&zone),
        step: &|_| {},
    };
    let key = new_key();
    let failure = session
        .proceed(&begun.url, &names, &key, &solver)
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Dns, "{failure}");
}
