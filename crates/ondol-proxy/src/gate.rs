//! Who is let through to a target: by address, by method, by name and password, or by the word of another
//! server. Decided before anything of a request's body is read, so that nobody sends it in vain.

mod basic;
mod forward;
mod passwords;
mod tries;

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Response;
use http::StatusCode;
use http::header;
use http::request::Parts;
use ondol_model::Site;
use ondol_model::plan::Route;
use ondol_model::plan::access::Access;
use ondol_model::plan::auth::Auth;
use ondol_model::plan::auth::AuthBy;

use self::basic::Basic;
use self::forward::Forward;
use crate::body::Body;
use crate::failure::Failure;
use crate::upstream::Changes;
use crate::view::Pools;
use crate::visit::Visit;

pub(crate) use self::passwords::Passwords;

/// What a route asks of its visitors, made ready once.
#[derive(Debug)]
pub(crate) struct Gate {
    access: Access,
    /// The methods of `access`, as the header `Allow` lists them.
    allow: HeaderValue,
    auth: Option<(Arc<Auth>, By)>,
    /// Headers of visitors that the target never sees.
    drop: Rc<[Box<str>]>,
}

/// By what visitors show who they are.
#[derive(Debug)]
enum By {
    Basic(Basic),
    Forward(Box<Forward>),
}

/// As whom a visitor was let through.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// The name, for the log.
    pub(crate) user: Option<Box<[u8]>>,
    /// What the target is told of it.
    pub(crate) changes: Changes,
    /// `Set-Cookie` fields of the server that let the visitor through: a session that was renewed.
    cookies: Vec<HeaderValue>,
}

/// Why a visitor is not let through.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// For the log.
    pub(crate) why: &'static str,
    /// What the visitor is told to do.
    field: Option<(HeaderName, HeaderValue)>,
}

/// The gates of a site's routes; `None` for those that ask for nothing.
///
/// Headers that tell who a visitor is are taken away on every route of a site that has them anywhere:
/// its routes often lead to one app, which believes them wherever it sees them (GHSA-7r4p-vjf4-gxv4).
pub(crate) fn gates(site: &Site, pools: &Pools) -> Vec<Option<Box<Gate>>> {
    let rules = site.routes.iter().map(|route| &route.rules);
    let auths = rules
        .chain([&site.rules])
        .filter_map(|it| it.access.auth.as_ref());
    let mut identity: Vec<_> = auths.flat_map(|auth| auth.by.identity_headers()).collect();
    identity.sort_unstable();
    identity.dedup();
    let gate = |route| Gate::new(site, route, &identity, pools).map(Box::new);
    site.routes.iter().map(gate).collect()
}

impl Gate {
    fn new(site: &Site, route: &Route, identity: &[&str], pools: &Pools) -> Option<Self> {
        let access = route.rules.access.clone();
        if access == Access::default() && identity.is_empty() {
            return None;
        }
        let auth = access.auth.as_ref().map(|auth| {
            let by = match &auth.by {
                AuthBy::Basic(basic) => By::Basic(Basic::new(basic, site)),
                AuthBy::Forward(forward) => {
                    By::Forward(Box::new(Forward::new(forward, pools, route.rules.timeouts)))
                }
            };
            (Arc::clone(auth), by)
        });
        let strip = match &auth {
            Some((_, By::Basic(basic))) => basic.strips(),
            Some((_, By::Forward(_))) | None => None,
        };
        let drop = identity.iter().copied().chain(strip);
        let methods = access.methods.as_ref().map(|methods| methods.list());
        Some(Self {
            allow: HeaderValue::try_from(methods.unwrap_or_default())
                .unwrap_or(HeaderValue::from_static("")),
            auth,
            drop: drop.map(Box::from).collect(),
            access,
        })
    }

    /// Lets a request through, or answers it.
    pub(crate) async fn check(
        &self,
        visit: &mut Visit,
        parts: &Parts,
    ) -> Result<Option<Response<Body>>, Failure> {
        let client = visit.client().to_canonical();
        self.check_at_once(client, parts)?;
        if self.auth.is_none() && self.drop.is_empty() {
            return Ok(None);
        }
        let auth = self.auth.as_ref();
        let mut admitted = Admitted::unknown(Rc::clone(&self.drop));
        if let Some((auth, by)) = auth.filter(|(auth, _)| !is_excepted(auth, client)) {
            match by {
                By::Basic(basic) => {
                    // Kept apart, so that requests that are asked for nothing need no room for it.
                    Box::pin(basic.check(visit, parts, (auth, client), &mut admitted)).await?;
                }
                By::Forward(forward) => {
                    let asking = Box::pin(forward.check(visit, parts, &mut admitted));
                    if let Some(answer) = asking.await? {
                        return Ok(Some(answer));
                    }
                }
            }
        }
        visit.admitted = Some(Box::new(admitted));
        Ok(None)
    }

    fn check_at_once(&self, client: IpAddr, parts: &Parts) -> Result<(), Failure> {
        if !self.access.lets_in(client) {
            return Err(Refusal::failure(
                StatusCode::FORBIDDEN,
                "visitors from this address are not let through",
                None,
            ));
        }
        let methods = self.access.methods.as_ref();
        if methods.is_some_and(|methods| !methods.has(parts.method.as_str())) {
            return Err(Refusal::failure(
                StatusCode::METHOD_NOT_ALLOWED,
                "this method is not let through",
                Some((header::ALLOW, self.allow.clone())),
            ));
        }
        Ok(())
    }
}

fn is_excepted(auth: &Auth, client: IpAddr) -> bool {
    auth.except.iter().any(|network| network.contains(client))
}

/// Gives the visitor the cookies that came with the word to let it through.
pub(crate) fn pass_cookies(visit: &Visit, response: &mut Response<Body>) {
    for cookie in visit.admitted.iter().flat_map(|admitted| &admitted.cookies) {
        response
            .headers_mut()
            .append(header::SET_COOKIE, cookie.clone());
    }
}

impl Admitted {
    fn unknown(drop: Rc<[Box<str>]>) -> Self {
        Self {
            user: None,
            changes: Changes {
                drop,
                add: Vec::new(),
            },
            cookies: Vec::new(),
        }
    }
}

impl Refusal {
    fn failure(
        status: StatusCode,
        why: &'static str,
        field: Option<(HeaderName, HeaderValue)>,
    ) -> Failure {
        Failure::Refused(Box::new(Self { status, why, field }))
    }

    /// Adds to the page what the visitor's program needs to know.
    pub(crate) fn explain(&self, headers: &mut HeaderMap) {
        if let Some((name, value)) = &self.field {
            headers.insert(name.clone(), value.clone());
        }
    }
}
