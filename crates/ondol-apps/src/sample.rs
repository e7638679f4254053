//! What tests of this crate start processes with.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::group::Groups;
use crate::places::Places;
use crate::spawn::SpawnError;
use crate::spawn::Spawned;
use crate::spawn::spawn;
use crate::spec::Identity;
use crate::spec::Limits;
use crate::spec::Output;
use crate::spec::Run;
use crate::spec::Spec;

/// A folder that every user may enter, as an app's may be another's.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    folder
}

/// A box in this folder, with the shim that cargo builds beside the tests.
pub(crate) fn places(folder: &Path) -> Places {
    let tests = std::env::current_exe().unwrap();
    let built = tests.parent().and_then(Path::parent).unwrap();
    let program = built.join("examples/shim");
    assert!(
        program.exists(),
        "no {}: `cargo build --examples` makes it",
        program.display()
    );
    Places {
        state: folder.join("state"),
        runtime: folder.join("runtime"),
        logs: folder.join("logs"),
        configuration: folder.join("configuration"),
        visitors_group: None,
        program,
    }
}

/// A line for the shell, with nothing taken away and nothing given.
pub(crate) fn spec(line: &str) -> Spec {
    let path = ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned());
    Spec {
        app: "sample".to_owned(),
        what: "1-web.1".to_owned(),
        run: Run::Shell(line.to_owned()),
        folder: PathBuf::from("/"),
        env: BTreeMap::from([path]),
        identity: None,
        reach: None,
        stand_ins: Vec::new(),
        limits: Limits::default(),
        output: Output::Inherited,
        record: None,
        sockets: Vec::new(),
    }
}

/// Somebody else, where the tests run as root.
pub(crate) fn nobody() -> Option<Identity> {
    rustix::process::geteuid().is_root().then(|| Identity {
        name: "nobody".to_owned(),
        uid: 65534,
        gid: 65534,
        groups: Vec::new(),
        home: "/nonexistent".into(),
    })
}

/// Starts it in a group of this machine; what it writes is read from the other value.
pub(crate) async fn start(
    spec: Spec,
    sockets: Vec<OwnedFd>,
) -> Result<(Spawned, OwnedFd), SpawnError> {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    let folder = folder();
    let groups = Groups::find().await;
    let spawned = spawn(spec, sockets, Some(writer), &places(folder.path()), &groups).await?;
    Ok((spawned, reader))
}

/// Runs it to its end: what it wrote, and its code.
pub(crate) async fn run(spec: Spec) -> (String, Option<i32>) {
    let (spawned, output) = start(spec, Vec::new()).await.unwrap();
    let read = ondol_base::tasks::spawn_blocking(move || read(output));
    let status = spawned.child.ended().await.unwrap();
    spawned.group.kill().await;
    spawned.group.remove();
    (read.await.unwrap(), status.code())
}

/// All that comes, to the end.
pub(crate) fn read(output: OwnedFd) -> String {
    let mut text = String::new();
    std::fs::File::from(output)
        .read_to_string(&mut text)
        .unwrap();
    text
}
