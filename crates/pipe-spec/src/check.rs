//! A tree against a JSON Schema: all problems at once, each with its path and the nearest known name.
//!
//! Does not know YAML files or stage kinds. Understands what schemars writes for plain serde types: objects with known
//! keys, arrays, tuples, scalars with ranges, `enum` and `const`, `$ref`, and choices (`oneOf`, `anyOf`).

use serde_json::{Map as JsonMap, Value as Json};

use crate::{Bytes, Node, Problem, Sha256, Time, Value, did_you_mean, experiment::REFERENCE, nearest};

/// Every way in which the tree differs from the schema.
pub fn check(node: &Node, schema: &Json, path: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    Checker { root: schema }.node(node, schema, path, &mut problems);
    problems
}

struct Checker<'s> {
    root: &'s Json,
}

/// `a.b`, without a leading point.
pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

impl<'s> Checker<'s> {
    /// Follows `$ref`; keys beside it are descriptions and defaults.
    fn resolve(&self, schema: &'s Json) -> &'s Json {
        let mut schema = schema;
        while let Some(reference) = schema.get("$ref").and_then(Json::as_str) {
            let Some(target) = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)) else {
                break;
            };
            schema = target;
        }
        schema
    }

    fn node(&self, node: &Node, schema: &'s Json, path: &str, problems: &mut Vec<Problem>) {
        let schema = self.resolve(schema);
        let Some(object) = schema.as_object() else {
            return;
        };
        if node.is_from_environment()
            && !matches!(object.get("format").and_then(Json::as_str), Some("path" | "secret"))
            && !is_choice(object)
        {
            let message = format!("`{path}` may not come from the environment");
            let help = "only paths and secrets may; a recipe that depends on the environment could not be repeated";
            problems.push(
                Problem::new("pipe::spec::environment", Some(node.span()), message)
                    .at(path)
                    .label("`${env:...}`")
                    .help(help),
            );
            return;
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(choices) = object.get(key).and_then(Json::as_array) {
                self.choice(node, choices, path, problems);
                return;
            }
        }
        for part in object.get("allOf").and_then(Json::as_array).into_iter().flatten() {
            self.node(node, part, path, problems);
        }
        if let Some(expected) = object.get("const") {
            if node.to_json() != *expected {
                problems.push(unexpected(node, path, &format!("{expected}"), None));
            }
            return;
        }
        if let Some(allowed) = object.get("enum").and_then(Json::as_array) {
            if !allowed.contains(&node.to_json()) {
                problems.push(not_one_of(node, path, &allowed.iter().filter_map(Json::as_str).collect::<Vec<_>>()));
            }
            return;
        }
        let types = types(schema);
        if !types.is_empty() && !types.iter().any(|kind| is_a(node, kind)) {
            let expected = types.iter().map(|kind| named(kind)).collect::<Vec<_>>().join(" or ");
            problems.push(unexpected(node, path, &expected, keys(object)));
            return;
        }
        if let (Value::Text(text), Some(REFERENCE)) = (node.value(), object.get("pattern").and_then(Json::as_str))
            && !(text.starts_with("${") && text.ends_with('}'))
        {
            problems.push(unexpected(node, path, "a map", None));
            return;
        }
        match node.value() {
            Value::Map(_) => self.map(node, object, path, problems),
            Value::List(list) => self.list(node, list, object, path, problems),
            Value::Int(number) => number_in(node, (*number as f64, number.to_string()), object, path, problems),
            Value::Float(number) => number_in(node, (*number, number.to_string()), object, path, problems),
            Value::Text(text) => quantity(node, text, object, path, problems),
            Value::Bool(_) | Value::Null => {}
        }
    }

    fn map(&self, node: &Node, schema: &'s JsonMap<String, Json>, path: &str, problems: &mut Vec<Problem>) {
        let map = node.map().expect("the caller matched");
        let known = schema.get("properties").and_then(Json::as_object);
        let names = || known.into_iter().flat_map(JsonMap::keys).map(String::as_str);
        for (key, (place, value)) in map {
            let below = join(path, key);
            match (known.and_then(|known| known.get(key)), schema.get("additionalProperties")) {
                (Some(schema), _) => self.node(value, schema, &below, problems),
                (None, Some(Json::Bool(false))) => {
                    let message = if path.is_empty() {
                        format!("unknown key `{key}`")
                    } else {
                        format!("unknown key `{key}` in `{path}`")
                    };
                    let problem = Problem::new("pipe::spec::unknown_key", Some(place.span), message).at(below);
                    let free: Vec<_> = names().filter(|name| !map.contains_key(*name)).collect();
                    let label = match (nearest(key, free.iter().copied()), nearest(key, names())) {
                        (None, Some(set)) => format!("did you mean `{set}`? it is set already"),
                        _ => did_you_mean(key, free),
                    };
                    problems.push(problem.label(label));
                }
                (None, Some(other)) if other.is_object() => self.node(value, other, &below, problems),
                (None, _) => {}
            }
        }
        for required in schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str) {
            if !map.contains_key(required) {
                let place = if path.is_empty() { String::new() } else { format!(" in `{path}`") };
                let problem = Problem::new(
                    "pipe::spec::missing_key",
                    Some(node.span()),
                    format!("`{required}` is missing{place}"),
                );
                let about = known
                    .and_then(|known| known.get(required))
                    .and_then(|schema| schema.get("description"))
                    .and_then(Json::as_str);
                let problem = problem.at(join(path, required)).label(format!("`{required}` belongs here"));
                problems.push(match about {
                    Some(about) => problem.help(format!("`{required}`: {}", about.lines().next().unwrap_or_default())),
                    None => problem,
                });
            }
        }
    }

    fn list(
        &self,
        node: &Node,
        list: &[Node],
        schema: &'s JsonMap<String, Json>,
        path: &str,
        problems: &mut Vec<Problem>,
    ) {
        let prefix: &[Json] = schema.get("prefixItems").and_then(Json::as_array).map_or(&[], Vec::as_slice);
        for (index, item) in list.iter().enumerate() {
            if let Some(schema) = prefix.get(index).or(schema.get("items")) {
                self.node(item, schema, &join(path, &index.to_string()), problems);
            }
        }
        let bound = |key: &str| schema.get(key).and_then(Json::as_u64).map(|bound| bound as usize);
        let (least, most) = (bound("minItems"), bound("maxItems"));
        if least.is_some_and(|least| list.len() < least) || most.is_some_and(|most| list.len() > most) {
            let expected = match (least, most) {
                (Some(least), Some(most)) if least == most => format!("a list of {least}"),
                (Some(least), None) => format!("a list of at least {least}"),
                (None, Some(most)) => format!("a list of at most {most}"),
                (least, most) => format!("a list of {} to {}", least.unwrap_or(0), most.unwrap_or(usize::MAX)),
            };
            problems.push(unexpected(node, path, &expected, None));
        }
    }

    /// One of several: a word, or a map with one key that names the choice, or anything that fits.
    fn choice(&self, node: &Node, choices: &'s [Json], path: &str, problems: &mut Vec<Problem>) {
        let choices: Vec<&Json> = self.flatten(choices);
        let fits = |schema: &'s Json| {
            let mut found = Vec::new();
            self.node(node, schema, path, &mut found);
            found
        };
        // What the node names is tried first: an alternative that does not fit makes words, and those take time.
        let is_named = |schema: &&Json| match node.value() {
            Value::Map(map) => map.len() == 1 && tag(schema).is_some_and(|tag| map.contains_key(tag)),
            _ => node.text().is_some_and(|text| words(schema).contains(&text)),
        };
        let (first, others): (Vec<&Json>, Vec<&Json>) = choices.iter().copied().partition(is_named);
        if first.into_iter().chain(others).any(|schema| fits(schema).is_empty()) {
            return;
        }
        let words: Vec<&str> = choices.iter().flat_map(|schema| words(schema)).collect();
        let tags: Vec<(&str, &Json)> =
            choices.iter().filter_map(|schema| tag(schema).map(|tag| (tag, *schema))).collect();
        // What may be written both ways, as a word and with settings below it, is one name.
        let further = tags.iter().map(|(tag, _)| *tag).filter(|tag| !words.contains(tag));
        let names: Vec<&str> = words.iter().copied().chain(further).collect();
        match node.value() {
            Value::Text(_) if !names.is_empty() && !node.is_from_environment() => {
                let text = node.text().expect("matched");
                if let Some((_, schema)) = tags.iter().find(|(tag, _)| *tag == text) {
                    let settings = self.flatten(std::slice::from_ref(&schema["properties"][text]));
                    let help = match settings.iter().flat_map(|schema| self::words(schema)).next() {
                        Some(word) => format!("write `{{ {text}: {word} }}`, or another of its choices"),
                        None => format!("write `{{ {text}: {{}} }}`; its settings stand below it"),
                    };
                    problems.push(unexpected(node, path, "a map with one key", Some(help)));
                } else {
                    problems.push(not_one_of(node, path, &names));
                }
            }
            Value::Map(map) if !tags.is_empty() => match map.iter().collect::<Vec<_>>().as_slice() {
                [(key, (place, _))] => match tags.iter().find(|(tag, _)| tag == key) {
                    Some((_, schema)) => problems.extend(fits(schema)),
                    None => {
                        let message = if path.is_empty() {
                            format!("unknown choice `{key}`")
                        } else {
                            format!("unknown choice `{key}` for `{path}`")
                        };
                        let problem = Problem::new("pipe::spec::unknown_choice", Some(place.span), message);
                        problems.push(problem.at(join(path, key)).label(did_you_mean(key, names.iter().copied())));
                    }
                },
                several => {
                    let found = several.iter().map(|(key, _)| format!("`{key}`")).collect::<Vec<_>>().join(", ");
                    let expected = format!(
                        "exactly one of {}",
                        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
                    );
                    let found = if found.is_empty() { "an empty map".to_owned() } else { found };
                    let message = format!("`{path}` is {found}, expected {expected}");
                    problems.push(
                        Problem::new("pipe::spec::one_choice", Some(node.span()), message)
                            .at(path)
                            .label("one key here"),
                    );
                }
            },
            _ => {
                let values = choices.iter().copied().filter(|schema| schema.get("type") != Some(&Json::from("null")));
                let values: Vec<&Json> = values.collect();
                if values.len() > 1 && !values.iter().any(|schema| types(schema).iter().any(|kind| is_a(node, kind))) {
                    problems.push(unexpected(node, path, &all_of(&values), None));
                    return;
                }
                // The choice that fits best speaks: for an optional value that is the value's own schema.
                let best = values.iter().map(|schema| fits(schema));
                problems.extend(best.min_by_key(Vec::len).unwrap_or_default());
            }
        }
    }

    /// Choices within choices, as an optional choice has them.
    fn flatten(&self, choices: &'s [Json]) -> Vec<&'s Json> {
        choices
            .iter()
            .map(|schema| self.resolve(schema))
            .flat_map(|schema| match schema.get("oneOf").or(schema.get("anyOf")).and_then(Json::as_array) {
                Some(inner) => self.flatten(inner),
                None => vec![schema],
            })
            .collect()
    }
}

/// The types of JSON that a schema takes; nothing where it does not say.
fn types(schema: &Json) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(one)) => vec![one],
        Some(Json::Array(many)) => many.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

/// All choices, as they are written.
fn all_of(choices: &[&Json]) -> String {
    let one = |schema: &&Json| -> Vec<String> {
        match (tag(schema), words(schema)) {
            (Some(tag), _) => vec![format!("`{{ {tag}: .. }}`")],
            (None, words) if !words.is_empty() => words.iter().map(|word| format!("`{word}`")).collect(),
            _ => types(schema).iter().map(|kind| named(kind).to_owned()).collect(),
        }
    };
    choices.iter().flat_map(one).collect::<Vec<_>>().join(" or ")
}

/// What to write where a map with known keys belongs.
fn keys(schema: &JsonMap<String, Json>) -> Option<String> {
    let known = schema.get("properties")?.as_object()?;
    let needed = schema.get("required").and_then(Json::as_array);
    let is_needed = |key: &str| needed.is_some_and(|needed| needed.iter().any(|name| name == key));
    let key = |key: &String| if is_needed(key) { format!("`{key}` (needed)") } else { format!("`{key}`") };
    (!known.is_empty()).then(|| format!("its keys are {}", known.keys().map(key).collect::<Vec<_>>().join(", ")))
}

fn is_choice(schema: &JsonMap<String, Json>) -> bool {
    schema.contains_key("oneOf") || schema.contains_key("anyOf")
}

fn words(schema: &Json) -> Vec<&str> {
    let one = schema.get("const").and_then(Json::as_str);
    let many = schema.get("enum").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
    one.into_iter().chain(many).collect()
}

/// The key of an externally tagged choice: an object with one required key.
fn tag(schema: &Json) -> Option<&str> {
    let required = schema.get("required")?.as_array()?;
    let properties = schema.get("properties")?.as_object()?;
    match (required.as_slice(), properties.len(), schema.get("additionalProperties")) {
        ([one], 1, Some(Json::Bool(false))) => one.as_str(),
        _ => None,
    }
}

fn is_a(node: &Node, kind: &str) -> bool {
    matches!(
        (node.value(), kind),
        (Value::Null, "null")
            | (Value::Bool(_), "boolean")
            | (Value::Int(_), "integer" | "number")
            | (Value::Float(_), "number")
            | (Value::Text(_), "string")
            | (Value::List(_), "array")
            | (Value::Map(_), "object")
    )
}

fn named(kind: &str) -> &str {
    match kind {
        "null" => "nothing",
        "boolean" => "`true` or `false`",
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "a text",
        "array" => "a list",
        "object" => "a map",
        other => other,
    }
}

fn unexpected(node: &Node, path: &str, expected: &str, help: Option<String>) -> Problem {
    let message = format!("`{path}` is {}, expected {expected}", node.describe());
    let problem = Problem::new("pipe::spec::unexpected", Some(node.span()), message)
        .at(path)
        .label(format!("expected {expected}"));
    match help {
        Some(help) => problem.help(help),
        None => problem,
    }
}

fn not_one_of(node: &Node, path: &str, names: &[&str]) -> Problem {
    let message = format!("`{path}` is {}, which is not a choice", node.describe());
    let typed = node.text().unwrap_or_default();
    Problem::new("pipe::spec::unknown_choice", Some(node.span()), message)
        .at(path)
        .label(did_you_mean(typed, names.iter().copied()))
}

/// Texts that stand for sizes, times and digests.
fn quantity(node: &Node, text: &str, schema: &JsonMap<String, Json>, path: &str, problems: &mut Vec<Problem>) {
    let wrong = match schema.get("format").and_then(Json::as_str) {
        Some(Bytes::FORMAT) => text.parse::<Bytes>().err(),
        Some(Time::FORMAT) => text.parse::<Time>().err(),
        Some(Sha256::FORMAT) => text.parse::<Sha256>().err(),
        _ => None,
    };
    if let Some(wrong) = wrong {
        problems.push(unexpected(node, path, &wrong.wanted, None));
    }
}

/// A number within its range, which may stand for a size or a time.
fn number_in(
    node: &Node,
    (number, text): (f64, String),
    schema: &JsonMap<String, Json>,
    path: &str,
    problems: &mut Vec<Problem>,
) {
    let before = problems.len();
    range(node, number, schema, path, problems);
    if problems.len() == before {
        quantity(node, &text, schema, path, problems);
    }
}

fn range(node: &Node, number: f64, schema: &JsonMap<String, Json>, path: &str, problems: &mut Vec<Problem>) {
    let bound = |key: &str| schema.get(key).and_then(Json::as_f64);
    let wrong = [
        bound("minimum").filter(|bound| number < *bound).map(|bound| format!("at least {bound}")),
        bound("maximum").filter(|bound| number > *bound).map(|bound| format!("at most {bound}")),
        bound("exclusiveMinimum").filter(|bound| number <= *bound).map(|bound| format!("more than {bound}")),
        bound("exclusiveMaximum").filter(|bound| number >= *bound).map(|bound| format!("less than {bound}")),
    ];
    problems.extend(wrong.into_iter().flatten().map(|expected| unexpected(node, path, &expected, None)));
}
