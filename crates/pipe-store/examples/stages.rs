//! Measures what a stage costs the store: `stages FOLDER COUNT` begins, stores and publishes as many tiny stages.
//!
//! Does not start processes: what is left is the work of the store itself.

use std::{error::Error, fs, path::PathBuf, time::Instant};

use pipe_store::{Claim, Digest, Holder, Made, NewAttempt, NewRecord, NewRun, Output, RunEnd, Store};
use rustix::time::{ClockId, clock_gettime};

#[expect(clippy::print_stdout, reason = "a tool for people")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (root, count) = arguments.next().zip(arguments.next()).ok_or("usage: stages FOLDER COUNT")?;
    let (root, count) = (PathBuf::from(root), count.parse::<u32>()?);
    let store = Store::open(&root)?;
    store.bury()?;
    let new = NewRun { experiment: "e", file: "e.yaml", command: "stages", commit: None };
    let run = store.begin_run(&new)?;
    let (since, before) = (Instant::now(), cpu());
    for number in 0..count {
        stage(&store, run, &format!("{run}-{number}"))?;
    }
    let (wall, used) = (since.elapsed().as_secs_f64() * 1e3, cpu() - before);
    store.end_run(run, &RunEnd::default())?;
    let each = f64::from(count);
    println!("{count} stages: CPU {:.3} ms, wall {:.3} ms each", used / each, wall / each);
    Ok(())
}

fn stage(store: &Store, run: pipe_store::RunId, name: &str) -> Result<(), Box<dyn Error>> {
    let manifest = format!("{{\"name\":\"{name}\"}}");
    let fingerprint = Digest::of(manifest.as_bytes());
    let Claim::Miss(lease) = store.claim(&fingerprint, &Holder::here(run, "e", name))? else {
        return Err("made already".into());
    };
    let new =
        NewAttempt { run, experiment: "e", stage: name, fingerprint, kind: "test", manifest: &manifest, reason: "[]" };
    let attempt = store.begin_attempt(&new)?;
    let path = attempt.folder.join("scratch/out");
    fs::write(&path, name)?;
    let object = store.take(&path, &attempt.folder.join("scratch"))?;
    let made = Made {
        run,
        attempt: attempt.number,
        at: String::new(),
        seconds: 0.0,
        commit: None,
        device: "cpu".into(),
        facts: serde_json::json!({}),
    };
    let record = NewRecord {
        kind: "test",
        manifest: &manifest,
        outputs: vec![Output { port: "out".into(), kind: "files".into(), object }],
        metrics: Vec::new(),
        lineage: Vec::new(),
        made,
    };
    lease.publish(&record, &attempt, &serde_json::json!({}))?;
    Ok(())
}

/// Milliseconds of CPU of this process, user and system.
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}
