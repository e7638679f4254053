//! What comes while one image of the agent gives way to another: signals, programs that are not what they
//! seem, and boxes that keep little.

use std::io::Read;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::process::Output;

use rustix::process::Signal;

use crate::harness::Folders;
use crate::harness::answering;

fn text(output: &Output) -> String {
    let mut text = String::from_utf8(output.stdout.clone()).unwrap();
    text += &String::from_utf8(output.stderr.clone()).unwrap();
    text
}

#[test]
fn signals_right_after_a_re_execution_do_not_end_the_box() {
    let mut running = Folders::with(&answering("one")).start();
    for (round, signal) in [Signal::HUP, Signal::USR1, Signal::HUP, Signal::USR1]
        .into_iter()
        .enumerate()
    {
        running.signal(Signal::USR2);
        while running.log().matches("started itself anew").count() <= round {
            running.signal(signal);
            let ended = running.has_ended();
            assert!(
                ended.is_none(),
                "{ended:?} of {signal:?}: {}",
                running.log()
            );
        }
    }
    assert_eq!(running.get("a.test"), "one");
}

#[test]
fn a_stop_that_comes_during_a_re_execution_is_obeyed() {
    for _ in 0..3 {
        let mut running = Folders::with(&answering("one")).start();
        let mut client = UnixStream::connect(running.folders.path("run/admin.sock")).unwrap();
        client
            .write_all(b"GET /status HTTP/1.1\r\nHost: box\r\n\r\n")
            .unwrap();
        assert!(client.read(&mut [0; 1024]).unwrap() > 0);
        running.signal(Signal::USR2);
        // The agent lets its clients go when it begins to leave.
        client.read_to_end(&mut Vec::new()).unwrap();
        running.signal(Signal::TERM);
        assert!(running.ended().success(), "{}", running.log());
        assert!(running.log().contains("Ondol stopped"), "{}", running.log());
    }
}

#[test]
fn signals_for_the_agent_do_not_end_the_data_plane() {
    let running = Folders::with(&answering("one")).start();
    let before = running.generation();
    for signal in [Signal::HUP, Signal::INT, Signal::USR1, Signal::USR2] {
        rustix::process::kill_process(before.1, signal).unwrap();
    }
    running.folders.configure(&answering("two"));
    let reload = running.folders.ondol(&["reload"]);
    assert!(reload.status.success(), "{}", text(&reload));
    assert_eq!(
        (running.get("a.test"), running.generation()),
        ("two".to_owned(), before)
    );
}
