//! A real php-fpm, and an nginx before it that is asked the same.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use ondol_model::plan::PhpVia;
use ondol_model::upstream::Address;
use tempfile::TempDir;

use super::wait_until;

/// A php-fpm on a Unix socket. It is ended when dropped.
#[derive(Debug)]
pub(crate) struct PhpFpm {
    child: Child,
    folder: TempDir,
}

impl PhpFpm {
    /// One with so many processes, and these lines in its pool; `None` where none is installed.
    #[expect(
        clippy::disallowed_methods,
        clippy::print_stdout,
        reason = "a test may write in place, and whoever reads its output must know what was skipped"
    )]
    pub(crate) fn start(children: u16, more: &str) -> Option<Self> {
        let Some(program) = newest() else {
            println!("skipped: php-fpm: it is not installed (tests/run installs it)");
            return None;
        };
        let folder = open_folder();
        let place = folder.path().display();
        let user = if rustix::process::geteuid().is_root() {
            "user = nobody\ngroup = nogroup\n"
        } else {
            ""
        };
        let text = format!(
            "[global]\nerror_log = {place}/log\n[www]\n{user}listen = {place}/socket\nlisten.mode = 0666\n\
             pm = static\npm.max_children = {children}\nenv[TMPDIR] = /tmp\n\
             php_admin_value[session.save_path] = /tmp\nphp_admin_value[upload_max_filesize] = 64M\n\
             php_admin_value[post_max_size] = 64M\n{more}\n"
        );
        let file = folder.path().join("php-fpm.conf");
        fs::write(&file, text).unwrap();
        let mut command = Command::new(program);
        command
            .arg("--nodaemonize")
            .arg("--fpm-config")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let fpm = Self {
            child: command.spawn().unwrap(),
            folder,
        };
        wait_until("php-fpm listens", || {
            UnixStream::connect(fpm.socket()).is_ok()
        });
        Some(fpm)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    pub(crate) fn via(&self) -> PhpVia {
        PhpVia::Socket(Address::Unix(self.socket()))
    }
}

impl Drop for PhpFpm {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.child.wait();
    }
}

/// A folder that other users may enter.
pub(crate) fn open_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    folder
}

fn newest() -> Option<PathBuf> {
    let entries = fs::read_dir("/usr/sbin").ok()?.flatten();
    let programs = entries.filter(|entry| {
        let name = entry.file_name();
        name.to_str()
            .is_some_and(|name| name.starts_with("php-fpm"))
    });
    programs.map(|entry| entry.path()).max()
}

/// The lines of Debian's own `snippets/fastcgi-php.conf`, and those that WordPress asks for.
pub(crate) fn nginx_site(root: &Path, socket: &Path) -> String {
    let (root, socket) = (root.display(), socket.display());
    format!(
        "root {root}; index index.php index.html; client_max_body_size 64m;
         location / {{ try_files $uri $uri/ /index.php?$args; }}
         location ~ [^/]\\.php(/|$) {{
             fastcgi_split_path_info ^(.+?\\.php)(/.*)$;
             try_files $fastcgi_script_name =404;
             set $path_info $fastcgi_path_info;
             fastcgi_param PATH_INFO $path_info;
             fastcgi_index index.php;
             include /etc/nginx/fastcgi.conf;
             fastcgi_pass unix:{socket};
         }}"
    )
}
