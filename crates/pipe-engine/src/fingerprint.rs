//! A recipe as plain data, and its hash. `why` compares the same data, so explanation and cache cannot disagree.
//!
//! Does not know stores.

use std::collections::BTreeMap;

use pipe_store::Digest;
use serde_json::{Map as JsonMap, Value as Json, json};

use crate::{COMMAND, PlanNode};

/// The manifest of a stage: everything that decides its result.
///
/// `inputs` are the digests of its counted inputs by port, `externals` those of paths outside the store by their place in
/// `with`.
pub fn manifest(node: &PlanNode, inputs: &BTreeMap<String, Vec<Digest>>, externals: &BTreeMap<String, Digest>) -> Json {
    let mut manifest = json!({
        "kind": node.kind.name,
        "version": node.kind.version,
        "versions": node.versions,
        "with": *node.recipe,
        "inputs": inputs,
        "externals": externals,
    });
    if node.kind.name == COMMAND.name && !node.axes.is_empty() {
        // A program is told its point, so what it writes may depend on it.
        manifest["axes"] = json!(node.axes);
    }
    manifest
}

/// Canonical JSON: keys sorted, no blanks, floats in shortest round-trip form.
pub fn canonical(value: &Json) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Json, text: &mut String) {
    match value {
        Json::Object(map) => {
            let mut keys: Vec<_> = map.keys().collect();
            keys.sort();
            text.push('{');
            for (position, key) in keys.into_iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                text.push_str(&Json::from(key.as_str()).to_string());
                text.push(':');
                write(&map[key], text);
            }
            text.push('}');
        }
        Json::Array(list) => {
            text.push('[');
            for (position, item) in list.iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

/// Takes every marked path out of a serialised `with`: the recipe keeps its place, the list keeps the path.
pub(crate) fn take_paths(with: &Json) -> (Json, Vec<(String, std::path::PathBuf)>) {
    let mut paths = Vec::new();
    (take(with, "", &mut paths), paths)
}

fn take(value: &Json, place: &str, paths: &mut Vec<(String, std::path::PathBuf)>) -> Json {
    let below = |key: &str| {
        if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") }
    };
    match value {
        Json::Object(map) => {
            if let (1, Some(path)) = (map.len(), map.get(pipe_spec::Location::KEY).and_then(Json::as_str)) {
                paths.push((place.to_owned(), path.into()));
                return json!({ "external": place });
            }
            let taken = map.iter().map(|(key, value)| (key.clone(), take(value, &below(key), paths)));
            Json::Object(taken.collect::<JsonMap<_, _>>())
        }
        Json::Array(list) => {
            list.iter().enumerate().map(|(index, value)| take(value, &below(&index.to_string()), paths)).collect()
        }
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_text_does_not_depend_on_order() {
        let [a, b] =
            [r#"{"b": 1.0, "a": [1, {"y": "x", "x": 1e-3}]}"#, r#"{"a": [1, {"x": 0.001, "y": "x"}], "b": 1.0}"#]
                .map(|text| canonical(&serde_json::from_str(text).expect("JSON")));
        assert_eq!(a, b);
        assert_eq!(a, r#"{"a":[1,{"x":0.001,"y":"x"}],"b":1.0}"#);
    }

    #[test]
    fn paths_leave_the_recipe() {
        let (recipe, paths) = take_paths(&json!({ "root": { "$path": "/data" }, "size": [{ "$path": "b" }, 2] }));
        assert_eq!(recipe, json!({ "root": { "external": "root" }, "size": [{ "external": "size.0" }, 2] }));
        assert_eq!(paths, vec![("root".to_owned(), "/data".into()), ("size.0".to_owned(), "b".into())]);
    }
}
