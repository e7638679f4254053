//! Where processes listen: what the kernel's lists of sockets (`/proc/net`) say of the descriptors that they have.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;

/// A TCP socket that listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listener {
    /// Where.
    pub(crate) address: SocketAddr,
    /// The user who opened it.
    uid: u32,
    inode: u64,
}

/// Who listens on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    /// Nobody.
    None,
    /// One of the processes that were asked about.
    Ours,
    /// Somebody else.
    Stranger,
    /// The system doesn't tell.
    Unknown,
}

/// Every TCP socket of the machine that listens, or only of this process's network where it has one of its own.
pub(crate) fn all() -> Vec<Listener> {
    let lists = ["/proc/net/tcp", "/proc/net/tcp6"];
    let texts = lists
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok());
    texts.flat_map(|text| parse(&text)).collect()
}

/// Those of `listeners` that one of these processes has open.
pub(crate) fn of(processes: &BTreeSet<u32>, listeners: &[Listener]) -> Vec<Listener> {
    let (open, _) = sockets(processes);
    let theirs = listeners.iter().filter(|it| open.contains(&it.inode));
    theirs.copied().collect()
}

/// Who listens on this port of 127.0.0.1. Where the descriptors of these processes are not shown to us, only a
/// listener of another user is known to be a stranger's.
pub(crate) fn holder(port: u16, processes: &BTreeSet<u32>, user: Option<u32>) -> Holder {
    let mut there = all();
    there.retain(|listener| listener.address.port() == port && answers_here(listener.address.ip()));
    if there.is_empty() {
        return Holder::None;
    }
    let (open, is_complete) = sockets(processes);
    if there.iter().any(|listener| open.contains(&listener.inode)) {
        return Holder::Ours;
    }
    match (is_complete, user) {
        (true, _) => Holder::Stranger,
        (false, Some(user)) if there.iter().all(|listener| listener.uid != user) => {
            Holder::Stranger
        }
        (false, _) => Holder::Unknown,
    }
}

/// Whether connections to 127.0.0.1 reach a listener on this address.
fn answers_here(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_unspecified() || ip == Ipv4Addr::LOCALHOST,
        IpAddr::V6(ip) => ip.is_unspecified() || ip.to_ipv4_mapped() == Some(Ipv4Addr::LOCALHOST),
    }
}

/// The numbers of the sockets that processes have open, and whether all of them were shown.
fn sockets(processes: &BTreeSet<u32>) -> (BTreeSet<u64>, bool) {
    let mut open = BTreeSet::new();
    let mut is_complete = true;
    for pid in processes {
        match fs::read_dir(format!("/proc/{pid}/fd")) {
            Ok(entries) => open.extend(entries.flatten().filter_map(|entry| {
                let target = fs::read_link(entry.path()).ok()?;
                let number = target.to_str()?.strip_prefix("socket:[")?;
                number.strip_suffix(']')?.parse::<u64>().ok()
            })),
            Err(error) => is_complete &= error.kind() == std::io::ErrorKind::NotFound,
        }
    }
    (open, is_complete)
}

/// A list of sockets (proc_net_tcp): address, state, user and inode of those that listen.
fn parse(text: &str) -> Vec<Listener> {
    text.lines().skip(1).filter_map(line).collect()
}

fn line(line: &str) -> Option<Listener> {
    const LISTEN: &str = "0A";
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    if *fields.get(3)? != LISTEN {
        return None;
    }
    Some(Listener {
        address: address(fields.get(1)?)?,
        uid: fields.get(7)?.parse().ok()?,
        inode: fields.get(9)?.parse().ok()?,
    })
}

/// `0100007F:1F90`: words of 32 bits as the machine has them, printed as numbers.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut bytes = Vec::new();
    for at in (0..ip.len()).step_by(8) {
        let word = u32::from_str_radix(ip.get(at..at + 8)?, 16).ok()?;
        bytes.extend(word.to_ne_bytes());
    }
    let ip = match <[u8; 4]>::try_from(&*bytes) {
        Ok(four) => IpAddr::from(Ipv4Addr::from(four)),
        Err(_) => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(&*bytes).ok()?)),
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn listeners_are_read_of_the_kernels_lists() {
        let text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             \x20  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 1 0 100 0 0 10 0\n\
             \x20  1: 0100007F:1F91 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000        0 12346 1 0 100 0 0 10 0\n";
        let found = parse(text);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].address, "127.0.0.1:8080".parse().unwrap());
        assert_eq!((found[0].uid, found[0].inode), (1000, 12345));
        let six = address("00000000000000000000000001000000:0050").unwrap();
        assert_eq!(six, "[::1]:80".parse().unwrap());
    }

    #[test]
    fn a_listener_is_ours_or_a_strangers() {
        let me = BTreeSet::from([std::process::id()]);
        for ip in ["127.0.0.1", "0.0.0.0"] {
            let listener = TcpListener::bind((ip, 0)).unwrap();
            let address = listener.local_addr().unwrap();
            let port = address.port();
            assert_eq!(holder(port, &me, None), Holder::Ours);
            assert_eq!(holder(port, &BTreeSet::new(), None), Holder::Stranger);
            assert!(of(&me, &all()).iter().any(|it| it.address == address));
            drop(listener);
            assert_eq!(holder(port, &me, None), Holder::None);
        }
    }
}
