//! Addresses that cannot be listened on: taken by another program, or not for this user.

use std::error::Error;
use std::io;

use ondol_base::chain::Chain;
use ondol_config::KeyPath;

use super::Findings;
use super::Subject;
use crate::link::SocketProtocol;
use crate::listeners::BindError;
use crate::listeners::Listeners;

pub(super) fn examine(subject: Subject<'_>, findings: &mut Findings) {
    let listen = &subject.plan.listen;
    for error in Listeners::probe(listen, subject.held) {
        let (scheme, addresses) = match error.key.protocol {
            SocketProtocol::Http => ("http", &listen.http),
            SocketProtocol::Https => ("https", &listen.https),
        };
        let index = addresses
            .iter()
            .position(|listener| listener.address == error.key.address);
        let key = KeyPath::listen(scheme, index.unwrap_or_default());
        let help = help(&error);
        findings.mistake(subject, &key, Chain(&error).to_string(), help);
    }
}

fn help(error: &BindError) -> &'static str {
    let cause = error
        .source()
        .and_then(|cause| cause.downcast_ref::<io::Error>());
    match cause.map(io::Error::kind) {
        Some(io::ErrorKind::AddrInUse) => "stop that program, or choose another port here",
        Some(io::ErrorKind::PermissionDenied) => {
            "start Ondol as root (its visitors are served by another user all the same), or choose ports from 1024 on, such as \":8080\" and \":8443\""
        }
        Some(io::ErrorKind::AddrNotAvailable) => {
            "`ip address` lists the addresses of this machine; \":443\" is every one of them"
        }
        Some(_) | None => "choose another address here",
    }
}
