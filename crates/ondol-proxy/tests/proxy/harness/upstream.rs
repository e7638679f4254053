//! Servers behind the proxy: a test accepts their connections itself and says what they answer.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::os::unix::net::UnixListener;
use std::os::unix::net::UnixStream;
use std::path::Path;

use ondol_base::tasks;
use ondol_model::upstream;
use ondol_model::upstream::Upstream as Address;
use rustix::net::sockopt;

use super::Message;
use super::PATIENCE;
use super::Wire;

/// A listening upstream.
#[derive(Debug)]
pub(crate) enum Upstream {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A connection that the proxy made.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Upstream {
    /// One on a free port of this machine.
    pub(crate) fn new() -> Self {
        Self::Tcp(TcpListener::bind("127.0.0.1:0").unwrap()).patient()
    }

    /// One on a Unix socket in this folder.
    pub(crate) fn unix(folder: &Path) -> Self {
        Self::Unix(UnixListener::bind(folder.join("app.sock")).unwrap()).patient()
    }

    /// The address of a server that is not there.
    pub(crate) fn gone() -> Address {
        Self::new().address()
    }

    /// One that answers each request by `answer`, on as many connections as are made. Where it says
    /// nothing, it closes the connection.
    pub(crate) fn answering(
        answer: impl Fn(&Message) -> String + Clone + Send + 'static,
    ) -> Address {
        let upstream = Self::new();
        let address = upstream.address();
        let accepting = tasks::spawn_thread("upstream", move || {
            while let Ok(stream) = upstream.try_accept() {
                let answer = answer.clone();
                let serving = tasks::spawn_thread("upstream connection", move || {
                    let mut wire = Wire::new(stream);
                    while let Ok(request) = wire.try_message() {
                        let answer = answer(&request);
                        if answer.is_empty() || wire.stream.write_all(answer.as_bytes()).is_err() {
                            return;
                        }
                    }
                });
                drop(serving.unwrap());
            }
        });
        drop(accepting.unwrap());
        address
    }

    pub(crate) fn address(&self) -> Address {
        let address = match self {
            Self::Tcp(listener) => upstream::Address::Tcp {
                host: "127.0.0.1".to_owned(),
                port: listener.local_addr().unwrap().port(),
            },
            Self::Unix(listener) => upstream::Address::Unix(
                listener
                    .local_addr()
                    .unwrap()
                    .as_pathname()
                    .unwrap()
                    .to_owned(),
            ),
        };
        address.into()
    }

    /// The next connection that the proxy makes.
    #[track_caller]
    pub(crate) fn accept(&self) -> Wire<Stream> {
        Wire::new(self.try_accept().expect("no connection was made"))
    }

    /// Whether the proxy has made no further connection.
    pub(crate) fn is_left_alone(&self) -> bool {
        let accepted = match self {
            Self::Tcp(listener) => {
                listener.set_nonblocking(true).unwrap();
                listener.accept().map(drop)
            }
            Self::Unix(listener) => {
                listener.set_nonblocking(true).unwrap();
                listener.accept().map(drop)
            }
        };
        accepted.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// The next connection that the proxy makes, if it makes one in time.
    pub(crate) fn try_accept(&self) -> io::Result<Stream> {
        let stream = match self {
            Self::Tcp(listener) => Stream::Tcp(listener.accept()?.0),
            Self::Unix(listener) => Stream::Unix(listener.accept()?.0),
        };
        match &stream {
            Stream::Tcp(stream) => stream.set_read_timeout(Some(PATIENCE))?,
            Stream::Unix(stream) => stream.set_read_timeout(Some(PATIENCE))?,
        }
        Ok(stream)
    }

    fn patient(self) -> Self {
        let timeout = Some(PATIENCE);
        match &self {
            Self::Tcp(listener) => {
                sockopt::set_socket_timeout(listener, sockopt::Timeout::Recv, timeout)
            }
            Self::Unix(listener) => {
                sockopt::set_socket_timeout(listener, sockopt::Timeout::Recv, timeout)
            }
        }
        .unwrap();
        self
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Wire<Stream> {
    /// Answers 200 with this text.
    #[track_caller]
    pub(crate) fn reply(&mut self, text: &str) {
        let length = text.len();
        self.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{text}"
        ));
    }
}
