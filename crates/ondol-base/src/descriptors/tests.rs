//! Real descriptors over real sockets, to this process and to a child.

use std::fs::File;
use std::io::Read;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::fd::IntoRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::*;

fn numbered_files(count: usize) -> Vec<File> {
    (0..count)
        .map(|number| {
            let mut file = tempfile::tempfile().unwrap();
            write!(file, "{number}").unwrap();
            io::Seek::rewind(&mut file).unwrap();
            file
        })
        .collect()
}

fn text_of(descriptor: OwnedFd) -> String {
    io::read_to_string(File::from(descriptor)).unwrap()
}

#[tokio::test]
async fn files_arrive_in_order_with_the_bytes_that_carry_them() {
    let (left, right) = UnixStream::pair().unwrap();
    let files = numbered_files(PER_MESSAGE_MAX);
    let borrowed: Vec<_> = files.iter().map(AsFd::as_fd).collect();
    send(&left, b"all of them", &borrowed).await.unwrap();
    drop(files);
    let mut buffer = [0; 64];
    let received = receive(&right, &mut buffer).await.unwrap();
    assert_eq!(&buffer[..received.bytes], b"all of them");
    assert_eq!(received.descriptors.len(), PER_MESSAGE_MAX);
    for (number, descriptor) in received.descriptors.into_iter().enumerate() {
        let flags = rustix::io::fcntl_getfd(&descriptor).unwrap();
        assert!(flags.contains(FdFlags::CLOEXEC));
        assert_eq!(text_of(descriptor), number.to_string());
    }
}

#[tokio::test]
async fn a_text_larger_than_the_sockets_buffer_arrives_whole_and_its_file_once() {
    let (left, right) = UnixStream::pair().unwrap();
    let text = vec![b'x'; 2_000_000];
    let file = tempfile::tempfile().unwrap();
    let borrowed = [file.as_fd()];
    let sending = async {
        send(&left, &text, &borrowed).await.unwrap();
        drop(left);
    };
    let receiving = async {
        let (mut bytes, mut descriptors) = (0, 0);
        let mut buffer = vec![0; 65_536];
        loop {
            let received = receive(&right, &mut buffer).await.unwrap();
            if received.bytes == 0 {
                return (bytes, descriptors);
            }
            bytes += received.bytes;
            descriptors += received.descriptors.len();
        }
    };
    let ((), counted) = tokio::join!(sending, receiving);
    assert_eq!(counted, (2_000_000, 1));
}

#[tokio::test]
async fn too_many_or_without_a_carrier_is_refused_before_anything_is_sent() {
    let (left, right) = UnixStream::pair().unwrap();
    let file = tempfile::tempfile().unwrap();
    let many = vec![file.as_fd(); PER_MESSAGE_MAX + 1];
    for (bytes, descriptors) in [(b"x".as_slice(), many.as_slice()), (b"", &many[..1])] {
        let error = send(&left, bytes, descriptors).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
    send(&left, b"fine", &[]).await.unwrap();
    let mut buffer = [0; 8];
    let received = receive(&right, &mut buffer).await.unwrap();
    assert_eq!(&buffer[..received.bytes], b"fine");
    assert!(received.descriptors.is_empty());
}

#[tokio::test]
async fn a_closed_other_side_is_an_error_and_not_a_signal() {
    let (left, right) = UnixStream::pair().unwrap();
    drop(right);
    let error = send(&left, b"hello", &[]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn a_descriptor_is_in_the_child_only_when_kept() {
    let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let number = theirs.as_raw_fd();
    let can_write = |number: RawFd| {
        Command::new("sh")
            .args(["-c", &format!("echo hello >&{number}")])
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap()
            .success()
    };
    assert!(!can_write(number));
    keep_over_exec(&theirs).unwrap();
    assert!(can_write(number));
    close_on_exec(&theirs).unwrap();
    assert!(!can_write(number));
    drop(theirs);
    let mut text = String::new();
    ours.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello\n");
}

#[test]
fn an_inherited_number_is_taken_once_and_a_closed_one_refused() {
    let file = numbered_files(8).pop().unwrap();
    keep_over_exec(&file).unwrap();
    let taken = take_inherited(file.into_raw_fd()).unwrap();
    let flags = rustix::io::fcntl_getfd(&taken).unwrap();
    assert!(flags.contains(FdFlags::CLOEXEC));
    assert_eq!(text_of(taken), "7");
    for number in [-1, 1_000_000] {
        assert!(take_inherited(number).is_err(), "{number} was taken");
    }
}

/// The limit is the process's own, so this runs in a child that starts with a low one.
#[test]
fn the_limit_is_raised_to_what_the_system_allows() {
    const CHILD: &str = "ONDOL_BASE_RAISE_LIMIT";
    if std::env::var_os(CHILD).is_some() {
        let limit = raise_limit().unwrap();
        let now = rustix::process::getrlimit(Resource::Nofile);
        assert_eq!((now.current, limit), (now.maximum, 300));
        return;
    }
    let program = std::env::current_exe().unwrap();
    let status = Command::new("sh")
        .arg0("sh")
        .args([
            "-c",
            "ulimit -S -n 64; ulimit -H -n 300; exec \"$0\" \"$@\"",
        ])
        .arg(program)
        .args([
            "--exact",
            "descriptors::tests::the_limit_is_raised_to_what_the_system_allows",
        ])
        .env(CHILD, "1")
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
}
