//! What is read as a variable, and what is not.

use super::*;

fn pieces(text: &str) -> Result<String, TemplateError> {
    let template = Template::parse(text)?;
    let shown = template.pieces().iter().map(|piece| match piece {
        Piece::Text(text) => format!("[{text}]"),
        Piece::Variable(variable) => format!("{variable:?}"),
    });
    Ok(shown.collect())
}

#[test]
fn variables_stand_between_texts() {
    for (text, expected) in [
        ("", ""),
        ("plain", "[plain]"),
        ("$host", "Host"),
        ("$scheme://$host$path?$query", "Scheme[://]HostPath[?]Query"),
        ("$request_id, $client", "RequestId[, ]Client"),
        ("100 $$ and $$site", "[100 $ and $site]"),
        ("경로 $path/끝", "[경로 ]Path[/끝]"),
    ] {
        assert_eq!(pieces(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn a_dollar_that_begins_nothing_is_told() {
    assert_eq!(pieces("5 $"), Err(TemplateError::LoneDollar));
    assert_eq!(pieces("$ 5"), Err(TemplateError::LoneDollar));
    for (text, name) in [("$hosts", "hosts"), ("a$1b", "1b"), ("$Host", "Host")] {
        assert_eq!(pieces(text), Err(TemplateError::Unknown(name.to_owned())));
    }
}
