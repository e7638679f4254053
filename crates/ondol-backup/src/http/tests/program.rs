//! Servers that are other people's programs.

use std::net::TcpListener;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

/// Looks at a port so often, a tenth of a second apart, until somebody listens.
const LOOKS_MAX: u32 = 300;

/// A program that serves on a port of this machine. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    pub(crate) port: u16,
}

impl Program {
    /// Starts it with what the port makes of a command; `None` when it is not there.
    pub(crate) fn start(command: impl FnOnce(u16) -> Option<Command>) -> Option<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let mut command = command(port)?;
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.stderr(Stdio::null()).spawn().ok()?;
        let mut program = Self { child, port };
        for _ in 0..LOOKS_MAX {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(program);
            }
            let ended = program.child.try_wait().unwrap();
            assert!(ended.is_none(), "{command:?} ended: {ended:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{command:?} does not listen");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The S3 service for tests, where it was built; it is said when it is not there.
pub(crate) fn s3s_fs() -> Option<PathBuf> {
    let path = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../target/s3s/bin/s3s-fs"
    ));
    if path.is_file() {
        return Some(path);
    }
    println!("skipped: there is no s3s-fs in target/s3s");
    None
}

/// Whether there is a program; it is said when there is none.
pub(crate) fn is_there(program: &str) -> bool {
    let found = Command::new(program)
        .arg("version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if found.is_err() {
        println!("skipped: {program} is not there");
    }
    found.is_ok()
}
