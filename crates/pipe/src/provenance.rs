//! What a run was, as files in its folder: the resolved experiment, commit and differences, versions, machine, timings.
//!
//! Does not decide anything. Nothing here can fail a run: what cannot be written is left out.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use indexmap::IndexSet;
use pipe_engine::{Options, Plan, Summary};
use pipe_spec::Experiment;
use pipe_store::{Record, Store};
use serde_json::{Value as Json, json};

use crate::session::Session;

/// The resolved experiment.
const EXPERIMENT: &str = "experiment.json";
/// Everything else.
const RUN: &str = "run.json";
/// What the work tree had changed.
const DIFFERENCES: &str = "git.diff";
/// More of a difference than anybody reads.
const MOST: usize = 8 * 1024 * 1024;

fn git(workspace: &Path, arguments: &[&str]) -> Option<Vec<u8>> {
    let output = Command::new("git").arg("-C").arg(workspace).args(arguments).stdin(Stdio::null()).output().ok()?;
    output.status.success().then_some(output.stdout)
}

/// Commit of a git work tree, with `+` where tracked files were changed.
pub(crate) fn commit(workspace: &Path) -> Option<String> {
    // One question tells both: the first line names the commit, the others what has changed.
    let status = git(workspace, &["status", "--porcelain=v2", "--branch", "--untracked-files=no"])?;
    let text = String::from_utf8_lossy(&status);
    let commit = text.lines().find_map(|line| line.strip_prefix("# branch.oid "))?;
    let is_changed = text.lines().any(|line| !line.starts_with('#'));
    (commit != "(initial)").then(|| if is_changed { format!("{commit}+") } else { commit.to_owned() })
}

/// Writes what is known when a run begins.
pub(crate) fn write(folder: &Path, session: &Session, experiment: &Experiment, plan: &Plan, options: &Options<'_>) {
    let stages: Vec<_> = plan
        .nodes
        .iter()
        .enumerate()
        .map(|(node, stage)| {
            let needs: IndexSet<_> = plan.upstream(node).map(|from| plan.nodes[from].id.as_str()).collect();
            json!({
                "stage": stage.id,
                "kind": stage.kind.name,
                "versions": stage.versions,
                "needs": needs,
                "with": *stage.with,
                "resources": stage.resources,
                "retries": stage.retries,
                "timeout": stage.timeout,
                "frozen": stage.frozen,
            })
        })
        .collect();
    let resolved = json!({
        "name": experiment.name,
        "description": experiment.description,
        "axes": experiment.axes,
        "pools": experiment.pools,
        "stages": stages,
    });
    let machine = json!({
        "host": read("/proc/sys/kernel/hostname"),
        "system": format!("{} {}", std::env::consts::OS, read("/proc/sys/kernel/osrelease")),
        "architecture": std::env::consts::ARCH,
        "cpu": cpu(),
        "cores": std::thread::available_parallelism().map_or(1, usize::from),
        "gpus": options.cards.usable,
    });
    let run = json!({
        "experiment": experiment.name,
        "file": options.file,
        "command": options.command,
        "started": jiff::Timestamp::now().to_string(),
        "commit": options.commit,
        "versions": { "pipe": env!("CARGO_PKG_VERSION") },
        "machine": machine,
        "jobs": options.jobs,
    });
    put(&folder.join(EXPERIMENT), &resolved);
    put(&folder.join(RUN), &run);
    if options.commit.as_ref().is_some_and(|commit| commit.ends_with('+'))
        && let Some(mut difference) = git(&session.workspace, &["diff", "HEAD"])
    {
        difference.truncate(MOST);
        drop(fs::write(folder.join(DIFFERENCES), difference));
    }
}

/// Adds how a run ended: every stage with its result, manifest, timings and peak memory.
pub(crate) fn finish(folder: &Path, summary: &Summary, store: &Store) {
    let path = folder.join(RUN);
    let Some(mut run) = fs::read(&path).ok().and_then(|text| serde_json::from_slice::<Json>(&text).ok()) else {
        return;
    };
    let manifest = |record: &Record| {
        let text = store.manifest(&record.fingerprint).ok().flatten().unwrap_or_default();
        serde_json::from_str::<Json>(&text).unwrap_or_default()
    };
    let stages: Vec<_> = summary
        .plan
        .nodes
        .iter()
        .zip(&summary.records)
        .map(|(node, record)| match record {
            None => json!({ "stage": node.id, "fingerprint": null }),
            Some(record) => json!({
                "stage": node.id,
                "fingerprint": record.fingerprint,
                "ran": record.made.run == summary.run,
                "manifest": manifest(record),
                "outputs": record.outputs,
                "made": record.made,
            }),
        })
        .collect();
    run["ended"] = json!(jiff::Timestamp::now().to_string());
    run["end"] = json!(summary.end);
    run["stages"] = json!(stages);
    put(&path, &run);
}

fn put(path: &Path, value: &Json) {
    drop(fs::write(path, format!("{value:#}\n")));
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn cpu() -> String {
    let text = read("/proc/cpuinfo");
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map(|(_, name)| name.trim().to_owned()).unwrap_or_default()
}
