//! `pipe worker JOB`: runs one attempt of a built-in kind in this process.
//!
//! Does not touch the store: it reads its inputs, writes below its scratch folder, and leaves `outcome.json`.

use std::{
    fs,
    io::Read as _,
    panic::{self, AssertUnwindSafe},
    path::Path,
    process::ExitCode,
    sync::Mutex,
    thread,
};

use crate::{
    Context, Registry, StageFailure,
    context::Findings,
    job::{Job, OUTCOME, Outcome},
};

/// Runs the job of a file; 0 if the stage succeeded, 1 if it failed, and `outcome.json` says why.
pub fn worker(registry: Registry, job: &Path) -> ExitCode {
    end_with_parent();
    let folder = job.parent().unwrap_or(Path::new("."));
    let outcome = match read(job) {
        Ok(job) => attempt(registry, job),
        Err(failure) => Outcome::Failed { chain: failure.chain },
    };
    let text = serde_json::to_vec_pretty(&outcome).expect("outcomes are plain data");
    let told = pipe_store::write_atomic(&folder.join(OUTCOME), &text).is_ok();
    match outcome {
        Outcome::Done(_) if told => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn read(path: &Path) -> Result<Job, StageFailure> {
    let text = fs::read(path).map_err(StageFailure::of)?;
    serde_json::from_slice(&text).map_err(StageFailure::of)
}

fn attempt(registry: Registry, job: Job) -> Outcome {
    let Some(kind) = registry.iter().find(|kind| kind.name == job.kind) else {
        return Outcome::Failed { chain: vec![format!("this worker knows no kind `{}`", job.kind)] };
    };
    let Job { stage, with, inputs, outputs, resume, scratch, workspace, resources, .. } = job;
    let findings = Mutex::new(Findings::default());
    let context = Context { stage, inputs, outputs, resume, scratch, workspace, resources, findings };
    // A panic is a bug of the stage; it must fail this stage with a message, not with a lost outcome.
    let result = panic::catch_unwind(AssertUnwindSafe(|| kind.run(with, &context)));
    match result {
        Ok(Ok(())) => Outcome::Done(context.findings.into_inner().expect("no holder panics")),
        Ok(Err(failure)) => Outcome::Failed { chain: failure.chain },
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Outcome::Failed { chain: vec!["the stage panicked, which is a bug".to_owned(), text.unwrap_or_default()] }
        }
    }
}

/// The parent holds the other end of standard input and never writes: its end is the parent's end.
fn end_with_parent() {
    thread::spawn(|| {
        let mut byte = [0];
        while std::io::stdin().read(&mut byte).is_ok_and(|count| count > 0) {}
        #[expect(clippy::exit, reason = "an orphan must not go on computing; nobody would publish its outputs")]
        std::process::exit(1);
    });
}
