//! `pipe schema`: JSON Schemas of the YAML files and of each stage kind's `with`.

use std::fs;

use pipe_learn::NetworkConfig;
use pipe_report::paper::TableSpec;
use pipe_spec::{did_you_mean, experiment_schema, pipeline_schema, schema as schema_of};
use pipe_stages::STAGES;
use pipe_sweep::Sweep;
use serde_json::Value as Json;

use crate::{args::Schema, failure::Failure, output};

/// Every schema by name, in the order in which they are listed.
fn all() -> Vec<(&'static str, Json)> {
    let mut all = vec![
        ("experiment", experiment()),
        ("pipeline", pipeline_schema()),
        ("network", schema_of::<NetworkConfig>()),
        ("sweep", schema_of::<Sweep>()),
        ("table", schema_of::<TableSpec>()),
    ];
    all.extend(STAGES.iter().map(|kind| (kind.name, kind.schema())));
    all
}

/// The schema of experiments, with that of their search at its place, so that editors complete it.
fn experiment() -> Json {
    let (mut experiment, mut sweep) = (experiment_schema(), schema_of::<Sweep>());
    let taken = sweep.as_object_mut().and_then(|sweep| sweep.remove("$defs"));
    if let Some(Json::Object(definitions)) = taken
        && let Some(all) = experiment.get_mut("$defs").and_then(Json::as_object_mut)
    {
        all.extend(definitions);
    }
    sweep.as_object_mut().map(|sweep| sweep.remove("$schema"));
    experiment["properties"]["sweep"] = sweep;
    experiment
}

pub(crate) fn schema(schema: &Schema) -> Result<(), Failure> {
    let all = all();
    if let Some(folder) = &schema.write {
        fs::create_dir_all(folder).map_err(|source| Failure::file("create", folder, source))?;
        for (name, json) in &all {
            let path = folder.join(format!("{name}.schema.json"));
            let text = format!("{json:#}\n");
            fs::write(&path, text).map_err(|source| Failure::file("write", &path, source))?;
        }
        return Ok(());
    }
    let Some(name) = &schema.name else {
        all.iter().for_each(|(name, _)| output::print(&format!("{name}\n")));
        return Ok(());
    };
    let Some((_, json)) = all.iter().find(|(known, _)| known == name) else {
        let near = did_you_mean(name, all.iter().map(|(name, _)| *name));
        return Err(Failure::Argument(format!("there is no schema `{name}`; {near}")));
    };
    output::json(json);
    Ok(())
}
