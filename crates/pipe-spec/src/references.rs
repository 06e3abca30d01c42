//! References: `${data.root}`, `${axis.fold}`, `${env:NAME}`, resolved innermost first.
//!
//! A whole scalar `${path}` becomes the subtree at that path, which keeps its own places; within a longer text it becomes
//! the scalar's text. `$${` is a literal `${`. Does not know stages.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use crate::{Map, Node, Point, Problem, Value, did_you_mean, overrides::keys};

type Found<T> = Result<T, Vec<Problem>>;

/// Most values that the references of one instance may lead to, each way to one counted anew.
const VISITS: usize = 100_000;
/// Longest text that is put together, in bytes.
const LONGEST: usize = 1 << 20;
/// Most values that are made for all instances together.
const MADE: usize = 4_000_000;

const TOO_LARGE: &str = "pipe::spec::too_large";

/// What resolving may still cost, so that no text takes unbounded time or memory.
pub(crate) struct Budget {
    /// Values that references of this instance may still lead to.
    visits: Cell<usize>,
    /// Values that may still be made for all instances.
    made: Cell<usize>,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { visits: Cell::new(VISITS), made: Cell::new(MADE) }
    }

    /// Starts another instance.
    pub(crate) fn renew(&self) {
        self.visits.set(VISITS);
    }

    /// Whether it was used up.
    pub(crate) fn is_spent(&self) -> bool {
        self.visits.get() == 0 || self.made.get() == 0
    }
}

fn spend(left: &Cell<usize>, node: &Node, what: &str) -> Found<()> {
    left.set(left.get().saturating_sub(1));
    if left.get() > 0 {
        return Ok(());
    }
    let problem = Problem::new(TOO_LARGE, Some(node.span()), what);
    Err(vec![problem.label("the limit is reached here").help("references to lists of references multiply")])
}

/// Resolves the references of one instance.
pub(crate) struct Resolver<'r> {
    pub root: &'r Node,
    /// Value of each axis here.
    pub point: &'r Point,
    pub environment: &'r dyn Fn(&str) -> Option<String>,
    /// Targets on the way, to see cycles.
    pub way: Vec<String>,
    pub budget: &'r Budget,
}

impl Resolver<'_> {
    /// The node with all its references resolved; subtrees without any are shared.
    pub(crate) fn resolve(&mut self, node: &Node) -> Found<Node> {
        if !self.way.is_empty() {
            spend(&self.budget.visits, node, &format!("references lead to more than {VISITS} values"))?;
        }
        match node.value() {
            Value::Text(text) if text.contains("${") => self.text(node, text),
            Value::List(list) => {
                let resolved = collect(list.iter().map(|item| self.resolve(item)))?;
                Ok(if list.iter().zip(&resolved).all(|(a, b)| a.same(b)) {
                    node.clone()
                } else {
                    self.count(node)?;
                    Node::new(Value::List(resolved), node.span())
                })
            }
            Value::Map(map) => {
                let resolved = collect(map.values().map(|(_, item)| self.resolve(item)))?;
                if map.values().zip(&resolved).all(|((_, a), b)| a.same(b)) {
                    return Ok(node.clone());
                }
                self.count(node)?;
                let map = map.iter().zip(resolved).map(|((key, (place, _)), value)| (key.clone(), (*place, value)));
                Ok(Node::new(Value::Map(map.collect::<Map>()), node.span()))
            }
            _ => Ok(node.clone()),
        }
    }

    /// Counts a list, map or text that is made.
    fn count(&self, node: &Node) -> Found<()> {
        spend(&self.budget.made, node, &format!("references make more than {MADE} values in all"))
    }

    fn text(&mut self, node: &Node, text: &str) -> Found<Node> {
        let pieces = pieces(text).ok_or_else(|| {
            vec![
                Problem::new("pipe::spec::reference", Some(node.span()), "`${` without its `}`")
                    .label("here")
                    .help("for a literal `${` write `$${`"),
            ]
        })?;
        if let [Piece::Reference(path)] = pieces.as_slice() {
            return self.target(node, path);
        }
        self.count(node)?;
        let mut whole = String::new();
        let mut from_environment = false;
        for piece in pieces {
            match piece {
                Piece::Literal(literal) => whole.push_str(&literal),
                Piece::Reference(path) => {
                    let target = self.target(node, &path)?;
                    from_environment |= target.is_from_environment();
                    let scalar = target.scalar().ok_or_else(|| {
                        let message = format!("`${{{path}}}` is {}, which does not fit into a text", target.describe());
                        vec![
                            Problem::new("pipe::spec::reference", Some(node.span()), message)
                                .label("used within a text here"),
                        ]
                    })?;
                    whole.push_str(&scalar);
                    if whole.len() > LONGEST {
                        let message = format!("references make a text of more than {LONGEST} bytes");
                        return Err(vec![Problem::new(TOO_LARGE, Some(node.span()), message).label("here")]);
                    }
                }
            }
        }
        Ok(if from_environment {
            Node::environment(whole, node.span())
        } else {
            Node::new(Value::Text(whole), node.span())
        })
    }

    fn target(&mut self, node: &Node, path: &str) -> Found<Node> {
        // Inner references first: `${parameters.seeds.${axis.fold}}`.
        let path = if path.contains("${") {
            let inner = self.text(node, path)?;
            inner.scalar().unwrap_or_default()
        } else {
            path.to_owned()
        };
        let wrong = |message: String, label: String| {
            vec![Problem::new("pipe::spec::reference", Some(node.span()), message).label(label)]
        };
        if let Some(name) = path.strip_prefix("env:") {
            let value = (self.environment)(name).ok_or_else(|| {
                wrong(
                    format!("the environment variable `{name}` is not set"),
                    format!("set `{name}`, or override this value with `-s`"),
                )
            })?;
            return Ok(Node::environment(value, node.span()));
        }
        if let Some(axis) = path.strip_prefix("axis.") {
            let value = self.point.value(axis).cloned();
            return value
                .ok_or_else(|| wrong(format!("there is no axis `{axis}`"), did_you_mean(axis, self.point.axes())));
        }
        if let Some(at) = self.way.iter().position(|passed| *passed == path) {
            let cycle =
                self.way[at..].iter().map(String::as_str).chain([path.as_str()]).collect::<Vec<_>>().join(" > ");
            return Err(wrong(format!("references in a circle: {cycle}"), "this one closes the circle".to_owned()));
        }
        let target = find(self.root, &path).map_err(|(known, near)| {
            let message = format!("`${{{path}}}` refers to nothing");
            wrong(message, if known.is_empty() { near } else { format!("`{known}` exists; {near}") })
        })?;
        self.way.push(path);
        let resolved = self.resolve(target);
        self.way.pop();
        resolved
    }
}

/// The node at a path, or the part of the path that exists and what to say about the rest.
fn find<'n>(root: &'n Node, path: &str) -> Result<&'n Node, (String, String)> {
    let keys = keys(path).ok_or_else(|| (String::new(), "this is not a path".to_owned()))?;
    let mut node = root;
    for (at, key) in keys.iter().enumerate() {
        let Some(next) = node.get(key) else {
            let known = keys[..at].iter().fold(String::new(), |known, key| crate::check::join(&known, key));
            let names = node.map().into_iter().flat_map(Map::keys).map(String::as_str);
            return Err((known, did_you_mean(key, names)));
        };
        node = next;
    }
    Ok(node)
}

enum Piece {
    Literal(String),
    Reference(String),
}

/// Divides a text into literals and references; none where a `${` has no `}`.
fn pieces(text: &str) -> Option<Vec<Piece>> {
    let (mut pieces, mut literal, mut rest) = (Vec::new(), String::new(), text);
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            literal.push_str(&rest[..at - 1]);
            literal.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        literal.push_str(&rest[..at]);
        let inner = &rest[at + 2..];
        let end = closing(inner)?;
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
        }
        pieces.push(Piece::Reference(inner[..end].trim().to_owned()));
        rest = &inner[end + 1..];
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Some(pieces)
}

/// Where the `}` of a reference stands, inner references skipped.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn collect<T>(results: impl Iterator<Item = Found<T>>) -> Found<Vec<T>> {
    let (mut values, mut problems) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(value) => values.push(value),
            Err(more) => {
                // What is too large is so once.
                let enough = more.iter().any(|problem| problem.code == TOO_LARGE);
                problems.extend(more);
                if enough {
                    break;
                }
            }
        }
    }
    if problems.is_empty() { Ok(values) } else { Err(problems) }
}

/// The axes that a tree mentions, through references too.
#[derive(Default)]
pub(crate) struct Mentions {
    /// Axes of each target that was walked; a target on the way counts as empty, which a cycle makes harmless here.
    known: BTreeMap<String, BTreeSet<String>>,
}

impl Mentions {
    pub(crate) fn of(&mut self, node: &Node, root: &Node) -> BTreeSet<String> {
        match node.value() {
            Value::Text(text) if text.contains("${") => self.in_text(text, root),
            Value::List(list) => list.iter().flat_map(|item| self.of(item, root)).collect(),
            Value::Map(map) => map.values().flat_map(|(_, item)| self.of(item, root)).collect(),
            _ => BTreeSet::new(),
        }
    }

    fn in_text(&mut self, text: &str, root: &Node) -> BTreeSet<String> {
        let mut axes = BTreeSet::new();
        for piece in pieces(text).unwrap_or_default() {
            let Piece::Reference(path) = piece else {
                continue;
            };
            if path.contains("${") {
                axes.extend(self.in_text(&path, root));
            }
            // The part before an inner reference is known; everything below it may be meant.
            let fixed = path.split("${").next().unwrap_or_default().trim_end_matches('.');
            if let Some(axis) = fixed.strip_prefix("axis.") {
                axes.insert(axis.to_owned());
            } else if let Some(known) = self.known.get(fixed) {
                axes.extend(known.iter().cloned());
            } else if let Ok(target) = find(root, fixed) {
                self.known.insert(fixed.to_owned(), BTreeSet::new());
                let found = self.of(target, root);
                self.known.insert(fixed.to_owned(), found.clone());
                axes.extend(found);
            }
        }
        axes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Sources, parse};

    const TREE: &str =
        "{ a: { b: 1, c: '${d}' }, d: [x, '${a.b}'], seeds: [5, 6], cycle: '${e}', e: '${f}', f: '${cycle}' }";

    fn resolved(text: &str) -> Result<String, String> {
        let mut sources = Sources::default();
        let root = parse(&mut sources, "a.yaml", TREE.as_bytes()).expect("right YAML");
        let node = parse(&mut sources, "b.yaml", text.as_bytes()).expect("right YAML");
        let point = Point::of(&[("fold", parse(&mut sources, "c.yaml", b"1").expect("right YAML"))]);
        let environment = |name: &str| (name == "HOME").then(|| "/data".to_owned());
        let budget = Budget::new();
        let environment: &dyn Fn(&str) -> Option<String> = &environment;
        let mut resolver = Resolver { root: &root, point: &point, environment, way: Vec::new(), budget: &budget };
        resolver
            .resolve(&node)
            .map(|node| node.to_json().to_string())
            .map_err(|problems| format!("{}: {}", problems[0].message, problems[0].label))
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(resolved(text).expect("it resolves"), expected);
    }

    #[track_caller]
    fn wrong(text: &str, says: &str) {
        let message = resolved(text).expect_err("it does not resolve");
        assert!(message.contains(says), "{message}");
    }

    #[test]
    fn references() {
        check("${a.b}", "1");
        check("${a.c}", r#"["x",1]"#);
        check("'v${a.b}-${axis.fold}'", r#""v1-1""#);
        check("${seeds.${axis.fold}}", "6");
        check("$${a.b}", r#""${a.b}""#);
        check("'${env:HOME}/x'", r#""/data/x""#);
    }

    #[test]
    fn broken_references() {
        wrong("${a.x}", "`a` exists; known: `b`, `c`");
        wrong("${cycle}", "cycle > e > f > cycle");
        wrong("${env:NOT_SET}", "not set");
        wrong("${axis.flod}", "did you mean `fold`");
        wrong("'${a.b'", "without its `}`");
        wrong("'x${d}'", "does not fit into a text");
    }
}
