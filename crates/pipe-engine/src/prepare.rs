//! Lays an attempt out: inputs, scratch folder, `job.json`, the program to start.
//!
//! Does not start it.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use pipe_spec::{Bytes, Location, Resources};
use pipe_store::{Attempt, Digest, Output, Record, RunId, Store};
use serde_json::json;

use crate::{
    CommandWith, EngineError, Folder, Options, Plan, PlanNode,
    cards::{ORDER, VISIBLE},
    command::{self, Filling, Text},
    context::Given,
    executors::{Program, Said},
    gpus::Wish,
    job::{EVENTS, Job, LOG},
    run::MARKER,
    wish::seen,
};

/// Linux takes at most 128 KiB in one argument or variable.
const LONGEST: usize = 100 * 1024;

/// An attempt that is ready to start.
pub(crate) struct Prepared {
    /// The program, or the placeholder of a command that names nothing.
    pub program: Result<Program, String>,
    /// The attempt's folder, and the scratch folder in it.
    pub folder: PathBuf,
    pub scratch: PathBuf,
    /// Where the program starts.
    pub start_folder: PathBuf,
    /// Where it tells of further inputs.
    pub depfile: Option<PathBuf>,
    pub is_command: bool,
    /// Digests of all inputs, carried ones too.
    pub lineage: Vec<Digest>,
}

/// Where the attempts of a run are laid out: what is asked of the system once a run, not once an attempt.
pub(crate) struct Site {
    /// The store's folder, without links.
    root: PathBuf,
    cores: usize,
    marker: String,
    /// Programs by the names under which PATH has them.
    programs: BTreeMap<PathBuf, PathBuf>,
}

impl Site {
    pub(crate) fn new(store: &Store, run: RunId) -> Self {
        Self {
            root: fs::canonicalize(store.root()).unwrap_or_else(|_| store.root().to_path_buf()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            marker: marker(store, run),
            programs: BTreeMap::new(),
        }
    }

    /// A folder of the store, without links.
    fn real(&self, store: &Store, folder: &Path) -> PathBuf {
        folder.strip_prefix(store.root()).map_or_else(|_| folder.to_path_buf(), |below| self.root.join(below))
    }

    /// The program of a name, as PATH has it; the name itself where it has none, so that starting it says why.
    fn program(&mut self, name: PathBuf) -> PathBuf {
        if name.components().count() != 1 || name.as_os_str().as_encoded_bytes().contains(&b'/') {
            return name;
        }
        let found = self.programs.entry(name.clone()).or_insert_with(|| {
            let folders = std::env::var_os("PATH").unwrap_or_default();
            let is_program = |path: &PathBuf| {
                fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
            };
            let found = std::env::split_paths(&folders)
                .filter(|folder| folder.is_absolute())
                .map(|folder| folder.join(&name))
                .find(is_program);
            found.unwrap_or(name)
        });
        found.clone()
    }
}

/// What the processes of a run have in their environment, so that they can be found when `pipe` was killed.
pub(crate) fn marker(store: &Store, run: RunId) -> String {
    let root = fs::canonicalize(store.root()).unwrap_or_else(|_| store.root().to_path_buf());
    format!("{}-{run}", Digest::of(root.as_os_str().as_encoded_bytes()).short())
}

/// Lays out inputs and writes the job. `records` are the results of the node's feeds, `wish` what it takes of cards and `cards` their
/// ids, `shorter` what it may go on from.
pub(crate) fn prepare(
    node: &PlanNode,
    records: &[Option<&Record>],
    plan: &Plan,
    store: &Store,
    options: &Options<'_>,
    attempt: &Attempt,
    (wish, cards, shorter): (&Wish, &[String], Option<&Output>),
    site: &mut Site,
) -> Result<Prepared, EngineError> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| EngineError::Prepare { path, source }
    };
    let folder = site.real(store, &attempt.folder);
    let scratch = folder.join("scratch");
    let mut inputs: BTreeMap<String, Vec<Given>> = BTreeMap::new();
    let mut lineage = Vec::new();
    for (feed, record) in node.feeds.iter().zip(records) {
        let record = record.expect("a node starts after all it takes from");
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
    for parent in outputs.values().filter_map(|path| path.parent()).filter(|parent| *parent != scratch) {
        fs::create_dir_all(parent).map_err(failed(parent))?;
    }
    let threads = threads(node, options, plan, site.cores);
    let mut environment: Vec<(String, String)> = ["RAYON", "OMP", "OPENBLAS", "MKL"]
        .iter()
        .map(|library| (format!("{library}_NUM_THREADS"), threads.to_string()))
        .collect();
    let told = [
        ("PIPE_WORKSPACE", options.workspace.display().to_string()),
        ("PIPE_SCRATCH", scratch.display().to_string()),
        ("PIPE_STAGE", node.id.clone()),
        ("PIPE_ATTEMPT", attempt.number.to_string()),
        (MARKER, site.marker.clone()),
    ];
    environment.extend(told.map(|(name, value)| (name.to_owned(), value)));
    environment.extend(visible(wish, cards));
    let (log, memory) = (folder.join(LOG), node.resources.memory.map(Bytes::get));
    if node.kind.name == command::NAME {
        let with: CommandWith = serde_json::from_value((*node.with).clone()).expect("the plan bound it");
        let start_folder = match with.folder {
            Folder::Scratch => scratch.clone(),
            Folder::Workspace => options.workspace.to_path_buf(),
        };
        let events = folder.join(EVENTS);
        environment.push(("PIPE_EVENTS".to_owned(), events.display().to_string()));
        environment.push(("PIPE_EVENTS_FD".to_owned(), "3".to_owned()));
        // Most programs keep nothing, so the folder is made by those that do.
        let resume = site.real(store, store.root()).join("resume").join(attempt.fingerprint.to_string());
        environment.push(("PIPE_RESUME".to_owned(), resume.display().to_string()));
        environment.extend(with.env.iter().map(|(name, value)| (name.clone(), value.clone().into())));
        let program = spawned(node, &with, &inputs, &outputs, options, &folder, &mut environment)?;
        let program = program.map(|(program, arguments)| Program {
            // A command that has a PATH of its own looks there.
            program: if with.env.contains_key("PATH") { program } else { site.program(program) },
            arguments,
            folder: start_folder.clone(),
            environment,
            log,
            output: Said::ToLog,
            events: Some(events),
            memory,
        });
        let depfile = with.depfile.map(|path| scratch.join(path));
        return Ok(Prepared { program, folder, scratch, start_folder, depfile, is_command: true, lineage });
    }
    let resume = site.real(store, &store.resume_folder(&attempt.fingerprint)?);
    let shorter = match shorter {
        Some(checkpoint) => {
            let path = folder.join("inputs").join("shorter");
            store.materialise(&checkpoint.object, &path)?;
            Some(path)
        }
        None => None,
    };
    let job = Job {
        stage: node.id.clone(),
        kind: node.kind.name.to_owned(),
        with: (*node.with).clone(),
        inputs,
        outputs,
        resume,
        shorter,
        scratch: scratch.clone(),
        workspace: options.workspace.to_path_buf(),
        resources: Resources {
            cpu: Some(threads),
            device: seen(node.resources.device, wish),
            ..node.resources.clone()
        },
    };
    environment.extend(options.variables.iter().cloned());
    // A training frees and asks for the same large arrays in every batch. glibc would give them back to the system
    // each time, and the system would clear them again: a seventh of the time.
    environment.extend(
        [("MALLOC_MMAP_THRESHOLD_", "33554432"), ("MALLOC_TRIM_THRESHOLD_", "4294967296")]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let path = folder.join("job.json");
    fs::write(&path, serde_json::to_vec_pretty(&job).expect("jobs are plain data")).map_err(failed(&path))?;
    let program = Program {
        program: options.worker.to_path_buf(),
        arguments: vec!["worker".to_owned(), path.display().to_string()],
        folder: scratch.clone(),
        environment,
        log,
        output: Said::ToEngine,
        events: None,
        memory,
    };
    let start_folder = scratch.clone();
    Ok(Prepared { program: Ok(program), folder, scratch, start_folder, depfile: None, is_command: false, lineage })
}

/// What shows a stage its cards, and no other.
fn visible(wish: &Wish, cards: &[String]) -> Vec<(String, String)> {
    let variable = |name: &str, value: String| (name.to_owned(), value);
    match wish {
        Wish::Whatever => Vec::new(),
        Wish::Nothing => vec![variable(VISIBLE, String::new())],
        Wish::Cards(_) => {
            let (order, by_place) = ORDER;
            let is_set = std::env::var_os(order).is_some();
            let order = (!is_set).then(|| variable(order, by_place.to_owned()));
            [variable(VISIBLE, cards.join(","))].into_iter().chain(order).collect()
        }
    }
}

/// How many threads a stage may use: what it takes of the slots, or twice its share of the cores, so that the last one
/// running does not leave cores idle.
fn threads(node: &PlanNode, options: &Options<'_>, plan: &Plan, cores: usize) -> u32 {
    let at_once = (options.jobs as usize).min(plan.nodes.len()).max(1);
    let shared = (2 * cores).div_ceil(at_once).min(cores);
    node.resources.cpu.unwrap_or(u32::try_from(shared).unwrap_or(u32::MAX))
}

/// Program and arguments of a command, its parameters written to a file.
fn spawned(
    node: &PlanNode,
    with: &CommandWith,
    inputs: &BTreeMap<String, Vec<Given>>,
    outputs: &BTreeMap<String, PathBuf>,
    options: &Options<'_>,
    folder: &Path,
    environment: &mut Vec<(String, String)>,
) -> Result<Result<(PathBuf, Vec<String>), String>, EngineError> {
    let mut paths: BTreeMap<String, Vec<String>> = node.empty.iter().map(|port| (port.clone(), Vec::new())).collect();
    let shown = |given: &Vec<Given>| given.iter().map(|given| given.path.display().to_string()).collect();
    paths.extend(inputs.iter().map(|(port, given)| (port.clone(), shown(given))));
    let outside = |path: &Location| vec![options.workspace.join(path.path()).display().to_string()];
    paths.extend(with.inputs.iter().map(|(name, path)| (name.clone(), outside(path))));
    let written: BTreeMap<String, String> =
        outputs.iter().map(|(name, path)| (name.clone(), path.display().to_string())).collect();
    let parameters = folder.join("params.json");
    let axes = node.told_axes();
    // Of every input the instance that made it, too: a stage that gathers must know which file is whose.
    let given: BTreeMap<_, Vec<_>> = inputs
        .iter()
        .map(|(port, given)| (port, given.iter().map(|one| json!({ "stage": one.stage, "path": one.path })).collect()))
        .collect();
    let joined: BTreeMap<_, _> = paths.iter().map(|(name, paths)| (name.clone(), paths.join(" "))).collect();
    let told = json!({ "params": with.params, "axes": axes, "inputs": joined, "outputs": written, "given": given });
    fs::write(&parameters, serde_json::to_vec_pretty(&told).expect("parameters are plain data"))
        .map_err(|source| EngineError::Prepare { path: parameters.clone(), source })?;
    environment.push(("PIPE_PARAMS".to_owned(), parameters.display().to_string()));
    for (prefix, values) in [("PIPE_INPUT_", &joined), ("PIPE_OUTPUT_", &written)] {
        let name = |name: &str| {
            name.chars()
                .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
                .collect::<String>()
        };
        // A variable that is too long would keep the program from starting; PIPE_PARAMS has it all.
        let short = values.iter().filter(|(_, value)| value.len() < LONGEST);
        environment.extend(short.map(|(key, value)| (format!("{prefix}{}", name(key)), value.clone())));
    }
    let workspace = options.workspace.display().to_string();
    let text = if with.shell.is_some() { Text::Shell } else { Text::Argument };
    let scratch = folder.join("scratch").display().to_string();
    let filling = Filling {
        inputs: paths,
        outputs: written,
        params: &with.params,
        workspace: &workspace,
        scratch: &scratch,
        text,
    };
    if let Some(shell) = &with.shell {
        let filled = command::fill(shell, &filling);
        let Ok(text) = filled else { return Ok(filled.map(|text| (text.into(), Vec::new()))) };
        let mut arguments = vec!["-e".to_owned()];
        if text.len() < LONGEST {
            arguments.extend(["-c".to_owned(), text]);
        } else {
            let script = folder.join("script.sh");
            fs::write(&script, text).map_err(|source| EngineError::Prepare { path: script.clone(), source })?;
            arguments.push(script.display().to_string());
        }
        return Ok(Ok((PathBuf::from("sh"), arguments)));
    }
    let filled: Result<Vec<_>, _> =
        with.command.iter().map(|argument| command::arguments(argument, &filling)).collect();
    Ok(filled.and_then(|filled| {
        let mut words = filled.concat().into_iter();
        // A program that is named by an input that gathers nothing is none.
        let program = words.next().ok_or_else(|| with.command.concat())?;
        Ok((PathBuf::from(program), words.collect()))
    }))
}
