//! `pipe worker JOB`: runs one attempt of a built-in kind in this process.
//!
//! Does not touch the store: it reads its inputs, writes below its scratch folder, and leaves `outcome.json`.

use std::{
    fs,
    io::Read as _,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Mutex, PoisonError},
    thread,
};

use crate::{
    Context, Registry, StageFailure,
    context::Findings,
    executors::own_peak,
    job::{Job, NUMBERS, OUTCOME, Outcome},
};

/// Runs the job of a file; 0 if the stage succeeded, 1 if it failed, and `outcome.json` says why.
pub fn worker(registry: Registry, job: &Path) -> ExitCode {
    end_with_parent();
    let folder = job.parent().unwrap_or(Path::new("."));
    let outcome = match read(job) {
        Ok(job) => attempt(registry, job, folder.join(NUMBERS)),
        Err(failure) => failed(failure),
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

fn failed(StageFailure { chain, due_to }: StageFailure) -> Outcome {
    Outcome::Failed { chain, due_to }
}

fn attempt(registry: Registry, job: Job, numbers: PathBuf) -> Outcome {
    let Some(kind) = registry.iter().find(|kind| kind.name == job.kind) else {
        return failed(StageFailure::because(vec![format!("this worker knows no kind `{}`", job.kind)]));
    };
    let Job { stage, with, inputs, outputs, resume, shorter, scratch, workspace, resources, .. } = job;
    let findings = Mutex::new(Findings::default());
    let context = Context { stage, inputs, outputs, resume, shorter, scratch, workspace, resources, findings, numbers };
    listen_to_panics();
    // A panic is a bug of the stage; it must fail this stage with a message, not with a lost outcome.
    let result = panic::catch_unwind(AssertUnwindSafe(|| kind.run(with.clone(), &context)));
    let (failure, panicked) = match result {
        Ok(Ok(())) => {
            let findings = context.findings.into_inner().unwrap_or_else(PoisonError::into_inner);
            return Outcome::Done(Findings { peak_memory: own_peak(), ..findings });
        }
        Ok(Err(failure)) => (failure, false),
        Err(_) => (StageFailure::because(PANICS.lock().unwrap_or_else(PoisonError::into_inner).clone()), true),
    };
    let plain = failure.clone();
    // What explains a failure must not hide it.
    let meaning = panic::catch_unwind(AssertUnwindSafe(|| kind.meaning(with, &context, failure)));
    let mut meaning = meaning.unwrap_or_else(|_| plain.clone());
    if panicked && meaning == plain {
        meaning.chain.insert(0, "the stage panicked, which is a bug".to_owned());
    }
    failed(meaning)
}

/// What panics have said, in all threads: the first is the cause, and the last, in the thread that waits, often only says that
/// another thread is gone.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// More panics than anybody reads.
const MOST: usize = 8;

fn listen_to_panics() {
    let told = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        told(panic);
        let text = panic.payload_as_str().unwrap_or("it says nothing");
        let place = panic.location().map(|place| format!(" ({place})")).unwrap_or_default();
        // A thread that panics while it holds the list has left it as it was.
        let mut panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
        panics.truncate(MOST - 1);
        panics.push(format!("{}{place}", without_backtrace(text)));
    }));
}

/// What a message says; where it came from stands in the log.
fn without_backtrace(text: &str) -> &str {
    let end = text.to_ascii_lowercase().find("\nbacktrace").unwrap_or(text.len());
    text[..end].trim_end()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_without_their_backtraces() {
        let text =
            "An IO error happened\nCaused by:\n  out of device memory allocating 64 bytes\nBacktrace:\n   0: main\n";
        let expected = "An IO error happened\nCaused by:\n  out of device memory allocating 64 bytes";
        assert_eq!(without_backtrace(text), expected);
        assert_eq!(without_backtrace("short"), "short");
    }
}
