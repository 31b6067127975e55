//! The committed API description is the one that the table of endpoints gives.

#![allow(clippy::unwrap_used)]

#[test]
fn the_committed_description_is_not_stale() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let document = anlan_web::openapi::document();
    if std::env::var_os("ANLAN_WRITE_OPENAPI").is_some() {
        std::fs::write(path, &document).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == document,
        "web/openapi.json is stale; ANLAN_WRITE_OPENAPI=1 cargo test -p anlan-web --test openapi writes it"
    );
}

#[test]
fn every_reference_of_the_description_leads_somewhere() {
    let document: serde_json::Value =
        serde_json::from_str(&anlan_web::openapi::document()).unwrap();
    fn walk(value: &serde_json::Value, root: &serde_json::Value) {
        match value {
            serde_json::Value::Object(object) => {
                if let Some(to) = object.get("$ref").and_then(|r| r.as_str()) {
                    let pointer = to.strip_prefix('#').unwrap();
                    assert!(root.pointer(pointer).is_some(), "{to} leads nowhere");
                }
                object.values().for_each(|v| walk(v, root));
            }
            serde_json::Value::Array(items) => items.iter().for_each(|v| walk(v, root)),
            _ => {}
        }
    }
    walk(&document, &document);
}
