//! What is in a kit, as fields with values, and back. A value has no spaces and no letters but ASCII.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ondol_base::clock;

use crate::access::Hidden;
use crate::access::StorageAccess;
use crate::access::TargetAccess;
use crate::kit::Kit;
use crate::kit::words;

/// How a field is written and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// As it is.
    Plain,
    /// In groups of four: a secret that nobody can read as a word.
    Groups,
    /// As words of the list.
    Words,
}

/// Every field that there is. The last ends the kit.
pub(super) const FIELDS: [(&str, Manner); 19] = [
    ("box", Manner::Plain),
    ("made", Manner::Plain),
    ("target", Manner::Plain),
    ("local", Manner::Plain),
    ("s3", Manner::Plain),
    ("region", Manner::Plain),
    ("bucket", Manner::Plain),
    ("prefix", Manner::Plain),
    ("access", Manner::Groups),
    ("secret", Manner::Groups),
    ("rest", Manner::Plain),
    ("user", Manner::Plain),
    ("password", Manner::Groups),
    ("sftp", Manner::Plain),
    ("host", Manner::Plain),
    ("port", Manner::Plain),
    ("append-only", Manner::Plain),
    ("words", Manner::Words),
    ("key", Manner::Groups),
];
/// The field behind all others.
pub(super) const END: &str = "end";

/// How a field is written; `None` for one that there is not.
pub(super) fn manner(field: &str) -> Option<Manner> {
    let mut all = FIELDS.iter();
    all.find(|(name, _)| *name == field)
        .map(|(_, manner)| *manner)
}

/// The fields of a kit, in the order in which they are printed.
pub(super) fn of(kit: &Kit) -> Vec<(&'static str, String)> {
    let made = clock::rfc3339(kit.made_at);
    let mut fields = vec![
        ("box", encoded(&kit.box_name)),
        ("made", made),
        ("target", encoded(&kit.target.name)),
    ];
    fields.extend(of_storage(&kit.target.storage));
    if kit.target.append_only {
        fields.push(("append-only", "yes".to_owned()));
    }
    let password = &kit.password.0;
    fields.push(match words::is_ours(password) {
        true => ("words", password.clone()),
        false => ("key", encoded(password)),
    });
    fields
}

fn of_storage(storage: &StorageAccess) -> Vec<(&'static str, String)> {
    let fields = match storage {
        StorageAccess::Local {
            path,
            file_system: _,
        } => vec![("local", path.to_str())],
        StorageAccess::S3 {
            endpoint,
            region,
            bucket,
            prefix,
            key,
            secret,
        } => vec![
            ("s3", Some(&**endpoint)),
            ("region", Some(region)),
            ("bucket", Some(bucket)),
            ("prefix", (!prefix.is_empty()).then_some(prefix)),
            ("access", Some(key)),
            ("secret", Some(&secret.0)),
        ],
        StorageAccess::Rest {
            url,
            user,
            password,
        } => vec![
            ("rest", Some(&**url)),
            ("user", user.as_deref()),
            ("password", password.as_ref().map(|it| &*it.0)),
        ],
        StorageAccess::Sftp {
            user,
            host,
            port,
            path,
            identity: _,
        } => {
            let port = port.map(|port| ("port", port.to_string()));
            let mut fields = vec![("sftp", encoded(path)), ("host", encoded(host))];
            fields.extend(port);
            fields.extend(user.iter().map(|user| ("user", encoded(user))));
            return fields;
        }
    };
    let there = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name, encoded(value?))));
    there.collect()
}

/// The kit of these fields. The error is the field that is missing, or has a value that it can't have.
pub(super) fn kit(fields: &[(String, String)]) -> Result<Kit, &'static str> {
    let known = FIELDS.iter().map(|(name, _)| *name);
    let values: BTreeMap<&'static str, String> = known
        .filter_map(|name| {
            let (_, value) = fields.iter().find(|(field, _)| field == name)?;
            Some((name, decoded(value)))
        })
        .collect();
    let get = |name: &'static str| values.get(name).cloned().ok_or(name);
    let password = get("words").or_else(|_| get("key"))?;
    Ok(Kit {
        target: TargetAccess {
            name: get("target")?,
            storage: storage(&values)?,
            append_only: values.contains_key("append-only"),
        },
        password: Hidden(password),
        box_name: get("box")?,
        made_at: clock::parse_rfc3339(&get("made")?).ok_or("made")?,
    })
}

fn storage(values: &BTreeMap<&'static str, String>) -> Result<StorageAccess, &'static str> {
    let get = |name: &'static str| values.get(name).cloned().ok_or(name);
    let maybe = |name: &'static str| values.get(name).cloned();
    if let Some(path) = maybe("local") {
        return Ok(StorageAccess::Local {
            path: PathBuf::from(path),
            file_system: None,
        });
    }
    if let Some(endpoint) = maybe("s3") {
        return Ok(StorageAccess::S3 {
            endpoint,
            region: get("region")?,
            bucket: get("bucket")?,
            prefix: maybe("prefix").unwrap_or_default(),
            key: get("access")?,
            secret: Hidden(get("secret")?),
        });
    }
    if let Some(url) = maybe("rest") {
        return Ok(StorageAccess::Rest {
            url,
            user: maybe("user"),
            password: maybe("password").map(Hidden),
        });
    }
    let port = maybe("port").map(|port| port.parse().map_err(|_| "port"));
    Ok(StorageAccess::Sftp {
        path: get("sftp")?,
        user: maybe("user"),
        host: get("host")?,
        port: port.transpose()?,
        identity: None,
    })
}

/// Without what can't be typed or would be lost: spaces, line ends, letters beyond ASCII.
fn encoded(value: &str) -> String {
    let bytes = value.bytes().map(|byte| match byte {
        b'%' => "%25".to_owned(),
        byte if byte.is_ascii_graphic() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    bytes.collect()
}

fn decoded(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|it| std::str::from_utf8(it).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped.filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
