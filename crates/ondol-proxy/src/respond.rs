//! Fixed answers.

use std::path::Path;
use std::rc::Rc;

use bytes::Bytes;
use http::HeaderValue;
use http::Method;
use http::Response;
use http::StatusCode;
use http::header;
use ondol_model::plan::Files;
use ondol_model::plan::Respond;
use ondol_model::plan::RespondBody;

use crate::body::Body;
use crate::failure::Failure;
use crate::files::Folders;
use crate::files::Root;

/// A `respond` target, made ready once so that a request copies nothing.
#[derive(Debug)]
pub(crate) struct PreparedRespond {
    status: StatusCode,
    body: PreparedBody,
    /// `None` where there is no body, its file says it, or it can be no header.
    content_type: Option<HeaderValue>,
}

#[derive(Debug)]
enum PreparedBody {
    /// A file of a folder.
    File(Rc<Root>, Box<str>),
    Text(Bytes),
}

impl PreparedRespond {
    pub(crate) fn new(respond: &Respond, folders: &Folders) -> Self {
        let body = match &respond.body {
            RespondBody::Text(text) => PreparedBody::Text(Bytes::copy_from_slice(text.as_bytes())),
            RespondBody::File(path) => {
                let folder = path.parent().unwrap_or(Path::new("/"));
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                PreparedBody::File(folders.of(&Files::at(folder.to_owned())), name.into())
            }
        };
        let has_body = !matches!(&body, PreparedBody::Text(text) if text.is_empty());
        let content_type = respond.content_type.as_deref().filter(|_| has_body);
        Self {
            status: StatusCode::from_u16(respond.status).unwrap_or(StatusCode::OK),
            body,
            content_type: content_type.and_then(|it| HeaderValue::from_str(it).ok()),
        }
    }
}

/// The answer of a `respond` target. One that has no body because its file can't be read has its status
/// all the same.
pub(crate) async fn answer(
    respond: &PreparedRespond,
    method: &Method,
) -> Result<Response<Body>, Failure> {
    let (body, content_type) = match &respond.body {
        PreparedBody::Text(text) => (text.clone(), respond.content_type.clone()),
        PreparedBody::File(root, name) => {
            let page = root.small(name).await;
            let (body, usual) = page.ok_or(Failure::PageUnreadable(respond.status))?;
            (body, Some(respond.content_type.clone().unwrap_or(usual)))
        }
    };
    let length = body.len();
    let mut response = Response::new(Body::Full(body));
    *response.status_mut() = respond.status;
    if *method == Method::HEAD {
        *response.body_mut() = Body::Empty;
        let length = HeaderValue::from(length);
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, length);
    }
    if let Some(content_type) = content_type {
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
    }
    Ok(response)
}
