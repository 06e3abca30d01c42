//! A tree to a typed value.
//!
//! Does not know the types; each brings its schema.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use crate::{Node, Problem, check, check::join};

/// Checks the tree against the type's schema, then reads it.
///
/// # Errors
/// Everything that differs from the schema at once; else the first value that the type itself refuses.
pub fn bind<T: DeserializeOwned + JsonSchema>(node: &Node, path: &str) -> Result<T, Vec<Problem>> {
    bind_to(node, &schema::<T>(), path)
}

/// As [`bind`], with the type's schema made once by the caller.
///
/// # Errors
/// As [`bind`].
pub fn bind_to<T: DeserializeOwned>(node: &Node, schema: &serde_json::Value, path: &str) -> Result<T, Vec<Problem>> {
    let problems = check(node, schema, path);
    if problems.is_empty() { read(node, path) } else { Err(problems) }
}

/// Reads a tree that was checked before.
fn read<T: DeserializeOwned>(node: &Node, path: &str) -> Result<T, Vec<Problem>> {
    serde_path_to_error::deserialize(node.to_json()).map_err(|error| {
        // Keys may have dots of their own.
        let key = |segment: &Segment| match segment {
            Segment::Map { key } => Some(key.clone()),
            Segment::Enum { variant } => Some(variant.clone()),
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Unknown => None,
        };
        let keys: Vec<String> = error.path().iter().filter_map(key).collect();
        // The deepest place of the path that exists in the tree.
        let (deepest, depth) = (0..=keys.len())
            .rev()
            .find_map(|depth| Some((node.at(keys[..depth].iter().map(String::as_str))?, depth)))
            .unwrap_or((node, 0));
        let path = keys[..depth].iter().fold(path.to_owned(), |path, key| join(&path, key));
        let reason = error.into_inner().to_string();
        vec![
            Problem::new("pipe::spec::refused", Some(deepest.span()), format!("`{path}`: {reason}"))
                .at(path)
                .label(reason),
        ]
    })
}

/// The JSON Schema of a type.
pub fn schema<T: JsonSchema>() -> serde_json::Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::{Sources, parse};

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the schema and the messages matter here")]
    struct Recipe {
        epochs: u32,
        #[schemars(range(min = 0.0))]
        rate: Option<f64>,
        loss: Loss,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case", deny_unknown_fields)]
    #[expect(dead_code, reason = "only the schema and the messages matter here")]
    enum Loss {
        Plain,
        Dice { smooth: f64 },
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let node = parse(&mut Sources::default(), "a.yaml", text.as_bytes()).expect("right YAML");
        let found = bind::<Recipe>(&node, "training").err().unwrap_or_default();
        let messages: Vec<_> = found.iter().map(|problem| format!("{}: {}", problem.message, problem.label)).collect();
        assert_eq!(messages.len(), expected.len(), "{messages:#?}");
        for (message, part) in messages.iter().zip(expected) {
            assert!(message.contains(part), "{message:?} does not say {part:?}");
        }
    }

    #[test]
    fn all_problems_at_once() {
        check("{ epochs: 3, loss: plain }", &[]);
        check("{ epochs: 3, rate: 1e-3, loss: { dice: { smooth: 1 } } }", &[]);
        check(
            "{ epoch: 3, rate: -1, loss: { dise: {} } }",
            &["did you mean `epochs`", "at least 0", "did you mean `dice`", "`epochs` is missing"],
        );
        check(
            "{ epochs: ten, loss: dice }",
            &["`training.epochs` is the text \"ten\", expected a whole number", "a map with one key"],
        );
        check("{ epochs: -1, loss: { dice: { smooth: 1, smoth: 2 } } }", &["at least 0", "unknown key `smoth`"]);
        check("{ epochs: 1, loss: { plain: {}, dice: {} } }", &["exactly one of"]);
        check("{ epochs: 1, loss: plane }", &["did you mean `plain`"]);
    }

    #[test]
    fn a_word_and_a_map_of_one_name() {
        let settings = serde_json::json!({ "type": "object", "properties": {}, "additionalProperties": false });
        let schema = serde_json::json!({ "oneOf": [
            { "const": "boundary" },
            {
                "type": "object", "required": ["boundary"], "properties": { "boundary": settings },
                "additionalProperties": false,
            },
        ] });
        let found = |text: &str| {
            let node = parse(&mut Sources::default(), "a.yaml", text.as_bytes()).expect("right YAML");
            bind_to::<serde_json::Value>(&node, &schema, "metric").err().map(|problems| problems[0].label.clone())
        };
        assert_eq!((found("boundary"), found("{ boundary: {} }")), (None, None));
        assert_eq!(found("volume").as_deref(), Some("known: `boundary`"));
    }
}
