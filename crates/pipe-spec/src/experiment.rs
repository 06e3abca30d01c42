//! The files as written, and the experiment as meant.
//!
//! Does not know stage kinds; `with` stays a tree until a kind binds it.

use std::{collections::BTreeMap, path::PathBuf};

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{Node, Resources, Retries, Sha256, Sources, Span, Time, Tracking, bind::schema};

/// An experiment: one file that says which data, which network, which folds.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used; values are read from the tree, which keeps their places")]
struct ExperimentFile {
    /// Files that this one is laid over: a pipeline or another experiment. Looked up in the workspace, beside this file, then among the built-in ones.
    #[schemars(schema_with = "one_or_many")]
    extends: Option<()>,
    /// Its name in runs and reports; the file's own without ending if left out.
    name: Option<String>,
    /// One sentence for the report.
    description: Option<String>,
    /// Lists over which stages are repeated; `${axis.NAME}` is the current value.
    #[schemars(schema_with = "axes")]
    axes: Option<()>,
    /// What the data set is, and where it comes from.
    dataset: Option<DatasetFile>,
    /// Which data; referred to as `${data}`.
    #[schemars(schema_with = "free")]
    data: Option<()>,
    /// Which network; referred to as `${network}`.
    #[schemars(schema_with = "free")]
    network: Option<()>,
    /// First weights of the network from a file; referred to as `${weights}`.
    #[schemars(schema_with = "free_or_null")]
    weights: Option<()>,
    /// How it is trained; referred to as `${training}`.
    #[schemars(schema_with = "free")]
    training: Option<()>,
    /// Any other values to refer to.
    #[schemars(schema_with = "free")]
    parameters: Option<()>,
    /// Sizes of the pools that stages take from by `resources: { pools: { NAME: 1 } }`.
    #[schemars(schema_with = "pools")]
    pools: Option<()>,
    /// The stages by name; `NAME[axis=value]` changes single instances.
    stages: Option<IndexMap<String, StageFile>>,
    /// What the report says.
    report: Option<ReportFile>,
    /// Who is told of its runs: an MLflow server, files.
    tracking: Option<Tracking>,
    /// Which of its values are searched, and how: `pipe schema sweep`.
    #[schemars(schema_with = "map")]
    sweep: Option<()>,
    /// Named layers, laid over the file by `--profile NAME`.
    profiles: Option<IndexMap<String, ProfileFile>>,
}

/// A pipeline: a reusable graph of stages.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct PipelineFile {
    /// Files that this one is laid over.
    #[schemars(schema_with = "one_or_many")]
    extends: Option<()>,
    /// One sentence.
    description: Option<String>,
    /// Lists over which stages are repeated.
    #[schemars(schema_with = "axes")]
    axes: Option<()>,
    /// What the data set is, and where it comes from.
    dataset: Option<DatasetFile>,
    /// Defaults of the data.
    #[schemars(schema_with = "free")]
    data: Option<()>,
    /// Default of the network.
    #[schemars(schema_with = "free")]
    network: Option<()>,
    /// Default of first weights.
    #[schemars(schema_with = "free_or_null")]
    weights: Option<()>,
    /// Defaults of the training.
    #[schemars(schema_with = "free")]
    training: Option<()>,
    /// Any other values to refer to.
    #[schemars(schema_with = "free")]
    parameters: Option<()>,
    /// Sizes of the pools that stages take from by `resources: { pools: { NAME: 1 } }`.
    #[schemars(schema_with = "pools")]
    pools: Option<()>,
    /// The stages by name.
    stages: Option<IndexMap<String, StageFile>>,
}

/// What a data set is, and where it comes from; nothing of it changes a result.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct DatasetFile {
    /// What it shows, of whom, and what is labelled.
    about: Option<String>,
    /// The licence or the terms.
    licence: Option<String>,
    /// Who wants to be cited.
    citation: Option<String>,
    /// Its page.
    home: Option<String>,
    /// Its files.
    sources: Option<Vec<DatasetSource>>,
}

/// A file of a data set.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct DatasetSource {
    /// Where it lies.
    url: Option<String>,
    /// Its SHA-256 digest, 64 hexadecimal digits.
    sha256: Option<Sha256>,
}

/// A layer that a profile lays over its file.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct ProfileFile {
    /// Another name for runs and reports.
    name: Option<String>,
    /// Another description.
    description: Option<String>,
    /// Other axes.
    #[schemars(schema_with = "axes")]
    axes: Option<()>,
    /// Other data.
    #[schemars(schema_with = "free")]
    data: Option<()>,
    /// Another network.
    #[schemars(schema_with = "free")]
    network: Option<()>,
    /// Other first weights.
    #[schemars(schema_with = "free_or_null")]
    weights: Option<()>,
    /// Another training.
    #[schemars(schema_with = "free")]
    training: Option<()>,
    /// Other values to refer to.
    #[schemars(schema_with = "free")]
    parameters: Option<()>,
    /// Sizes of the pools that stages take from by `resources: { pools: { NAME: 1 } }`.
    #[schemars(schema_with = "pools")]
    pools: Option<()>,
    /// Changed stages.
    stages: Option<IndexMap<String, StageFile>>,
    /// What the report says.
    report: Option<ReportFile>,
    /// Who is told of its runs.
    tracking: Option<Tracking>,
    /// Another search.
    #[schemars(schema_with = "map")]
    sweep: Option<()>,
}

/// A stage.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct StageFile {
    /// The stage kind.
    kind: Option<String>,
    /// Stages whose outputs it takes: a name, a list of names, or a map from port to name. `NAME.OUTPUT` picks one output, `NAME[*]` gathers all instances.
    #[schemars(schema_with = "needs")]
    needs: Option<()>,
    /// The recipe, as the kind wants it: `pipe schema KIND`.
    #[schemars(schema_with = "anything")]
    with: Option<()>,
    /// Where and how fast it runs; never part of the recipe.
    #[schemars(schema_with = "resources")]
    resources: Option<()>,
    /// Lists over which the stage is repeated, as an axis of its own: `{ case: "${split.cases}" }` runs over the items that
    /// the stage `split` writes to its output `cases`, as soon as they are known; `${axis.case}` is the current one.
    #[schemars(schema_with = "lists")]
    r#for: Option<()>,
    /// How often it is tried again after a failure.
    #[schemars(schema_with = "retries")]
    retries: Option<()>,
    /// How long one attempt may take; time during which the machine or the stage is suspended does not count.
    #[schemars(schema_with = "time")]
    timeout: Option<()>,
    /// Whether its last result stands, whatever its recipe says now. Reports that it feeds are marked.
    frozen: Option<bool>,
}

/// What the report says.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct ReportFile {
    /// Title; the experiment's name if left out.
    title: Option<String>,
}

fn one_or_many(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] })
}

fn needs(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [
        { "type": "string" },
        { "type": "array", "items": { "type": "string" } },
        { "type": "object", "additionalProperties": {
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }]
        } },
    ] })
}

fn axes(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": {
        "type": "array", "minItems": 1, "items": { "type": ["string", "integer", "number", "boolean"] }
    } })
}

/// A text that is one reference as a whole, and so stands for whatever it refers to.
pub(crate) const REFERENCE: &str = r"^\$\{.*\}$";

fn free(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["object", "string"], "pattern": REFERENCE })
}

fn free_or_null(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["object", "string", "null"], "pattern": REFERENCE })
}

fn map(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}

fn anything(_: &mut SchemaGenerator) -> Schema {
    json_schema!({})
}

fn lists(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "minProperties": 1, "additionalProperties": { "anyOf": [
        { "type": "string" },
        { "type": "array", "items": { "type": ["string", "integer", "number", "boolean"] } },
    ] } })
}

fn pools(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": { "type": "integer", "minimum": 1, "maximum": 100_000 } })
}

fn retries(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<Retries>()
}

fn time(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<Time>()
}

fn resources(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<Resources>()
}

/// JSON Schema of experiment files.
pub fn experiment_schema() -> serde_json::Value {
    layered(schema::<ExperimentFile>())
}

/// JSON Schema of pipeline files.
pub fn pipeline_schema() -> serde_json::Value {
    layered(schema::<PipelineFile>())
}

/// A schema of a layer: any key may come from another layer, so none is required.
fn layered(mut schema: serde_json::Value) -> serde_json::Value {
    let optional = |map: &mut serde_json::Value| drop(map.as_object_mut().and_then(|map| map.remove("required")));
    optional(&mut schema);
    if let Some(definitions) = schema.get_mut("$defs").and_then(serde_json::Value::as_object_mut) {
        definitions.values_mut().for_each(optional);
    }
    schema
}

/// An experiment with its references resolved and its axes applied.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// Its name in runs and reports.
    pub name: String,
    /// One sentence.
    pub description: Option<String>,
    /// Title of the report.
    pub title: Option<String>,
    /// The file it was read from.
    pub file: PathBuf,
    /// The axes with their values as text, in the order of the file.
    pub axes: IndexMap<String, Vec<String>>,
    /// All stage instances that are known; a stage's instances stand together, in the order of the axes.
    pub stages: Vec<StageSpec>,
    /// Instances that are not known before a stage has made its list.
    pub open: Vec<OpenStage>,
    /// Outputs that hold lists over which stages are repeated.
    pub lists: Vec<ListSpec>,
    /// Sizes of the named pools.
    pub pools: IndexMap<String, u32>,
    /// Who is told of its runs; or why that cannot be known, which fails none.
    pub tracking: Result<Tracking, String>,
    /// The composed tree, before references were resolved.
    pub tree: Node,
    /// The texts that places refer to.
    pub sources: Sources,
}

/// A stage at one point of its axes.
#[derive(Clone, Debug)]
pub struct StageSpec {
    /// `train[fold=1]`, or `prepare` for a stage without axes.
    pub id: String,
    /// The stage's name, without axes.
    pub stage: String,
    /// Axis values, in the order of the axes.
    pub axes: IndexMap<String, String>,
    /// Name of the kind.
    pub kind: String,
    /// Where the kind stands.
    pub kind_span: Span,
    /// The stages it needs.
    pub needs: Vec<NeedSpec>,
    /// The recipe, all references resolved.
    pub with: Node,
    /// Where and how fast it runs.
    pub resources: Resources,
    /// How often it is tried again.
    pub retries: Retries,
    /// How long one attempt may take.
    pub timeout: Option<Time>,
    /// Whether its last result stands.
    pub frozen: bool,
    /// Instances that made the lists over which it is repeated.
    pub after: Vec<String>,
    /// Where the stage stands.
    pub span: Span,
}

/// Instances of a stage that are not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenStage {
    /// The stage, with those of its axes that are known: `score[fold=1]`.
    pub id: String,
    /// The stage's name.
    pub stage: String,
    /// The instance that makes the list.
    pub maker: String,
    /// Its output that holds it.
    pub output: String,
}

/// An output that holds a list over which stages are repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListSpec {
    /// The stage that makes it.
    pub stage: String,
    /// The output.
    pub output: String,
    /// The stages whose `for` names it.
    pub by: Vec<String>,
    /// Where `for` names it.
    pub span: Span,
}

/// Lists that are known, by the instance and the output that hold them.
pub type Lists = BTreeMap<(String, String), Vec<String>>;

/// One need of a stage instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeedSpec {
    /// The port it is for, where the file says it.
    pub port: Option<String>,
    /// The needed stage's name, without axes.
    pub stage: String,
    /// The needed instances; several only where the need gathers.
    pub ids: Vec<String>,
    /// The output it takes, where the file says it.
    pub output: Option<String>,
    /// Where the need stands.
    pub span: Span,
}
