//! What the servers of `proxy` get of the path and the host that a visitor asked for.

use ondol_model::host;
use ondol_model::path::RoutePath;
use ondol_model::plan::SentHost;
use ondol_model::plan::SentPath;
use ondol_model::plan::Via;
use ondol_model::rewrite::Rewrite;

use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;

pub(super) const STRIP_PREFIX: Key = Key {
    name: "strip_prefix",
    doc: "Takes the path of the route off the beginning of the path, or this text where it is there, and tells the app in `X-Forwarded-Prefix`: with `true`, `/api/x` of the route `/api` is `/x` for the app.",
    shape: Shape::AnyOf(&[
        Shape::Flag,
        Shape::Text(Form {
            what: "a path",
            example: "/api",
        }),
    ]),
    absent: Absent::Default("false"),
};
pub(super) const REWRITE: Key = Key {
    name: "rewrite",
    doc: "Another path for the app. `$path` is the visitor's, `$rest` what follows the path of the route, `$query` the query, and `$$` a dollar sign. The query is appended where the text has no `?` and no `$query`. Without it, the visitor's path as it is.",
    shape: Shape::Text(Form {
        what: "a path",
        example: "/app$path",
    }),
    absent: Absent::Means,
};
pub(super) const HOST: Key = Key {
    name: "host",
    doc: "The `Host` that the app gets: `visitor`, as the visitor asked for it; `upstream`, the address of the server; or a name. `X-Forwarded-Host` is the visitor's in any case.",
    shape: Shape::Text(Form {
        what: "visitor, upstream or a host",
        example: "upstream",
    }),
    absent: Absent::Default("\"visitor\""),
};

pub(super) const VIA: Key = Key {
    name: "via",
    doc: "Whether `Via` tells the app that a request came through a proxy, as HTTP wants it; a request that goes round in a circle is found by it. Some apps compress nothing then: nginx needs `gzip_proxied any`, or `false` here.",
    shape: Shape::Flag,
    absent: Absent::Default("true"),
};

/// The path that servers get. `parent` is the site or the route that the `proxy` belongs to.
pub(super) fn path(table: Section<'_>, parent: Section<'_>, report: &mut Report) -> SentPath {
    let of_route = parent
        .text("path")
        .and_then(|word| RoutePath::parse(word.text));
    let rewrite = table.text(REWRITE.name);
    let strips = table.flag(STRIP_PREFIX.name).unwrap_or(false);
    let prefix =
        match table.text(STRIP_PREFIX.name) {
            Some(word) => text_prefix(word, report),
            None if strips && of_route.as_ref().is_none_or(|it| it.as_str() == "/") => {
                report
                .add(table.key_at(STRIP_PREFIX.name), "there is no prefix to strip")
                .help("give the target a route with a path, or say which: strip_prefix = \"/api\"");
                None
            }
            None => of_route.clone().filter(|_| strips),
        };
    if let (Some(word), Some(_)) = (rewrite, &prefix) {
        report
            .add(word.at, "`rewrite` stands beside `strip_prefix`")
            .help("keep `rewrite`, and write `$rest` for what follows the path of the route");
    }
    let rewrite = rewrite.and_then(|word| {
        let prefix = of_route.unwrap_or(RoutePath::root());
        match Rewrite::parse(word.text, prefix) {
            Ok(rewrite) => Some(rewrite),
            Err(reason) => {
                let problem = format!("`rewrite` cannot be \"{}\"", repeated(word.text));
                report.add(word.at, problem).help(reason);
                None
            }
        }
    });
    match (rewrite, prefix) {
        (Some(rewrite), _) => SentPath::Rewritten(rewrite),
        (None, Some(prefix)) => SentPath::After(prefix),
        (None, None) => SentPath::Original,
    }
}

fn text_prefix(word: Word<'_>, report: &mut Report) -> Option<RoutePath> {
    let prefix = RoutePath::parse(word.text).filter(|_| !word.text.contains(char::is_control));
    if prefix.is_none() || word.text == "/" {
        let problem = format!("\"{}\" is not a prefix of paths", repeated(word.text));
        report
            .add(word.at, problem)
            .help("it begins with `/`, as in \"/api\", and has no `..`, `*`, `?` or `#`");
    }
    prefix
}

/// The host that servers get.
pub(super) fn host(table: Section<'_>, report: &mut Report) -> SentHost {
    let Some(word) = table.text(HOST.name) else {
        return SentHost::default();
    };
    match word.text {
        "visitor" => SentHost::Visitor,
        "upstream" => SentHost::Upstream,
        name => {
            if host::authority(name).is_none() {
                let problem = format!("\"{}\" is not a host", repeated(name));
                report
                    .add(word.at, problem)
                    .help("accepted: \"visitor\", \"upstream\", or a name such as \"app.local\"");
            }
            SentHost::Name(name.to_owned())
        }
    }
}

/// Whether servers are told what a request came through.
pub(super) fn via(table: Section<'_>) -> Via {
    match table.flag(VIA.name) {
        Some(false) => Via::Silent,
        Some(true) | None => Via::Told,
    }
}
