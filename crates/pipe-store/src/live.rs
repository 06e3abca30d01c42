//! Which runs go on just now: those whose lock their process holds.
//!
//! Does not know what a run does. A collection of garbage removes nothing that a run that goes on has said it uses: the
//! run says so under a lock, before it looks at the bytes; the collection asks under the same lock, and removes before
//! it lets it go. So the run either is heard, or finds the bytes missing and makes them again.

use std::{fs::File, io, time::SystemTime};

use crate::{RunId, Store, StoreError, lease::held};

/// A run that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveRun {
    /// Its number.
    pub run: RunId,
    /// Its start, by the clock of the file system, as are the times of objects.
    pub since: SystemTime,
}

/// The right to say what a run uses, shared by all who do, or to remove what none uses, which keeps all others out.
pub(crate) struct Gate {
    // Held for its lock alone.
    _file: File,
}

impl Store {
    /// Waits while another process removes a few files; while it is held, none is removed.
    pub(crate) fn gate_to_use(&self) -> Result<Gate, StoreError> {
        self.gate(File::lock_shared)
    }

    /// Waits while another process says what it uses.
    pub(crate) fn gate_to_remove(&self) -> Result<Gate, StoreError> {
        self.gate(File::lock)
    }

    fn gate(&self, lock: fn(&File) -> io::Result<()>) -> Result<Gate, StoreError> {
        // Beside the leases it would be taken for one that a dead process left.
        let path = self.root().join("gate");
        let failed = |source| StoreError::io("lock", &path, source);
        let file = File::options().write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        lock(&file).map_err(failed)?;
        Ok(Gate { _file: file })
    }

    /// All runs that go on, of whatever process.
    ///
    /// # Errors
    /// A lock cannot be looked at.
    pub fn live_runs(&self) -> Result<Vec<LiveRun>, StoreError> {
        let mut live = Vec::new();
        for run in self.open_runs()? {
            let path = self.run_lock(run);
            if let Some(file) = held(&path)? {
                let since = file.metadata().and_then(|file| file.modified());
                live.push(LiveRun { run, since: since.map_err(|source| StoreError::io("read", &path, source))? });
            }
        }
        Ok(live)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RunEnd, fixture};

    #[test]
    fn a_run_is_live_until_its_end_or_that_of_its_process() {
        let (folder, one) = fixture::store();
        let two = Store::open(folder.path()).expect("the same store");
        let (first, second) = (fixture::run(&one), fixture::run(&two));
        let live = |store: &Store| store.live_runs().expect("readable").iter().map(|run| run.run).collect::<Vec<_>>();
        assert_eq!(live(&one), [first, second]);
        one.end_run(first, &RunEnd::default()).expect("writable");
        assert_eq!(live(&one), [second]);
        drop(two);
        assert!(live(&one).is_empty());
    }
}
