//! A bucket of an S3 service as a target: objects by their paths in restic's layout, as `restic` itself keeps them
//! there.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Method;
use http::StatusCode;
use http::header;
use md5::Digest;
use md5::Md5;
use ondol_base::clock;
use ondol_base::signature_v4;
use ondol_base::signature_v4::Asked;
use ondol_base::signature_v4::Keys;
use ondol_base::signature_v4::Scope;
use ondol_model::base64;

use self::address::Address;
use super::Folder;
use super::OBJECT_BYTES_MAX;
use super::Object;
use super::Pace;
use super::Pacing;
use super::Target;
use super::TargetError;
use super::Trouble;
use super::whole;
use crate::access::Hidden;
use crate::access::StorageAccess;
use crate::http::Answer;
use crate::http::Ask;
use crate::http::Http;

mod address;
mod list;
mod refused;
mod xml;

/// The largest answer that is no object: a page of a listing has some 500 KiB, an error far less.
const TEXT_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Objects on a page; no service gives more.
const PAGE: &str = "1000";
/// The most pages that are asked for: 20 million objects are far more than any repository has.
const PAGES_MAX: usize = 20_000;

/// See the file's own words.
struct S3 {
    http: Http,
    address: Address,
    region: String,
    key: String,
    secret: Hidden,
}

/// What is done with the bucket, for errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    List,
    Read,
    Write,
    Remove,
}

/// The bucket, not asked yet.
pub(crate) fn open(access: &StorageAccess) -> Result<Arc<dyn Target>, TargetError> {
    let StorageAccess::S3 {
        endpoint,
        region,
        bucket,
        prefix,
        key,
        secret,
    } = access
    else {
        return Err(TargetError::new(Trouble::Other, "it is no bucket"));
    };
    let address = Address::new(endpoint, bucket, prefix)?;
    Ok(Arc::new(S3 {
        http: Http::new(address.origin().clone())?,
        address,
        region: region.clone(),
        key: key.trim().to_owned(),
        secret: Hidden(secret.0.trim().to_owned()),
    }))
}

impl S3 {
    /// Asks, with a signature over all that is asked.
    fn ask(
        &self,
        method: &Method,
        (path, query): (&str, &str),
        mut headers: HeaderMap,
        (body, answer_bytes_max): (&[Bytes], u64),
    ) -> Result<Answer, TargetError> {
        let mut hash = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        body.iter().for_each(|part| hash.update(part));
        let hash = signature_v4::hex(hash.finish().as_ref());
        let date = signature_v4::date(clock::unix_seconds());
        let host = self.http.origin().to_string();
        let signed = [
            ("host", &*host),
            ("x-amz-content-sha256", &*hash),
            ("x-amz-date", &*date),
        ];
        let asked = Asked {
            method: method.as_str(),
            path,
            query,
            headers: &signed,
            body: &hash,
        };
        let keys = Keys {
            access: &self.key,
            secret: &self.secret.0,
        };
        let scope = Scope {
            region: &self.region,
            service: "s3",
        };
        let authorization = signature_v4::authorization(keys, scope, asked, &date);
        let mut authorization = value(&authorization)?;
        authorization.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, authorization);
        headers.insert(
            HeaderName::from_static("x-amz-content-sha256"),
            value(&hash)?,
        );
        headers.insert(HeaderName::from_static("x-amz-date"), value(&date)?);
        let whole_path = if query.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{query}")
        };
        self.http.send(&Ask {
            method: method.clone(),
            path: &whole_path,
            headers,
            body,
            answer_bytes_max,
        })
    }

    fn page(
        &self,
        prefix: &str,
        keys_max: &str,
        after: Option<&str>,
    ) -> Result<list::Page, TargetError> {
        let path = self.address.bucket_path();
        let prefix = address::encoded(prefix, address::Slash::Encoded);
        let after = after.map(|after| address::encoded(after, address::Slash::Encoded));
        let after = after.map_or(String::new(), |after| {
            format!("continuation-token={after}&")
        });
        let query = format!("{after}list-type=2&max-keys={keys_max}&prefix={prefix}");
        let answer = self.ask(
            &Method::GET,
            (path, &query),
            HeaderMap::new(),
            (&[], TEXT_BYTES_MAX),
        )?;
        if answer.status != StatusCode::OK {
            return Err(self.refused(&answer, Doing::List));
        }
        list::page(&answer.body).ok_or_else(|| {
            let what = "the server answered a question for names with something that is no listing of a bucket; is `endpoint` that of an S3 service?";
            TargetError::new(Trouble::Wrong, what)
        })
    }

    fn get(&self, object: &Object, range: Option<(u64, u64)>) -> Result<Bytes, TargetError> {
        let path = self.address.object_path(&object.path());
        let mut headers = HeaderMap::new();
        if let Some((offset, length)) = range {
            headers.insert(header::RANGE, whole::range(offset, length)?);
        }
        let bytes_max = range.map_or(OBJECT_BYTES_MAX, |(_, length)| length.max(TEXT_BYTES_MAX));
        let answer = self.ask(&Method::GET, (&path, ""), headers, (&[], bytes_max))?;
        match answer.status {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                whole::content(object, range, answer)
            }
            _ => Err(self.refused(&answer, Doing::Read)),
        }
    }
}

impl Target for S3 {
    fn place(&self) -> String {
        self.address.to_string()
    }

    /// Nothing is made: a bucket is made by its owner, who chooses where and who may see it. That it is there is
    /// found out.
    fn create(&self) -> Result<(), TargetError> {
        self.page(self.address.prefix(), "1", None).map(drop)
    }

    fn list(&self, folder: Folder) -> Result<Vec<(String, u64)>, TargetError> {
        let prefix = format!("{}{}/", self.address.prefix(), folder.word());
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let page = self.page(&prefix, PAGE, after.as_deref())?;
            for (key, size) in page.keys {
                if let Some(id) = list::id(&key, self.address.prefix(), folder) {
                    found.push((id, size));
                }
            }
            match page.next {
                None => return Ok(found),
                // It would begin again for ever.
                same if same == after => break,
                next => after = next,
            }
        }
        let what = format!(
            "the listing of {} at {} has no end",
            folder.word(),
            self.place()
        );
        Err(TargetError::new(Trouble::Wrong, what))
    }

    fn read(&self, object: &Object) -> Result<Bytes, TargetError> {
        self.get(object, None)
    }

    fn read_range(&self, object: &Object, offset: u64, length: u64) -> Result<Bytes, TargetError> {
        if length == 0 {
            return Ok(Bytes::new());
        }
        self.get(object, Some((offset, length)))
    }

    fn write(&self, object: &Object, content: &[Bytes]) -> Result<(), TargetError> {
        let path = self.address.object_path(&object.path());
        let mut md5 = Md5::new();
        content.iter().for_each(|part| md5.update(part));
        // The service compares it with what arrived. Buckets with object lock take nothing without it.
        let md5 = format!("{}==", base64::encode(&md5.finalize()));
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static("content-md5"), value(&md5)?);
        let bytes = HeaderValue::from_static("application/octet-stream");
        headers.insert(header::CONTENT_TYPE, bytes);
        let answer = self.ask(
            &Method::PUT,
            (&path, ""),
            headers,
            (content, TEXT_BYTES_MAX),
        )?;
        match answer.status {
            // What it says of the object (`ETag`) depends on the service, and is not needed: hashes were sent.
            StatusCode::OK => Ok(()),
            _ => Err(self.refused(&answer, Doing::Write)),
        }
    }

    fn remove(&self, object: &Object) -> Result<(), TargetError> {
        let path = self.address.object_path(&object.path());
        let answer = self.ask(
            &Method::DELETE,
            (&path, ""),
            HeaderMap::new(),
            (&[], TEXT_BYTES_MAX),
        )?;
        if matches!(answer.status, StatusCode::OK | StatusCode::NO_CONTENT) {
            return Ok(());
        }
        let error = self.refused(&answer, Doing::Remove);
        match error.trouble {
            Trouble::Missing => Ok(()),
            _ => Err(error),
        }
    }

    fn pace(&self, pace: &Arc<Pace>) -> Pacing {
        self.http.keep_to(pace);
        Pacing::ByPiece
    }
}

fn value(text: &str) -> Result<HeaderValue, TargetError> {
    HeaderValue::from_str(text).map_err(|_| {
        let what = "the access key can't be right: it has signs that none has";
        TargetError::new(Trouble::Refused, what)
    })
}

impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests;
