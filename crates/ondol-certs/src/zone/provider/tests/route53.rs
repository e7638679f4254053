//! Route 53 in small. The signature itself is tested with Amazon's own examples, in `route53/sign.rs`.

use super::fake::Answer;
use super::fake::Asked;
use super::fake::Fake;
use super::fake::serve;
use super::*;
use crate::zone::provider::route53::Route53;

/// One set, which is not there when it is empty.
struct Small {
    values: Vec<String>,
    /// Texts that somebody else adds, each just before a change is made.
    intruders: Vec<&'static str>,
    throttled: u32,
}

impl Small {
    fn new() -> Self {
        Self {
            values: vec!["\"someone's\"".to_owned()],
            intruders: Vec::new(),
            throttled: 0,
        }
    }

    fn change(&mut self, body: &str) -> Answer {
        if let Some(intruder) = self.intruders.pop() {
            self.values.push(quoted(intruder));
        }
        let mut values = self.values.clone();
        for change in between(body, "<Change>", "</Change>") {
            assert!(
                change.contains("<Name>_acme-challenge.shop.example.com.</Name><Type>TXT</Type>"),
                "{change}"
            );
            let given: Vec<_> = between(&change, "<Value>", "</Value>")
                .into_iter()
                .map(|value| value.replace("&quot;", "\""))
                .collect();
            let expected_ttl = if self.values.is_empty() { 60 } else { 7200 };
            assert!(
                change.contains(&format!("<TTL>{expected_ttl}</TTL>")),
                "{change}"
            );
            let is_delete = change.contains("<Action>DELETE</Action>");
            let fits = if is_delete {
                values == given
            } else {
                values.is_empty()
            };
            if !fits {
                let body = "<?xml version=\"1.0\"?><InvalidChangeBatch xmlns=\"x\"><Messages><Message>Tried to delete resource record set, but the values provided do not match the current values</Message></Messages></InvalidChangeBatch>";
                return Answer::new(400, body);
            }
            values = if is_delete { Vec::new() } else { given };
        }
        self.values = values;
        Answer::new(200, "<ChangeResourceRecordSetsResponse/>")
    }

    fn list(&self) -> Answer {
        let values = self.values.iter().map(|value| {
            let value = value.replace('"', "&quot;");
            format!("<ResourceRecord><Value>{value}</Value></ResourceRecord>")
        });
        let values: String = values.collect();
        let mut sets = String::new();
        if !values.is_empty() {
            sets = format!(
                "<ResourceRecordSet><Name>{NAME}.</Name><Type>TXT</Type><TTL>7200</TTL><ResourceRecords>{values}</ResourceRecords></ResourceRecordSet>"
            );
        }
        // What is behind the name comes too.
        sets.push_str("<ResourceRecordSet><Name>b.example.com.</Name><Type>TXT</Type><TTL>1</TTL><ResourceRecords><ResourceRecord><Value>\"b\"</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>");
        Answer::new(
            200,
            format!("<R><ResourceRecordSets>{sets}</ResourceRecordSets></R>"),
        )
    }
}

fn refused(status: u16, code: &str, message: &str) -> Answer {
    Answer::new(
        status,
        format!(
            "<?xml version=\"1.0\"?><ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
        ),
    )
}

fn between(text: &str, open: &str, close: &str) -> Vec<String> {
    let pieces = text.split(open).skip(1);
    pieces
        .filter_map(|piece| Some(piece.split_once(close)?.0.to_owned()))
        .collect()
}

impl Fake for Small {
    fn answer(&mut self, asked: &Asked) -> Answer {
        let authorization = asked.header("authorization");
        assert!(
            authorization.contains(
                "/us-east-1/route53/aws4_request, SignedHeaders=host;x-amz-date, Signature="
            ),
            "{authorization}"
        );
        assert!(asked.header("x-amz-date").ends_with('Z'));
        if !authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKID/") {
            return refused(
                403,
                "InvalidClientTokenId",
                "The security token included in the request is invalid.",
            );
        }
        if self.throttled > 0 {
            self.throttled -= 1;
            let busy = refused(400, "Throttling", "Rate exceeded");
            return Answer {
                retry_after: Some(0),
                ..busy
            };
        }
        match (&*asked.method, &asked.parts()[1..]) {
            ("GET", ["hostedzonesbyname"]) => Answer::new(
                200,
                format!(
                    "<R><HostedZones>\
                 <HostedZone><Id>/hostedzone/Z0</Id><Name>{ZONE}.</Name><Config><PrivateZone>true</PrivateZone></Config></HostedZone>\
                 <HostedZone><Id>/hostedzone/Z1</Id><Name>{ZONE}.</Name><Config><PrivateZone>false</PrivateZone></Config></HostedZone>\
                 </HostedZones></R>"
                ),
            ),
            ("GET", ["hostedzone", "Z1", "rrset"]) => {
                assert_eq!(
                    (&*asked.query["name"], &*asked.query["type"]),
                    (NAME, "TXT")
                );
                self.list()
            }
            ("POST", ["hostedzone", "Z1", "rrset"]) => {
                self.change(&String::from_utf8(asked.body.clone()).unwrap())
            }
            _ => panic!("{} {}", asked.method, asked.target),
        }
    }

    fn texts(&self) -> Vec<String> {
        self.values
            .iter()
            .map(|text| unquoted(text).to_owned())
            .collect()
    }
}

#[tokio::test]
async fn texts_come_and_go() {
    let secrets = Secrets::new();
    let (access, secret) = (
        secrets.secret("access", "AKID"),
        secrets.secret("secret", "s"),
    );
    let small = Small {
        throttled: 2,
        ..Small::new()
    };
    serve(small, async |base, keeper| {
        let route53 = Route53::new(&base, &access, &secret);
        let change = async |change, record: Record<'_>| route53.change(change, record).await;
        come_and_go(change, async || keeper.texts().await).await;
        route53
            .change(Change::Remove, record(None, "someone's"))
            .await
            .unwrap();
        assert!(keeper.texts().await.is_empty());
        route53
            .change(Change::Add, record(None, "alone"))
            .await
            .unwrap();
        assert_eq!(keeper.texts().await, ["alone"]);
    })
    .await;
}

#[tokio::test]
async fn what_others_add_at_the_same_time_stays() {
    let secrets = Secrets::new();
    let (access, secret) = (
        secrets.secret("access", "AKID"),
        secrets.secret("secret", "s"),
    );
    let small = Small {
        intruders: vec!["other", "another"],
        ..Small::new()
    };
    serve(small, async |base, keeper| {
        let route53 = Route53::new(&base, &access, &secret);
        route53
            .change(Change::Add, record(None, "ours"))
            .await
            .unwrap();
        assert_eq!(
            keeper.texts().await,
            ["someone's", "another", "other", "ours"]
        );
    })
    .await;
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let secrets = Secrets::new();
    let check = async |access: &str, name: &str, expected: &str| {
        let (access, secret) = (
            secrets.secret("access", access),
            secrets.secret("secret", "s"),
        );
        let failure = serve(Small::new(), async |base, _| {
            let record = Record {
                zone: None,
                name,
                text: "text",
            };
            Route53::new(&base, &access, &secret)
                .change(Change::Add, record)
                .await
                .unwrap_err()
        });
        let expected = expected.replace("DIR", &secrets.0.path().display().to_string());
        assert_eq!(failure.await.sentence, expected);
    };
    check("OLD", NAME, "Route 53 does not know the access key in DIR/access (`InvalidClientTokenId: The security token included in the request is invalid.`)").await;
    check("AKID", "withcoffee.app", "Route 53 has no public hosted zone for withcoffee.app in the account of the access key in DIR/access").await;
    check(
        "a\nb",
        NAME,
        "the access key in DIR/access can't be right: it has signs that none has",
    )
    .await;
}
