//! Amazon Route 53: all texts of a name are one set. A change takes the old set out and puts the new one in
//! by one step that fails when somebody else changed it meanwhile, and is then tried again.

use bytes::Bytes;
use http::Method;
use http::Request;
use http::StatusCode;
use http::header;
use ondol_base::clock;
use ondol_base::secret::SecretText;
use ondol_model::plan::Secret;

use super::Change;
use super::Record;
use super::TTL;
use super::api::Api;
use super::api::Reply;
use super::api::encoded;
use super::changed;
use super::credential;
use super::failed;
use crate::failure::Failure;

mod sign;
mod xml;

/// Where it is asked.
pub(super) const BASE: &str = "https://route53.amazonaws.com";
/// The version of its interface, which each path begins with.
const VERSION: &str = "/2013-04-01";
/// How often a change is tried when others change the same set.
const TRIES: u32 = 4;

/// See the file's own words.
#[derive(Debug)]
pub(crate) struct Route53 {
    api: Api,
    access_key: Secret,
    secret_key: Secret,
}

struct Keys {
    access: SecretText,
    secret: SecretText,
}

/// The texts of a name, as they are in the zone; the default is that there are none.
#[derive(Default)]
struct Texts {
    ttl: Option<u32>,
    values: Vec<String>,
}

impl Route53 {
    pub(crate) fn new(base: &str, access_key: &Secret, secret_key: &Secret) -> Self {
        Self {
            api: Api::new("Route 53", base),
            access_key: access_key.clone(),
            secret_key: secret_key.clone(),
        }
    }

    pub(crate) async fn change(&self, change: Change, record: Record<'_>) -> Result<(), Failure> {
        let keys = Keys {
            access: credential::read(&self.access_key, "the access key for Route 53").await?,
            secret: credential::read(&self.secret_key, "the secret key for Route 53").await?,
        };
        let (zone, id) = self.zone(&keys, record).await?;
        let mut left = TRIES;
        loop {
            left -= 1;
            let before = self.texts(&keys, &id, record.name).await?;
            let Some(after) = changed(change, &before.values, record.text) else {
                return Ok(());
            };
            let body = change_batch(record.name, &before, &after);
            let path = format!("{VERSION}/hostedzone/{id}/rrset/");
            let reply = self.send(&keys, Method::POST, &path, body.into()).await?;
            if reply.status.is_success() {
                return Ok(());
            }
            // Somebody else changed it since it was read.
            let is_overtaken = code(&reply) == "InvalidChangeBatch";
            if !is_overtaken || left == 0 {
                return Err(self.refused(&reply, zone));
            }
        }
    }

    async fn zone<'r>(
        &self,
        keys: &Keys,
        record: Record<'r>,
    ) -> Result<(&'r str, String), Failure> {
        for name in record.zones() {
            let path = format!(
                "{VERSION}/hostedzonesbyname?dnsname={}&maxitems=20",
                encoded(name)
            );
            let text = self.read(keys, &path, name).await?;
            let public = xml::elements(&text, "HostedZone").find(|zone| {
                xml::text(zone, "Name").trim_end_matches('.') == name
                    && xml::text(zone, "PrivateZone") != "true"
            });
            if let Some(zone) = public {
                let id = xml::text(zone, "Id");
                let id = id.rsplit('/').next().unwrap_or_default();
                return Ok((name, encoded(id)));
            }
        }
        Err(failed(format!(
            "Route 53 has no public hosted zone for {} in the account of the access key in {}",
            record.name,
            credential::place(&self.access_key)
        )))
    }

    async fn texts(&self, keys: &Keys, id: &str, name: &str) -> Result<Texts, Failure> {
        let path = format!(
            "{VERSION}/hostedzone/{id}/rrset?maxitems=1&name={}&type=TXT",
            encoded(name)
        );
        let text = self.read(keys, &path, name).await?;
        let set = xml::elements(&text, "ResourceRecordSet").find(|set| {
            // The list begins at the name and goes on behind it.
            xml::text(set, "Name").trim_end_matches('.') == name && xml::text(set, "Type") == "TXT"
        });
        let Some(set) = set else {
            return Ok(Texts::default());
        };
        Ok(Texts {
            ttl: xml::text(set, "TTL").parse().ok(),
            values: xml::elements(set, "Value").map(xml::unescaped).collect(),
        })
    }

    async fn read(&self, keys: &Keys, path: &str, zone: &str) -> Result<String, Failure> {
        let reply = self.send(keys, Method::GET, path, Bytes::new()).await?;
        if !reply.status.is_success() {
            return Err(self.refused(&reply, zone));
        }
        Ok(String::from_utf8_lossy(&reply.body).into_owned())
    }

    async fn send(
        &self,
        keys: &Keys,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Reply, Failure> {
        let request = self.api.request(method, path);
        let request = request.header(header::CONTENT_TYPE, "text/xml");
        let mut request = self.api.build(request, body)?;
        self.sign(keys, &mut request)?;
        let is_busy = |reply: &Reply| {
            [
                "Throttling",
                "ThrottlingException",
                "PriorRequestNotComplete",
            ]
            .contains(&code(reply).as_str())
        };
        self.api.send_unless_busy(request, is_busy).await
    }

    fn sign(&self, keys: &Keys, request: &mut Request<Bytes>) -> Result<(), Failure> {
        let (access, secret) = (keys.access.as_str().trim(), keys.secret.as_str().trim());
        sign::sign(request, access, secret, clock::unix_seconds()).ok_or_else(|| {
            failed(format!(
                "the access key in {} can't be right: it has signs that none has",
                credential::place(&self.access_key)
            ))
        })
    }

    fn refused(&self, reply: &Reply, zone: &str) -> Failure {
        let text = String::from_utf8_lossy(&reply.body);
        let code = code(reply);
        let said = self
            .api
            .quoted(&format!("{code}: {}", xml::text(&text, "Message")));
        let (access, secret) = (
            credential::place(&self.access_key),
            credential::place(&self.secret_key),
        );
        failed(match (&*code, reply.status) {
            ("InvalidClientTokenId" | "UnrecognizedClientException", _) => {
                format!("Route 53 does not know the access key in {access} ({said})")
            }
            ("SignatureDoesNotMatch", _) => format!(
                "Route 53 does not accept the secret key in {secret} ({said}): it must be that of the access key in {access}, and this box's clock must be right"
            ),
            ("RequestExpired", _) => {
                format!(
                    "Route 53 does not accept requests of this box, for its clock is wrong ({said})"
                )
            }
            ("AccessDenied", _) | (_, StatusCode::FORBIDDEN) => format!(
                "Route 53 does not let the access key in {access} change {zone} ({said}): allow it `route53:ListHostedZonesByName`, `route53:ListResourceRecordSets` and `route53:ChangeResourceRecordSets`"
            ),
            (_, status) => format!("Route 53 did not change {zone} ({status}): it said {said}"),
        })
    }
}

fn code(reply: &Reply) -> String {
    if reply.status.is_success() {
        return String::new();
    }
    let text = String::from_utf8_lossy(&reply.body);
    if text.contains("<InvalidChangeBatch") {
        return "InvalidChangeBatch".to_owned();
    }
    xml::text(&text, "Code")
}

/// What takes the old set out and puts the new one in. Route 53 compares what is to be deleted with what
/// is there, and makes nothing that is there already.
fn change_batch(name: &str, before: &Texts, after: &[String]) -> String {
    let ttl = before.ttl.unwrap_or(TTL);
    let name = xml::escaped(name);
    let steps = [("DELETE", &*before.values), ("CREATE", after)];
    let steps = steps.into_iter().filter(|(_, values)| !values.is_empty());
    let changes: String = steps
        .map(|(action, values)| {
            let values: String = values.iter().map(|value| value_element(value)).collect();
            format!("<Change><Action>{action}</Action><ResourceRecordSet><Name>{name}.</Name><Type>TXT</Type><TTL>{ttl}</TTL><ResourceRecords>{values}</ResourceRecords></ResourceRecordSet></Change>")
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes>{changes}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
    )
}

fn value_element(value: &str) -> String {
    let value = xml::escaped(value);
    format!("<ResourceRecord><Value>{value}</Value></ResourceRecord>")
}
