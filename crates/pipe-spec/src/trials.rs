//! Trials: an experiment in which some values are set anew, once or many times over.
//!
//! Does not know who searches. Of many trials at once a set value becomes a reference to the values of an axis `trial`, so that axes,
//! references and instances are those of any experiment: a stage that depends on no set value has no trial, and is there once for all.

use serde_json::{Map as JsonMap, Value as Json};

use crate::{
    Composed, Key, Map, Node, Problem, Problems, Span, Value,
    check::join,
    overrides::{self, Existing, keys},
};

/// The axis whose values are trials.
pub const TRIAL: &str = "trial";
/// The section of an experiment that says what is searched.
pub(crate) const SECTION: &str = "sweep";
/// Where the values of trials are kept while references are resolved.
const VALUES: &str = "searched";
/// Parts of an experiment that hold values of recipes.
const PARTS: [&str; 6] = ["data", "network", "weights", "training", "parameters", "stages"];

/// Paths of an experiment that trials set.
#[derive(Clone, Debug)]
pub struct Swept {
    /// By the names under which they are given, shorter paths first.
    paths: Vec<Path>,
    /// The paths that lie below no other.
    roots: Vec<Vec<String>>,
}

#[derive(Clone, Debug)]
struct Path {
    name: String,
    keys: Vec<String>,
    /// Which of the roots it is, or lies below.
    root: usize,
    span: Span,
}

impl Swept {
    /// Finds paths in an experiment. A path is written as an override is: `a.b` exists, or is below one that is set too; `+a.b` is added.
    ///
    /// `section` is where the paths are the keys.
    ///
    /// # Errors
    /// All paths that do not exist, lie behind a reference, or are part of no recipe.
    pub fn new(composed: &Composed<'_>, section: &Node) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let mut paths: Vec<Path> = Vec::new();
        for (name, (Key { span }, _)) in section.map().into_iter().flatten() {
            let wrong = |message: String, label: &str| {
                Problem::new("pipe::sweep::path", Some(*span), message).at(join("sweep.space", name)).label(label)
            };
            let Some(keys) = keys(name.strip_prefix('+').unwrap_or(name)) else {
                problems.push(wrong(format!("`{name}` is not a path"), "expected `a.b`, or `+a.b` for a new value"));
                continue;
            };
            if let Some(problem) = no_recipe(&keys, &wrong) {
                problems.push(problem);
                continue;
            }
            if let Some(same) = paths.iter().find(|path| path.keys == keys) {
                let said = wrong(format!("`{name}` is swept twice"), "again here");
                problems.push(said.and(same.span, "first here"));
                continue;
            }
            paths.push(Path { name: name.clone(), keys, root: 0, span: *span });
        }
        // What stands above is set first.
        paths.sort_by_key(|path| path.keys.len());
        let mut roots: Vec<Vec<String>> = Vec::new();
        for path in &mut paths {
            path.root = roots.iter().position(|root| path.keys.starts_with(root)).unwrap_or_else(|| {
                roots.push(path.keys.clone());
                roots.len() - 1
            });
            let is_below = roots[path.root].len() < path.keys.len();
            let existing = if is_below || path.name.starts_with('+') { Existing::Any } else { Existing::Needed };
            let null = Node::new(Value::Null, path.span);
            if is_below {
                continue;
            }
            if let Err(found) = overrides::set(&composed.tree, &path.keys, null, existing) {
                problems.extend(found.into_iter().map(|problem| Problem {
                    code: "pipe::sweep::path",
                    label: problem.label.replace("=...`", "`").replace("override `", "sweep `"),
                    path: join("sweep.space", &path.name),
                    ..problem
                }));
            }
        }
        let names = [
            ("axes", "axis", TRIAL, "pipe::sweep::axis"),
            ("parameters", "parameter", VALUES, "pipe::sweep::parameter"),
        ];
        for (section, what, name, code) in names {
            let known = composed.tree.get(section).and_then(Node::map).and_then(|map| map.get_key_value(name));
            if let Some((_, (Key { span }, _))) = known {
                let message = format!("the {what} `{name}` is that of a search");
                problems.push(Problem::new(code, Some(*span), message).label("choose another name"));
            }
        }
        if problems.is_empty() {
            Ok(Self { paths, roots })
        } else {
            Err(Problems { sources: composed.sources.clone(), list: problems })
        }
    }

    /// The experiment with the settings of one trial, and without its search: one that anybody could have written.
    ///
    /// # Errors
    /// A setting does not fit where it is to stand.
    pub fn plain<'e>(
        &self,
        composed: &Composed<'e>,
        settings: &JsonMap<String, Json>,
    ) -> Result<Composed<'e>, Problems> {
        let mut tree = without(&composed.tree, SECTION);
        for (path, value) in self.set(settings) {
            tree = fitted(composed, overrides::set(&tree, &path.keys, from_json(value, path.span), Existing::Any))?;
        }
        Ok(composed.with_tree(tree))
    }

    /// The experiment with many trials, their numbers the values of the axis [`TRIAL`], which stands behind the axes in `after`.
    ///
    /// # Errors
    /// A setting does not fit where it is to stand.
    pub fn trials<'e>(
        &self,
        composed: &Composed<'e>,
        trials: &[(u64, JsonMap<String, Json>)],
        after: &[&str],
    ) -> Result<Composed<'e>, Problems> {
        let values: Vec<_> = trials.iter().map(|(number, settings)| (number.to_string(), settings)).collect();
        let composed = self.along(composed, TRIAL, &values)?;
        let span = composed.tree.span();
        let number = |number: &u64| Node::new(Value::Int(number.cast_signed()), span);
        let axis = Node::new(Value::List(trials.iter().map(|(trial, _)| number(trial)).collect()), span);
        let declared = composed.tree.get("axes").and_then(Node::map).cloned().unwrap_or_default();
        let (mut axes, rest): (Map, Map) = declared.into_iter().partition(|(name, _)| after.contains(&name.as_str()));
        axes.insert(TRIAL.to_owned(), (Key { span }, axis));
        axes.extend(rest);
        let axes = Node::new(Value::Map(axes), span);
        let tree = fitted(&composed, overrides::set(&composed.tree, &["axes".to_owned()], axes, Existing::Any))?;
        Ok(composed.with_tree(tree))
    }

    /// The experiment, without its search, with settings that follow the values of an axis.
    ///
    /// # Errors
    /// A setting does not fit where it is to stand.
    pub fn along<'e>(
        &self,
        composed: &Composed<'e>,
        axis: &str,
        points: &[(String, &JsonMap<String, Json>)],
    ) -> Result<Composed<'e>, Problems> {
        let mut tree = without(&composed.tree, SECTION);
        let span = tree.span();
        let bases: Vec<Option<Node>> =
            self.roots.iter().map(|root| tree.at(root.iter().map(String::as_str)).cloned()).collect();
        let mut values = Map::with_capacity(points.len());
        for (point, settings) in points {
            let mut own: Vec<Node> =
                bases.iter().map(|base| base.clone().unwrap_or_else(|| Node::new(Value::Null, span))).collect();
            for (path, value) in self.set(settings) {
                let below = &path.keys[self.roots[path.root].len()..];
                let value = from_json(value, path.span);
                own[path.root] = if below.is_empty() {
                    value
                } else {
                    fitted(composed, overrides::set(&own[path.root], below, value, Existing::Any))?
                };
            }
            values.insert(point.clone(), (Key { span }, Node::new(Value::List(own), span)));
        }
        for (at, root) in self.roots.iter().enumerate() {
            let span = self.paths.iter().find(|path| path.keys == *root).map_or(span, |path| path.span);
            let reference = Value::Text(format!("${{parameters.{VALUES}.${{axis.{axis}}}.{at}}}"));
            tree = fitted(composed, overrides::set(&tree, root, Node::new(reference, span), Existing::Any))?;
        }
        let place = ["parameters", VALUES].map(str::to_owned);
        let values = Node::new(Value::Map(values), span);
        tree = fitted(composed, overrides::set(&tree, &place, values, Existing::Any))?;
        Ok(composed.with_tree(tree))
    }

    /// What settings set, what stands above first.
    fn set<'s>(&'s self, settings: &'s JsonMap<String, Json>) -> impl Iterator<Item = (&'s Path, &'s Json)> {
        self.paths.iter().filter_map(|path| Some((path, settings.get(&path.name)?)))
    }
}

/// A path that is part of no recipe.
fn no_recipe(keys: &[String], wrong: &dyn Fn(String, &str) -> Problem) -> Option<Problem> {
    let path = || keys.join(".");
    let first = keys[0].as_str();
    if !PARTS.contains(&first) {
        let known = PARTS.map(|part| format!("`{part}`")).join(", ");
        let label = format!("what can be swept lies below {known}");
        return Some(wrong(format!("`{}` is part of no recipe", path()), &label));
    }
    if keys == ["parameters"] {
        let label = "name those that are, each may be a whole tree: `parameters.a`";
        return Some(wrong("`parameters` cannot be swept as a whole".to_owned(), label));
    }
    match (first, keys.get(2).map(String::as_str)) {
        ("stages", Some("with")) if keys.len() > 3 => None,
        ("stages", _) => {
            Some(wrong(format!("`{}` is part of no recipe", path()), "of a stage, what lies below `with` can be swept"))
        }
        _ => None,
    }
}

pub(crate) fn without(tree: &Node, key: &str) -> Node {
    match tree.map() {
        Some(map) if map.contains_key(key) => {
            let mut map = map.clone();
            map.shift_remove(key);
            Node::new(Value::Map(map), tree.span())
        }
        _ => tree.clone(),
    }
}

pub(crate) fn fitted(composed: &Composed<'_>, tree: Result<Node, Vec<Problem>>) -> Result<Node, Problems> {
    tree.map_err(|list| Problems { sources: composed.sources.clone(), list })
}

/// A value from elsewhere, standing at one place as a whole.
pub(crate) fn from_json(json: &Json, span: Span) -> Node {
    let value = match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(list) => Value::List(list.iter().map(|item| from_json(item, span)).collect()),
        Json::Object(map) => {
            Value::Map(map.iter().map(|(key, value)| (key.clone(), (Key { span }, from_json(value, span)))).collect())
        }
    };
    Node::new(value, span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Lists, Sources, expand, parse};

    const TREE: &str = "\
axes: { fold: [0, 1] }
network: { unet: { width: 8 } }
training: { lr: 0.1, epochs: 3 }
stages:
  prepare: { kind: prepare }
  train: { kind: train, needs: prepare, with: { network: '${network}', training: '${training}', fold: '${axis.fold}' } }
  score: { kind: score, needs: train, with: { threshold: 0.5 } }
";

    fn composed(space: &str) -> Composed<'static> {
        let mut sources = Sources::default();
        let text = format!("{TREE}sweep: {{ space: {space} }}\n");
        let tree = parse(&mut sources, "a.yaml", text.as_bytes()).expect("right YAML");
        Composed { tree, file: "a.yaml".into(), sources, environment: &|_| None }
    }

    fn swept(composed: &Composed<'_>) -> Result<Swept, Problems> {
        Swept::new(composed, composed.tree.at(["sweep", "space"]).expect("it is there"))
    }

    fn settings(text: &str) -> JsonMap<String, Json> {
        serde_json::from_str(text).expect("right JSON")
    }

    #[track_caller]
    fn wrong(space: &str, says: &str) {
        let text = swept(&composed(space)).expect_err("it does not fit").to_string();
        assert!(text.contains(says), "{text}");
    }

    #[test]
    fn trials_are_an_axis_of_what_depends_on_them() {
        let composed = composed("{ training.lr: {}, network: {}, network.unet.width: {} }");
        let swept = swept(&composed).expect("it fits");
        let trials = [
            (3, settings(r#"{"training.lr": 0.5, "network": {"unet": {}}, "network.unet.width": 16}"#)),
            (4, settings(r#"{"training.lr": 0.25, "network": {"svsnet": {"frames": 4}}}"#)),
        ];
        let many = swept.trials(&composed, &trials, &[]).expect("it fits");
        let experiment = expand(&many, &Lists::new()).expect("it is right");
        let ids: Vec<&str> = experiment.stages.iter().map(|stage| stage.id.as_str()).collect();
        assert_eq!(ids[..3], ["prepare", "train[trial=3,fold=0]", "train[trial=3,fold=1]"]);
        assert_eq!(ids.len(), 9);
        let with = |id: &str| {
            let stage = experiment.stages.iter().find(|stage| stage.id == id).expect("it is there");
            stage.with.to_json().to_string()
        };
        let expected = r#"{"network":{"unet":{"width":16}},"training":{"lr":0.5,"epochs":3},"fold":0}"#;
        assert_eq!(with("train[trial=3,fold=0]"), expected);
        let expected = r#"{"network":{"svsnet":{"frames":4}},"training":{"lr":0.25,"epochs":3},"fold":1}"#;
        assert_eq!(with("train[trial=4,fold=1]"), expected);
        // The same recipe as that of the plain experiment.
        let plain = expand(&swept.plain(&composed, &trials[0].1).expect("it fits"), &Lists::new()).expect("right");
        assert_eq!(plain.stages[1].id, "train[fold=0]");
        assert_eq!(plain.stages[1].with.to_json().to_string(), with("train[trial=3,fold=0]"));
    }

    #[test]
    fn a_stage_alone_keeps_what_it_needs_and_what_values_refer_to() {
        let composed = composed("{ training.lr: {} }");
        let names = |composed: &Composed<'_>| {
            let stages = composed.tree.get("stages").and_then(Node::map).expect("it has stages");
            stages.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(names(&composed.only("train")), ["prepare", "train"]);
        let values =
            indexmap::IndexMap::from([("stages.train.with.same", serde_json::json!("${stages.score.with.threshold}"))]);
        let composed = composed.with_values(&values, composed.tree.span()).expect("it fits");
        assert_eq!(names(&composed.only("train")), ["prepare", "train", "score"]);
    }

    #[test]
    fn an_axis_can_stand_before_that_of_trials() {
        let composed = composed("{ training.lr: {} }");
        let trials = [(0, settings(r#"{"training.lr": 0.5}"#))];
        let many = swept(&composed).expect("it fits").trials(&composed, &trials, &["fold"]).expect("it fits");
        let experiment = expand(&many, &Lists::new()).expect("it is right");
        assert_eq!(experiment.stages[2].id, "train[fold=1,trial=0]");
    }

    #[test]
    fn paths_that_do_not_fit() {
        wrong("{ training.lrr: {} }", "did you mean `lr`");
        wrong("{ training.lrr: {} }", "write `+training.lrr`");
        wrong("{ stages.train.with.network.unet.width: {} }", "sweep `network.unet.width` instead");
        wrong("{ axes.fold: {} }", "part of no recipe");
        wrong("{ stages.train.needs: {} }", "below `with`");
        wrong("{ training.lr: {}, +training.lr: {} }", "swept twice");
        wrong("{ training..lr: {} }", "not a path");
        wrong("{ parameters: {}, +parameters.a: {} }", "cannot be swept as a whole");
        assert!(swept(&composed("{ +training.momentum: {} }")).is_ok());
    }
}
