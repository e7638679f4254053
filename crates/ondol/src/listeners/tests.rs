//! Addresses that are shared, taken, reshaped or of another machine, with real sockets.

use super::*;

fn listen(http: &[&str]) -> Listen {
    Listen {
        http: http
            .iter()
            .map(|text| ListenAddress::parse(text).unwrap().into())
            .collect(),
        https: Vec::new(),
        trusted_proxies: Vec::new(),
        client_ip_header: ondol_model::forwarded::ClientIpHeader::XForwardedFor,
    }
}

fn open(http: &[&str], held: &Listeners) -> Result<Listeners, BindError> {
    Listeners::open(&listen(http), held, 3)
}

fn port(listeners: &Listeners) -> u16 {
    listeners.addresses()[0].1.port()
}

#[test]
fn every_worker_gets_a_socket_of_the_same_address() {
    let listeners = open(&["127.0.0.1:0"], &Listeners::default()).unwrap();
    let locals: BTreeSet<_> = listeners.0[0]
        .sockets
        .iter()
        .map(|socket| socket.local_addr().unwrap())
        .collect();
    assert_eq!((listeners.0[0].sockets.len(), locals.len()), (3, 1));
}

#[test]
fn an_address_without_a_host_accepts_both_versions() {
    let listeners = open(&[":0"], &Listeners::default()).unwrap();
    for host in ["127.0.0.1", "::1"] {
        let visitor = std::net::TcpStream::connect((host, port(&listeners)));
        let machine_lacks_it = host == "::1" && TcpListener::bind("[::1]:0").is_err();
        assert!(visitor.is_ok() || machine_lacks_it, "{host}: {visitor:?}");
    }
}

#[test]
fn an_address_that_another_holds_is_refused_by_name_even_if_it_is_shared() {
    let other = shared(ListenAddress::parse("127.0.0.1:0").unwrap()).unwrap();
    let taken = other.local_addr().unwrap().to_string();
    let error = open(&[&taken], &Listeners::default())
        .unwrap_err()
        .to_string();
    let expected = format!("could not listen on {taken} (listen.http), which ");
    assert!(
        error.starts_with(&expected) && error.contains("(process "),
        "{error}"
    );
    assert_eq!(
        Listeners::probe(&listen(&[&taken]), &BTreeSet::new()).len(),
        1
    );
    drop(other);
    assert!(Listeners::probe(&listen(&[&taken]), &BTreeSet::new()).is_empty());
}

#[test]
fn what_is_held_is_kept_and_may_change_its_shape() {
    let held = open(&["127.0.0.1:0"], &Listeners::default()).unwrap();
    let again = open(&["127.0.0.1:0"], &held).unwrap();
    assert!(Arc::ptr_eq(&held.0[0], &again.0[0]));
    let everywhere = format!(":{}", port(&held));
    let wider = open(&[&everywhere], &held).unwrap();
    assert_eq!(port(&wider), port(&held));
    let (narrow, held) = (listen(&[&held.addresses()[0].1.to_string()]), wider.keys());
    assert!(Listeners::probe(&narrow, &held).is_empty());
}

#[test]
fn an_address_that_gets_another_preface_keeps_its_sockets() {
    let plain = open(&["127.0.0.1:0"], &Listeners::default()).unwrap();
    let (address, local) = (plain.0[0].key.address, plain.addresses());
    let mut wanted = listen(&[]);
    let preface = Preface::ProxyProtocol;
    wanted.http = vec![ondol_model::listen::Listener { address, preface }];
    let proxied = Listeners::open(&wanted, &plain, 3).unwrap();
    assert_eq!(proxied.keys(), keys(&wanted).collect());
    assert_ne!(
        proxied.keys(),
        plain.keys(),
        "a data plane would not be replaced"
    );
    drop(plain);
    assert_eq!(proxied.addresses(), local);
    assert!(std::net::TcpStream::connect(local[0].1).is_ok());
}

#[test]
fn an_address_of_another_machine_is_refused_with_the_reason() {
    let error = open(&["192.0.2.1:0"], &Listeners::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("which is no address of this machine"),
        "{error}"
    );
}
