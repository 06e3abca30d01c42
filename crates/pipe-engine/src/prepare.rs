//! Lays an attempt out: inputs, scratch folder, `job.json`, the program to start.
//!
//! Does not start it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use pipe_spec::Resources;
use pipe_store::{Attempt, Digest, Record, Store, write_atomic};
use serde_json::{Value as Json, json};

use crate::{
    CommandWith, EngineError, Options, Plan, PlanNode,
    command::{self, Filling},
    context::Given,
    executors::{Program, Said},
    job::{Job, LOG},
};

/// An attempt that is ready to start.
pub(crate) struct Prepared {
    /// The program, or the placeholder of a command that names nothing.
    pub program: Result<Program, String>,
    pub scratch: PathBuf,
    /// Digests of all inputs, carried ones too.
    pub lineage: Vec<Digest>,
}

/// Lays out inputs and writes the job.
pub(crate) fn prepare(
    node: &PlanNode,
    records: &[Option<&Record>],
    plan: &Plan,
    store: &Store,
    options: &Options<'_>,
    attempt: &Attempt,
    resume: &Path,
) -> Result<Prepared, EngineError> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| EngineError::Prepare { path, source }
    };
    let folder = fs::canonicalize(&attempt.folder).map_err(failed(&attempt.folder))?;
    let resume = fs::canonicalize(resume).map_err(failed(resume))?;
    let scratch = folder.join("scratch");
    let mut inputs: BTreeMap<String, Vec<Given>> = BTreeMap::new();
    let mut lineage = Vec::new();
    for feed in &node.feeds {
        let record = records[feed.from].expect("a node starts after all it takes from");
        let output =
            record.outputs.iter().find(|output| output.port == feed.output).expect("kinds publish all their outputs");
        let given = inputs.entry(feed.port.clone()).or_default();
        let path = folder.join("inputs").join(&feed.port).join(given.len().to_string());
        store.materialise(&output.object, &path)?;
        lineage.push(output.object.digest);
        given.push(Given { stage: plan.nodes[feed.from].id.clone(), path, object: output.object });
    }
    let outputs: BTreeMap<_, _> =
        node.outputs.iter().map(|output| (output.name.clone(), scratch.join(&output.path))).collect();
    for path in outputs.values() {
        let parent = path.parent().expect("outputs lie below the scratch folder");
        fs::create_dir_all(parent).map_err(failed(parent))?;
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // Twice what the stages that may run at once would share: the last one running should not leave cores idle.
    let shared = (2 * cores).div_ceil(options.jobs.min(plan.nodes.len()).max(1)).min(cores);
    let workers = node.resources.workers.unwrap_or(shared);
    let mut environment = vec![
        ("RAYON_NUM_THREADS".to_owned(), workers.to_string()),
        ("OMP_NUM_THREADS".to_owned(), workers.to_string()),
        ("PIPE_WORKSPACE".to_owned(), options.workspace.display().to_string()),
    ];
    let log = folder.join(LOG);
    let program = if node.kind.name == command::NAME {
        spawned(node, &inputs, &outputs, options, &folder, &mut environment)?.map(|(program, arguments)| Program {
            program,
            arguments,
            folder: scratch.clone(),
            environment,
            log,
            output: Said::ToLog,
        })
    } else {
        let job = Job {
            stage: node.id.clone(),
            kind: node.kind.name.to_owned(),
            with: (*node.with).clone(),
            inputs,
            outputs,
            resume,
            scratch: scratch.clone(),
            workspace: options.workspace.to_path_buf(),
            resources: Resources { workers: Some(workers), ..node.resources.clone() },
        };
        // A training frees and asks for the same large arrays in every batch. glibc would give them back to the system
        // each time, and the system would clear them again: a seventh of the time.
        environment.extend(
            [("MALLOC_MMAP_THRESHOLD_", "33554432"), ("MALLOC_TRIM_THRESHOLD_", "4294967296")]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let path = folder.join("job.json");
        write_atomic(&path, &serde_json::to_vec_pretty(&job).expect("jobs are plain data"))?;
        let arguments = vec!["worker".to_owned(), path.display().to_string()];
        Ok(Program {
            program: options.worker.to_path_buf(),
            arguments,
            folder: scratch.clone(),
            environment,
            log,
            output: Said::ToEngine,
        })
    };
    Ok(Prepared { program, scratch, lineage })
}

/// Program and arguments of a command, its parameters written to a file.
fn spawned(
    node: &PlanNode,
    inputs: &BTreeMap<String, Vec<Given>>,
    outputs: &BTreeMap<String, PathBuf>,
    options: &Options<'_>,
    folder: &Path,
    environment: &mut Vec<(String, String)>,
) -> Result<Result<(PathBuf, Vec<String>), String>, EngineError> {
    let with: CommandWith = serde_json::from_value((*node.with).clone()).expect("the plan bound it");
    let joined =
        |given: &Vec<Given>| given.iter().map(|given| given.path.display().to_string()).collect::<Vec<_>>().join(" ");
    let mut paths: BTreeMap<String, String> =
        inputs.iter().map(|(port, given)| (port.clone(), joined(given))).collect();
    paths.extend(
        with.inputs
            .iter()
            .map(|(name, path)| (name.clone(), options.workspace.join(path.path()).display().to_string())),
    );
    let written: BTreeMap<String, String> =
        outputs.iter().map(|(name, path)| (name.clone(), path.display().to_string())).collect();
    let parameters = folder.join("params.json");
    let axes: Json = node
        .axes
        .iter()
        .map(|(axis, value)| (axis.clone(), Json::from(value.as_str())))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let told = json!({ "params": with.params, "axes": axes, "inputs": paths, "outputs": written });
    write_atomic(&parameters, &serde_json::to_vec_pretty(&told).expect("parameters are plain data"))?;
    environment.push(("PIPE_PARAMS".to_owned(), parameters.display().to_string()));
    for (prefix, values) in [("PIPE_INPUT_", &paths), ("PIPE_OUTPUT_", &written)] {
        let name = |name: &str| {
            name.chars()
                .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
                .collect::<String>()
        };
        environment.extend(values.iter().map(|(key, value)| (format!("{prefix}{}", name(key)), value.clone())));
    }
    let workspace = options.workspace.display().to_string();
    let filling = Filling { inputs: paths, outputs: written, params: &with.params, workspace: &workspace };
    let filled: Result<Vec<_>, _> = with.command.iter().map(|argument| command::fill(argument, &filling)).collect();
    Ok(filled.map(|mut filled| (PathBuf::from(filled.remove(0)), filled)))
}
