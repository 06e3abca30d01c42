//! Named pools that all processes of a machine share: as many locks as a pool has units.
//!
//! Does not know what a unit is: a licence, a tenth of a disk.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::Path,
    thread,
    time::Duration,
};

use crate::{StoreError, folder_name, lease::let_go};

/// How often, and how long apart, the gate of a pool is tried before the answer is "not now".
const TRIES: (u32, Duration) = (20, Duration::from_millis(1));

/// Units of a pool; dropping it, or the end of the process, gives them back.
#[derive(Debug)]
pub struct SlotGuard {
    units: Vec<Unit>,
}

/// A locked file.
#[derive(Debug)]
struct Unit(File);

impl Drop for Unit {
    fn drop(&mut self) {
        let_go(&self.0);
    }
}

impl SlotGuard {
    /// How many units these are.
    pub fn count(&self) -> u32 {
        u32::try_from(self.units.len()).expect("they were asked for as u32")
    }
}

/// Takes `wanted` of the `capacity` units of a pool, all or none; none also where the pool has fewer than are wanted.
///
/// Never waits long: who got none asks again later.
///
/// # Errors
/// The locks cannot be made.
pub fn take_slots(folder: &Path, name: &str, capacity: u32, wanted: u32) -> Result<Option<SlotGuard>, StoreError> {
    if wanted > capacity {
        return Ok(None);
    }
    fs::create_dir_all(folder).map_err(|source| StoreError::io("create", folder, source))?;
    let name = folder_name(name);
    let lock = |end: &str| try_lock(&folder.join(format!("{name}.{end}")));
    // Two that collect units at once would take from each other what both lack; the gate lets one collect.
    let Some(_gate) = patiently(|| lock("gate"))? else { return Ok(None) };
    let mut units = Vec::new();
    for unit in 0..capacity {
        if units.len() == wanted as usize {
            break;
        }
        units.extend(lock(&unit.to_string())?);
    }
    Ok((units.len() == wanted as usize).then_some(SlotGuard { units }))
}

fn patiently(lock: impl Fn() -> Result<Option<Unit>, StoreError>) -> Result<Option<Unit>, StoreError> {
    let (tries, pause) = TRIES;
    for _ in 1..tries {
        if let Some(unit) = lock()? {
            return Ok(Some(unit));
        }
        thread::sleep(pause);
    }
    lock()
}

fn try_lock(path: &Path) -> Result<Option<Unit>, StoreError> {
    let failed = |source: io::Error| StoreError::io("lock", path, source);
    let file = File::options().write(true).create(true).truncate(false).open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Unit(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn all_or_none_and_given_back() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let take = |name, wanted| take_slots(folder.path(), name, 10, wanted).expect("writable");
        let seven = take("gpu/0", 7).expect("all are free");
        assert_eq!(seven.count(), 7);
        assert!(take("gpu/0", 4).is_none());
        let three = take("gpu/0", 3).expect("the rest, which the one before has left");
        assert!(take("gpu/0", 1).is_none() && take("gpu/1", 10).is_some());
        drop(seven);
        assert!(take("gpu/0", 7).is_some());
        drop(three);
        assert!(take("gpu/0", 10).is_some() && take("gpu/0", 11).is_none());
        assert_eq!(take("gpu/0", 0).expect("nothing").count(), 0);
    }

    #[test]
    fn never_more_are_out_than_there_are() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (out, most) = (AtomicU32::new(0), AtomicU32::new(0));
        let work = |wanted: u32| {
            let mut had = 0;
            while had < 50 {
                if let Some(guard) = take_slots(folder.path(), "pool", 5, wanted).expect("writable") {
                    let now = out.fetch_add(wanted, Ordering::SeqCst) + wanted;
                    most.fetch_max(now, Ordering::SeqCst);
                    thread::yield_now();
                    out.fetch_sub(wanted, Ordering::SeqCst);
                    drop(guard);
                    had += 1;
                }
            }
        };
        thread::scope(|scope| [2, 3, 4].map(|wanted| scope.spawn(move || work(wanted))).map(drop));
        assert!(most.into_inner() <= 5);
    }
}
