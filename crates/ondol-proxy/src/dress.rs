//! What every answer gets on its way out, an app's as well as our own pages: the header fields that its
//! site and route ask for, and a smaller body.
//!
//! All of it is prepared when a view is built. Which route answers, and how, is not known here.

mod compression;
mod headers;
mod pages;
mod request;
mod safety;

use std::rc::Rc;

use http::Response;
use http::StatusCode;
use http::request::Parts;
use ondol_model::plan::Rules;

use crate::body::Body;
use crate::dress::compression::Compressor;
use crate::dress::headers::FieldRule;
use crate::dress::safety::Safety;
use crate::files::Folders;
use crate::visit::Visit;

pub(crate) use compression::EncodedBody;
pub(crate) use pages::Pages;
pub(crate) use request::RequestFields;

/// What is done to the answers of a site or route, and to what its app gets.
#[derive(Debug)]
pub(crate) struct Dress {
    safety: Safety,
    fields: Vec<FieldRule>,
    compressor: Option<Compressor>,
    request_fields: Vec<FieldRule>,
    pages: Option<Pages>,
}

impl Dress {
    /// `None` when nothing is asked for.
    pub(crate) fn new(rules: &Rules, folders: &Folders) -> Option<Rc<Self>> {
        let dress = Self {
            safety: Safety::new(&rules.security),
            fields: headers::prepare(&rules.headers),
            compressor: rules.compression.as_ref().map(Compressor::new),
            request_fields: headers::prepare(&rules.request_headers),
            pages: rules.error_pages.as_ref().map(|it| Pages::new(it, folders)),
        };
        let is_plain = dress.safety.is_nothing()
            && dress.fields.is_empty()
            && dress.compressor.is_none()
            && dress.request_fields.is_empty()
            && dress.pages.is_none();
        (!is_plain).then(|| Rc::new(dress))
    }

    /// What the app gets besides what the visitor sent; `None` when that is all.
    pub(crate) fn request_fields(&self, visit: &Visit, parts: &Parts) -> Option<RequestFields> {
        let rules = &self.request_fields;
        (!rules.is_empty()).then(|| RequestFields::new(rules, visit, parts))
    }

    /// The request as the target gets it, where that is not as it came: a tag that was made for a smaller
    /// body is the target's own again.
    pub(crate) fn restored(&self, parts: &Parts) -> Option<Box<Parts>> {
        self.compressor.as_ref()?;
        compression::restored(parts)
    }

    /// The owner's pages for errors.
    pub(crate) fn pages(&self) -> Option<&Pages> {
        self.pages.as_ref()
    }
}

/// Dresses an answer as its route asks for, or its site where no route was found.
pub(crate) fn dress(visit: &Visit, parts: &Parts, response: &mut Response<Body>) {
    let Some(dress) = visit.dress() else {
        return;
    };
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return; // What follows is no answer.
    }
    dress.safety.put(visit, response.headers_mut());
    for rule in &dress.fields {
        rule.apply(visit, parts, response.headers_mut());
    }
    if let Some(compressor) = &dress.compressor {
        compressor.apply(parts, response);
    }
}
