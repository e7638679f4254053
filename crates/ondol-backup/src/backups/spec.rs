//! What a job is told: the plan, with the secrets that it names. Reads files, so it is called off the runtime.

use ondol_base::chain::Chain;
use ondol_base::secret;
use ondol_model::Plan;
use ondol_model::plan::BackupTarget;
use ondol_model::plan::BandwidthWindow;
use ondol_model::plan::Database;
use ondol_model::plan::DatabaseSource;
use ondol_model::plan::Rest;
use ondol_model::plan::S3;
use ondol_model::plan::S3Key;
use ondol_model::plan::Secret;
use ondol_model::plan::Sftp;
use ondol_model::plan::Storage;

use crate::access::BandwidthLimit;
use crate::access::DatabaseAccess;
use crate::access::DatabasePlace;
use crate::access::Hidden;
use crate::access::StorageAccess;
use crate::access::TargetAccess;

/// Which credential of a target is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// The box's own.
    Own,
    /// One that can only read, where the plan has one.
    ReadOnly,
}

/// Reads a secret.
pub(crate) fn read(secret: &Secret) -> Result<Hidden, String> {
    let text = match secret {
        Secret::Environment(name) => secret::from_environment(name),
        Secret::File(path) => secret::from_file(path),
    };
    let text = text.map_err(|error| Chain(&error).to_string())?;
    Ok(Hidden(text.as_str().to_owned()))
}

/// How a target is reached. `file_system` is what a local one was on before.
pub(crate) fn target_access(
    target: &BackupTarget,
    which: Which,
    file_system: Option<String>,
) -> Result<TargetAccess, String> {
    let storage = match &target.storage {
        Storage::Local(path) => StorageAccess::Local {
            path: path.clone(),
            file_system,
        },
        Storage::S3(s3) => bucket(s3, which)?,
        Storage::Rest(Rest {
            url,
            user,
            password,
        }) => StorageAccess::Rest {
            url: url.clone(),
            user: user.clone(),
            password: password.as_ref().map(read).transpose()?,
        },
        Storage::Sftp(Sftp {
            user,
            host,
            port,
            path,
            identity,
        }) => StorageAccess::Sftp {
            user: user.clone(),
            host: host.clone(),
            port: *port,
            path: path.clone(),
            identity: identity.clone(),
        },
    };
    Ok(TargetAccess {
        name: target.name.as_str().to_owned(),
        storage,
        append_only: target.append_only,
    })
}

fn bucket(s3: &S3, which: Which) -> Result<StorageAccess, String> {
    let (key, hidden) = match (&s3.read_only, which) {
        (Some(S3Key { key, secret }), Which::ReadOnly) => (key, secret),
        (None, _) | (Some(_), Which::Own) => (&s3.key, &s3.secret),
    };
    Ok(StorageAccess::S3 {
        endpoint: s3.endpoint.clone(),
        region: s3.region.clone(),
        bucket: s3.bucket.clone(),
        prefix: s3.prefix.clone(),
        key: read(key)?.0,
        secret: read(hidden)?,
    })
}

/// How databases are reached. One whose password can't be read fails alone: it is reached without.
pub(crate) fn databases(plan: &Plan) -> Vec<DatabaseAccess> {
    plan.backup.databases.iter().map(database).collect()
}

fn database(database: &Database) -> DatabaseAccess {
    let password = |password: &Option<Secret>| {
        let read = password.as_ref().map(read).transpose();
        read.unwrap_or_else(|reason| {
            tracing::warn!(database = database.name.as_str(), "{reason}");
            None
        })
    };
    let place = match &database.source {
        DatabaseSource::Sqlite(path) => DatabasePlace::Sqlite { path: path.clone() },
        DatabaseSource::Postgres { url, password: of } => DatabasePlace::Postgres {
            url: url.clone(),
            password: password(of),
        },
        DatabaseSource::Mysql { url, password: of } => DatabasePlace::Mysql {
            url: url.clone(),
            password: password(of),
        },
    };
    DatabaseAccess {
        name: database.name.as_str().to_owned(),
        place,
        app: database.app.as_ref().map(|app| app.as_str().to_owned()),
    }
}

/// How fast a job may be.
pub(crate) fn bandwidth(windows: &[BandwidthWindow]) -> Vec<BandwidthLimit> {
    let limit = |window: &BandwidthWindow| BandwidthLimit {
        from: window.from,
        to: window.to,
        rate: window.rate,
    };
    windows.iter().map(limit).collect()
}

/// The values of the variables that the plan names, as lines that systemd reads; what can't be read is left out.
pub(crate) fn environment(plan: &Plan) -> String {
    let mut names: Vec<_> = plan
        .secrets()
        .filter_map(|secret| match secret {
            Secret::Environment(name) => Some(name),
            Secret::File(_) => None,
        })
        .collect();
    names.sort();
    names.dedup();
    let lines = names.into_iter().filter_map(|name| {
        let value = secret::from_environment(name).ok()?;
        let escaped = value.as_str().replace('\\', "\\\\").replace('"', "\\\"");
        Some(format!("{name}=\"{escaped}\"\n"))
    });
    lines.collect()
}
