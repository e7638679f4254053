//! `Via`: apps are told that a request came through here, and a request that goes round in a circle is found
//! by it (RFC 9110 §7.6.3).

use http::HeaderMap;
use http::HeaderValue;
use http::Version;
use http::header;

use crate::failure::Failure;

/// A site may lead to another of the same box; one that comes by so often leads to itself.
const TIMES_MAX: usize = 4;

/// The name of this data plane in `Via`: its own, so that several boxes in a row are no circle.
#[derive(Debug, Clone)]
pub(crate) struct Via(Box<str>);

impl Via {
    /// A name with a number that no other data plane has.
    pub(crate) fn new(number: u64) -> Self {
        Self(format!("ondol-{number:016x}").into_boxed_str())
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    /// Refuses a request that came by too often.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Failure> {
        if !headers.contains_key(header::VIA) {
            return Ok(());
        }
        let times = headers
            .get_all(header::VIA)
            .iter()
            .map(|via| self.times(via));
        let times = times.sum::<usize>();
        if times >= TIMES_MAX {
            return Err(Failure::Circle { times });
        }
        Ok(())
    }

    fn times(&self, via: &HeaderValue) -> usize {
        let text = via.to_str().unwrap_or_default();
        let hops = text
            .split(',')
            .filter_map(|hop| hop.split_whitespace().nth(1));
        hops.filter(|name| **name == *self.0).count()
    }
}

/// The version of a request as `Via` has it.
pub(crate) fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2.0",
        Version::HTTP_3 => "3.0",
        _ => "1.1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_name_counts() {
        let via = Via::new(1);
        let with = |values: &[&str]| {
            let values = values.iter().map(|text| {
                let value = HeaderValue::from_str(text).expect("a test's own value");
                (header::VIA, value)
            });
            via.check(&values.collect())
        };
        let own = "1.1 ondol-0000000000000001";
        let other = "1.1 ondol-0000000000000002 (Ondol), 2.0 nginx";
        assert!(with(&[]).is_ok());
        assert!(with(&[other; 20]).is_ok());
        assert!(with(&[own, other, own, own]).is_ok());
        assert!(with(&[own, other, own, own, own]).is_err());
        let list = [own; 4].join(" ,\t");
        assert!(matches!(with(&[&list]), Err(Failure::Circle { times: 4 })));
    }
}
