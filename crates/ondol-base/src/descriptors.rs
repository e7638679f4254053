//! Sockets and files that pass from one process to another, and how many one process may hold.

use std::io;
use std::io::IoSlice;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::FromRawFd;
use std::os::fd::OwnedFd;
use std::os::fd::RawFd;

use rustix::io::FdFlags;
use rustix::net::RecvAncillaryBuffer;
use rustix::net::RecvAncillaryMessage;
use rustix::net::RecvFlags;
use rustix::net::ReturnFlags;
use rustix::net::SendAncillaryBuffer;
use rustix::net::SendAncillaryMessage;
use rustix::net::SendFlags;
use rustix::process::Resource;
use rustix::process::Rlimit;
use tokio::io::Interest;
use tokio::net::UnixStream;

/// The most descriptors in one message; the kernel takes 253 (`SCM_MAX_FD`).
pub const PER_MESSAGE_MAX: usize = 200;

const CONTROL_BYTES: usize = rustix::cmsg_space!(ScmRights(PER_MESSAGE_MAX));

/// What one message brought.
#[derive(Debug)]
pub struct Received {
    /// How many bytes of the buffer were filled; 0 when the other side has closed.
    pub bytes: usize,
    /// The descriptors that came with these bytes, closed on `exec`.
    pub descriptors: Vec<OwnedFd>,
}

/// Sends all the bytes, with at most [`PER_MESSAGE_MAX`] descriptors attached to the first of them;
/// waits while the socket is full. More descriptors, or some without any byte to carry them, are
/// `InvalidInput`. Not cancel-safe: a part of the bytes may have been sent.
pub async fn send(
    socket: &UnixStream,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let mut attached = descriptors;
    let mut rest = bytes;
    loop {
        let sent = socket
            .async_io(Interest::WRITABLE, || try_send(socket, rest, attached))
            .await?;
        attached = &[];
        rest = &rest[sent..];
        if rest.is_empty() {
            return Ok(());
        }
    }
}

/// Waits for bytes and what is attached to them. Cancel-safe. See [`try_receive`].
pub async fn receive(socket: &UnixStream, buffer: &mut [u8]) -> io::Result<Received> {
    socket
        .async_io(Interest::READABLE, || try_receive(socket, buffer))
        .await
}

/// One `sendmsg`: returns how many of the bytes were taken. The descriptors go with the first of
/// them. `WouldBlock` on a full non-blocking socket, where a blocking one waits.
pub fn try_send(
    socket: impl AsFd,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<usize> {
    let has_carrier = !bytes.is_empty() || descriptors.is_empty();
    if descriptors.len() > PER_MESSAGE_MAX || !has_carrier {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut space = [MaybeUninit::uninit(); CONTROL_BYTES];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let sent = rustix::net::sendmsg(
        socket,
        &[IoSlice::new(bytes)],
        &mut control,
        SendFlags::NOSIGNAL,
    )?;
    Ok(sent)
}

/// One `recvmsg`. An error, with what came closed again, when descriptors were lost on the way:
/// this process had no room for them (`RLIMIT_NOFILE`), or there were more than
/// [`PER_MESSAGE_MAX`].
pub fn try_receive(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<Received> {
    let mut space = [MaybeUninit::uninit(); CONTROL_BYTES];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let message = rustix::net::recvmsg(
        socket,
        &mut [IoSliceMut::new(buffer)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let mut descriptors = Vec::new();
    for attached in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = attached {
            descriptors.extend(rights);
        }
    }
    if message.flags.contains(ReturnFlags::CTRUNC) {
        return Err(io::Error::other("file descriptors were lost on the way"));
    }
    Ok(Received {
        bytes: message.bytes,
        descriptors,
    })
}

/// Lets a descriptor stay open, under its number, in the program that `exec` starts.
pub fn keep_over_exec(descriptor: impl AsFd) -> io::Result<()> {
    let flags = rustix::io::fcntl_getfd(&descriptor)?;
    Ok(rustix::io::fcntl_setfd(
        &descriptor,
        flags - FdFlags::CLOEXEC,
    )?)
}

/// Has a descriptor closed by `exec`, as every descriptor that Rust opens is.
pub fn close_on_exec(descriptor: impl AsFd) -> io::Result<()> {
    let flags = rustix::io::fcntl_getfd(&descriptor)?;
    Ok(rustix::io::fcntl_setfd(
        &descriptor,
        flags | FdFlags::CLOEXEC,
    )?)
}

/// Takes up a descriptor that this program was started with, by its number, and has it closed on
/// the next `exec`. An error when it is not open. To be called once for a number, before
/// anything else of the process has opened files: whoever calls it becomes the owner.
pub fn take_inherited(number: RawFd) -> io::Result<OwnedFd> {
    if number < 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    #[expect(
        unsafe_code,
        reason = "a number from the parent process becomes an owner only by its word; that it is open is checked first"
    )]
    // SAFETY: the number is borrowed only for a query that fails when it is not open, and becomes an
    // owner after that; that nobody else owns it is the caller's part.
    let descriptor = unsafe {
        rustix::io::fcntl_getfd(BorrowedFd::borrow_raw(number))?;
        OwnedFd::from_raw_fd(number)
    };
    close_on_exec(&descriptor)?;
    Ok(descriptor)
}

/// Gives descriptors the numbers from `first` on, in their order, and has them stay open in the program that `exec`
/// starts. Whatever had these numbers is closed without its owner's knowledge: to be called just before an `exec`.
pub fn place(descriptors: Vec<OwnedFd>, first: RawFd) -> io::Result<()> {
    let count = RawFd::try_from(descriptors.len()).map_err(io::Error::other)?;
    // First out of the way of each other.
    let aside = descriptors
        .iter()
        .map(|descriptor| rustix::io::fcntl_dupfd_cloexec(descriptor, first + count));
    let aside: Vec<OwnedFd> = aside.collect::<Result<_, _>>()?;
    for (number, descriptor) in (first..).zip(&aside) {
        #[expect(
            unsafe_code,
            reason = "only a number says where a descriptor goes; what had it before is given up by the caller"
        )]
        // SAFETY: the owner is made for this one call and never dropped, so nothing is closed twice.
        let mut place = std::mem::ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(number) });
        rustix::io::dup2(descriptor, &mut place)?;
    }
    descriptors.into_iter().for_each(std::mem::forget);
    Ok(())
}

/// Has every descriptor from this number on closed by `exec`, whoever owns it.
pub fn close_on_exec_from(first: RawFd) -> io::Result<()> {
    let numbers = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect::<Vec<RawFd>>();
    for number in numbers.into_iter().filter(|number| *number >= first) {
        #[expect(
            unsafe_code,
            reason = "only a number says which descriptors there are; one that is closed by now is left alone"
        )]
        // SAFETY: it is borrowed for one call that fails when it is not open.
        let outcome = close_on_exec(unsafe { BorrowedFd::borrow_raw(number) });
        // The one that the list itself was read with.
        if let Err(error) = outcome
            && error.raw_os_error() != Some(rustix::io::Errno::BADF.raw_os_error())
        {
            return Err(error);
        }
    }
    Ok(())
}

/// Raises the number of descriptors that this process may hold to what the system allows it, and
/// returns that number (`u64::MAX` when there is no limit).
pub fn raise_limit() -> io::Result<u64> {
    let Rlimit { current, maximum } = rustix::process::getrlimit(Resource::Nofile);
    if current != maximum {
        let raised = Rlimit {
            current: maximum,
            maximum,
        };
        rustix::process::setrlimit(Resource::Nofile, raised)?;
    }
    Ok(maximum.unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
