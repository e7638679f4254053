//! `balance` of `proxy`: how several servers share the requests.

use ondol_model::balance::Balance;

use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Key;
use crate::shape::Shape;

const LEAST_CONNECTIONS: &str = "least_connections";
const ROUND_ROBIN: &str = "round_robin";
const CLIENT_HASH: &str = "client_hash";

pub(super) const BALANCE: Key = Key {
    name: "balance",
    doc: "How several servers share the requests, each by its weight: `least_connections` (the one with the fewest at the moment), `round_robin` (each in turn), `client_hash` (a visitor's address always leads to the same one).",
    shape: Shape::Choice(&[LEAST_CONNECTIONS, ROUND_ROBIN, CLIENT_HASH]),
    absent: Absent::Default("\"least_connections\""),
};

pub(super) fn balance(table: Section<'_>) -> Balance {
    match table.text(BALANCE.name).map(|word| word.text) {
        Some(ROUND_ROBIN) => Balance::RoundRobin,
        Some(CLIENT_HASH) => Balance::ClientHash,
        Some(_) | None => Balance::default(),
    }
}
