//! The system calls of child processes: own group, end with the parent, signals.
//!
//! The one file of this crate that may hold `unsafe`. Does not know stages.
#![expect(
    unsafe_code,
    reason = "process groups, parent-death signals and signal handlers have no safe interface in std"
)]

use std::{
    io,
    os::unix::process::CommandExt as _,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

static INTERRUPTS: AtomicUsize = AtomicUsize::new(0);

/// Counts SIGINT, SIGTERM and SIGHUP from now on instead of ending.
pub fn listen() {
    extern "C" fn note(_: libc::c_int) {
        // An atomic addition is all that is safe in a handler.
        INTERRUPTS.fetch_add(1, Ordering::SeqCst);
    }
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: the handler only adds to an atomic, which is async-signal-safe; the zeroed action is a valid one.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = note as *const () as usize;
            libc::sigemptyset(&raw mut action.sa_mask);
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }
}

/// How many interrupts have come.
pub fn count() -> usize {
    INTERRUPTS.load(Ordering::SeqCst)
}

/// Puts a command into a process group of its own, which ends when the spawning thread ends.
///
/// The caller must spawn from a thread that lives as long as the child should.
pub(super) fn isolate(command: &mut Command) {
    command.process_group(0);
    #[cfg(target_os = "linux")]
    {
        let parent = std::process::id();
        // SAFETY: between fork and exec only async-signal-safe calls are made: prctl, getppid and kill.
        unsafe {
            command.pre_exec(move || {
                if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                    return Err(io::Error::last_os_error());
                }
                // The parent may have died before the request was made.
                if libc::getppid().cast_unsigned() != parent {
                    libc::raise(libc::SIGKILL);
                }
                Ok(())
            });
        }
    }
}

/// A signal for a process group.
#[derive(Clone, Copy)]
pub(super) enum Signal {
    Terminate,
    Kill,
}

/// Sends a signal to a child's process group.
pub(super) fn signal(group: u32, signal: Signal) {
    let signal = match signal {
        Signal::Terminate => libc::SIGTERM,
        Signal::Kill => libc::SIGKILL,
    };
    // SAFETY: kill has no memory effects; a group that is gone gives an error that does not matter.
    unsafe {
        libc::kill(-group.cast_signed(), signal);
    }
}
