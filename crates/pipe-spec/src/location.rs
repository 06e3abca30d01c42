//! A path to something outside the store.
//!
//! Does not know what stands there. In YAML it is a plain text; serialised it is `{"$path": ...}`, by which the engine
//! finds every path in a stage's `with` and keeps it out of the manifest.

use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeMap as _};

/// A file or folder outside the store; relative ones start at the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location(PathBuf);

impl Location {
    /// The key by which a serialised location is told from other values.
    pub const KEY: &'static str = "$path";

    /// The path as written.
    pub fn path(&self) -> &std::path::Path {
        &self.0
    }
}

impl Serialize for Location {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(Self::KEY, &self.0)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Location {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Location;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a path")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Location, E> {
                if text.is_empty() {
                    return Err(E::custom("an empty path"));
                }
                Ok(Location(text.into()))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Location, A::Error> {
                match map.next_entry::<String, PathBuf>()? {
                    Some((key, path)) if key == Location::KEY => Ok(Location(path)),
                    _ => Err(serde::de::Error::custom("expected a path")),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Location {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Location".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "path" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_and_marked_out() {
        let location: Location = serde_json::from_str("\"data/arcade\"").expect("a path");
        let text = serde_json::to_string(&location).expect("plain data");
        assert_eq!(text, r#"{"$path":"data/arcade"}"#);
        assert_eq!(serde_json::from_str::<Location>(&text).expect("its own text"), location);
        let value = serde_json::to_value(&location).expect("plain data");
        assert_eq!(serde_json::from_value::<Location>(value).expect("its own value"), location);
        assert!(serde_json::from_str::<Location>("3").is_err());
    }
}
