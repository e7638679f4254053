//! The application in the files of a Python project.

use super::Listing;

/// The files that have it, in the order of who is believed.
const FILES: &[&str] = &[
    "asgi.py",
    "main.py",
    "app.py",
    "app/main.py",
    "app/__init__.py",
    "server.py",
    "src/main.py",
    "application.py",
    "wsgi.py",
];

/// What calls of these make.
const CALLS: &[(&str, Interface)] = &[
    ("FastAPI", ASGI),
    ("Starlette", ASGI),
    ("Quart", ASGI),
    ("Litestar", ASGI),
    ("get_asgi_application", ASGI),
    ("Flask", Interface::Wsgi),
    ("get_wsgi_application", Interface::Wsgi),
    ("default_app", Interface::Wsgi), // Bottle.
];

/// What these functions are.
const FUNCTIONS: &[(&str, Interface)] = &[
    ("async def app(", ASGI),
    ("async def application(", ASGI),
    ("def app(environ", Interface::Wsgi),
    ("def application(environ", Interface::Wsgi),
];

const ASGI: Interface = Interface::Asgi { is_factory: false };

/// How a server speaks with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interface {
    Asgi {
        /// Whether the name is that of a function that makes it.
        is_factory: bool,
    },
    Wsgi,
}

/// An application.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Module {
    pub(super) interface: Interface,
    /// The file that it was found in.
    pub(super) file: &'static str,
    /// The folder that its name counts from, where that is not the app's.
    pub(super) folder: Option<&'static str>,
    /// As servers take it: `main:app`.
    pub(super) name: String,
}

pub(super) fn find(listing: &Listing) -> Option<Module> {
    let django = listing.text("manage.py").and_then(django);
    django.or_else(|| {
        FILES
            .iter()
            .find_map(|file| application(file, listing.text(file)?))
    })
}

/// `os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings')`
fn django(manage: &str) -> Option<Module> {
    let (_, after) = manage.split_once("DJANGO_SETTINGS_MODULE")?;
    let mut quoted = after
        .split(['\'', '"'])
        .filter(|part| part.ends_with(".settings"));
    let project = quoted.next()?.strip_suffix(".settings")?;
    let is_part = |part: &str| is_name(part);
    project.split('.').all(is_part).then(|| Module {
        interface: Interface::Wsgi,
        file: "manage.py",
        folder: None,
        name: format!("{project}.wsgi:application"),
    })
}

fn application(file: &'static str, text: &str) -> Option<Module> {
    let (variable, interface) = text.lines().find_map(variable).or_else(|| factory(text))?;
    let (folder, path) = match file.strip_prefix("src/") {
        Some(path) => (Some("src"), path),
        None => (None, file),
    };
    let path = path.strip_suffix(".py")?;
    let path = path.strip_suffix("/__init__").unwrap_or(path);
    let path = path.replace('/', ".");
    Some(Module {
        interface,
        file,
        folder,
        name: format!("{path}:{variable}"),
    })
}

/// A line at the margin that makes an application: `app = FastAPI(`, `app: FastAPI = FastAPI(`, or is one.
fn variable(line: &str) -> Option<(String, Interface)> {
    if let Some((begin, interface)) = FUNCTIONS.iter().find(|(begin, _)| line.starts_with(begin)) {
        let (_, name) = begin.split_once("def ")?;
        let name = name.split('(').next()?;
        return Some((name.to_owned(), *interface));
    }
    let (name, value) = line.split_once('=')?;
    let name = name.split(':').next()?.trim_end();
    let (call, _) = value.trim_start().split_once('(')?;
    let call = call.rsplit('.').next()?;
    let (_, interface) = CALLS.iter().find(|(known, _)| *known == call)?;
    is_name(name).then(|| (name.to_owned(), *interface))
}

/// A function that makes one.
fn factory(text: &str) -> Option<(String, Interface)> {
    text.lines()
        .find(|line| line.starts_with("def create_app("))?;
    let made = |call: &str| text.contains(&format!("{call}("));
    let (_, interface) = CALLS.iter().find(|(call, _)| made(call))?;
    Some(match interface {
        Interface::Asgi { .. } => {
            let interface = Interface::Asgi { is_factory: true };
            ("create_app".to_owned(), interface)
        }
        Interface::Wsgi => ("'create_app()'".to_owned(), Interface::Wsgi),
    })
}

fn is_name(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    text.starts_with(is_letter) && text.chars().all(|c| is_letter(c) || c.is_ascii_digit())
}
