//! `s3`: a bucket.

use std::path::Path;

use ondol_model::plan;

use crate::file::backup::url;
use crate::file::backup::url::Purpose;
use crate::file::tls::secret;
use crate::file::tls::secret::secret;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

/// What services take that know no regions.
const REGION: &str = "us-east-1";
const ENDPOINT: Purpose = Purpose {
    key: "endpoint",
    example: "https://s3.eu-central-1.amazonaws.com",
    credential: "key = { file = \"path\" } and secret = { file = \"path\" }",
};

pub(super) const S3: Key = Key {
    name: "s3",
    doc: "A bucket of an S3 service: Amazon's, Backblaze B2, Cloudflare R2, Hetzner, Wasabi, MinIO, Garage and others.",
    shape: Shape::Table(&BUCKET),
    absent: Absent::Means,
};

static BUCKET: Table = Table {
    title: "`s3`",
    doc: "A bucket of an S3 service. The box needs a key that may list, read, write and remove there.",
    keys: &[
        Key {
            name: "endpoint",
            doc: "The address of the service, without the bucket: `https://…`; `http://` is for this machine and others in the house.",
            shape: Shape::Text(Form {
                what: "an address",
                example: "https://s3.eu-central-1.amazonaws.com",
            }),
            absent: Absent::Mistake,
        },
        Key {
            name: "region",
            doc: "The region that requests are signed for. Without it, the one in the endpoint (`https://s3.REGION.…`), else `us-east-1`.",
            shape: Shape::Text(Form {
                what: "a region",
                example: "eu-central-1",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "bucket",
            doc: "The bucket, which is there already.",
            shape: Shape::Text(Form {
                what: "the name of a bucket",
                example: "my-backups",
            }),
            absent: Absent::Mistake,
        },
        Key {
            name: "prefix",
            doc: "A folder in the bucket, where that has other things too.",
            shape: Shape::Text(Form {
                what: "the name of a folder",
                example: "seocho",
            }),
            absent: Absent::Default("\"\""),
        },
        Key {
            name: "key",
            doc: "The id of the access key.",
            shape: secret::SHAPE,
            absent: Absent::Mistake,
        },
        Key {
            name: "secret",
            doc: "The secret of the access key.",
            shape: secret::SHAPE,
            absent: Absent::Mistake,
        },
        Key {
            name: "read_only",
            doc: "A second access key, which can only list and read: the recovery kit has it in place of the first.",
            shape: Shape::Table(&READ_ONLY),
            absent: Absent::Means,
        },
    ],
    later: &[],
};

static READ_ONLY: Table = Table {
    title: "`read_only`",
    doc: "An access key that can only list and read.",
    keys: &[
        Key {
            name: "key",
            doc: "Its id.",
            shape: secret::SHAPE,
            absent: Absent::Mistake,
        },
        Key {
            name: "secret",
            doc: "Its secret.",
            shape: secret::SHAPE,
            absent: Absent::Mistake,
        },
    ],
    later: &[],
};

pub(super) fn s3(target: Section<'_>, folder: &Path, report: &mut Report) -> Option<plan::S3> {
    let table = target.table(S3.name)?;
    let bucket = table.text("bucket").and_then(|word| bucket(word, report));
    let endpoint = table
        .text("endpoint")
        .and_then(|word| endpoint(word, bucket.as_deref(), report));
    let region = table.text("region").and_then(|word| region(word, report));
    let prefix = table.text("prefix").map(|word| prefix(word, report));
    let key = secret(table, "key", folder, report);
    let secret_key = secret(table, "secret", folder, report);
    let read_only = table.table("read_only").and_then(|table| {
        let key = secret(table, "key", folder, report);
        let secret = secret(table, "secret", folder, report);
        Some(plan::S3Key {
            key: key?,
            secret: secret?,
        })
    });
    let endpoint = endpoint?;
    Some(plan::S3 {
        region: region.unwrap_or_else(|| region_of(&endpoint).to_owned()),
        endpoint,
        bucket: bucket?,
        prefix: prefix.flatten().unwrap_or_default(),
        key: key?,
        secret: secret_key?,
        read_only,
    })
}

fn endpoint(word: Word<'_>, bucket: Option<&str>, report: &mut Report) -> Option<String> {
    let url = url::read(word, word.text, ENDPOINT, report)?;
    if url.user.is_some() {
        report
            .add(word.at, "`endpoint` has a user in it")
            .help(format!("leave it out, and write {}", ENDPOINT.credential));
        return None;
    }
    if !url.path.is_empty() {
        let problem = format!("`endpoint` has the path {}", repeated(&url.path));
        report.add(word.at, problem).help(format!(
            "write \"{}\"; the bucket goes to `bucket`, a folder in it to `prefix`",
            url.origin
        ));
        return None;
    }
    let in_front = bucket.map(|bucket| format!("://{}.s3", bucket.to_ascii_lowercase()));
    if in_front.is_some_and(|in_front| url.origin.contains(&in_front)) {
        let without = url.origin.split_once('.').map_or("", |(_, rest)| rest);
        report
            .add(word.at, "`endpoint` has the bucket in it")
            .help(format!(
                "write \"https://{without}\"; the bucket has its own key"
            ));
        return None;
    }
    Some(url.origin)
}

/// The region that a host tells, as Amazon's, Backblaze's, Wasabi's and others do: `s3.REGION.…`.
fn region_of(endpoint: &str) -> &str {
    let (_, host) = endpoint.split_once("://").unwrap_or(("", endpoint));
    let mut labels = host.split('.');
    let is_s3 = labels.next() == Some("s3");
    let is_region =
        |label: &&str| label.contains('-') && label.ends_with(|c: char| c.is_ascii_digit());
    let region = labels.next().filter(is_region);
    region.filter(|_| is_s3).unwrap_or(REGION)
}

fn region(word: Word<'_>, report: &mut Report) -> Option<String> {
    let is_region = (1..=64).contains(&word.text.len())
        && word
            .text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !is_region {
        let problem = format!("\"{}\" is not a region", repeated(word.text));
        report
            .add(word.at, problem)
            .help("accepted: what the service calls it, such as \"eu-central-1\" or \"auto\"");
    }
    is_region.then(|| word.text.to_owned())
}

fn bucket(word: Word<'_>, report: &mut Report) -> Option<String> {
    let text = word.text;
    let is_bucket = (3..=255).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !is_bucket {
        let problem = format!("\"{}\" is not the name of a bucket", repeated(text));
        let help = match text.split_once('/') {
            Some((bucket, prefix)) if !bucket.is_empty() && !bucket.ends_with(':') => format!(
                "a folder in a bucket has its own key: bucket = \"{}\", prefix = \"{}\"",
                repeated(bucket),
                repeated(prefix)
            ),
            _ => "accepted: at least 3 letters, digits, `-`, `_` and `.`".to_owned(),
        };
        report.add(word.at, problem).help(help);
    }
    is_bucket.then(|| text.to_owned())
}

fn prefix(word: Word<'_>, report: &mut Report) -> Option<String> {
    let prefix = word.text.trim_matches('/');
    let is_part = |part: &str| !matches!(part, "" | "." | "..");
    let is_prefix = prefix.is_empty() || prefix.split('/').all(is_part);
    let is_prefix = is_prefix && !prefix.contains(char::is_control) && prefix.len() <= 256;
    if !is_prefix {
        let problem = format!("\"{}\" is not a folder of a bucket", repeated(word.text));
        report
            .add(word.at, problem)
            .help("accepted: names with single slashes between them, such as \"backups/seocho\"");
    }
    is_prefix.then(|| prefix.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_tells_the_region() {
        for (endpoint, expected) in [
            ("https://s3.eu-central-1.amazonaws.com", "eu-central-1"),
            ("https://s3.us-west-004.backblazeb2.com", "us-west-004"),
            ("https://s3.amazonaws.com", REGION),
            ("https://fsn1.your-objectstorage.com", REGION),
            ("https://0123.r2.cloudflarestorage.com", REGION),
            ("http://127.0.0.1:9000", REGION),
            ("http://s3.my-nas.lan", REGION),
        ] {
            assert_eq!(region_of(endpoint), expected, "{endpoint}");
        }
    }
}
