//! Cloudflare in small.

use serde_json::json;

use super::fake::Answer;
use super::fake::Asked;
use super::fake::Fake;
use super::fake::serve;
use super::*;
use crate::zone::provider::cloudflare::Cloudflare;

const TOKEN: &str = "a-token";

/// Records with their ids.
struct Small {
    records: Vec<(u32, String)>,
    may_edit: bool,
}

impl Small {
    fn new() -> Self {
        let records = vec![(1, "\"someone's\"".to_owned())];
        let may_edit = true;
        Self { records, may_edit }
    }
}

fn refused(status: u16, code: u32, message: &str) -> Answer {
    let errors = [json!({"code": code, "message": message})];
    Answer::new(
        status,
        json!({"success": false, "errors": errors, "result": null}),
    )
}

fn done(result: impl serde::Serialize) -> Answer {
    Answer::new(
        200,
        json!({"success": true, "errors": [], "result": result}),
    )
}

impl Fake for Small {
    fn answer(&mut self, asked: &Asked) -> Answer {
        if asked.header("authorization") != format!("Bearer {TOKEN}") {
            return refused(403, 9109, "Invalid access token");
        }
        match (&*asked.method, &asked.parts()[..]) {
            ("GET", ["zones"]) if asked.query["name"] == ZONE => {
                done([json!({"id": "z1", "name": ZONE})])
            }
            ("GET", ["zones"]) => done([(); 0]),
            (_, ["zones", "z1", "dns_records", ..]) if !self.may_edit => {
                refused(403, 10000, "Authentication error")
            }
            ("GET", ["zones", "z1", "dns_records"]) => {
                assert_eq!(
                    (&*asked.query["type"], &*asked.query["name"]),
                    ("TXT", NAME)
                );
                let rows = self.records.iter();
                let rows =
                    rows.map(|(id, content)| json!({"id": id.to_string(), "content": content}));
                done(rows.collect::<Vec<_>>())
            }
            ("POST", ["zones", "z1", "dns_records"]) => {
                let new = asked.json();
                assert_eq!(
                    (&new["type"], &new["name"], &new["ttl"]),
                    (&json!("TXT"), &json!(NAME), &json!(60))
                );
                let content = new["content"].as_str().unwrap().to_owned();
                if self.records.iter().any(|(_, known)| *known == content) {
                    return refused(400, 81058, "An identical record already exists.");
                }
                let id = self.records.iter().map(|(id, _)| id + 1).max().unwrap_or(1);
                self.records.push((id, content.clone()));
                done(json!({"id": id.to_string(), "content": content}))
            }
            ("DELETE", ["zones", "z1", "dns_records", id]) => {
                let before = self.records.len();
                self.records.retain(|(known, _)| known.to_string() != *id);
                if self.records.len() == before {
                    return refused(404, 81044, "Record does not exist.");
                }
                done(json!({"id": id}))
            }
            _ => panic!("{} {}", asked.method, asked.target),
        }
    }

    fn texts(&self) -> Vec<String> {
        self.records
            .iter()
            .map(|(_, content)| unquoted(content).to_owned())
            .collect()
    }
}

#[tokio::test]
async fn records_come_and_go() {
    let secrets = Secrets::new();
    let token = secrets.secret("token", TOKEN);
    serve(Small::new(), async |base, keeper| {
        let cloudflare = Cloudflare::new(&base, &token);
        let change = async |change, record: Record<'_>| cloudflare.change(change, record).await;
        come_and_go(change, async || keeper.texts().await).await;
    })
    .await;
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let secrets = Secrets::new();
    let check = async |token: &str, name: &str, may_edit, expected: &str| {
        let token = secrets.secret("token", token);
        let small = Small {
            may_edit,
            ..Small::new()
        };
        let failure = serve(small, async |base, _| {
            let record = Record {
                zone: None,
                name,
                text: "text",
            };
            Cloudflare::new(&base, &token)
                .change(Change::Add, record)
                .await
                .unwrap_err()
        });
        let expected = expected.replace("FILE", &secrets.path("token").display().to_string());
        assert_eq!(failure.await.sentence, expected);
    };
    check(TOKEN, "_acme-challenge.withcoffee.app", true, "Cloudflare knows no zone for _acme-challenge.withcoffee.app with the token in FILE: give the token `Zone.Zone: Read` and `Zone.DNS: Edit` for it").await;
    check("old", ZONE, true, "Cloudflare does not accept the token in FILE for the zone example.com (`9109: Invalid access token`): it needs `Zone.Zone: Read` and `Zone.DNS: Edit` for it").await;
    check(TOKEN, NAME, false, "Cloudflare does not accept the token in FILE for the zone example.com (`10000: Authentication error`): it needs `Zone.Zone: Read` and `Zone.DNS: Edit` for it").await;
    check("two\nlines", NAME, true, "the token for Cloudflare can't be right: it has more than one line, or other signs that none has").await;
}
