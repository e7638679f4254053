//! A PHP application: which script answers a request, and which files of its folder are sent as they are.
//!
//! Only what is there, in the folder, under a name that ends with `.php`, is ever run; nothing that could be a
//! script's source is ever sent. How scripts are asked is not known here.

mod names;
mod pool;

use std::rc::Rc;

use http::Response;
use http::request::Parts;
use ondol_model::Plan;
use ondol_model::path::RoutePath;
use ondol_model::plan;
use ondol_model::plan::Candidate;
use ondol_model::plan::Dotfiles;
use ondol_model::plan::Files;
use ondol_model::plan::PhpVia;
use ondol_model::plan::Proxy;
use ondol_model::upstream::KeptConnections;
use ondol_model::upstream::Upstream;

use crate::apps::Apps;
use crate::body::Body;
use crate::failure::Failure;
use crate::files::FileRequest;
use crate::files::Folders;
use crate::files::Place;
use crate::files::Root;
use crate::files::is_hidden;
use crate::upstream::Script;
use crate::upstream::Servers;
use crate::view::Pools;

pub(crate) use pool::Pool;

/// A PHP application, as one worker knows it.
#[derive(Debug)]
pub(crate) struct Php {
    root: Rc<Root>,
    /// The script for what no file answers.
    index: Box<str>,
    /// The same in any folder.
    folder_index: Box<str>,
    dotfiles: Dotfiles,
    /// Who runs the scripts.
    pub(crate) via: Via,
}

/// Who runs the scripts.
#[derive(Debug)]
pub(crate) enum Via {
    /// Somebody else's php-fpm.
    Servers(Servers),
    /// The pool that an app is.
    Pool(Pool),
}

/// What answers a request.
#[derive(Debug)]
pub(crate) enum Found {
    /// A file, or where one is to be asked for.
    Answer(Response<Body>),
    /// A script.
    Script(Box<Script>),
}

/// Of a php-fpm of somebody else nobody knows how many processes it has, so none is held.
const KEPT_OF_OTHERS: KeptConnections = KeptConnections(0);

impl Php {
    pub(crate) fn new(
        (php, plan): (&plan::Php, &Plan),
        (pools, folders): (&Pools, &Folders),
        apps: &Apps,
    ) -> Self {
        let index = php.index.trim_start_matches('/');
        let folder_index = index.rsplit('/').next().unwrap_or(index);
        Self {
            root: folders.of(&files(php, folder_index)),
            index: index.into(),
            folder_index: folder_index.into(),
            dotfiles: php.dotfiles,
            via: match &php.via {
                PhpVia::Socket(address) => {
                    let upstream = Upstream::fast_cgi(address.clone(), KEPT_OF_OTHERS);
                    Via::Servers(pools.servers(&Proxy::to(vec![upstream])))
                }
                PhpVia::Pool(app) => Via::Pool(Pool::new(app, plan, (apps, pools))),
            },
        }
    }

    /// What answers a request: a file, else the script of its folder, else the one for all that is not there.
    pub(crate) async fn find(
        &self,
        request: FileRequest<'_>,
        (parts, base): (&Parts, &RoutePath),
        user: Option<&[u8]>,
    ) -> Result<Found, Failure> {
        let path = request.path;
        if self.dotfiles == Dotfiles::Hidden && is_hidden(path) {
            return Err(Failure::NotFound);
        }
        let (name, path_info) = match self.root.place(path).await {
            Ok(Place::File(name)) if names::is_script(&name) => (name, ""),
            Ok(Place::File(name)) if names::is_source(&name) => return Err(Failure::NotFound),
            Ok(Place::File(_) | Place::Slash) => {
                return self.root.answer(request).await.map(Found::Answer);
            }
            Ok(Place::Nothing) => self.elsewhere(path).await?,
            Err(Failure::Unreadable(error)) => match self.unreadable(request).await? {
                Some(Place::File(name)) => (name, ""),
                Some(Place::Slash) => return crate::files::to_slash(&request).map(Found::Answer),
                Some(Place::Nothing) | None => return Err(Failure::Unreadable(error)),
            },
            Err(failure) => return Err(failure),
        };
        Ok(Found::Script(Box::new(Script {
            root: self.root.real_path().await?,
            base: base.as_str().trim_end_matches('/').into(),
            name,
            path_info: path_info.into(),
            user: user.map(Box::from),
            version: parts.version,
        })))
    }

    /// The script that a path goes through, with what comes after it; or the one for all that is not there.
    async fn elsewhere<'p>(&self, path: &'p str) -> Result<(Box<str>, &'p str), Failure> {
        for (name, path_info) in names::splits(path) {
            if self.root.has_file(name).await? {
                return Ok((name.into(), path_info));
            }
        }
        if self.root.has_file(&self.index).await? {
            return Ok((self.index.clone(), ""));
        }
        Err(Failure::NotFound)
    }

    /// The same of a path that leads to what only others may read: a script all the same, by its own name or as
    /// that of its folder. `None` when it is no script.
    async fn unreadable(&self, request: FileRequest<'_>) -> Result<Option<Place>, Failure> {
        let name = request.path.trim_start_matches('/');
        if names::is_script(name) {
            let is_there = self.root.has_file(name).await?;
            return Ok(is_there.then(|| Place::File(name.into())));
        }
        let folder = name.strip_suffix('/').unwrap_or(name);
        let slash = if folder.is_empty() { "" } else { "/" };
        let index = format!("{folder}{slash}{}", self.folder_index);
        if !self.root.has_file(&index).await? {
            return Ok(None);
        }
        let is_complete = name.is_empty() || name.ends_with('/');
        Ok(Some(match is_complete {
            true => Place::File(index.into()),
            false => Place::Slash,
        }))
    }
}

/// How the files of an application are looked for and sent.
fn files(php: &plan::Php, folder_index: &str) -> Files {
    let mut index = vec![folder_index.to_owned()];
    for usual in ["index.php", "index.html"] {
        if folder_index != usual {
            index.push(usual.to_owned());
        }
    }
    Files {
        index,
        // A folder that shows nothing leaves the path to the script.
        candidates: vec![Candidate::Path {
            before: String::new(),
            after: String::new(),
        }],
        dotfiles: php.dotfiles,
        ..Files::at(php.root.clone())
    }
}
