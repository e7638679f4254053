//! Addresses as owners write them.

use super::Address;
use super::with_database;

#[track_caller]
fn check(url: &str, expected: &str, is_here: bool) {
    let address = Address::parse(url).unwrap();
    assert_eq!(address.postgres_url(), expected);
    assert_eq!(address.is_here(), is_here);
    assert_eq!(Address::parse(expected).unwrap(), address);
}

#[test]
fn addresses_are_read_and_written() {
    check("postgresql:///shop", "postgresql:///shop", true);
    check("postgres://ann@/shop", "postgresql://ann@/shop", true);
    check(
        "postgresql://ann@db.example:5433/shop",
        "postgresql://ann@db.example/shop?port=5433",
        false,
    );
    check(
        "postgresql://ann@[::1]:5433/shop",
        "postgresql://ann@[::1]/shop?port=5433",
        false,
    );
    check("postgresql://[::1]/shop", "postgresql://[::1]/shop", false);
    check(
        "postgresql:///shop?host=/run/postgresql&user=ann%20b&sslmode=require",
        "postgresql://ann%20b@/shop?host=%2Frun%2Fpostgresql&sslmode=require",
        true,
    );
    check(
        "postgresql://%2Frun%2Fpostgresql/a%2Fb",
        "postgresql:///a%2Fb?host=%2Frun%2Fpostgresql",
        true,
    );
}

#[test]
fn another_database_of_the_same_server_has_the_same_address() {
    for (url, expected) in [
        ("postgresql:///shop", "postgresql:///a%20copy"),
        (
            "mysql://ann@db:3307/shop?ssl=1&x=/y",
            "mysql://ann@db:3307/a%20copy?ssl=1&x=/y",
        ),
        (
            "postgresql:///?host=/run/pg&dbname=shop",
            "postgresql:///a%20copy?host=/run/pg",
        ),
        ("postgresql://db", "postgresql://db/a%20copy"),
    ] {
        assert_eq!(with_database(url, "a copy"), expected);
    }
}

#[test]
fn what_is_no_address_is_told() {
    for text in [
        "shop",
        "postgresql://h:x/shop",
        "postgresql:///%zz",
        "postgresql:///a?b",
    ] {
        let failure = Address::parse(text).unwrap_err();
        assert!(failure.sentence.contains(text), "{failure}");
    }
}
