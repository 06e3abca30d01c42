//! `-s` overrides, in Hydra's grammar.
//!
//! `a.b=1` sets what exists, `+a.b=1` adds, `++a.b=1` adds or sets, `~a.b` deletes. Values are YAML. Lists are indexed:
//! `axes.fold.0=7`. A key with points or brackets may be quoted; `stages.train[fold=1].with.seed=7` needs no quotes.
//! Does not know what a path means.

use crate::{Key, Map, Node, Problem, Sources, Span, Value, check::join, did_you_mean, parse::parse_at};

/// What an override does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Set,
    Add,
    AddOrSet,
    Delete,
}

/// Lays one override over a tree.
///
/// # Errors
/// The override is not in the grammar, or its path does not fit the tree.
pub(crate) fn lay(root: &Node, text: &str, sources: &mut Sources) -> Result<Node, Vec<Problem>> {
    let shown = format!("-s {text}");
    let file = sources.add("command line", shown.as_str());
    let skipped = shown.len() - text.len();
    let (action, rest) = match text {
        text if text.starts_with("++") => (Action::AddOrSet, &text[2..]),
        text if text.starts_with('+') => (Action::Add, &text[1..]),
        text if text.starts_with('~') => (Action::Delete, &text[1..]),
        text => (Action::Set, text),
    };
    let start = skipped + text.len() - rest.len();
    let (path, value) = split_at_equals(rest);
    let span = Span { file, start, length: path.len().max(1) };
    let grammar = |message: &str| {
        let problem = Problem::new("pipe::spec::override", Some(span), message);
        vec![problem.label("expected `a.b=VALUE`, `+a.b=VALUE`, `++a.b=VALUE` or `~a.b`")]
    };
    let keys = keys(path).ok_or_else(|| grammar("this is not a path"))?;
    let value = match (action, value) {
        (Action::Delete, None) => None,
        (Action::Delete, Some(_)) => return Err(grammar("`~` deletes and takes no value")),
        (_, None) => return Err(grammar("there is no `=`")),
        // Blanks instead of the path, so that places count from the start of what was typed.
        (_, Some(value)) => Some(parse_at(file, &format!("{}{value}", " ".repeat(shown.len() - value.len())))?),
    };
    change(root, &keys, "", &Change { action, value, span })
}

/// Whether what is set must exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// It must.
    Needed,
    /// It may.
    Any,
}

/// Sets the value of a path.
///
/// # Errors
/// The path does not fit the tree.
pub(crate) fn set(root: &Node, keys: &[String], value: Node, existing: Existing) -> Result<Node, Vec<Problem>> {
    let action = if existing == Existing::Needed { Action::Set } else { Action::AddOrSet };
    let span = value.span();
    change(root, keys, "", &Change { action, value: Some(value), span })
}

struct Change {
    action: Action,
    value: Option<Node>,
    span: Span,
}

fn change(node: &Node, keys: &[String], path: &str, change_to: &Change) -> Result<Node, Vec<Problem>> {
    let Change { action, value, span } = change_to;
    let (key, rest) = keys.split_first().expect("a path has a key");
    let here = join(path, key);
    let wrong = |message: String, label: String| {
        vec![Problem::new("pipe::spec::override", Some(*span), message).at(here.as_str()).label(label)]
    };
    let new = |child: Option<&Node>| -> Result<Option<Node>, Vec<Problem>> {
        match child {
            Some(child) if !rest.is_empty() => change(child, rest, &here, change_to).map(Some),
            None if !rest.is_empty() => {
                let empty = Node::new(Value::Map(Map::new()), *span);
                change(&empty, rest, &here, &Change { action: Action::AddOrSet, value: value.clone(), span: *span })
                    .map(Some)
            }
            _ => Ok(value.clone()),
        }
    };
    match node.value() {
        Value::Map(map) => {
            let mut map = map.clone();
            let exists = map.contains_key(key);
            // An instance stands in the file only once it is changed; its stage does from the start.
            let stage = key
                .split_once('[')
                .map(|(stage, _)| stage)
                .filter(|stage| path == "stages" && map.contains_key(*stage));
            match action {
                Action::Set | Action::Delete if !exists && stage.is_none() => {
                    let near = did_you_mean(key, map.keys().map(String::as_str));
                    let hint = if *action == Action::Set {
                        let stop = if near.ends_with('?') { " To" } else { "; to" };
                        format!("{near}{stop} add it, write `+{}=...`", here_full(path, keys))
                    } else {
                        near
                    };
                    return Err(wrong(format!("there is no `{here}`"), hint));
                }
                Action::Add if exists && rest.is_empty() => {
                    return Err(wrong(format!("`{here}` exists already"), format!("to set it, write `{here}=...`")));
                }
                Action::Delete if rest.is_empty() => {
                    map.shift_remove(key);
                    return Ok(Node::new(Value::Map(map), node.span()));
                }
                _ => {}
            }
            if let Some(child) = new(map.get(key).map(|(_, child)| child))? {
                let place = map.get(key).map_or(Key { span: *span }, |(place, _)| *place);
                map.insert(key.clone(), (place, child));
            }
            Ok(Node::new(Value::Map(map), node.span()))
        }
        Value::List(list) => {
            let mut list = list.clone();
            let index = key
                .parse::<usize>()
                .ok()
                .filter(|index| *index < list.len() || (*index == list.len() && *action != Action::Set));
            let Some(index) = index else {
                return Err(wrong(
                    format!("there is no `{here}`"),
                    format!("`{path}` is a list of {}; indices count from 0", list.len()),
                ));
            };
            if *action == Action::Delete && rest.is_empty() && index < list.len() {
                list.remove(index);
            } else if let Some(child) = new(list.get(index))? {
                if index == list.len() { list.push(child) } else { list[index] = child }
            }
            Ok(Node::new(Value::List(list), node.span()))
        }
        Value::Text(text) if text.starts_with("${") && text.ends_with('}') => {
            let target = &text[2..text.len() - 1];
            Err(wrong(
                format!("`{path}` is `{text}`"),
                format!("override `{}` instead", join(target, &here_full("", keys))),
            ))
        }
        // `null` stands for a map that is not there yet.
        Value::Null if *action != Action::Delete => {
            let child = new(None)?.expect("it has a value");
            Ok(Node::new(Value::Map(Map::from_iter([(key.clone(), (Key { span: *span }, child))])), *span))
        }
        _ => Err(wrong(
            format!("`{path}` is {} and has no `{key}`", node.describe()),
            "the path goes too deep".to_owned(),
        )),
    }
}

fn here_full(path: &str, keys: &[String]) -> String {
    keys.iter().fold(path.to_owned(), |path, key| join(&path, key))
}

/// Splits at the first `=` outside brackets and quotes.
fn split_at_equals(text: &str) -> (&str, Option<&str>) {
    let (mut depth, mut quote) = (0_usize, None);
    for (at, character) in text.char_indices() {
        match (character, quote) {
            (c, Some(open)) if c == open => quote = None,
            (_, Some(_)) => {}
            ('\'' | '"', None) => quote = Some(character),
            ('[', None) => depth += 1,
            (']', None) => depth = depth.saturating_sub(1),
            ('=', None) if depth == 0 => return (&text[..at], Some(&text[at + 1..])),
            _ => {}
        }
    }
    (text, None)
}

/// The keys of a path: parts between points, outside brackets and quotes.
pub(crate) fn keys(path: &str) -> Option<Vec<String>> {
    let (mut keys, mut key, mut depth, mut quote) = (Vec::new(), String::new(), 0_usize, None);
    for character in path.chars() {
        match (character, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\'' | '"', None) => quote = Some(character),
            ('.', None) if depth == 0 => keys.push(std::mem::take(&mut key)),
            (c, open) => {
                match (c, open) {
                    ('[', None) => depth += 1,
                    (']', None) => depth = depth.saturating_sub(1),
                    _ => {}
                }
                key.push(c);
            }
        }
    }
    keys.push(key);
    (quote.is_none() && depth == 0 && keys.iter().all(|key| !key.is_empty())).then_some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    const TREE: &str = "{ a: { b: 1, list: [1, 2] }, c: '${a}', stages: { train: { with: { seed: 0 } } } }";

    fn laid(text: &str) -> Result<Node, Vec<Problem>> {
        let mut sources = Sources::default();
        let root = parse(&mut sources, "a.yaml", TREE.as_bytes()).expect("right YAML");
        lay(&root, text, &mut sources)
    }

    #[track_caller]
    fn check(text: &str, path: &str, expected: &str) {
        let node = laid(text).expect("it fits");
        let keys = keys(path).expect("a path");
        let found = node.at(keys.iter().map(String::as_str)).map(|node| node.to_json().to_string());
        assert_eq!(found.as_deref().unwrap_or("nothing"), expected);
    }

    #[track_caller]
    fn wrong(text: &str, says: &str) {
        let problems = laid(text).expect_err("it does not fit");
        let message = format!("{}: {}", problems[0].message, problems[0].label);
        assert!(message.contains(says), "{message}");
    }

    #[test]
    fn the_grammar() {
        check("a.b=2", "a.b", "2");
        check("a.b=[1, x]", "a.b", r#"[1,"x"]"#);
        check("a.b={x: {y: 1e-3}}", "a.b", r#"{"x":{"y":0.001}}"#);
        check("a.b=", "a.b", "null");
        check("a.b='no=1'", "a.b", r#""no=1""#);
        check("a.list.1=7", "a.list", "[1,7]");
        check("+a.list.2=7", "a.list", "[1,2,7]");
        check("+a.new.deep=1", "a.new", r#"{"deep":1}"#);
        check("++a.b=3", "a.b", "3");
        check("~a.b", "a", r#"{"list":[1,2]}"#);
        check("stages.train[fold=1].with.seed=7", "stages.'train[fold=1]'.with.seed", "7");
        check("stages.train[fold=1].with.seed=7", "stages.train.with.seed", "0");
    }

    #[test]
    fn what_does_not_fit() {
        wrong("a.d=2", "there is no `a.d`");
        wrong("a.lits=2", "did you mean `list`");
        wrong("+a.b=2", "exists already");
        wrong("a.b.x=2", "has no `x`");
        wrong("a.list.5=1", "a list of 2");
        wrong("c.b=1", "override `a.b` instead");
        wrong("a.b", "no `=`");
        wrong("~a.b=1", "takes no value");
        wrong("a..b=1", "not a path");
        wrong("~a.x", "there is no `a.x`");
    }
}
