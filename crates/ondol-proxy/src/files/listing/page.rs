//! A list for people: one page, complete in itself, that needs no script.

use std::fmt::Write;

use ondol_base::clock;

use super::entries::Entries;
use super::entries::Item;
use super::entries::Kind;
use super::sort::By;
use super::sort::Order;
use super::sort::Sort;
use crate::files::slash::push_encoded;

const STYLE: &str = "\
:root{--back:#faf8f5;--text:#2b2622;--soft:#6f665e;--warm:#b4532a;--line:#8883;--over:#b4532a12}\
@media(prefers-color-scheme:dark){:root{--back:#1b1816;--text:#ece6df;--soft:#a0968c;--warm:#e8935f;--over:#e8935f14}}\
*{box-sizing:border-box}\
body{margin:0;background:var(--back);color:var(--text);font:1rem/1.5 system-ui,sans-serif}\
main{max-width:60rem;margin:0 auto;padding:2rem 1.25rem 3rem}\
h1{margin:0 0 1.25rem;padding:0 .6rem;font-size:1.3rem;font-weight:600;line-height:1.4;overflow-wrap:anywhere}\
h1 a{color:var(--soft)}h1 span{color:var(--soft);margin:0 .3em}\
a{color:inherit;text-decoration:none}a:hover,a:focus-visible{color:var(--warm);text-decoration:underline}\
table{width:100%;border-collapse:collapse}\
th{text-align:left;font-weight:500;font-size:.85rem;color:var(--soft);white-space:nowrap}\
th,td{padding:.45rem .6rem;border-bottom:1px solid var(--line)}\
th a{display:inline-block}\
tbody tr:hover{background:var(--over)}\
td:first-child{overflow-wrap:anywhere}td:first-child a{display:block}\
.size,.date{text-align:right;white-space:nowrap;color:var(--soft);font-variant-numeric:tabular-nums;font-size:.9rem}\
.folder{font-weight:600}.folder::after{content:\"/\";color:var(--soft);font-weight:400}\
p{color:var(--soft)}\
@media(max-width:40rem){main{padding:1.25rem .5rem 2rem}h1{font-size:1.1rem}\
td{padding-top:.6rem;padding-bottom:.6rem}.date{display:none}}";

/// The page. `above` is what the address has before the path.
pub(super) fn page(above: &str, path: &str, entries: &Entries, sort: Sort) -> String {
    let mut page = String::with_capacity(4096 + entries.items.len() * 256);
    let title = format!("{above}{path}");
    page.push_str("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width\">\n");
    page.push_str("<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    push_escaped(&mut page, &title);
    let _ = write!(page, "</title>\n<style>{STYLE}</style>\n<main>\n<h1>");
    push_crumbs(&mut page, above, path);
    page.push_str("</h1>\n<table>\n<thead><tr>");
    for by in By::ALL {
        push_head(&mut page, by, sort);
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    if path != "/" {
        page.push_str("<tr><td><a href=\"../\">..</a></td><td class=\"size\"></td><td class=\"date\"></td></tr>\n");
    }
    for item in &entries.items {
        push_row(&mut page, item);
    }
    page.push_str("</tbody>\n</table>\n");
    push_note(&mut page, entries);
    page.push_str("</main>\n");
    page
}

/// The folders on the way to this one, each a link; the last is where one is.
fn push_crumbs(page: &mut String, above: &str, path: &str) {
    let names: Vec<_> = path.split('/').filter(|name| !name.is_empty()).collect();
    let first = format!("{above}/");
    for (place, name) in std::iter::once(first.as_str())
        .chain(names.iter().copied())
        .enumerate()
    {
        let up = names.len() - place;
        if place > 1 {
            page.push_str("<span>/</span>");
        }
        if up == 0 {
            push_escaped(page, name);
        } else {
            let _ = write!(page, "<a href=\"{}\">", "../".repeat(up));
            push_escaped(page, name);
            page.push_str("</a>");
        }
    }
}

fn push_head(page: &mut String, by: By, sort: Sort) {
    let (order, arrow) = match (sort.by == by, sort.order) {
        (false, _) => (Order::Ascending, ""),
        (true, order) => match order {
            Order::Ascending => (order.reversed(), " ↑"),
            Order::Descending => (order.reversed(), " ↓"),
        },
    };
    let (class, title) = match by {
        By::Name => ("name", "Name"),
        By::Size => ("size", "Size"),
        By::Date => ("date", "Modified (UTC)"),
    };
    let (word, order) = (by.word(), order.word());
    let _ = write!(
        page,
        "<th class=\"{class}\"><a href=\"?sort={word}&amp;order={order}\">{title}{arrow}</a></th>"
    );
}

fn push_row(page: &mut String, item: &Item) {
    let mut link = String::with_capacity(item.name.len() + 8);
    // Before a name with a colon, which would be read as a scheme.
    link.push_str("./");
    push_encoded(&mut link, &item.name);
    let (class, size) = match item.kind {
        Kind::Folder => {
            link.push('/');
            (" class=\"folder\"", String::new())
        }
        Kind::File { size } => ("", human(size)),
    };
    page.push_str("<tr><td><a href=\"");
    push_escaped(page, &link);
    let _ = write!(page, "\"{class}>");
    push_escaped(page, &item.name);
    let _ = write!(page, "</a></td><td class=\"size\">{size}</td>");
    let modified = clock::rfc3339(item.modified);
    let shown = modified.get(..16).unwrap_or_default().replace('T', " ");
    let _ = writeln!(
        page,
        "<td class=\"date\"><time datetime=\"{modified}\">{shown}</time></td></tr>"
    );
}

fn push_note(page: &mut String, entries: &Entries) {
    let count = entries.items.len();
    let _ = match (entries.is_cut, count) {
        (true, _) => writeln!(
            page,
            "<p>There is more in this folder than the {count} entries above."
        ),
        (false, 0) => writeln!(page, "<p>This folder is empty."),
        (false, _) => Ok(()),
    };
}

/// `512 B`, `1.4 kB`, `23 MB`: as disks and browsers count.
fn human(size: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if size < 1_000 {
        return format!("{size} B");
    }
    let mut tenths = u128::from(size) * 10 / 1_000;
    for unit in UNITS {
        if tenths < 100 {
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
        if tenths < 10_000 {
            return format!("{} {unit}", tenths / 10);
        }
        tenths /= 1_000;
    }
    format!("{size} B")
}

/// Text as it stands in HTML, between tags or in double quotes.
fn push_escaped(page: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => page.push_str("&amp;"),
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '"' => page.push_str("&quot;"),
            '\'' => page.push_str("&#39;"),
            // Names that would turn the text around them (CVE-2021-42574), or break its lines.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => page.push('\u{fffd}'),
            c if c.is_control() => page.push('\u{fffd}'),
            c => page.push(c),
        }
    }
}

#[cfg(test)]
mod tests;
