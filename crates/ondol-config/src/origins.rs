//! Where each value of an accepted configuration stands, for mistakes that only the machine can find.

use std::collections::HashMap;

use ondol_model::HostPattern;
use toml::Spanned;
use toml::de::DeValue;

use crate::mistake::Mistake;
use crate::report::About;
use crate::report::Line;
use crate::report::Note;
use crate::section::Section;
use crate::text::Place;
use crate::text::Texts;

/// Where each value of an accepted configuration stands in its files.
#[derive(Debug)]
pub struct Origins {
    texts: Texts,
    places: HashMap<String, Place>,
}

/// The way to a value: sections, names and keys, from the top of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPath(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    name: String,
    absent: AbsentStep,
}

/// Where the way goes on when a step is not in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AbsentStep {
    /// It ends at the parent.
    Ends,
    /// It goes on at the parent: a value that stands alone is a list of one, the route of `/` may be
    /// the site itself, and servers may stand without a table around them.
    IsParent,
}

impl KeyPath {
    /// A table at the top of the file, such as `box`, `listen`, `log` or `tls`.
    pub fn section(name: &str) -> Self {
        Self(Vec::new()).key(name)
    }

    /// The site with this main name, in canonical form.
    pub fn site(name: &str) -> Self {
        Self::section("sites").key(name)
    }

    /// The app with this name.
    pub fn app(name: &str) -> Self {
        Self::section("apps").key(name)
    }

    /// One address of `listen.http` or `listen.https`, counted from 0.
    pub fn listen(scheme: &str, index: usize) -> Self {
        Self::section("listen").key(scheme).index(index)
    }

    /// The section `[tls]`.
    pub fn tls() -> Self {
        Self::section("tls")
    }

    /// One of the certificates of `[tls]`, counted from 0.
    #[must_use]
    pub fn certificate(self, index: usize) -> Self {
        self.key("certificate").index(index)
    }

    /// The route of a site with this path; `/` is the site's own target too.
    #[must_use]
    pub fn route(self, path: &str) -> Self {
        let absent = if path == "/" {
            AbsentStep::IsParent
        } else {
            AbsentStep::Ends
        };
        self.then(route_step(path), absent)
    }

    /// One of the servers of a `proxy`, counted from 0.
    #[must_use]
    pub fn server(self, index: usize) -> Self {
        let servers = self
            .key("proxy")
            .then("to".to_owned(), AbsentStep::IsParent);
        servers.index(index)
    }

    /// A key of a table.
    #[must_use]
    pub fn key(self, name: &str) -> Self {
        self.then(name.to_owned(), AbsentStep::Ends)
    }

    /// One value of a list, counted from 0.
    #[must_use]
    pub fn index(self, index: usize) -> Self {
        self.then(index.to_string(), AbsentStep::IsParent)
    }

    /// As a person writes it, without what may be left out.
    fn dotted(&self) -> String {
        let written = self.0.iter().filter(|step| match step.absent {
            AbsentStep::Ends => true,
            AbsentStep::IsParent => false,
        });
        let names: Vec<_> = written.map(|step| &*step.name).collect();
        names.join(".")
    }

    fn then(mut self, name: String, absent: AbsentStep) -> Self {
        self.0.push(Step { name, absent });
        self
    }
}

impl Origins {
    pub(crate) fn new(roots: &[Section<'_>], texts: Texts) -> Self {
        let mut places = HashMap::new();
        for root in roots {
            for (key, value) in root.entries() {
                insert(&mut places, root.file(), String::new(), key, value);
            }
        }
        Self { texts, places }
    }

    /// A mistake at the place of a value; where the file leaves the value out, at its nearest parent. The
    /// default of a section that is left out is nowhere in the file, and named instead.
    ///
    /// `problem` is a sentence without its full stop; `help` says what to do.
    pub fn mistake(&self, key: &KeyPath, problem: String, help: Option<String>) -> Mistake {
        let at = self.place(key);
        let problem = match at {
            Some(_) => problem,
            None => format!("{problem} (the default of `{}`)", key.dotted()),
        };
        let note = Note {
            at: at.unwrap_or(Place::top(0)),
            about: About::Value,
            problem,
            help,
            related: None,
            line: Line::Shown,
        };
        let mistake = Mistake::new(note, &self.texts);
        match at {
            Some(_) => mistake,
            None => mistake.without_excerpt(),
        }
    }

    /// Whether the file has the value itself, so that it is no default and not inherited.
    pub fn has(&self, KeyPath(steps): &KeyPath) -> bool {
        let path = steps
            .iter()
            .fold(String::new(), |path, step| joined(&path, &step.name));
        self.places.contains_key(&path)
    }

    fn place(&self, KeyPath(steps): &KeyPath) -> Option<Place> {
        let mut place = None;
        let mut path = String::new();
        for step in steps {
            let next = joined(&path, &step.name);
            match (self.places.get(&next), step.absent) {
                (Some(found), _) => {
                    place = Some(*found);
                    path = next;
                }
                (None, AbsentStep::IsParent) => {}
                (None, AbsentStep::Ends) => break,
            }
        }
        place
    }
}

fn insert(
    places: &mut HashMap<String, Place>,
    file: usize,
    parent: String,
    key: &str,
    value: &Spanned<DeValue<'_>>,
) {
    let path = joined(&parent, key);
    places
        .entry(path.clone())
        .or_insert(Place::new(file, value.span()));
    match value.get_ref() {
        DeValue::Table(table) => {
            for (name, value) in table {
                insert(
                    places,
                    file,
                    path.clone(),
                    &canonical(key, name.get_ref()),
                    value,
                );
            }
        }
        DeValue::Array(items) if key == "routes" => {
            for route in items {
                let name = route
                    .get_ref()
                    .get("path")
                    .and_then(|path| path.get_ref().as_str());
                insert(
                    places,
                    file,
                    parent.clone(),
                    &route_step(name.unwrap_or_default()),
                    route,
                );
            }
        }
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                insert(places, file, path.clone(), &index.to_string(), item);
            }
        }
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => {}
    }
}

/// The name of a site as the plan has it; any other key as it is.
fn canonical(parent: &str, name: &str) -> String {
    match HostPattern::parse(name) {
        Ok(site) if parent == "sites" => site.to_string(),
        _ => name.to_owned(),
    }
}

fn route_step(path: &str) -> String {
    format!("route {path}")
}

fn joined(parent: &str, key: &str) -> String {
    format!("{parent}\n{key}")
}

#[cfg(test)]
mod tests;
