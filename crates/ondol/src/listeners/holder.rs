//! Which process listens on a port, as far as `/proc` shows it to this one.

use std::fmt;
use std::fs;
use std::path::Path;

/// A process that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    name: String,
    pid: u32,
}

impl Holder {
    /// Whether it is a process of this program: perhaps a data plane that outlives its agent by a moment.
    pub(crate) fn is_ondol(&self) -> bool {
        self.name == "ondol"
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, pid } = self;
        write!(f, "{name} (process {pid})")
    }
}

/// The first process found that listens on the port; `None` when none is found, or none that this
/// process may look into.
pub(crate) fn of_port(port: u16) -> Option<Holder> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening(&table, port))
        .collect();
    let links: Vec<String> = inodes
        .iter()
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    if links.is_empty() {
        return None;
    }
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.into_iter()
        .find(|pid| holds(*pid, &links))
        .map(|pid| Holder {
            name: fs::read_to_string(format!("/proc/{pid}/comm"))
                .unwrap_or_default()
                .trim()
                .to_owned(),
            pid,
        })
}

fn holds(pid: u32, links: &[String]) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    descriptors.flatten().any(|entry| {
        let target = fs::read_link(entry.path()).unwrap_or_default();
        links.iter().any(|link| target == Path::new(link))
    })
}

/// The inodes of the sockets that listen on the port, in a table of proc(5) `/proc/net/tcp`.
fn listening(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let suffix = format!(":{port:04X}");
    let rows = table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row.get(1).is_some_and(|local| local.ends_with(&suffix)))
        .filter(|row| row.get(3) == Some(&LISTEN))
        .filter_map(|row| row.get(9).map(|inode| (*inode).to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_that_listens_is_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(
            of_port(port).map(|holder| holder.pid),
            Some(std::process::id())
        );
        drop(listener);
        assert_eq!(of_port(port), None);
    }

    #[test]
    fn connections_from_a_port_do_not_count() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                     0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1\n   \
                     1: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 222 1\n";
        assert_eq!(listening(table, 8080), ["111"]);
        assert!(listening(table, 8081).is_empty() && listening("", 1).is_empty());
    }
}
