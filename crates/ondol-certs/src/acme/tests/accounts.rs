//! Accounts: one at each directory, whatever happens.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use ondol_model::plan::ExternalAccount;
use ondol_model::plan::Secret;
use serde_json::Value;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::front::Front;
use super::front::read_request;
use super::*;

const KEY_ID: &str = "kid-1";
const HMAC_KEY: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";

fn kept(world: &World) -> Value {
    serde_json::from_slice(&fs::read(world.account_file()).unwrap()).unwrap()
}

fn keep(world: &World, kept: &Value) {
    fs::write(world.account_file(), kept.to_string()).unwrap();
}

#[tokio::test]
async fn an_account_is_made_once_and_kept_for_ondol_alone() {
    let Some(world) = World::new(|_| {}).await else {
        return;
    };
    let first = world.open().await.unwrap();
    let mode = fs::metadata(world.account_file())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let second = world.open().await.unwrap();
    assert_eq!(first.account_uri(), second.account_uri());
    assert_eq!(kept(&world)["contact"], "owner@example.com");
}

#[tokio::test]
async fn a_power_cut_during_the_registration_makes_no_second_account() {
    let Some(world) = World::new(|_| {}).await else {
        return;
    };
    let first = world.open().await.unwrap();
    // The issuer has registered the key, and its answer was lost.
    let mut cut = kept(&world);
    cut["id"] = Value::Null;
    keep(&world, &cut);
    let second = world.open().await.unwrap();
    assert_eq!(first.account_uri(), second.account_uri());
}

#[tokio::test]
async fn two_that_begin_together_take_one_account() {
    let Some(world) = World::new(|_| {}).await else {
        return;
    };
    let (first, second) = tokio::join!(world.open(), world.open());
    assert_eq!(first.unwrap().account_uri(), second.unwrap().account_uri());
}

#[tokio::test]
async fn an_account_that_the_issuer_forgot_is_made_anew() {
    let Some(world) = World::new(|_| {}).await else {
        return;
    };
    let first = world.open().await.unwrap();
    let uri = first.account_uri().to_owned();
    let mut forgotten = kept(&world);
    forgotten["id"] = format!("{uri}0").into();
    forgotten["key_pkcs8"] = jws::url_encode(&jws::AccountKey::generate().unwrap()).into();
    keep(&world, &forgotten);
    let second = world.open().await.unwrap();
    assert_ne!(second.account_uri(), uri);
    assert_eq!(kept(&world)["id"], second.account_uri());
    assert!(world.folder().join("account.before.json").exists());
    world
        .get(&second, &["app.example.com"], &[Challenge::Http])
        .await
        .unwrap();
}

#[tokio::test]
async fn an_account_file_that_cannot_be_used_is_named_and_left_alone() {
    let Some(world) = World::new(|_| {}).await else {
        return;
    };
    world.open().await.unwrap();
    fs::write(world.account_file(), "{ \"id\": ").unwrap();
    let failure = world.open().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Machine);
    let path = world.account_file();
    let sentence = format!(
        "the account at pebble could not be read from or written to {}: it is damaged: put a copy of it back, or remove it, and a new account is made",
        path.display()
    );
    assert_eq!(failure.sentence, sentence);
    assert_eq!(fs::read(path).unwrap(), b"{ \"id\": ");
}

#[tokio::test]
async fn an_account_made_elsewhere_is_bound_to_the_key() {
    let accounts = |settings: &mut Settings| settings.external_accounts = vec![(KEY_ID, HMAC_KEY)];
    let Some(world) = World::new(accounts).await else {
        return;
    };
    let failure = world.open().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Account);
    assert!(
        failure
            .sentence
            .contains("give its `key_id` and `hmac_key`"),
        "{failure}"
    );

    let path = world.folder.path().join("hmac-key");
    let mut issuer = world.issuer();
    issuer.external_account = Some(ExternalAccount {
        key_id: KEY_ID.into(),
        hmac_key: Secret::File(path.clone()),
    });
    let failure = world.open_at(&issuer).await.unwrap_err();
    assert!(
        failure.sentence.contains("cannot read the secret in"),
        "{failure}"
    );
    for (text, says) in [
        ("not base64url!", "its `hmac_key` is not base64url"),
        (
            "d3Jvbmc",
            "pebble does not accept the account that you have there (kid-1): “",
        ),
    ] {
        write_secret(&path, text);
        let failure = world.open_at(&issuer).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Account, "{failure}");
        assert!(failure.sentence.contains(says), "{failure}");
    }
    write_secret(&path, HMAC_KEY);
    let session = world.open_at(&issuer).await.unwrap();
    world
        .get(&session, &["app.example.com"], &[Challenge::Http])
        .await
        .unwrap();
}

fn write_secret(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn an_account_gets_another_key() {
    let Some(world) = World::new(|_| {}).await else {
        return;
    };
    let first = world.open().await.unwrap();
    let before = kept(&world);
    let second = first.rekey().await.unwrap();
    let after = kept(&world);
    assert_eq!(first.account_uri(), second.account_uri());
    assert_ne!(before["key_pkcs8"], after["key_pkcs8"]);
    assert_eq!(after.get("next_key_pkcs8"), None);
    let third = world.open().await.unwrap();
    assert_eq!(third.account_uri(), second.account_uri());
    world
        .get(&third, &["app.example.com"], &[Challenge::Http])
        .await
        .unwrap();
}

#[tokio::test]
async fn a_power_cut_during_the_change_of_a_key_loses_no_account() {
    let Some(world) = World::new(|_| {}).await else {
        return;
    };
    let first = world.open().await.unwrap();
    let before = kept(&world);
    // The issuer never heard of the key that was to come.
    let mut cut = before.clone();
    cut["next_key_pkcs8"] = jws::url_encode(&jws::AccountKey::generate().unwrap()).into();
    keep(&world, &cut);
    let second = world.open().await.unwrap();
    assert_eq!(second.account_uri(), first.account_uri());
    assert_eq!(kept(&world), before);
    // The issuer has taken the key, and its answer was lost.
    second.rekey().await.unwrap();
    let after = kept(&world);
    let mut cut = before;
    cut["next_key_pkcs8"] = after["key_pkcs8"].clone();
    keep(&world, &cut);
    let third = world.open().await.unwrap();
    assert_eq!(third.account_uri(), first.account_uri());
    assert_eq!(kept(&world), after);
}

/// Answers as an issuer that has no TLS, up to an account.
async fn answer_plainly(listener: &TcpListener) {
    let base = format!("http://{}", listener.local_addr().unwrap());
    let urls = ["newNonce", "newAccount", "newOrder"];
    let urls = urls.map(|name| (name.to_owned(), json!(format!("{base}/{name}"))));
    let directory = Value::Object(urls.into_iter().collect()).to_string();
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let request = read_request(&mut stream).await.unwrap();
        let (head, body) = match request.split(' ').nth(1) {
            Some("/directory") => (String::new(), &*directory),
            Some("/newAccount") => (format!("location: {base}/account/1\r\n"), "{}"),
            _ => (String::new(), ""),
        };
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nreplay-nonce: once\r\n{head}content-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn an_issuer_on_this_machine_needs_no_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let root = Front::new(None).await;
    let folder = tempfile::tempdir().unwrap();
    let issuer = issuer(&format!("{base}/directory"), &root.root());
    let session = tokio::select! {
        session = open(&issuer, folder.path()) => session.unwrap(),
        () = answer_plainly(&listener) => unreachable!(),
    };
    assert_eq!(session.account_uri(), format!("{base}/account/1"));
}
