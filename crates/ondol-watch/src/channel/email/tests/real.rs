//! Mail to aiosmtpd, which checks the login, and reads letters with another library than the one that wrote them.

use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::ChildStdout;
use std::process::Command;
use std::process::Stdio;

use rustls_pki_types::pem::PemObject;

use super::*;
use crate::planted::put;

struct Server {
    child: Child,
    said: BufReader<ChildStdout>,
    port: u16,
    folder: tempfile::TempDir,
}

impl Server {
    /// A server, whose certificate vouches for itself; `None` where none is installed.
    fn start(when: &str) -> Option<Self> {
        let here = |path: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let candidates = [here("../../target/python/bin/python3"), "python3".into()];
        let python = candidates.iter().find(|python| has_aiosmtpd(python))?;
        let folder = tempfile::tempdir().unwrap();
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        put(&folder.path().join("chain.pem"), &pair.cert.pem());
        put(
            &folder.path().join("key.pem"),
            &pair.signing_key.serialize_pem(),
        );
        let mut child = Command::new(python)
            .arg(here("testdata/mail_server.py"))
            .args(["chain.pem", "key.pem", when])
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        said.read_line(&mut port).unwrap();
        Some(Self {
            child,
            said,
            port: port.trim().parse().unwrap(),
            folder,
        })
    }

    /// How mail is sent by it, with this password.
    fn smtp(&self, security: SmtpSecurity, password: &str) -> Smtp {
        let file = self.folder.path().join("password");
        put(&file, password);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&file, mode).unwrap();
        Smtp {
            host: "localhost".to_owned(),
            port: self.port,
            security,
            user: Some("box".to_owned()),
            password: Some(Secret::File(file)),
            from: "집 <box@example.com>".to_owned(),
        }
    }

    fn root(&self) -> Vec<CertificateDer<'static>> {
        let path = self.folder.path().join("chain.pem");
        vec![CertificateDer::from_pem_file(path).unwrap()]
    }

    fn letter(&mut self) -> serde_json::Value {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn has_aiosmtpd(python: &PathBuf) -> bool {
    let mut asked = Command::new(python);
    let asked = asked.args(["-c", "import aiosmtpd"]).stderr(Stdio::null());
    asked.status().is_ok_and(|status| status.success())
}

#[tokio::test]
async fn a_real_server_takes_a_letter_over_tls_from_one_it_knows() {
    for (when, security) in [
        ("starttls", SmtpSecurity::StartTls),
        ("tls", SmtpSecurity::Tls),
    ] {
        let Some(mut server) = Server::start(when) else {
            eprintln!("skipped: aiosmtpd is not installed (tests/run does)");
            return;
        };
        let send = async |password: &str, roots| {
            let smtp = server.smtp(security, password);
            send_trusting("나 <me@example.com>", &smtp, &parcel(), roots).await
        };
        let stranger = send("right & long", trusted()).await.unwrap_err();
        assert_eq!(stranger.kind, SendFailureKind::Unreachable, "{stranger:?}");
        assert!(
            stranger.message.contains("could not agree on TLS"),
            "{stranger:?}"
        );
        assert!(
            stranger.message.contains("run `update-ca-certificates`"),
            "{stranger:?}"
        );
        let unknown = send("wrong & long\n", server.root()).await.unwrap_err();
        assert_eq!(unknown.kind, SendFailureKind::Refused, "{unknown:?}");
        assert!(
            unknown.message.contains("the user or the password"),
            "{unknown:?}"
        );
        assert!(!unknown.message.contains("wrong"), "{unknown:?}");
        assert_eq!(send("right & long\n", server.root()).await, Ok(()));
        check(&server.letter());
    }
}

fn check(letter: &serde_json::Value) {
    let parcel = parcel();
    assert_eq!(letter["from"], "box@example.com");
    assert_eq!(letter["to"], serde_json::json!(["me@example.com"]));
    assert_eq!(letter["defects"], serde_json::json!([]));
    assert_eq!(letter["fields"]["subject"], parcel.title);
    assert_eq!(letter["fields"]["from"], "집 <box@example.com>");
    assert_eq!(letter["fields"]["x-ondol-severity"], "critical");
    let text = letter["text"].as_str().unwrap().replace("\r\n", "\n");
    assert_eq!(text.trim_end(), parcel.text.trim_end());
    assert!(letter["longest"].as_u64().unwrap() <= 998, "{letter}");
}
