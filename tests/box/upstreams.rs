//! Servers behind `https://`, where the agent reads the files and the data plane must not.

use std::fs;

use crate::harness::Folders;
use crate::harness::eventually;
use crate::peers::Certificate;
use crate::peers::address;
use crate::peers::ask;
use crate::peers::is_there;
use crate::peers::root;
use crate::peers::text;

const LISTEN: &str = "[listen]\nhttp = [\"127.0.0.1:0\"]\nhttps = [\"127.0.0.1:0\"]\n";

#[test]
fn a_box_behind_a_box_is_reached_by_https_once_its_authority_is_known() {
    if !is_there("curl") {
        return;
    }
    let back = format!("{LISTEN}[sites.\"back.test\"]\nrespond = \"from the back\"\n");
    let back = Folders::with(&back).start();
    let https = address(&back, "https");
    for version in ["1.1", "2"] {
        let folders = Folders::with("");
        let stranger = Certificate::of(&["stranger.test"]);
        stranger.write(&folders.path(""), "own");
        fs::copy(folders.path("own.root"), folders.path("ca.pem")).unwrap();
        folders.configure(&format!(
            "{LISTEN}[sites.\"back.test\"]\nhttps = false\n[sites.\"back.test\".proxy]\n\
             to = \"https://{https}\"\nhttp = \"{version}\"\n\
             tls = {{ ca = \"ca.pem\", server_name = \"back.test\", certificate = {{ chain = \"own.pem\", key = \"own.key\" }} }}\n"
        ));
        let checked = folders.ondol(&["check"]);
        assert!(checked.status.success(), "{}", text(&checked));
        let front = folders.start();
        let http = address(&front, "http");
        let refused = ask(http, &["http://back.test/"]).unwrap();
        assert_eq!(refused.status, 502, "{refused:?}");
        fs::copy(root(&back), front.folders.path("ca.pem")).unwrap();
        let answer = eventually("its authority is known", || {
            let answer = ask(http, &["http://back.test/"]).ok()?;
            (answer.status == 200).then_some(answer)
        });
        assert_eq!(answer.body, "from the back");
        let log = front.log();
        assert!(log.contains("UnknownIssuer"), "{log}");
    }
}
