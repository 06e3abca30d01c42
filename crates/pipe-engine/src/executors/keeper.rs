//! What a keeper does while its program runs, and when that has ended.
//!
//! `tend` runs beside this process on the same memory, but is no thread of it: it may not allocate, lock, panic or make
//! a system call other than those of `raw`.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI32, Ordering::SeqCst},
};

use super::spawn;
#[cfg(target_os = "linux")]
use super::spawn::raw;

/// What a keeper and the engine tell each other while the program runs.
pub(super) struct Told {
    /// Raw status of the program, or `RUNNING`.
    pub status: AtomicI32,
    /// All that the program started is reaped.
    pub is_clean: AtomicBool,
    /// Everything is to be killed.
    pub kill: AtomicBool,
}

/// Ends a child from any thread. To be used only while nobody has waited for the child.
#[derive(Clone)]
pub(super) struct Handle {
    pub keeper: i32,
    pub told: Arc<Told>,
}

impl Handle {
    pub(super) fn kill(&self) {
        self.told.kill.store(true, SeqCst);
        // Without a keeper, the number is that of the program.
        let (to, signal) =
            if cfg!(target_os = "linux") { (self.keeper, libc::SIGCONT) } else { (-self.keeper, libc::SIGKILL) };
        spawn::send(to, signal);
    }
}

/// No status of a process has this value.
pub(super) const RUNNING: i32 = -1;

/// A list of children may miss one while others end, so it is read again after this many milliseconds.
#[cfg(target_os = "linux")]
const SOON: i64 = 5;

/// Waits until the program has ended, the engine has died, or all is to be killed; then kills what is left, and ends.
#[cfg(target_os = "linux")]
pub(super) fn tend(engine: i32, program: i32, told: &Told) -> ! {
    let mut ends = false;
    loop {
        let mut status = 0;
        let reaped = raw::wait(&mut status);
        if reaped > 0 {
            if reaped == i64::from(program) {
                told.status.store(status, SeqCst);
                ends = true;
            }
            continue;
        }
        let has_none = reaped < 0;
        ends |= has_none || told.kill.load(SeqCst) || raw::parent() != i64::from(engine);
        // Without a list, what is left goes to the engine, or to its parent.
        if ends && (has_none || !kill_children()) {
            told.is_clean.store(has_none, SeqCst);
            raw::exit();
        }
        raw::pause(ends.then_some(SOON));
    }
}

/// Kills all children of the keeper; false if nothing tells which.
#[cfg(target_os = "linux")]
fn kill_children() -> bool {
    let list = raw::children();
    if list < 0 {
        return false;
    }
    let (mut child, mut bytes) = (0, [0; 1024]);
    loop {
        let count = raw::read(list, &mut bytes);
        for byte in bytes.iter().take(usize::try_from(count).unwrap_or(0)) {
            if byte.is_ascii_digit() {
                child = child * 10 + i64::from(byte - b'0');
            } else {
                raw::kill(child);
                child = 0;
            }
        }
        if count <= 0 {
            raw::close(list);
            return true;
        }
    }
}
