//! Who is chosen, in tables and for any servers.

use proptest::prelude::*;

use super::*;

fn candidate(name: &str, weight: u32, in_flight: u32) -> Candidate {
    Candidate {
        key: server_key(name),
        weight,
        in_flight,
        credit: 0,
    }
}

/// The choices of so many requests that are over at once, as letters.
#[track_caller]
fn check_turns(balance: Balance, weights: &[u32], expected: &str) {
    let mut candidates: Vec<_> = weights.iter().map(|w| candidate("x", *w, 0)).collect();
    let chosen: String = (0..expected.len())
        .map(|_| choose(balance, &mut candidates, 0).expect("one has a weight"))
        .map(|index| char::from(b'a' + u8::try_from(index).expect("few")))
        .collect();
    assert_eq!(chosen, expected, "{balance:?} {weights:?}");
}

#[test]
fn turns_are_taken_by_weight_and_spread() {
    for balance in [Balance::RoundRobin, Balance::LeastConnections] {
        check_turns(balance, &[1, 1], "abababab");
        check_turns(balance, &[1, 1, 1], "abcabc");
        check_turns(balance, &[3, 1], "aabaaaba");
        check_turns(balance, &[5, 1, 1], "aabacaa");
        check_turns(balance, &[0, 1, 0], "bbb");
    }
}

#[test]
fn the_least_loaded_is_chosen() {
    let table: [(&[(u32, u32)], usize); 7] = [
        (&[(1, 5), (1, 2), (1, 9)], 1),
        (&[(1, 0), (1, 1)], 0),
        (&[(1, 1), (3, 2)], 1),
        (&[(1, 1), (3, 6)], 0),
        (&[(1, 9), (0, 0)], 0),
        (&[(100, 1), (1, 0)], 1),
        (&[(1, 7), (1, 7), (1, 6)], 2),
    ];
    for (servers, expected) in table {
        let mut candidates: Vec<_> = servers.iter().map(|s| candidate("x", s.0, s.1)).collect();
        let chosen = choose(Balance::LeastConnections, &mut candidates, 0);
        assert_eq!(chosen, Some(expected), "{servers:?}");
    }
}

#[test]
fn nobody_is_chosen_of_none() {
    for balance in Balance::ALL {
        assert_eq!(choose(balance, &mut [], 7), None);
        assert_eq!(choose(balance, &mut [candidate("a", 0, 0)], 7), None);
    }
}

#[test]
fn visitors_of_one_home_have_one_key() {
    let key = |text: &str| client_key(text.parse().expect("an address"));
    assert_eq!(key("2001:db8::1"), key("2001:db8::2"));
    assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
    assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
    assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
}

#[test]
fn visitors_spread_by_weight() {
    let mut candidates = [candidate("a", 3, 0), candidate("b", 1, 0)];
    let mut counts = [0_u32; 2];
    for client in 0..10_000_u32 {
        let client = client_key(IpAddr::from(client.to_be_bytes()));
        let chosen = choose(Balance::ClientHash, &mut candidates, client);
        counts[chosen.expect("one has a weight")] += 1;
    }
    assert!((7_300..7_700).contains(&counts[0]), "{counts:?}");
}

fn servers() -> impl Strategy<Value = Vec<Candidate>> {
    let server = (any::<u64>(), 0..50_u32, 0..50_u32);
    proptest::collection::vec(server, 1..12).prop_map(|servers| {
        let servers = servers.into_iter();
        let servers = servers.map(|(key, weight, in_flight)| Candidate {
            key,
            weight,
            in_flight,
            credit: 0,
        });
        servers.collect()
    })
}

proptest! {
    #[test]
    fn only_one_with_a_weight_is_chosen(mut servers in servers(), client: u64, times in 1..9) {
        for balance in Balance::ALL {
            for _ in 0..times {
                let chosen = choose(balance, &mut servers, client);
                prop_assert_eq!(chosen.is_some(), servers.iter().any(|one| one.weight > 0));
                prop_assert!(chosen.is_none_or(|index| servers[index].weight > 0));
            }
        }
    }

    /// A proxy that lived once chose the most loaded.
    #[test]
    fn nobody_with_as_much_weight_has_less(mut servers in servers()) {
        if let Some(chosen) = choose(Balance::LeastConnections, &mut servers, 0) {
            let chosen = servers[chosen];
            let better = servers
                .iter()
                .find(|one| one.weight >= chosen.weight && one.in_flight < chosen.in_flight);
            prop_assert_eq!(better, None);
        }
    }

    #[test]
    fn a_round_gives_each_its_weight(mut servers in servers()) {
        let sum: u32 = servers.iter().map(|one| one.weight).sum();
        let mut counts = vec![0; servers.len()];
        for _ in 0..sum {
            let chosen = choose(Balance::RoundRobin, &mut servers, 0).expect("one has a weight");
            counts[chosen] += 1;
        }
        let weights: Vec<_> = servers.iter().map(|one| one.weight).collect();
        prop_assert_eq!(counts, weights);
        prop_assert!(servers.iter().all(|one| one.credit == 0));
    }

    #[test]
    fn a_visitor_moves_only_when_its_server_goes(
        mut servers in servers(), client: u64, gone in any::<proptest::sample::Index>()
    ) {
        let before = choose(Balance::ClientHash, &mut servers, client);
        let gone = gone.index(servers.len());
        if before.is_some_and(|before| before != gone) {
            servers[gone].weight = 0;
            prop_assert_eq!(choose(Balance::ClientHash, &mut servers, client), before);
        }
    }
}
