//! Which of several servers answers the next request.

use std::net::IpAddr;

/// How servers share requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Balance {
    /// The one with the fewest requests at the moment, for its weight; those with none take turns.
    #[default]
    LeastConnections,
    /// Each in turn, as often as its weight says.
    RoundRobin,
    /// A visitor's address always leads to the same one. When another server comes or goes, only
    /// the visitors move who must.
    ClientHash,
}

impl Balance {
    /// Each, in the order that people read them.
    pub const ALL: [Self; 3] = [Self::LeastConnections, Self::RoundRobin, Self::ClientHash];

    /// The word for it in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::LeastConnections => "least_connections",
            Self::RoundRobin => "round_robin",
            Self::ClientHash => "client_hash",
        }
    }
}

/// What counts about a server when one is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// What tells it from others; see [`server_key`].
    pub key: u64,
    /// Its share; 0 means that it is not to be chosen.
    pub weight: u32,
    /// The requests that it has at the moment.
    pub in_flight: u32,
    /// How long it has waited for its turn. Kept from one choice to the next, and 0 at first.
    pub credit: i64,
}

/// Chooses a server. `None` when none has a weight.
pub fn choose(balance: Balance, candidates: &mut [Candidate], client: u64) -> Option<usize> {
    match balance {
        Balance::LeastConnections => least_connections(candidates),
        Balance::RoundRobin => in_turn(candidates, |_| true),
        Balance::ClientHash => client_hash(candidates, client),
    }
}

/// What stands for a server in a hash, the same after a restart.
pub fn server_key(address: &str) -> u64 {
    let fnv = address.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mixed(fnv)
}

/// What stands for a visitor in a hash: the address, of version 6 the network of its home, within which
/// it changes daily.
pub fn client_key(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => mixed(u64::from(u32::from(address))),
        IpAddr::V6(address) => mixed((u128::from(address) >> 64) as u64),
    }
}

fn least_connections(candidates: &mut [Candidate]) -> Option<usize> {
    let weighted = candidates.iter().filter(|one| one.weight > 0);
    let least = *weighted.reduce(|a, b| if is_less_loaded(b, a) { b } else { a })?;
    in_turn(candidates, |one| !is_less_loaded(&least, one))
}

/// Compares what each would have with one request more, for its weight. One that has none is not
/// loaded, whatever its weight, so that on a quiet box the weights decide about turns.
fn is_less_loaded(one: &Candidate, other: &Candidate) -> bool {
    let load = |candidate: &Candidate| match candidate.in_flight {
        0 => 0,
        some => u64::from(some) + 1,
    };
    load(one) * u64::from(other.weight) < load(other) * u64::from(one.weight)
}

/// Smooth weighted turns, as nginx has them: of weights 3 and 1 `a a b a`, not `a a a b`.
fn in_turn(candidates: &mut [Candidate], takes_part: impl Fn(&Candidate) -> bool) -> Option<usize> {
    let mut sum = 0;
    let mut first: Option<(usize, i64)> = None;
    for (index, candidate) in candidates.iter_mut().enumerate() {
        if candidate.weight == 0 || !takes_part(candidate) {
            continue;
        }
        let weight = i64::from(candidate.weight);
        sum += weight;
        candidate.credit += weight;
        if first.is_none_or(|(_, credit)| candidate.credit > credit) {
            first = Some((index, candidate.credit));
        }
    }
    let (index, _) = first?;
    candidates[index].credit -= sum;
    Some(index)
}

/// Weighted rendezvous: each server draws a lot that depends on it and the visitor alone, and the
/// largest wins.
fn client_hash(candidates: &[Candidate], client: u64) -> Option<usize> {
    let lots = candidates.iter().enumerate();
    let lots = lots.filter(|(_, one)| one.weight > 0).map(|(index, one)| {
        let bits = mixed(one.key ^ client) >> 11;
        let drawn = (bits as f64 + 0.5) / (1_u64 << 53) as f64;
        (index, -f64::from(one.weight) / drawn.ln())
    });
    lots.max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(index, _)| index)
}

/// SplitMix64: a bijection after which every bit depends on every other.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests;
