//! The demo's folder: everything it writes is in there, and goes with it.

use std::fs::Permissions;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use ondol_base::file;
use tempfile::TempDir;

use super::APP;
use super::HELLO;

/// A page for the site of files.
const WELCOME: &str = include_str!("welcome.html");
/// See [`Ports::Liked`].
const HTTP_PORT: u16 = 8080;
const HTTPS_PORT: u16 = 8443;

/// The demo's folder, and the ports of its sites. Dropping it removes the folder.
#[derive(Debug)]
pub(super) struct Place {
    folder: TempDir,
    configuration: String,
    http: u16,
    https: u16,
}

/// Which ports are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ports {
    /// Those that look like what they are for, where they are free.
    Liked,
    /// Whichever are free.
    Any,
}

impl Place {
    /// Makes the folder with a page and a configuration.
    pub(super) fn make(app: SocketAddr, ports: Ports) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("ondol-demo-").tempdir();
        let folder = folder.context("could not make a temporary folder")?;
        let (http, https) = (ports.free(HTTP_PORT)?, ports.free(HTTPS_PORT)?);
        let place = Self {
            configuration: configuration(http, https, app),
            folder,
            http,
            https,
        };
        // Who talks to visitors may be another user, who must get at the page.
        std::fs::set_permissions(place.path(), Permissions::from_mode(0o755))?;
        std::fs::create_dir(place.pages())?;
        std::fs::set_permissions(place.pages(), Permissions::from_mode(0o755))?;
        place.write("hello/index.html", WELCOME)?;
        place.write("ondol.toml", &place.configuration)?;
        Ok(place)
    }

    /// Removes the folder, which dropping does too, but silently.
    pub(super) fn remove(self) -> anyhow::Result<()> {
        let path = self.path().to_owned();
        let removed = self.folder.close();
        // A data plane outlives its agent by a moment, and may have written one more line meanwhile.
        let removed = removed.or_else(|_| std::fs::remove_dir_all(&path));
        removed.with_context(|| format!("could not remove {}", path.display()))
    }

    /// Keeps the root of Ondol's own CA where the printed commands look for it.
    pub(super) fn keep_root(&self, root_pem: &str) -> anyhow::Result<()> {
        self.write("root.pem", root_pem)
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn pages(&self) -> PathBuf {
        self.path().join("hello")
    }

    pub(super) fn root(&self) -> PathBuf {
        self.path().join("root.pem")
    }

    pub(super) fn access_log(&self) -> PathBuf {
        self.path().join("logs/access.log")
    }

    pub(super) fn configuration(&self) -> &str {
        &self.configuration
    }

    pub(super) fn https_port(&self) -> u16 {
        self.https
    }

    pub(super) fn http_port(&self) -> u16 {
        self.http
    }

    /// The address of a site.
    pub(super) fn url(&self, site: &str) -> String {
        format!("https://{site}:{}/", self.https)
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.path().join(name);
        file::replace(&path, text.as_bytes(), 0o644)
            .with_context(|| format!("could not write {}", path.display()))
    }
}

fn configuration(http: u16, https: u16, app: SocketAddr) -> String {
    format!(
        r#"[listen]
http = ["127.0.0.1:{http}"]
https = ["127.0.0.1:{https}"]

[log]
access = "json"

[tls]
issuers = ["internal"]

[sites."{HELLO}"]
files = "hello"

[sites."{APP}"]
proxy = "http://{app}"
"#
    )
}

impl Ports {
    fn free(self, liked: u16) -> anyhow::Result<u16> {
        let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let listener = match self {
            Self::Liked => bind(liked).or_else(|_| bind(0)),
            Self::Any => bind(0),
        };
        let listener = listener.context("no port is free on 127.0.0.1")?;
        Ok(listener.local_addr()?.port())
    }
}
