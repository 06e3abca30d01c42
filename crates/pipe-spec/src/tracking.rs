//! Who is told of a run, as an experiment says it; nothing of it is part of a recipe.
//!
//! Does not know servers.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    Node, Point, Problem, Value, bind,
    references::{Budget, Resolver},
};

/// Who is told, with references resolved; or which of them leads nowhere.
pub(crate) fn tracking(tree: &Node, environment: &dyn Fn(&str) -> Option<String>) -> Result<Tracking, String> {
    let Some(written) = tree.get("tracking") else { return Ok(Tracking::default()) };
    let (point, budget) = (Point::default(), Budget::new());
    let mut resolver = Resolver { root: tree, point: &point, environment, way: Vec::new(), budget: &budget };
    let bound = resolver.resolve(written).and_then(|written| bind(&freed(&written), "tracking"));
    let said = |problem: &Problem| match problem.label.as_str() {
        "" => problem.message.clone(),
        label => format!("{}; {label}", problem.message),
    };
    bound.map_err(|problems| problems.first().map(said).unwrap_or_default())
}

/// Recipes may not depend on the environment. Nothing here is part of one.
fn freed(node: &Node) -> Node {
    let value = match node.value() {
        Value::Map(map) => {
            Value::Map(map.iter().map(|(key, (place, item))| (key.clone(), (*place, freed(item)))).collect())
        }
        Value::List(list) => Value::List(list.iter().map(freed).collect()),
        other => other.clone(),
    };
    Node::new(value, node.span())
}

/// Who is told of the runs of an experiment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tracking {
    /// An MLflow server. MLFLOW_TRACKING_URI alone switches it on, too.
    pub mlflow: Option<Mlflow>,
    /// Files, for people without a server.
    pub file: Option<TrackingFiles>,
}

/// An MLflow server, and what it is told of all runs of the experiment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Mlflow {
    /// Its address, e.g. `http://localhost:5000` or `${env:OUR_MLFLOW}`; MLFLOW_TRACKING_URI if left out. User, password, token and
    /// certificates come from MLflow's own variables.
    pub uri: Option<String>,
    /// The experiment there, made where it is not there; MLFLOW_EXPERIMENT_NAME if left out, else this experiment's name.
    pub experiment: Option<String>,
    /// Tags of every run.
    pub tags: IndexMap<String, String>,
}

/// Files in which runs are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrackingFiles {
    /// The folder, relative to the workspace; `tracking` if left out. Each run gets one of its own in it.
    pub folder: Option<String>,
    /// In which form.
    pub format: TrackingFormat,
}

/// The form of files in which runs are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrackingFormat {
    /// JSON lines: `messages.jsonl`.
    #[default]
    Jsonl,
    /// Tables: `metrics.csv` and `facts.csv`.
    Csv,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Sources, parse};

    fn of(text: &str) -> Result<Tracking, String> {
        let tree = parse(&mut Sources::default(), "e.yaml", text.as_bytes()).expect("it is YAML");
        tracking(&tree, &|name| (name == "SERVER").then(|| "http://host:5000".to_owned()))
    }

    #[test]
    fn references_are_followed_and_what_leads_nowhere_is_said() {
        let found = of("team: lung\ntracking: { mlflow: { uri: '${env:SERVER}/ml', tags: { team: '${team}' } } }");
        let mlflow = found.expect("all of it is known").mlflow.expect("a server");
        assert_eq!((mlflow.uri.as_deref(), mlflow.tags["team"].as_str()), (Some("http://host:5000/ml"), "lung"));
        let wrong = |text: &str| of(text).expect_err("it leads nowhere");
        let unset = wrong("tracking: { mlflow: { uri: '${env:OTHER}' } }");
        assert!(unset.starts_with("the environment variable `OTHER` is not set; set `OTHER`"), "{unset}");
        let unknown = wrong("team: lung\ntracking: { mlflow: { uri: '${teem}' } }");
        assert!(unknown.contains("`${teem}` refers to nothing"), "{unknown}");
        assert_eq!(of("team: lung"), Ok(Tracking::default()));
    }
}
