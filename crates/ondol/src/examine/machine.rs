//! What this machine cannot enforce, said once and plainly.

use std::net::Ipv6Addr;
use std::net::TcpListener;

use ondol_model::limits::CONNECTIONS_MAX;
use ondol_model::listen::IpVersions;
use rustix::process::Resource;
use rustix::process::getrlimit;

use super::Subject;
use crate::sandbox;
use crate::sandbox::Confinement;
use crate::sandbox::ServeUser;

/// Descriptors of a data plane besides those of visitors: listeners, logs, files being sent.
const DESCRIPTORS_BESIDES: u64 = 512;

pub(super) fn unenforced(subject: Subject<'_>) -> Vec<String> {
    let sentences = [
        user(subject.user),
        confinement(sandbox::possible()),
        version_6(subject),
        descriptors(getrlimit(Resource::Nofile).maximum),
    ];
    sentences.into_iter().flatten().collect()
}

fn user(user: &ServeUser) -> Option<String> {
    match user {
        ServeUser::Other { .. } => None,
        ServeUser::Own => Some(
            "Visitors are talked to by your own user, because only root can start that part as another: a \
             hole in it would be a hole in your account."
                .to_owned(),
        ),
    }
}

fn confinement(possible: Confinement) -> Option<String> {
    let text = match possible {
        Confinement::Full => return None,
        Confinement::Partial => {
            "This kernel is older than Linux 6.10: the part that talks to visitors is locked into its \
             folders, but not in every way that newer kernels can."
        }
        Confinement::None => {
            "This kernel has no Landlock (Linux 5.13 or newer, with `landlock` among those of \
             /sys/kernel/security/lsm): the part that talks to visitors is not locked into its folders."
        }
    };
    Some(text.to_owned())
}

fn version_6(subject: Subject<'_>) -> Option<String> {
    let listen = &subject.plan.listen;
    let mut addresses = listen.http.iter().chain(&listen.https);
    let wanted = addresses.any(|address| address.address.versions == IpVersions::Both);
    let missing = wanted && TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err();
    missing.then(|| {
        "This machine has no IPv6: addresses such as \":443\" accept visitors over IPv4 alone."
            .to_owned()
    })
}

fn descriptors(maximum: Option<u64>) -> Option<String> {
    let maximum = maximum?;
    // A visitor of a proxied site takes two: one for itself and one for the app.
    let visitors = maximum.saturating_sub(DESCRIPTORS_BESIDES) / 2;
    (visitors < CONNECTIONS_MAX as u64).then(|| {
        format!(
            "This process may have {maximum} files open at most, enough for about {visitors} visitors at once \
             (of {CONNECTIONS_MAX}); `LimitNOFILE=` in the systemd unit or `ulimit -n` raises it."
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_and_what_is_there_is_not() {
        assert_eq!(descriptors(None), None);
        assert_eq!(descriptors(Some(1_048_576)), None);
        assert!(descriptors(Some(1024)).is_some_and(|text| text.contains("about 256 visitors")));
        assert!(descriptors(Some(10)).is_some_and(|text| text.contains("about 0 visitors")));
        assert_eq!(confinement(Confinement::Full), None);
        assert!(confinement(Confinement::None).is_some_and(|text| text.contains("no Landlock")));
        assert!(user(&ServeUser::Own).is_some());
    }
}
