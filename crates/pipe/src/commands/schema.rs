//! `pipe schema`: JSON Schemas of the YAML files and of each stage kind's `with`.

use std::fs;

use pipe_learn::NetworkConfig;
use pipe_report::paper::TableSpec;
use pipe_spec::{did_you_mean, experiment_schema, pipeline_schema, schema as schema_of};
use pipe_stages::STAGES;
use serde_json::Value as Json;

use crate::{args::Schema, failure::Failure, output};

/// Every schema by name, in the order in which they are listed.
fn all() -> Vec<(&'static str, Json)> {
    let mut all = vec![
        ("experiment", experiment_schema()),
        ("pipeline", pipeline_schema()),
        ("network", schema_of::<NetworkConfig>()),
        ("table", schema_of::<TableSpec>()),
    ];
    all.extend(STAGES.iter().map(|kind| (kind.name, kind.schema())));
    all
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
