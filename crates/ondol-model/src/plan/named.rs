//! What a plan names outside of itself: files and secrets.

use std::path::Path;
use std::path::PathBuf;

use crate::plan::DatabaseSource;
use crate::plan::DnsProvider;
use crate::plan::EnvValue;
use crate::plan::Issuance;
use crate::plan::Issuer;
use crate::plan::Plan;
use crate::plan::RespondBody;
use crate::plan::Secret;
use crate::plan::Storage;
use crate::plan::Target;
use crate::upstream::Tls;

impl Plan {
    /// The files that the box can't be what it is without: certificates, keys, roots, environment files, secrets.
    /// Some may come several times.
    pub fn files_named(&self) -> impl Iterator<Item = &Path> {
        let sites = self.sites.iter();
        let certificates = sites
            .clone()
            .filter_map(|site| site.certificate.as_ref())
            .chain(&self.certificates)
            .flat_map(|files| [&files.chain, &files.key]);
        let authorities = sites
            .clone()
            .filter_map(|site| Some(&site.client_auth.as_ref()?.ca));
        let upstreams = sites
            .clone()
            .flat_map(|site| &site.routes)
            .filter_map(|route| route.target.proxy())
            .flat_map(|proxy| proxy.upstreams())
            .filter_map(|upstream| upstream.tls.as_deref())
            .flat_map(Tls::files);
        let bodies = sites
            .clone()
            .flat_map(|site| &site.routes)
            .filter_map(|route| match &route.target {
                Target::Respond(respond) => match &respond.body {
                    RespondBody::File(file) => Some(file),
                    RespondBody::Text(_) => None,
                },
                _ => None,
            });
        let roots =
            sites
                .flat_map(|site| &site.issuance.issuers)
                .filter_map(|issuer| match issuer {
                    Issuer::Acme(acme) => acme.root.as_ref(),
                    Issuer::Internal => None,
                });
        let env_files = self.apps.iter().flat_map(|app| &app.env_files);
        let secrets = self.secrets().filter_map(|secret| match secret {
            Secret::File(path) => Some(path),
            Secret::Environment(_) => None,
        });
        let files = certificates.chain(authorities).chain(upstreams);
        let files = files.chain(bodies).chain(roots).chain(env_files);
        files.chain(secrets).map(PathBuf::as_path)
    }

    /// Where its secrets are. Some may come several times.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let issuances = self
            .sites
            .iter()
            .flat_map(|site| of_issuance(&site.issuance));
        let apps = self.apps.iter().flat_map(|app| app.env.values());
        let apps = apps.filter_map(|value| match value {
            EnvValue::Secret(secret) => Some(secret),
            EnvValue::Text(_) => None,
        });
        let targets = self.backup.to.iter();
        let targets = targets.flat_map(|target| of_storage(&target.storage));
        let databases = self.backup.databases.iter();
        let databases = databases.filter_map(|database| match &database.source {
            DatabaseSource::Sqlite(_) => None,
            DatabaseSource::Postgres { password, .. } | DatabaseSource::Mysql { password, .. } => {
                password.as_ref()
            }
        });
        let rest = targets.chain(databases).chain(&self.backup.password);
        issuances.chain(apps).chain(rest)
    }
}

fn of_issuance(issuance: &Issuance) -> Vec<&Secret> {
    let accounts = issuance.issuers.iter().filter_map(|issuer| match issuer {
        Issuer::Acme(acme) => Some(&acme.external_account.as_ref()?.hmac_key),
        Issuer::Internal => None,
    });
    let mut secrets: Vec<_> = accounts.collect();
    secrets.extend(issuance.dns.iter().flat_map(|provider| match provider {
        DnsProvider::Rfc2136 { key, .. } => vec![key],
        DnsProvider::Cloudflare { token }
        | DnsProvider::Desec { token }
        | DnsProvider::Gandi { token } => vec![token],
        DnsProvider::Route53 {
            access_key,
            secret_key,
        } => vec![access_key, secret_key],
        DnsProvider::Porkbun {
            api_key,
            secret_key,
        } => vec![api_key, secret_key],
        DnsProvider::Exec { .. } => Vec::new(),
    }));
    secrets
}

fn of_storage(storage: &Storage) -> Vec<&Secret> {
    match storage {
        Storage::Local(_) | Storage::Sftp(_) => Vec::new(),
        Storage::Rest(rest) => rest.password.iter().collect(),
        Storage::S3(s3) => {
            let read_only = s3.read_only.iter();
            let read_only = read_only.flat_map(|key| [&key.key, &key.secret]);
            [&s3.key, &s3.secret].into_iter().chain(read_only).collect()
        }
    }
}
