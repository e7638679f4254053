//! A name server that takes updates (RFC 2136), signed with a key that both know (TSIG, RFC 8945).

use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::Message;
use hickory_proto::op::MessageType;
use hickory_proto::op::Query;
use hickory_proto::op::ResponseCode;
use hickory_proto::op::update_message;
use hickory_proto::rr::Name;
use hickory_proto::rr::RData;
use hickory_proto::rr::RecordSet;
use hickory_proto::rr::RecordType;
use hickory_proto::rr::TSigner;
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::rdata::tsig::TsigAlgorithm as Hmac;
use hickory_proto::rr::rdata::tsig::TsigError;
use ondol_base::clock;
use ondol_base::secret::SecretText;
use ondol_model::base64;
use ondol_model::plan::Secret;
use ondol_model::plan::TsigAlgorithm;

use super::Change;
use super::Record;
use super::TTL;
use super::credential;
use super::failed;
use crate::failure::Failure;
use crate::lookup::ask::exchange_over_tcp;

/// From the connection to the last byte of the answer.
const ANSWER: Duration = Duration::from_secs(10);
/// How many times a message is sent when the connection is lost; an update can be done twice.
const TRIES: u32 = 2;
/// By how many seconds the two clocks may differ (RFC 8945 §10).
const FUDGE: u16 = 300;

/// See the file's own words.
#[derive(Debug)]
pub(crate) struct Rfc2136 {
    server: SocketAddr,
    key_name: Name,
    algorithm: TsigAlgorithm,
    key: Secret,
}

impl Rfc2136 {
    /// A server and the key that it knows.
    pub(crate) fn new(
        server: SocketAddr,
        key_name: &str,
        algorithm: TsigAlgorithm,
        key: &Secret,
    ) -> Result<Self, Failure> {
        let key_name = Name::from_ascii(key_name)
            .map_err(|_| failed(format!("`{key_name}` can't be the name of a TSIG key")))?;
        Ok(Self {
            server,
            key_name,
            algorithm,
            key: key.clone(),
        })
    }

    pub(crate) fn describe(&self) -> String {
        format!("the name server {}", self.server)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server
    }

    pub(crate) async fn change(&self, change: Change, record: Record<'_>) -> Result<(), Failure> {
        let signer = self.signer().await?;
        let name = absolute(record.name)?;
        let zone = self.zone(&signer, &name, record.zone).await?;
        let mut texts = RecordSet::with_ttl(name, RecordType::TXT, TTL);
        texts.add_rdata(RData::TXT(TXT::new(vec![record.text.to_owned()])));
        let update = match change {
            Change::Add => update_message::append(texts, zone.clone(), false, false),
            Change::Remove => update_message::delete_by_rdata(texts, zone.clone(), false),
        };
        let answer = self.ask(&signer, update).await?;
        self.judge(answer.metadata.response_code, &zone)
    }

    /// The zone that a name is in, as the server itself sees it: it may know more than the public does.
    async fn zone(
        &self,
        signer: &TSigner,
        name: &Name,
        hint: Option<&str>,
    ) -> Result<Name, Failure> {
        let mut question = Message::query();
        question.metadata.recursion_desired = false;
        question.add_query(Query::query(name.clone(), RecordType::SOA));
        let answer = self.ask(signer, question).await?;
        let mut shown = answer.answers.iter().chain(&answer.authorities);
        let start = shown.find(|record| record.record_type() == RecordType::SOA);
        let found = match (start, hint) {
            (Some(record), _) => record.name.clone(),
            (None, Some(zone)) => absolute(zone)?,
            (None, None) => {
                return Err(failed(format!(
                    "{} keeps no zone that {} is in: name the one that does",
                    self.describe(),
                    told(name)
                )));
            }
        };
        if found.zone_of(name) {
            return Ok(found);
        }
        Err(failed(format!(
            "{} says that {} is in the zone {}, which can't be",
            self.describe(),
            told(name),
            told(&found)
        )))
    }

    fn judge(&self, code: ResponseCode, zone: &Name) -> Result<(), Failure> {
        let server = self.describe();
        let (key, zone) = (told(&self.key_name), told(zone));
        Err(failed(match code {
            ResponseCode::NoError => return Ok(()),
            ResponseCode::Refused => format!(
                "{server} does not let the key `{key}` change {zone}: allow it to update TXT records there (Knot: an `acl` with `action: update`; BIND: `update-policy`)"
            ),
            ResponseCode::NotAuth | ResponseCode::NotZone => {
                format!("{server} is not the primary of the zone {zone}: name the one that is")
            }
            ResponseCode::NotImp => {
                format!("{server} takes no updates (RFC 2136): name one that does")
            }
            code => format!("{server} did not change the zone {zone}: it answered `{code}`"),
        }))
    }

    async fn signer(&self) -> Result<TSigner, Failure> {
        let what = format!("the key `{}` for {}", told(&self.key_name), self.describe());
        let text = credential::read(&self.key, &what).await?;
        let key = decode(&text).ok_or_else(|| {
            let place = credential::place(&self.key);
            failed(format!(
                "{what} can't be read: what is in {place} is no base64"
            ))
        })?;
        let algorithm = match self.algorithm {
            TsigAlgorithm::HmacSha256 => Hmac::HmacSha256,
            TsigAlgorithm::HmacSha384 => Hmac::HmacSha384,
            TsigAlgorithm::HmacSha512 => Hmac::HmacSha512,
        };
        TSigner::new(key, algorithm, self.key_name.clone(), FUDGE)
            .map_err(|error| failed(format!("{what} can't be used: {error}")))
    }

    /// Signs a message, sends it, and checks who signed the answer.
    async fn ask(&self, signer: &TSigner, mut message: Message) -> Result<Message, Failure> {
        let server = self.describe();
        let garbled = |_| {
            failed(format!(
                "{server} did not answer in the way of name servers"
            ))
        };
        let time = u64::try_from(clock::unix_seconds()).unwrap_or_default();
        let verifier = message.finalize(signer, time).map_err(garbled)?;
        let question = message.to_vec().map_err(garbled)?;
        let bytes = self.exchange(&question).await?;
        let answer = Message::from_vec(&bytes).map_err(|_| {
            failed(format!(
                "{server} did not answer in the way of name servers"
            ))
        })?;
        let metadata = &answer.metadata;
        if metadata.id != message.metadata.id || metadata.message_type != MessageType::Response {
            return Err(failed(format!("{server} answered another question")));
        }
        if let Some(signature) = answer.signature()
            && let Some(error) = signature.data.error
        {
            return Err(self.distrusted(error, &signature.data.other, time));
        }
        // Without a signature nobody can be believed but who says no.
        let signed = verifier.is_some_and(|mut verifier| verifier.verify(&bytes).is_ok());
        let is_refusal = metadata.response_code != ResponseCode::NoError;
        if signed || (is_refusal && answer.signature().is_none()) {
            return Ok(answer);
        }
        Err(failed(format!(
            "the answer of {server} is not signed with the key `{}`, so it is not believed: is something between this box and it?",
            told(&self.key_name)
        )))
    }

    /// Why the server does not believe the signature (RFC 8945 §5.2).
    fn distrusted(&self, error: TsigError, other: &[u8], time: u64) -> Failure {
        let server = self.describe();
        let key = told(&self.key_name);
        failed(match error {
            TsigError::BadKey => format!(
                "{server} does not accept the key `{key}` (BADKEY): its name and its algorithm must be the same there, and it must be allowed to update the zone"
            ),
            TsigError::BadSig => format!(
                "{server} has another key by the name `{key}` than the one in {} (BADSIG), or with another algorithm",
                credential::place(&self.key)
            ),
            TsigError::BadTime => format!(
                "{server} does not accept the key `{key}`, for the clocks differ (BADTIME){}: set both by NTP",
                difference(other, time)
            ),
            TsigError::BadTrunc => {
                format!("{server} wants longer signatures with the key `{key}` (BADTRUNC)")
            }
            TsigError::Unknown(code) => {
                format!("{server} does not accept the key `{key}` (TSIG error {code})")
            }
        })
    }

    async fn exchange(&self, question: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut left = TRIES;
        loop {
            left -= 1;
            let asked =
                tokio::time::timeout(ANSWER, exchange_over_tcp(self.server, question)).await;
            match asked {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) if left == 0 => {
                    return Err(failed(format!(
                        "{} could not be asked by TCP ({error}): check that it runs and can be reached from this box",
                        self.describe()
                    )));
                }
                Err(_) if left == 0 => {
                    return Err(failed(format!(
                        "{} did not answer by TCP within {} s: check that it can be reached from this box",
                        self.describe(),
                        ANSWER.as_secs()
                    )));
                }
                Ok(Err(_)) | Err(_) => {}
            }
        }
    }
}

fn decode(key: &SecretText) -> Option<Vec<u8>> {
    let bytes = base64::decode(key.as_str().trim().trim_end_matches('='))?;
    (!bytes.is_empty()).then_some(bytes)
}

fn absolute(name: &str) -> Result<Name, Failure> {
    let mut absolute = Name::from_ascii(name)
        .map_err(|_| failed(format!("`{name}` can't be a name in a zone")))?;
    absolute.set_fqdn(true);
    Ok(absolute)
}

/// A name as people write it.
fn told(name: &Name) -> String {
    let text = name.to_ascii();
    text.strip_suffix('.').map_or(text.clone(), str::to_owned)
}

/// By how much the clocks differ, where the server said its time (RFC 8945 §5.2.3).
fn difference(other: &[u8], time: u64) -> String {
    let Ok(bytes) = <[u8; 6]>::try_from(other) else {
        return String::new();
    };
    let there = bytes
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let side = if there > time { "ahead" } else { "behind" };
    format!(": its own is {} s {side}", there.abs_diff(time))
}

#[cfg(test)]
mod tests;
