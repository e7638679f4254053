//! Files of upstreams' TLS while they and the plan change.

use ondol_model::path::RoutePath;
use ondol_model::plan::Proxy;
use ondol_model::plan::Route;
use ondol_model::plan::Rules;
use ondol_model::upstream::Upstream;

use super::*;
use crate::fixture::plan;
use crate::fixture::site;
use crate::sample::write;

fn plan_with(tls: Tls) -> Plan {
    let mut upstream = Upstream::parse("https://nas.test").unwrap();
    upstream.tls = Some(Arc::new(tls));
    let mut site = site(&["a.test"], None);
    site.routes.push(Route {
        path: RoutePath::root(),
        base: RoutePath::root(),
        rules: Rules::default(),
        target: Target::Proxy(Proxy::to(vec![upstream])),
    });
    plan(vec![site], &[])
}

fn with_ca(path: &Path) -> Plan {
    plan_with(Tls {
        ca: Some(path.to_owned()),
        ..Tls::default()
    })
}

fn text(upstreams: &Upstreams, path: &Path) -> Option<String> {
    upstreams.files().named.get(path).map(ToString::to_string)
}

#[test]
fn a_file_that_changed_is_taken_up_when_it_has_settled() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    write(&ca, "first", 0o644);
    let (mut upstreams, mut notices) = (Upstreams::default(), Notices::new());
    upstreams.take_up(&with_ca(&ca), &mut notices);
    assert_eq!(text(&upstreams, &ca).as_deref(), Some("first"));
    write(&ca, "second, and longer", 0o644);
    assert!(
        !upstreams.look(&mut notices),
        "someone may still be writing"
    );
    assert!(upstreams.look(&mut notices));
    assert_eq!(text(&upstreams, &ca).as_deref(), Some("second, and longer"));
    std::fs::remove_file(&ca).unwrap();
    assert!(!upstreams.look(&mut notices) && !upstreams.look(&mut notices));
    assert_eq!(text(&upstreams, &ca).as_deref(), Some("second, and longer"));
    assert_eq!(notices.len(), 1, "{notices:?}");
    upstreams.take_up(&plan(Vec::new(), &[]), &mut notices);
    assert_eq!(text(&upstreams, &ca), None);
}

#[test]
fn the_authorities_of_the_system_are_read_only_when_someone_asks_them() {
    let (mut upstreams, mut notices) = (Upstreams::default(), Notices::new());
    upstreams.take_up(&with_ca(Path::new("/nowhere/ca.pem")), &mut notices);
    assert_eq!(&*upstreams.files().system_roots, "");
    assert_eq!(notices.len(), 1, "{notices:?}");
    upstreams.take_up(&plan_with(Tls::default()), &mut notices);
    let has_some = upstreams.files().system_roots.contains("BEGIN CERTIFICATE");
    assert_eq!(has_some, system_roots().is_some());
}
