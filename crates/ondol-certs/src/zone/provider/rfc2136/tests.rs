//! What is made of answers that no good name server gives, or only rarely.

use std::net::Ipv4Addr;

use hickory_proto::rr::rdata::tsig::TSIG;
use hickory_proto::rr::rdata::tsig::make_tsig_record;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;

/// Asks a name server that answers each question in this way; `None` ends the connection.
async fn asked(answer: impl Fn(Message) -> Option<Message>) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    ondol_base::file::replace(&key, b"c2VjcmV0\n", 0o600).unwrap();
    let algorithm = TsigAlgorithm::HmacSha512;
    let server = Rfc2136::new(address, "key", algorithm, &Secret::File(key)).unwrap();
    let record = Record {
        zone: None,
        name: "a.example.com",
        text: "text",
    };
    let answering = async {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut question = vec![0; usize::from(stream.read_u16().await.unwrap())];
            stream.read_exact(&mut question).await.unwrap();
            if let Some(answer) = answer(Message::from_vec(&question).unwrap()) {
                let bytes = answer.to_vec().unwrap();
                let length = u16::try_from(bytes.len()).unwrap();
                let framed = [&length.to_be_bytes(), &*bytes].concat();
                stream.write_all(&framed).await.unwrap();
            }
        }
    };
    let failure = tokio::select! {
        () = answering => unreachable!(),
        changed = server.change(Change::Add, record) => changed.unwrap_err(),
    };
    failure.sentence.replace(&server.describe(), "it")
}

fn answer_to(question: &Message, code: ResponseCode) -> Message {
    Message::error_msg(question.metadata.id, question.metadata.op_code, code)
}

#[tokio::test]
async fn clocks_that_differ_are_told() {
    let check = async |ahead: i64, expected: &str| {
        let sentence = asked(|question| {
            let signature = &question.signature().unwrap().data;
            let there = signature.time.checked_add_signed(ahead).unwrap();
            let other = there.to_be_bytes()[2..].to_vec();
            let (algorithm, time) = (signature.algorithm.clone(), signature.time);
            let tsig = TSIG::new(
                algorithm,
                time,
                FUDGE,
                Vec::new(),
                question.metadata.id,
                Some(TsigError::BadTime),
                other,
            );
            let mut answer = answer_to(&question, ResponseCode::NotAuth);
            answer.set_signature(Box::new(make_tsig_record(absolute("key").unwrap(), tsig)));
            Some(answer)
        });
        assert_eq!(sentence.await, expected);
    };
    check(3600, "it does not accept the key `key`, for the clocks differ (BADTIME): its own is 3600 s ahead: set both by NTP").await;
    check(-600, "it does not accept the key `key`, for the clocks differ (BADTIME): its own is 600 s behind: set both by NTP").await;
}

#[tokio::test]
async fn an_answer_without_the_right_signature_is_not_believed() {
    let unbelieved = "the answer of it is not signed with the key `key`, so it is not believed: is something between this box and it?";
    let unsigned = asked(|question| Some(answer_to(&question, ResponseCode::NoError)));
    assert_eq!(unsigned.await, unbelieved);
    let forged = asked(|question| {
        let mut answer = answer_to(&question, ResponseCode::NoError);
        let signer = TSigner::new(
            b"other".to_vec(),
            Hmac::HmacSha512,
            absolute("key").unwrap(),
            FUDGE,
        );
        let time = question.signature().unwrap().data.time;
        answer.finalize(&signer.unwrap(), time).unwrap();
        Some(answer)
    });
    assert_eq!(forged.await, unbelieved);
    let other = asked(|question| {
        let mut answer = answer_to(&question, ResponseCode::NoError);
        answer.metadata.id = answer.metadata.id.wrapping_add(1);
        Some(answer)
    });
    assert_eq!(other.await, "it answered another question");
    let ended = asked(|_| None).await;
    assert!(
        ended.starts_with("it could not be asked by TCP ("),
        "{ended}"
    );
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let server: SocketAddr = (Ipv4Addr::LOCALHOST, 53).into();
    let key = Secret::Environment("KEY".into());
    let server = Rfc2136::new(server, "key.", TsigAlgorithm::HmacSha256, &key).unwrap();
    let zone = absolute("example.com").unwrap();
    let check = |code, expected: &str| {
        let sentence = server.judge(code, &zone).unwrap_err().sentence;
        assert_eq!(sentence, format!("the name server 127.0.0.1:53 {expected}"));
    };
    assert!(server.judge(ResponseCode::NoError, &zone).is_ok());
    check(
        ResponseCode::Refused,
        "does not let the key `key` change example.com: allow it to update TXT records there (Knot: an `acl` with `action: update`; BIND: `update-policy`)",
    );
    check(
        ResponseCode::NotAuth,
        "is not the primary of the zone example.com: name the one that is",
    );
    check(
        ResponseCode::NotImp,
        "takes no updates (RFC 2136): name one that does",
    );
    check(
        ResponseCode::ServFail,
        "did not change the zone example.com: it answered `Server Failure`",
    );
}

#[tokio::test]
async fn a_key_that_is_no_base64_is_told_without_being_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    ondol_base::file::replace(&path, b"not base64!", 0o600).unwrap();
    let server: SocketAddr = (Ipv4Addr::LOCALHOST, 53).into();
    let key = Secret::File(path.clone());
    let server = Rfc2136::new(server, "key", TsigAlgorithm::HmacSha384, &key).unwrap();
    let sentence = server.signer().await.err().unwrap().sentence;
    let expected = format!(
        "the key `key` for the name server 127.0.0.1:53 can't be read: what is in {} is no base64",
        path.display()
    );
    assert_eq!(sentence, expected);
}
