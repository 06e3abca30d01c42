//! Signals to this process: asked to end, asked to stop.
//!
//! Does not know who asks, nor what is done about it.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};

use super::spawn::{self, Does};

static INTERRUPTS: AtomicUsize = AtomicUsize::new(0);
static FIRST: AtomicI32 = AtomicI32::new(0);
static SUSPEND: AtomicBool = AtomicBool::new(false);

const LISTENED: [i32; 4] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGTSTP];

/// A signal that asks this process to end, and is passed on to its children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// A polite kill.
    Terminate,
    /// The terminal is gone.
    HangUp,
}

impl Signal {
    /// Its number.
    #[must_use]
    pub fn number(self) -> i32 {
        match self {
            Self::Interrupt => libc::SIGINT,
            Self::Terminate => libc::SIGTERM,
            Self::HangUp => libc::SIGHUP,
        }
    }
}

/// Counts SIGINT, SIGTERM and SIGHUP from now on instead of ending, and notes Ctrl-Z instead of stopping.
pub fn listen() {
    for signal in LISTENED {
        // What the caller had ignored (`nohup`) stays so; Ctrl-C and a kill are listened to in any case, because a
        // shell ignores them for what it puts into the background.
        if spawn::act(signal, None) != Does::Nothing || matches!(signal, libc::SIGINT | libc::SIGTERM) {
            spawn::act(signal, Some(Does::Note));
        }
    }
}

/// Lets signals end and stop this process again. Async-signal-safe.
pub fn stop_listening() {
    for signal in LISTENED {
        if spawn::act(signal, None) == Does::Note {
            spawn::act(signal, Some(Does::Default));
        }
    }
}

/// How many interrupts have come.
pub fn count() -> usize {
    INTERRUPTS.load(Ordering::SeqCst)
}

/// The interrupt that came first.
pub fn first() -> Option<Signal> {
    let first = FIRST.load(Ordering::SeqCst);
    [Signal::Interrupt, Signal::Terminate, Signal::HangUp].into_iter().find(|signal| signal.number() == first)
}

/// Whether Ctrl-Z was pressed since this was asked last.
pub(super) fn takes_suspend() -> bool {
    SUSPEND.swap(false, Ordering::SeqCst)
}

/// Notes a signal; runs in a handler, where nothing but atomics is safe.
pub(super) extern "C" fn note(signal: i32) {
    if signal == libc::SIGTSTP {
        SUSPEND.store(true, Ordering::SeqCst);
        return;
    }
    // Fails where another came first.
    let _ = FIRST.compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst);
    INTERRUPTS.fetch_add(1, Ordering::SeqCst);
}

/// Makes signals do in a child, before its program starts, what programs expect. Async-signal-safe.
pub(super) fn for_programs() {
    stop_listening();
    // Rust ignores it, and what is ignored stays so.
    spawn::act(libc::SIGPIPE, Some(Does::Default));
}

#[cfg(test)]
mod tests {
    use std::{env, os::unix::process::ExitStatusExt as _, process::Command, thread};

    use super::*;

    const AGAIN: &str = "PIPE_TEST_AGAIN";

    /// Sends itself signals, and dies of the last.
    #[test]
    fn as_listener() {
        if env::var_os(AGAIN).is_none() {
            return;
        }
        listen();
        assert_eq!((count(), first()), (0, None));
        let this = std::process::id().cast_signed();
        for (at, signal) in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP].into_iter().enumerate() {
            spawn::send(this, signal);
            while count() == at {
                thread::yield_now();
            }
            assert_eq!(first(), Some(Signal::Terminate));
        }
        spawn::send(this, libc::SIGTSTP);
        while !takes_suspend() {
            thread::yield_now();
        }
        assert!(!takes_suspend());
        assert_eq!(count(), 3);
        stop_listening();
        spawn::send(this, libc::SIGHUP);
        thread::park();
    }

    #[test]
    fn interrupts_are_counted_until_nobody_listens() {
        let mut inner = Command::new(env::current_exe().expect("this binary"));
        inner.args(["executors::signals::tests::as_listener", "--exact"]).env(AGAIN, "1");
        let output = inner.output().expect("this binary starts");
        assert_eq!(output.status.signal(), Some(libc::SIGHUP), "{}", String::from_utf8_lossy(&output.stdout));
    }

    /// Sends itself a signal that its caller ignores, and one that counts.
    #[test]
    fn as_ignorant() {
        if env::var_os(AGAIN).is_none() {
            return;
        }
        listen();
        let this = std::process::id().cast_signed();
        spawn::send(this, libc::SIGHUP);
        spawn::send(this, libc::SIGTERM);
        while count() == 0 {
            thread::yield_now();
        }
        assert_eq!((count(), first()), (1, Some(Signal::Terminate)));
    }

    #[test]
    fn a_caller_may_have_hang_ups_ignored() {
        let script = "trap '' HUP; exec \"$0\" executors::signals::tests::as_ignorant --exact";
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).arg(env::current_exe().expect("this binary")).env(AGAIN, "1");
        let output = shell.output().expect("a shell starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}
