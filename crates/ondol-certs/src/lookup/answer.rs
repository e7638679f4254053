//! What the answer of a name server says. Pure.

use hickory_proto::op::Message;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::Name;
use hickory_proto::rr::RData;
use hickory_proto::rr::Record;
use hickory_proto::rr::RecordType;

use super::ALIASES_MAX;
use super::LookupError;
use super::text_of;

/// An answer that says whether the name exists.
#[derive(Debug)]
pub(super) struct Answer {
    exists: bool,
    pub(super) answers: Vec<Record>,
    pub(super) authorities: Vec<Record>,
}

/// What an answer says to a question.
#[derive(Debug)]
pub(super) enum Said {
    /// The records; never empty.
    Records(Vec<Record>),
    /// The name is an alias of this one, of which nothing is said.
    Alias(Name),
}

impl Answer {
    /// `None` when it says something else than whether the name exists.
    pub(super) fn new(message: Message) -> Option<Self> {
        let exists = match message.metadata.response_code {
            ResponseCode::NoError => true,
            ResponseCode::NXDomain => false,
            _ => return None,
        };
        Some(Self {
            exists,
            answers: message.answers,
            authorities: message.authorities,
        })
    }

    /// The records of a name, or why there are none.
    pub(super) fn records(self, name: &Name, kind: RecordType) -> Result<Said, LookupError> {
        let last = self.last_alias(name);
        let ttl = self.negative_ttl(last.as_ref().unwrap_or(name));
        let is_wanted = |record: &Record| record.record_type() == kind;
        let wanted: Vec<Record> = self.answers.into_iter().filter(is_wanted).collect();
        if !wanted.is_empty() {
            return Ok(Said::Records(wanted));
        }
        match last {
            // Who knows the target too says so by an SOA record or NXDOMAIN.
            Some(target) if self.exists && ttl.is_none() => Ok(Said::Alias(target)),
            last => {
                let name = text_of(last.as_ref().unwrap_or(name));
                Err(if self.exists {
                    let kind = kind.to_string();
                    LookupError::NoRecord { name, kind, ttl }
                } else {
                    LookupError::NoSuchName { name, ttl }
                })
            }
        }
    }

    /// The zone that this answer comes from, when it holds the name.
    pub(super) fn zone(&self, name: &Name) -> Option<Name> {
        let records = self.answers.iter().chain(&self.authorities);
        let mut zones = records
            .filter(|record| record.record_type() == RecordType::SOA)
            .map(|record| &record.name)
            .filter(|zone| !zone.is_root() && zone.zone_of(name));
        zones.next().cloned()
    }

    /// Where the aliases in this answer lead to; `None` when the name is none.
    fn last_alias(&self, name: &Name) -> Option<Name> {
        let mut last = None;
        for _ in 0..ALIASES_MAX {
            let at = last.as_ref().unwrap_or(name);
            let target = self.answers.iter().find_map(|record| match &record.data {
                RData::CNAME(target) if record.name == *at => Some(target.0.clone()),
                _ => None,
            });
            match target {
                Some(target) => last = Some(target),
                None => break,
            }
        }
        last
    }

    /// For how long name servers may remember that there is nothing (RFC 2308 §5).
    fn negative_ttl(&self, name: &Name) -> Option<u32> {
        self.authorities
            .iter()
            .find_map(|record| match &record.data {
                RData::SOA(soa) if record.name.zone_of(name) => Some(record.ttl.min(soa.minimum)),
                _ => None,
            })
    }
}
