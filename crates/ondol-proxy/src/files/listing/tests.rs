//! Orders, and who gets what.

use super::*;
use entries::Item;
use entries::Kind;

fn item(name: &str, size: Option<u64>, modified: i64) -> Item {
    Item {
        name: name.to_owned(),
        kind: size.map_or(Kind::Folder, |size| Kind::File { size }),
        modified,
    }
}

#[test]
fn folders_are_first_whatever_the_order() {
    let items = [
        item("b.txt", Some(1), 3),
        item("A.txt", Some(2), 1),
        item("zoo", None, 2),
        item("가.txt", Some(2), 5),
        item("Art", None, 4),
    ];
    for (query, expected) in [
        ("", "Art zoo A.txt b.txt 가.txt"),
        ("sort=name&order=desc", "zoo Art 가.txt b.txt A.txt"),
        ("sort=size", "Art zoo b.txt A.txt 가.txt"),
        ("x=y&order=desc&sort=size", "Art zoo A.txt 가.txt b.txt"),
        ("sort=date&order=asc", "zoo Art A.txt b.txt 가.txt"),
        ("sort=date&order=desc", "Art zoo 가.txt b.txt A.txt"),
        ("sort=color&order=up", "Art zoo A.txt b.txt 가.txt"),
    ] {
        let mut items = items.to_vec();
        Sort::of(query).apply(&mut items);
        let names: Vec<_> = items.iter().map(|item| item.name.as_str()).collect();
        assert_eq!(names.join(" "), expected, "{query}");
    }
}

#[test]
fn json_is_for_those_who_name_it() {
    for (accept, expected) in [
        ("application/json", Shape::Json),
        ("Application/JSON;q=0.9, */*;q=0.1", Shape::Json),
        ("text/html,application/json", Shape::Html),
        ("*/*", Shape::Html),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        assert_eq!(Shape::of(&headers), expected, "{accept}");
    }
    assert_eq!(Shape::of(&HeaderMap::new()), Shape::Html);
}
