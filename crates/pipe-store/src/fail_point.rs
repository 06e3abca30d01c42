//! Named places at which a process kills itself, so that tests can stand in for a power cut or an out-of-memory kill.
//!
//! Does not know who sets `PIPE_FAIL_POINT`. The value is a name, or `name:N` for the N-th passage of this process:
//!
//! | name | where |
//! |---|---|
//! | `object.written` | an object's bytes are written and hashed, not yet flushed |
//! | `object.synced` | they are flushed, and still have no name in the store |
//! | `object.renamed` | the object has its name, its folder is not yet flushed |
//! | `publish.objects` | all outputs are stored, without a row (passed by the engine) |
//! | `publish.row` | all rows are written, before the commit |
//! | `publish.committed` | after the commit, before the attempt is tidied up |
//! | `publish.cleaned` | the attempt's scratch and checkpoints are gone, the lease is still held |
//! | `attempt.begun` | an attempt has its folder and its row |
//! | `run.begun` | a run has its row |
//! | `run.ended` | a run's row says how it ended |
//! | `spool.rows` | messages are written, before the commit |
//! | `spool.committed` | after it |
//! | `place.accepted` | a server has made a run, and nobody has noted what it calls it |
//! | `deliver.accepted` | a server has taken messages, and nobody has noted that |
//! | `deliver.noted` | it is noted |

use std::sync::{
    LazyLock,
    atomic::{AtomicU64, Ordering},
};

use rustix::process::{Signal, getpid, kill_process};

/// A name, and at which passage it strikes.
struct Armed {
    name: String,
    passage: u64,
}

static ARMED: LazyLock<Option<Armed>> =
    LazyLock::new(|| std::env::var("PIPE_FAIL_POINT").ok().map(|text| armed(&text)));
static PASSED: AtomicU64 = AtomicU64::new(0);

/// Kills this process with SIGKILL if the environment names this point; else does nothing.
pub fn fail_point(name: &str) {
    let Some(armed) = ARMED.as_ref().filter(|armed| armed.name == name) else { return };
    if PASSED.fetch_add(1, Ordering::Relaxed) + 1 == armed.passage {
        let _always_allowed = kill_process(getpid(), Signal::KILL);
        // The signal may reach another thread first; this one must not go on meanwhile.
        loop {
            std::thread::park();
        }
    }
}

fn armed(text: &str) -> Armed {
    let parts = text.rsplit_once(':').and_then(|(name, count)| Some((name, count.parse().ok()?)));
    let (name, passage) = parts.unwrap_or((text, 1));
    Armed { name: name.to_owned(), passage }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, name: &str, passage: u64) {
        let armed = armed(text);
        assert_eq!((armed.name.as_str(), armed.passage), (name, passage));
    }

    #[test]
    fn a_point_is_a_name_and_maybe_a_passage() {
        check("publish.row", "publish.row", 1);
        check("publish.row:17", "publish.row", 17);
        check("publish.row:x", "publish.row:x", 1);
    }
}
