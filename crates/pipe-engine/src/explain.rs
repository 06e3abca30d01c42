//! Why a stage runs: the differences between two manifests, all of them.
//!
//! Does not compute fingerprints; it reads the same data that was hashed.

use std::fmt;

use pipe_store::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// A reason for which a stage runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// This stage of this experiment has never been seen.
    New,
    /// The same recipe was tried before, and has no result yet.
    Unfinished,
    /// It was asked for.
    Forced,
    /// Its last attempt failed, and it is tried again.
    Retry {
        /// How that attempt ended.
        after: String,
    },
    /// Its result is known, but its bytes are missing or damaged, and a stage that runs needs them.
    BytesMissing,
    /// An input that the program itself told of has other contents.
    Discovered {
        /// The file.
        path: String,
    },
    /// Something it takes from will run, so its inputs are not known yet.
    Upstream {
        /// Those stages.
        stages: Vec<String>,
    },
    /// Another kind, or another version of something the recipe names.
    Version {
        /// What.
        of: String,
        /// Before.
        old: String,
        /// Now.
        new: String,
    },
    /// A value of the recipe.
    With {
        /// Its path below `with`.
        path: String,
        /// Before, as JSON; nothing if it was not there.
        old: Option<Json>,
        /// Now.
        new: Option<Json>,
    },
    /// The contents of an input.
    Input {
        /// The port.
        port: String,
        /// Digests before, in the order of the stages they came from.
        old: Vec<Digest>,
        /// Digests now, in the order of the port's feeds.
        new: Vec<Digest>,
    },
    /// The contents of a file or folder outside the store.
    External {
        /// Its place below `with`.
        path: String,
        /// Its digest before; nothing if it was not there.
        old: Option<Digest>,
        /// Its digest now.
        new: Option<Digest>,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |value: &Option<Json>| value.as_ref().map_or_else(|| "nothing".to_owned(), Json::to_string);
        match self {
            Self::New => f.write_str("never run before"),
            Self::Unfinished => f.write_str("tried before, without a result"),
            Self::Retry { after } => write!(
                f,
                "tried again after an attempt that {}",
                match after.as_str() {
                    "killed for memory" => "was killed for memory",
                    other => other,
                }
            ),
            Self::Forced => f.write_str("asked for"),
            Self::BytesMissing => f.write_str("its stored bytes are missing or damaged"),
            Self::Discovered { path } => {
                write!(f, "{path}, which it read the last time, has other contents or is gone")
            }
            Self::Upstream { stages } => write!(f, "waits for {}", stages.join(", ")),
            Self::Version { of, old, new } => write!(f, "version of {of}: {old} -> {new}"),
            Self::With { path, old, new } => {
                write!(f, "with.{path}: {} -> {}", value(old), value(new))
            }
            Self::Input { port, .. } => write!(f, "input `{port}` has other contents"),
            Self::External { path, .. } => {
                write!(f, "the data that with.{path} names has other contents")
            }
        }
    }
}

/// All differences between the manifest of the last known result and the present one.
pub fn explain(old: &Json, new: &Json) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for key in ["kind", "version"] {
        if old[key] != new[key] {
            reasons.push(Reason::Version {
                of: format!("the stage {key}"),
                old: old[key].to_string(),
                new: new[key].to_string(),
            });
        }
    }
    for (of, old, new) in differences(&old["versions"], &new["versions"]) {
        let text = |value: Option<Json>| {
            value.map_or_else(
                || "none".to_owned(),
                |value| value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            )
        };
        reasons.push(Reason::Version { of, old: text(old), new: text(new) });
    }
    reasons.extend(differences(&old["with"], &new["with"]).into_iter().map(|(path, old, new)| Reason::With {
        path,
        old,
        new,
    }));
    reasons.extend(changed(&old["inputs"], &new["inputs"]).into_iter().map(|port| {
        let [old, new] = [old, new].map(|manifest| digests(&manifest["inputs"][&port]));
        Reason::Input { port, old, new }
    }));
    reasons.extend(changed(&old["externals"], &new["externals"]).into_iter().map(|path| {
        let [old, new] = [old, new].map(|manifest| digest(&manifest["externals"][&path]));
        Reason::External { path, old, new }
    }));
    reasons
}

fn digest(value: &Json) -> Option<Digest> {
    value.as_str()?.parse().ok()
}

fn digests(value: &Json) -> Vec<Digest> {
    value.as_array().into_iter().flatten().filter_map(digest).collect()
}

/// Keys of two maps whose values differ.
fn changed(old: &Json, new: &Json) -> Vec<String> {
    let keys = |value: &Json| value.as_object().map(|map| map.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    let mut all: Vec<_> = keys(old).into_iter().chain(keys(new)).collect();
    all.sort();
    all.dedup();
    all.retain(|key| old.get(key) != new.get(key));
    all
}

type Difference = (String, Option<Json>, Option<Json>);

/// The deepest places at which two values differ.
fn differences(old: &Json, new: &Json) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", Some(old), Some(new), &mut found);
    found
}

fn compare(path: &str, old: Option<&Json>, new: Option<&Json>, found: &mut Vec<Difference>) {
    if old == new {
        return;
    }
    let below = |key: &str| {
        if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
    };
    match (old, new) {
        (Some(Json::Object(a)), Some(Json::Object(b))) => {
            let mut keys: Vec<_> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            keys.into_iter().for_each(|key| compare(&below(key), a.get(key), b.get(key), found));
        }
        (Some(Json::Array(a)), Some(Json::Array(b))) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&below(&index.to_string()), Some(a), Some(b), found);
            }
        }
        _ => found.push((path.to_owned(), old.cloned(), new.cloned())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_differences() {
        let old = json!({ "kind": "a", "version": 1, "versions": { "unet": "1" }, "with": { "x": 1, "y": [1, 2], "z": 0 }, "inputs": { "d": ["1"] }, "externals": {} });
        let new = json!({ "kind": "a", "version": 2, "versions": { "unet": "2" }, "with": { "x": 2, "y": [1, 3], "n": 0 }, "inputs": { "d": ["2"] }, "externals": { "root": "1" } });
        let said: Vec<_> = explain(&old, &new).iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "version of the stage version: 1 -> 2",
                "version of unet: 1 -> 2",
                "with.n: nothing -> 0",
                "with.x: 1 -> 2",
                "with.y.1: 2 -> 3",
                "with.z: 0 -> nothing",
                "input `d` has other contents",
                "the data that with.root names has other contents",
            ]
        );
        assert!(explain(&old, &old).is_empty());
    }

    #[test]
    fn contents_by_their_digests() {
        let [a, b] = [Digest::of(b"a"), Digest::of(b"b")];
        let old = json!({ "inputs": { "d": [a, a] }, "externals": { "root": a } });
        let new = json!({ "inputs": { "d": [a, b], "e": [b] }, "externals": {} });
        let expected = [
            Reason::Input { port: "d".into(), old: vec![a, a], new: vec![a, b] },
            Reason::Input { port: "e".into(), old: vec![], new: vec![b] },
            Reason::External { path: "root".into(), old: Some(a), new: None },
        ];
        assert_eq!(explain(&old, &new), expected);
    }
}
