//! Other servers of files, to be asked the same: what the standards leave no choice in must be the same.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use tempfile::TempDir;

use super::PATIENCE;
use super::Wire;
use super::wait_until;

/// A server that serves a folder on a Unix socket. It is killed when dropped.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    child: Child,
    socket: PathBuf,
    _folder: TempDir,
}

impl Peer {
    /// Debian's nginx; `None` where it is not installed.
    pub(crate) fn nginx(root: &Path) -> Option<Self> {
        Self::nginx_with(&format!("root {};", root.display()))
    }

    /// The same with these lines in its one server.
    pub(crate) fn nginx_with(server: &str) -> Option<Self> {
        let user = if rustix::process::geteuid().is_root() {
            "user root;"
        } else {
            ""
        };
        let configuration = |folder: &Path| {
            let folder = folder.display();
            format!(
                "{user} daemon off; master_process off; pid {folder}/pid; error_log stderr crit;
                 events {{ worker_connections 64; }}
                 http {{
                     access_log off; if_modified_since before; default_type text/plain;
                     client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
                     uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
                     server {{ listen unix:{folder}/socket; {server} }}
                 }}"
            )
        };
        Self::start(
            "nginx",
            "/usr/sbin/nginx",
            configuration,
            |command, file| {
                command.arg("-c").arg(file);
            },
        )
    }

    /// Debian's Caddy; `None` where it is not installed.
    pub(crate) fn caddy(root: &Path) -> Option<Self> {
        let configuration = |folder: &Path| {
            let (folder, root) = (folder.display(), root.display());
            format!(
                "{{\n admin off\n auto_https off\n}}\nhttp:// {{\n bind unix/{folder}/socket\n root * {root}\n file_server\n}}\n"
            )
        };
        Self::start("caddy", "/usr/bin/caddy", configuration, |command, file| {
            command
                .args(["run", "--adapter", "caddyfile", "--config"])
                .arg(file);
        })
    }

    #[expect(
        clippy::disallowed_methods,
        clippy::print_stdout,
        reason = "a test may write in place, and whoever reads its output must know what was skipped"
    )]
    fn start(
        name: &'static str,
        program: &str,
        configuration: impl FnOnce(&Path) -> String,
        arguments: impl FnOnce(&mut Command, &Path),
    ) -> Option<Self> {
        if !Path::new(program).exists() {
            println!("skipped: {name}: it is not installed");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("configuration");
        std::fs::write(&file, configuration(folder.path())).unwrap();
        let mut command = Command::new(program);
        command.env("HOME", folder.path()).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        arguments(&mut command, &file);
        let peer = Self {
            name,
            child: command.spawn().unwrap(),
            socket: folder.path().join("socket"),
            _folder: folder,
        };
        wait_until("the other server listens", || peer.connect().is_ok());
        Some(peer)
    }

    /// A visitor of it.
    pub(crate) fn visit(&self) -> Wire<UnixStream> {
        Wire::new(self.connect().unwrap())
    }

    fn connect(&self) -> io::Result<UnixStream> {
        let stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
