//! A tree as YAML.
//!
//! Does not know what it says. Written plainly: block style, texts in double quotes as JSON has them, which YAML reads the same; small
//! lists and maps without further ones within them on one line.

use crate::{Node, Value};

/// Longest list or map on one line.
const WIDE: usize = 100;

/// The tree as YAML, ending with a line.
pub(crate) fn yaml(node: &Node) -> String {
    let mut text = String::new();
    match node.value() {
        Value::Map(map) if !map.is_empty() => block(node, 0, &mut text),
        Value::List(list) if !list.is_empty() => block(node, 0, &mut text),
        _ => text.push_str(&format!("{}\n", flow(node))),
    }
    text
}

fn block(node: &Node, depth: usize, text: &mut String) {
    let margin = "  ".repeat(depth);
    let mut entry = |head: &str, value: &Node| {
        let line = flow(value);
        let is_nested = |value: &Node| match value.value() {
            Value::Map(map) => !map.is_empty(),
            Value::List(list) => !list.is_empty(),
            _ => false,
        };
        let is_flat = match value.value() {
            Value::Map(map) => !map.values().any(|(_, value)| is_nested(value)),
            Value::List(list) => !list.iter().any(is_nested),
            _ => true,
        };
        let fits = margin.len() + head.len() + line.len() <= WIDE;
        if !is_nested(value) || (is_flat && fits && depth > 0) {
            text.push_str(&format!("{margin}{head} {line}\n"));
        } else {
            text.push_str(&format!("{margin}{head}\n"));
            block(value, depth + 1, text);
        }
    };
    match node.value() {
        Value::Map(map) => map.iter().for_each(|(key, (_, value))| entry(&format!("{}:", self::key(key)), value)),
        Value::List(list) => list.iter().for_each(|value| entry("-", value)),
        _ => text.push_str(&format!("{margin}{}\n", flow(node))),
    }
}

fn flow(node: &Node) -> String {
    match node.value() {
        Value::List(list) => format!("[{}]", list.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Map(map) if map.is_empty() => "{}".to_owned(),
        Value::Map(map) => {
            let pairs = map.iter().map(|(key, (_, value))| format!("{}: {}", self::key(key), flow(value)));
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        }
        Value::Text(text) if is_plain(text) => text.clone(),
        Value::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
        Value::Float(value) if !value.is_finite() => match *value {
            value if value.is_nan() => ".nan".to_owned(),
            value if value > 0.0 => ".inf".to_owned(),
            _ => "-.inf".to_owned(),
        },
        // A float that is whole keeps its point, and so stays a float.
        Value::Float(value) => format!("{value:?}"),
        Value::Null | Value::Bool(_) | Value::Int(_) => node.scalar().unwrap_or_default(),
    }
}

fn key(key: &str) -> String {
    if is_plain(key) { key.to_owned() } else { serde_json::Value::from(key).to_string() }
}

/// A word that YAML reads as the text it is.
fn is_plain(text: &str) -> bool {
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    text.chars().next().is_some_and(|first| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        && !words.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Sources, parse};

    #[track_caller]
    fn check(text: &str) {
        let node = parse(&mut Sources::default(), "a.yaml", text.as_bytes()).expect("right YAML");
        let written = yaml(&node);
        let again = parse(&mut Sources::default(), "b.yaml", written.as_bytes()).expect(&written);
        assert_eq!(format!("{}", again.to_json()), format!("{}", node.to_json()), "{written}");
    }

    #[test]
    fn what_is_written_is_read_again() {
        check("{ a: 1, b: 1.0, c: 1e-300, d: 'no', e: no_more, f: null, g: true, h: \"1.0\", i: '' }");
        check("a: { b: [1, [2, { c: 'x: y # z' }]], 'train[fold=1]': { with: { shell: \"a\\n  b\\t\\\"c\\\" ä\" } } }");
        check("[]");
        check("{ a: {}, b: [], c: [[]], d: '${axis.fold}', e: 9007199254740993, f: -0.0, g: 1e22 }");
    }
}
