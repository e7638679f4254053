//! Between the values of the agent and those of the link.

use ondol_certs::CertificateEntry;
use ondol_certs::CertificateSet;
use ondol_certs::Challenges;
use ondol_certs::ClientAuthority;
use ondol_config::SourceFile;
use ondol_config::Sources;
use ondol_proxy::UpstreamFiles;

use crate::link;

/// A configuration's files as they travel.
pub(crate) fn texts_of(sources: &Sources) -> Vec<link::Text> {
    let each = sources.files.iter().map(|file| {
        let SourceFile { path, text } = file;
        link::Text {
            path: path.clone(),
            text: text.clone(),
        }
    });
    each.collect()
}

/// A configuration's files as they arrived.
pub(crate) fn sources_of(texts: Vec<link::Text>) -> Sources {
    let each = texts
        .into_iter()
        .map(|link::Text { path, text }| SourceFile { path, text });
    Sources {
        files: each.collect(),
    }
}

/// The files of upstreams' TLS as they travel.
pub(super) fn upstream_files_of(files: &ondol_certs::UpstreamFiles) -> link::UpstreamFiles {
    let named = files.named.iter().map(|(path, text)| link::Text {
        path: path.clone(),
        text: text.to_string(),
    });
    link::UpstreamFiles {
        system_roots: files.system_roots.to_string(),
        named: named.collect(),
    }
}

/// The files of upstreams' TLS as they arrived.
pub(crate) fn upstream_files_from(files: link::UpstreamFiles) -> UpstreamFiles {
    let named = files.named.into_iter();
    UpstreamFiles {
        system_roots: files.system_roots.into(),
        named: named
            .map(|link::Text { path, text }| (path, text.into()))
            .collect(),
    }
}

pub(super) fn certificates_of(entries: &[CertificateEntry]) -> Vec<link::Certificate> {
    let each = entries
        .iter()
        .map(|CertificateEntry { names, pair }| link::Certificate {
            names: names.iter().map(ToString::to_string).collect(),
            chain: pair.chain_pem.to_string(),
            key: pair.key_pem.to_string(),
        });
    each.collect()
}

/// What issuers are shown, as it travels.
pub(super) fn challenges_of(challenges: &Challenges) -> link::Challenges {
    let Challenges {
        sequence,
        http,
        tls_alpn,
    } = challenges;
    let http = http.iter();
    let http = http.map(|(token, answer)| (token.to_string(), answer.to_string()));
    let certificates = tls_alpn.iter().map(|(name, pair)| link::Certificate {
        names: vec![name.to_string()],
        chain: pair.chain_pem.to_string(),
        key: pair.key_pem.to_string(),
    });
    link::Challenges {
        sequence: *sequence,
        http: http.collect(),
        tls_alpn: certificates.collect(),
    }
}

pub(super) fn authorities_of(certificates: &CertificateSet) -> Vec<link::ClientAuthority> {
    let each = certificates.client_authorities.iter();
    let each = each.map(|ClientAuthority { path, pem }| link::ClientAuthority {
        path: path.clone(),
        pem: pem.to_string(),
    });
    each.collect()
}
