//! What an editor is told.

use serde_json::Value;

use super::schema;

fn parsed() -> Value {
    serde_json::from_str(&schema()).expect("a schema is JSON")
}

#[test]
fn every_key_is_described() {
    let schema = parsed();
    let site = &schema["properties"]["sites"]["additionalProperties"]["properties"];
    assert_eq!(site["https"]["type"], "boolean");
    assert_eq!(site["https"]["default"], true);
    assert!(site["proxy"]["anyOf"][1]["type"] == "array");
    let route = &site["routes"]["items"];
    assert_eq!(route["required"][0], "path");
    let status = &route["properties"]["redirect"]["anyOf"][1]["properties"]["status"];
    assert_eq!(
        (&status["minimum"], &status["default"]),
        (&301.into(), &308.into())
    );
    let token = &schema["properties"]["tls"]["properties"]["dns"]["properties"]["token"];
    assert_eq!(token["type"], "object");
    assert_eq!(token["properties"]["env"]["type"], "string");
    let listen = &schema["properties"]["listen"]["properties"]["http"];
    assert_eq!(listen["default"][0], ":80");
    described(&schema);
}

/// Every property has a description, no default is lost, and no unknown key passes.
fn described(value: &Value) {
    if let Some(properties) = value["properties"].as_object() {
        assert!(value.get("additionalProperties").is_some());
        for (name, property) in properties {
            let description = property["description"].as_str().unwrap_or_default();
            assert!(description.ends_with('.'), "{name}: {description}");
            assert!(property.get("default") != Some(&Value::Null), "{name}");
        }
    }
    match value {
        Value::Array(items) => items.iter().for_each(described),
        Value::Object(object) => object.values().for_each(described),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
