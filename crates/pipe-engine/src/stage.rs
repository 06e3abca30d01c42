//! A stage kind: what the engine must know to plan and run it.
//!
//! Does not know any kind but `command`.

use std::{collections::BTreeMap, error::Error, fmt};

use pipe_spec::{Node, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value as Json;

use crate::{Context, Plan, Ports};

/// A stage kind.
pub trait Stage {
    /// Its name in YAML.
    const NAME: &'static str;
    /// Raised when equal recipes and inputs give other results than before.
    const VERSION: u32;
    /// One sentence.
    const ABOUT: &'static str;
    /// Whether it computes on a device, so that it is given a GPU where there are some and nothing is said.
    const COMPUTES: bool = false;
    /// Its recipe.
    type With: Serialize + DeserializeOwned + JsonSchema;

    /// Its inputs and outputs.
    fn ports(with: &Self::With) -> Ports;

    /// Versions of what the recipe names: networks, losses, readers, the backend's numerics.
    fn versions(_with: &Self::With) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// What is wrong with a recipe that each of its values alone is right for.
    ///
    /// # Errors
    /// The path of the value below `with`, and what is wrong.
    fn check(_with: &Self::With) -> Result<(), (String, String)> {
        Ok(())
    }

    /// How long a recipe goes on, where a longer one can go on from the checkpoint of a shorter one and come to the very same result.
    fn length(_with: &Self::With) -> Option<Length> {
        None
    }

    /// What to change when an attempt of this node was killed because it needed more memory than `limit` bytes; none where nothing
    /// is known that would help.
    fn advice(_plan: &Plan, _node: usize, _limit: u64) -> Option<String> {
        None
    }

    /// What a failure means, its panics included: a lost device, too little memory. Asked in the attempt's own process.
    fn meaning(_with: &Self::With, _context: &Context, failure: StageFailure) -> StageFailure {
        failure
    }

    /// Runs one attempt, in a process of its own.
    ///
    /// # Errors
    /// Why the stage failed.
    fn run(with: Self::With, context: &Context) -> Result<(), StageFailure>;
}

/// How long a recipe goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// Steps: epochs.
    pub steps: u64,
    /// The values that say so: paths below `with`, in which a shorter recipe may differ, and in nothing else.
    pub told_by: &'static [&'static str],
    /// The input that takes the checkpoint of a shorter one where a person gives it, and the output that is one.
    pub checkpoint: &'static str,
}

/// Why a stage failed: the error and its causes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageFailure {
    /// The error, then each cause.
    pub chain: Vec<String>,
    /// To whom it is due.
    pub due_to: DueTo,
}

/// To whom a failure is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DueTo {
    /// The stage, its inputs or its recipe: it would fail elsewhere too.
    #[default]
    Stage,
    /// A device that is lost: on another one the stage may succeed.
    LostDevice,
}

impl StageFailure {
    /// A failure with all its causes.
    pub fn of(error: impl Error) -> Self {
        let mut chain = vec![error.to_string()];
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // A transparent error repeats its cause.
            if chain.last() != Some(&text) {
                chain.push(text);
            }
            cause = error.source();
        }
        Self::because(chain)
    }

    /// A failure of the stage for these causes, the last of which is the deepest.
    pub fn because(chain: Vec<String>) -> Self {
        Self { chain, due_to: DueTo::Stage }
    }

    /// A failure for these causes, because the device is lost.
    pub fn lost_device(chain: Vec<String>) -> Self {
        Self { chain, due_to: DueTo::LostDevice }
    }
}

impl fmt::Display for StageFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.chain.join(": "))
    }
}

/// A recipe bound to its kind.
pub(crate) struct Bound {
    /// The recipe, defaults filled in, paths marked.
    pub with: Json,
    pub ports: Ports,
    pub versions: BTreeMap<String, String>,
}

/// A registered stage kind.
pub struct StageKind {
    /// Its name in YAML.
    pub name: &'static str,
    /// Its version.
    pub version: u32,
    /// One sentence.
    pub about: &'static str,
    /// Whether it computes on a device.
    pub computes: bool,
    schema: fn() -> Json,
    bind: fn(&Node, &Json, &str) -> Result<Bound, Vec<Problem>>,
    length: fn(&Json) -> Option<Length>,
    advice: fn(&Plan, usize, u64) -> Option<String>,
    meaning: fn(Json, &Context, StageFailure) -> StageFailure,
    run: fn(Json, &Context) -> Result<(), StageFailure>,
}

impl StageKind {
    /// The registry line of a kind.
    pub const fn of<S: Stage>() -> Self {
        Self {
            name: S::NAME,
            version: S::VERSION,
            about: S::ABOUT,
            computes: S::COMPUTES,
            schema: pipe_spec::schema::<S::With>,
            bind: bind::<S>,
            length: |with| S::length(&serde_json::from_value(with.clone()).ok()?),
            advice: S::advice,
            meaning: |with, context, failure| match serde_json::from_value(with) {
                Ok(with) => S::meaning(&with, context, failure),
                Err(_) => failure,
            },
            run: |with, context| match serde_json::from_value(with) {
                Ok(with) => S::run(with, context),
                Err(error) => Err(StageFailure::of(error)),
            },
        }
    }

    /// JSON Schema of the kind's `with`.
    pub fn schema(&self) -> Json {
        (self.schema)()
    }

    pub(crate) fn bind(&self, node: &Node, schema: &Json, path: &str) -> Result<Bound, Vec<Problem>> {
        (self.bind)(node, schema, path)
    }

    /// How long a recipe goes on.
    pub(crate) fn length(&self, with: &Json) -> Option<Length> {
        (self.length)(with)
    }

    /// What to change when an attempt of a node was killed for memory.
    pub(crate) fn advice(&self, plan: &Plan, node: usize, limit: u64) -> Option<String> {
        (self.advice)(plan, node, limit)
    }

    /// What a failure of an attempt means.
    pub(crate) fn meaning(&self, with: Json, context: &Context, failure: StageFailure) -> StageFailure {
        (self.meaning)(with, context, failure)
    }

    pub(crate) fn run(&self, with: Json, context: &Context) -> Result<(), StageFailure> {
        (self.run)(with, context)
    }
}

impl fmt::Debug for StageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StageKind({} {})", self.name, self.version)
    }
}

fn bind<S: Stage>(node: &Node, schema: &Json, path: &str) -> Result<Bound, Vec<Problem>> {
    let with: S::With = pipe_spec::bind_to(node, schema, path)?;
    S::check(&with).map_err(|(below, message)| {
        let span = node.at(below.split('.').filter(|key| !key.is_empty())).unwrap_or(node).span();
        let path = if below.is_empty() { path.to_owned() } else { format!("{path}.{below}") };
        vec![Problem::new("pipe::plan::recipe", Some(span), format!("`{path}`: {message}")).at(path).label(message)]
    })?;
    let json = serde_json::to_value(&with).expect("a recipe is plain data");
    Ok(Bound { with: json, ports: S::ports(&with), versions: S::versions(&with) })
}
