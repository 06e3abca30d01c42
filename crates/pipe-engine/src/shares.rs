//! Shares of a thing that all processes of a machine share: one locked file a share, which says how large it is.
//!
//! Does not know what is shared. A process that ends gives its shares back by that; whoever looks next clears them away.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use pipe_store::{StoreError, folder_name};

/// How often, and how long apart, the gate of a thing is tried before the answer is "not now".
const TRIES: (u32, Duration) = (20, Duration::from_millis(1));

/// How much of a thing: hundredths of it, and bytes of its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Amount {
    pub hundredths: u32,
    pub bytes: u64,
}

/// A share; dropping it, or the end of the process, gives it back.
#[derive(Debug)]
pub(crate) struct Share {
    path: PathBuf,
    _locked: Locked,
}

impl Drop for Share {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
    }
}

/// A locked file.
#[derive(Debug)]
struct Locked(File);

impl Drop for Locked {
    fn drop(&mut self) {
        // A child that is being started may have a copy of the descriptor for a moment; the lock must not wait for that.
        drop(self.0.unlock());
    }
}

/// Takes a share of a thing that has `whole`; none where others have too much of it.
///
/// Never waits long: who got none asks again later.
///
/// # Errors
/// The files cannot be made.
pub(crate) fn take_share(
    folder: &Path,
    name: &str,
    whole: Amount,
    wanted: Amount,
) -> Result<Option<Share>, StoreError> {
    let failed = |path: &Path, source| StoreError::Io { what: "lock", path: path.to_path_buf(), source };
    fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
    let name = folder_name(name);
    let gate = folder.join(format!("{name}.gate"));
    // Two that look at once would both find the room that one of them takes.
    let Some(_gate) = entered(&gate).map_err(|source| failed(&gate, source))? else { return Ok(None) };
    let out = out(folder, &name).map_err(|source| failed(folder, source))?;
    let fits = out.hundredths.saturating_add(wanted.hundredths) <= whole.hundredths
        && out.bytes.saturating_add(wanted.bytes) <= whole.bytes;
    if !fits {
        return Ok(None);
    }
    let (mut file, path) = new(folder, &name).map_err(|source| failed(folder, source))?;
    let text = format!("{} {}\n", wanted.hundredths, wanted.bytes);
    let told = file.lock().and_then(|()| file.write_all(text.as_bytes()));
    let share = Share { path, _locked: Locked(file) };
    told.map_err(|source| failed(&share.path, source))?;
    Ok(Some(share))
}

fn entered(gate: &Path) -> io::Result<Option<Locked>> {
    let file = File::options().write(true).create(true).truncate(false).open(gate)?;
    let (tries, pause) = TRIES;
    for _ in 0..tries {
        match file.try_lock() {
            Ok(()) => return Ok(Some(Locked(file))),
            Err(TryLockError::WouldBlock) => thread::sleep(pause),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(None)
}

/// What others have. Shares of processes that have died are cleared away.
fn out(folder: &Path, name: &str) -> io::Result<Amount> {
    let mut out = Amount { hundredths: 0, bytes: 0 };
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let file_name = entry.file_name();
        let Some(rest) = file_name.to_str().and_then(|file| file.strip_prefix(name)) else { continue };
        if !rest.starts_with('.') || !rest.ends_with(".share") {
            continue;
        }
        let mut file = match File::open(entry.path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            opened => opened?,
        };
        match file.try_lock_shared() {
            Ok(()) => drop(fs::remove_file(entry.path())),
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.read_to_string(&mut text)?;
                let mut numbers = text.split_whitespace();
                let mut next = || numbers.next().and_then(|number| number.parse::<u64>().ok());
                // One that cannot be read is taken for all of it.
                let hundredths = next().and_then(|number| u32::try_from(number).ok()).unwrap_or(u32::MAX);
                out.hundredths = out.hundredths.saturating_add(hundredths);
                out.bytes = out.bytes.saturating_add(next().unwrap_or(u64::MAX));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(out)
}

/// A file that nobody has.
fn new(folder: &Path, name: &str) -> io::Result<(File, PathBuf)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{name}.{}-{number}.share", process::id()));
        match File::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return Ok((made?, path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(hundredths: u32, bytes: u64) -> Amount {
        Amount { hundredths, bytes }
    }

    #[test]
    fn shares_never_sum_to_more_than_the_whole() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let take = |name: &str, hundredths, bytes| {
            take_share(folder.path(), name, amount(100, 80), amount(hundredths, bytes)).expect("writable")
        };
        let half = take("0", 50, 40).expect("all is free");
        assert!(take("0", 60, 0).is_none() && take("0", 10, 41).is_none());
        assert!(take("1", 100, 80).is_some(), "another card");
        let rest = take("0", 50, 40).expect("the rest");
        assert!(take("0", 1, 0).is_none());
        drop(half);
        assert!(take("0", 50, 40).is_some());
        drop(rest);
        assert!(take("0", 100, 80).is_some());
        let left = fs::read_dir(folder.path()).expect("there").count();
        assert_eq!(left, 2, "the gates alone");
    }

    #[test]
    fn a_share_of_a_dead_process_is_free() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("0.1-0.share"), "100 80\n").expect("writable");
        assert!(take_share(folder.path(), "0", amount(100, 80), amount(100, 80)).expect("writable").is_some());
        assert!(!folder.path().join("0.1-0.share").exists());
    }
}
