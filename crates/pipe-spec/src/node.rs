//! A value and where it stands: the tree that everything in this crate works on.
//!
//! Does not know which keys are allowed.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::Span;

/// A value with its place; cheap to clone, subtrees are shared.
#[derive(Clone, Debug)]
pub struct Node {
    value: Arc<Value>,
    span: Span,
    /// Whether the text came from the environment, which only paths and secrets may.
    from_environment: bool,
}

/// A value.
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map in the order of its keys.
    Map(Map),
}

/// A map from keys to values.
pub type Map = IndexMap<String, (Key, Node)>;

/// Where a key stands.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The key's own place.
    pub span: Span,
}

impl Node {
    /// A value at a place.
    pub fn new(value: Value, span: Span) -> Self {
        Self { value: Arc::new(value), span, from_environment: false }
    }

    pub(crate) fn environment(text: String, span: Span) -> Self {
        Self { value: Arc::new(Value::Text(text)), span, from_environment: true }
    }

    /// The value.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Where it stands.
    pub fn span(&self) -> Span {
        self.span
    }

    pub(crate) fn is_from_environment(&self) -> bool {
        self.from_environment
    }

    pub(crate) fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.value, &other.value)
    }

    /// The map, if it is one.
    pub fn map(&self) -> Option<&Map> {
        match &*self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The list, if it is one.
    pub fn list(&self) -> Option<&[Node]> {
        match &*self.value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &*self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value under a key of a map, or at an index of a list.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &*self.value {
            Value::Map(map) => map.get(key).map(|(_, node)| node),
            Value::List(list) => key.parse::<usize>().ok().and_then(|index| list.get(index)),
            _ => None,
        }
    }

    /// The value at a path of keys.
    pub fn at<'k>(&self, path: impl IntoIterator<Item = &'k str>) -> Option<&Node> {
        path.into_iter().try_fold(self, |node, key| node.get(key))
    }

    /// The value at a path as people write it (`training.augment.0`), or the deepest one on the way to it.
    ///
    /// Keys may hold points. The second says whether the way ends at the value itself: what is not written, such as a
    /// default, ends at the map or list it would stand in.
    pub fn nearest(&self, path: &str) -> (&Node, bool) {
        let begins = |key: &str| path.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let next = match &*self.value {
            Value::Map(map) => map
                .iter()
                .filter(|(key, _)| begins(key))
                .map(|(key, (_, node))| (key.len(), node))
                .max_by_key(|(length, _)| *length),
            Value::List(list) => {
                path.split('.').next().and_then(|index| Some((index.len(), list.get(index.parse::<usize>().ok()?)?)))
            }
            // A short form, such as `dice` for `{ dice: {} }`, stands for all below it.
            _ => return (self, true),
        };
        match next {
            _ if path.is_empty() => (self, true),
            Some((length, node)) => node.nearest(path[length..].trim_start_matches('.')),
            None => (self, false),
        }
    }

    /// What kind of value it is, for messages.
    pub fn describe(&self) -> String {
        match &*self.value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(value) => format!("`{value}`"),
            Value::Int(value) => format!("the number {value}"),
            Value::Float(value) => format!("the number {value}"),
            Value::Text(text) => format!("the text \"{text}\""),
            Value::List(list) => format!("a list of {}", list.len()),
            Value::Map(_) => "a map".to_owned(),
        }
    }

    /// The scalar as it stands in a text; none for lists and maps.
    pub fn scalar(&self) -> Option<String> {
        match &*self.value {
            Value::Null => Some("null".to_owned()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Int(value) => Some(value.to_string()),
            Value::Float(value) => {
                Some(serde_json::Number::from_f64(*value).map_or_else(|| value.to_string(), |n| n.to_string()))
            }
            Value::Text(text) => Some(text.clone()),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The value without places. Infinities and NaN become text, which JSON lacks.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &*self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Int(value) => Json::from(*value),
            Value::Float(value) => {
                serde_json::Number::from_f64(*value).map_or_else(|| Json::from(value.to_string()), Json::Number)
            }
            Value::Text(text) => Json::from(text.as_str()),
            Value::List(list) => list.iter().map(Node::to_json).collect(),
            Value::Map(map) => Json::Object(map.iter().map(|(key, (_, node))| (key.clone(), node.to_json())).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Sources, parse};

    #[track_caller]
    fn check(path: &str, expected: &str, is_there: bool) {
        let text = "training: { epochs: 3, loss: dice, augment: [{ flip: {} }, { rotate: { p: 0.5 } }] }\noutputs: { a: 1, a.b: 2 }";
        let root = parse(&mut Sources::default(), "a.yaml", text.as_bytes()).expect("right YAML");
        let (node, found) = root.nearest(path);
        assert_eq!((node.to_json().to_string().as_str(), found), (expected, is_there));
    }

    #[test]
    fn the_nearest_value_of_a_path() {
        check("training.epochs", "3", true);
        check("training.augment.1.rotate.p", "0.5", true);
        check("training.augment.0.flip.p", "{}", false);
        check("training.augment.2", r#"[{"flip":{}},{"rotate":{"p":0.5}}]"#, false);
        check("training.loss.dice.over", "\"dice\"", true);
        check("outputs.a.b", "2", true);
        check("outputs.a", "1", true);
        check("outputs.ab", r#"{"a":1,"a.b":2}"#, false);
    }
}
