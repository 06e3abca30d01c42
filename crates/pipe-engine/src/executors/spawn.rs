//! The system calls around child processes: a program below its keeper, signals, waiting.
//!
//! The one file of this crate that may hold `unsafe`. Does not know stages. In bullets:
//! * A child is two processes. The *keeper* leads a process group, is a subreaper, and blocks signals; the program is
//!   its child. Whatever the program leaves behind, in whatever session, becomes a child of the keeper, which kills it.
//! * The keeper shares this process's memory and has a stack of its own, as a thread has: nothing is copied to make it,
//!   however large the plan is. It makes no call that could allocate, lock or touch `errno`, which belongs to a thread.
//! * The keeper gets SIGCONT when this process dies, when the program dies SIGCHLD, and SIGCONT again when it is asked
//!   to end everything. SIGCONT, because that reaches a stopped process too.
#![expect(unsafe_code, reason = "processes that share memory, signals and poll have no safe interface in std")]

use std::{
    ffi::{c_int, c_long, c_void},
    io::{self, PipeReader, Read as _},
    mem,
    os::{
        fd::{AsRawFd as _, BorrowedFd},
        unix::process::ExitStatusExt as _,
    },
    process::ExitStatus,
    ptr,
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering::SeqCst},
    },
    time::Duration,
};

use super::{
    keeper::{self, Handle, RUNNING, Told},
    launch::{Launch, Texts},
    signals,
    stack::Stack,
};

/// A program that runs, with its keeper.
#[cfg(target_os = "linux")]
pub(super) struct Child {
    /// The keeper, whose number is also that of the group.
    pub handle: Handle,
    pub program: i32,
    /// At its end when the child has ended.
    pub life: PipeReader,
    stack: Stack,
}

/// How a child ended.
pub(super) struct Finished {
    pub status: ExitStatus,
    /// Nothing that it started is left.
    pub is_clean: bool,
    pub usage: libc::rusage,
}

/// What the keeper and the program need until the program runs; lives in the frame of `start`.
#[cfg(target_os = "linux")]
struct Setup<'s> {
    launch: &'s Launch<'s>,
    texts: Texts,
    speaking: c_int,
    parent: libc::pid_t,
    told: *const Told,
    program_stack: *mut c_void,
    keeper: AtomicI32,
    error: AtomicI32,
}

#[cfg(target_os = "linux")]
impl Child {
    /// Starts a program; gives the error if it cannot be started.
    pub(super) fn start(launch: &Launch<'_>) -> io::Result<Self> {
        let (mut life, speaking) = io::pipe()?;
        let stack = Stack::new();
        let told = Told { status: RUNNING.into(), is_clean: false.into(), kill: false.into() };
        let told = Arc::new(told);
        let setup = Setup {
            launch,
            texts: launch.texts(),
            speaking: speaking.as_raw_fd(),
            parent: std::process::id().cast_signed(),
            // A reference of the keeper's own, taken back when the keeper has been waited for.
            told: Arc::into_raw(told.clone()),
            program_stack: stack.of_program(),
            keeper: 0.into(),
            error: 0.into(),
        };
        let argument = (&raw const setup).cast_mut().cast();
        // SAFETY: the stack is unused, large enough for `keep` and `execute`, and given back only after the keeper
        // was waited for. `setup` outlives its use: this function waits below until the keeper has written its
        // message, after which nobody reads `setup`, or until all copies of `speaking` are closed. Signals are
        // blocked meanwhile, so that no handler of this process runs on the new stack.
        let keeper = unsafe {
            let mut all: libc::sigset_t = mem::zeroed();
            let mut before: libc::sigset_t = mem::zeroed();
            libc::sigfillset(&raw mut all);
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, &raw mut before);
            let keeper = libc::clone(keep, stack.of_keeper(), libc::CLONE_VM | libc::SIGCHLD, argument);
            let error = io::Error::last_os_error();
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut());
            if keeper < 0 {
                drop(Arc::from_raw(setup.told));
                stack.give_back();
                return Err(error);
            }
            keeper
        };
        drop(speaking);
        let mut message = [0; 4];
        let heard = life.read_exact(&mut message);
        let error = setup.error.load(SeqCst);
        let handle = Handle { keeper, told };
        let child = Self { handle, program: i32::from_ne_bytes(message), life, stack };
        match (heard, error) {
            (Ok(()), 0) => Ok(child),
            (Ok(()), error) => child.wait().and(Err(io::Error::from_raw_os_error(error))),
            (Err(error), _) => child.wait().and(Err(error)),
        }
    }

    /// Waits for the keeper, whose end is the end of all.
    pub(super) fn wait(self) -> io::Result<Finished> {
        let (raw, usage) = wait(self.handle.keeper)?;
        let told = self.handle.told;
        // SAFETY: the keeper is gone, and with it the only user of the reference that `start` made for it.
        unsafe { Arc::decrement_strong_count(Arc::as_ptr(&told)) };
        self.stack.give_back();
        let status = told.status.load(SeqCst);
        let status = ExitStatus::from_raw(if status == RUNNING { raw } else { status });
        Ok(Finished { status, is_clean: told.is_clean.load(SeqCst), usage })
    }
}

/// The keeper: starts the program, tells how that went, and tends it. Runs on the memory of this process; until its
/// message is written, the thread that started it waits, so its `errno` is free.
#[cfg(target_os = "linux")]
extern "C" fn keep(setup: *mut c_void) -> c_int {
    // SAFETY: `start` handed a live setup over, and waits. The stack for the program is used by nobody else, and
    // vfork semantics suspend this process until the program has left it.
    unsafe {
        let setup = &*setup.cast::<Setup<'_>>();
        let (parent, told) = (setup.parent, &*setup.told);
        libc::setpgid(0, 0);
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1);
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGCONT);
        setup.keeper.store(libc::getpid(), SeqCst);
        let argument = (&raw const *setup).cast_mut().cast();
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
        let program = libc::clone(execute, setup.program_stack, flags, argument);
        if program < 0 {
            setup.error.store(last_error(), SeqCst);
        }
        libc::dup2(setup.speaking, 0);
        seal(1, false);
        libc::write(0, (&raw const program).cast(), size_of::<libc::pid_t>());
        // From here on `setup` and `errno` are no longer ours.
        keeper::tend(parent, program, told)
    }
}

/// The program, until it is one.
#[cfg(target_os = "linux")]
extern "C" fn execute(setup: *mut c_void) -> c_int {
    // SAFETY: the keeper is suspended and its setup alive. All calls are async-signal-safe and change only this
    // process, with the exception of `errno` and of the script's arguments, which nobody else uses now. The vectors
    // of pointers end in null, and the texts live in the setup's launch.
    unsafe {
        let setup = &*setup.cast::<Setup<'_>>();
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        // The keeper may have died before the request was made.
        if libc::getppid() != setup.keeper.load(SeqCst) {
            libc::_exit(1);
        }
        let launch = setup.launch;
        let enters = launch.cgroup.is_none_or(|group| libc::write(group.as_raw_fd(), c"0".as_ptr().cast(), 1) == 1);
        for (descriptor, to) in launch.descriptors.iter().zip(0..) {
            libc::dup2(descriptor.as_raw_fd(), to);
            // Where it already has its number, dup2 leaves the flag that closes it.
            libc::fcntl(to, libc::F_SETFD, 0);
        }
        seal(launch.descriptors.len() as c_int, true);
        if !enters || libc::chdir(launch.folder.as_ptr()) != 0 {
            setup.error.store(last_error(), SeqCst);
            libc::_exit(1);
        }
        // Handlers must not run here: they would count into the parent's memory. Rust ignores SIGPIPE, programs
        // expect not to.
        signals::for_programs();
        let mut none: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
        // As execvp does: the first that can be run, and a missing permission is told only if there is no other.
        let (mut error, mut denied) = (libc::ENOENT, false);
        let texts = &setup.texts;
        for candidate in texts.candidates.iter().copied() {
            libc::execve(candidate, texts.arguments.as_ptr(), texts.environment.as_ptr());
            error = last_error();
            if error == libc::ENOEXEC {
                texts.script[1].set(candidate);
                libc::execve(texts.script[0].get(), texts.script.as_ptr().cast(), texts.environment.as_ptr());
            }
            denied |= error == libc::EACCES;
            if ![libc::ENOENT, libc::ENOTDIR, libc::EACCES].contains(&error) {
                break;
            }
        }
        let is_lost = [libc::ENOENT, libc::ENOTDIR].contains(&error);
        setup.error.store(if denied && is_lost { libc::EACCES } else { error }, SeqCst);
        libc::_exit(1)
    }
}

#[cfg(target_os = "linux")]
fn last_error() -> c_int {
    io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}

/// Closes all descriptors from one on, now or when a program is started.
#[cfg(target_os = "linux")]
fn seal(first: c_int, at_start: bool) {
    // SAFETY: this process has a descriptor table of its own, and nothing below uses what is closed.
    unsafe {
        let flags = if at_start { libc::CLOSE_RANGE_CLOEXEC } else { 0 };
        if libc::syscall(libc::SYS_close_range, first, c_int::MAX, flags) == 0 {
            return;
        }
        // Kernels before 5.11.
        let mut limit: libc::rlimit = mem::zeroed();
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        for descriptor in first..c_int::try_from(limit.rlim_cur).unwrap_or(c_int::MAX).min(65_536) {
            match at_start {
                true => libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC),
                false => libc::close(descriptor),
            };
        }
    }
}

#[cfg(target_os = "linux")]
pub(super) mod raw {
    //! System calls for keepers. They leave `errno` alone; a negative result is the error.
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    use std::arch::asm;

    use super::{c_int, c_long, ptr};

    /// Reaps a child that has ended, if any has.
    pub(in super::super) fn wait(status: &mut c_int) -> c_long {
        call(libc::SYS_wait4, [-1, ptr::from_mut(status) as c_long, c_long::from(libc::WNOHANG | libc::__WALL), 0])
    }

    pub(in super::super) fn parent() -> c_long {
        call(libc::SYS_getppid, [0; 4])
    }

    pub(in super::super) fn kill(process: c_long) {
        call(libc::SYS_kill, [process, c_long::from(libc::SIGKILL), 0, 0]);
    }

    /// Waits for SIGCHLD or SIGCONT, for some milliseconds or for ever.
    pub(in super::super) fn pause(milliseconds: Option<c_long>) {
        let signals: u64 = 1 << (libc::SIGCHLD - 1) | 1 << (libc::SIGCONT - 1);
        let within = libc::timespec { tv_sec: 0, tv_nsec: milliseconds.unwrap_or(0).saturating_mul(1_000_000) };
        let within = if milliseconds.is_some() { &raw const within } else { ptr::null() };
        call(libc::SYS_rt_sigtimedwait, [&raw const signals as c_long, 0, within as c_long, 8]);
    }

    /// Opens the list of the keeper's children.
    pub(in super::super) fn children() -> c_long {
        let path = c"/proc/thread-self/children".as_ptr() as c_long;
        call(libc::SYS_openat, [c_long::from(libc::AT_FDCWD), path, c_long::from(libc::O_RDONLY), 0])
    }

    pub(in super::super) fn read(file: c_long, bytes: &mut [u8]) -> c_long {
        call(libc::SYS_read, [file, bytes.as_mut_ptr() as c_long, bytes.len().cast_signed() as c_long, 0])
    }

    pub(in super::super) fn close(file: c_long) {
        call(libc::SYS_close, [file, 0, 0, 0]);
    }

    pub(in super::super) fn exit() -> ! {
        loop {
            call(libc::SYS_exit_group, [0; 4]);
        }
    }

    fn call(number: c_long, [a, b, c, d]: [c_long; 4]) -> c_long {
        let result;
        // SAFETY: the functions above hand over numbers, and pointers to live memory of the right size.
        #[cfg(target_arch = "x86_64")]
        unsafe {
            asm!("syscall", inlateout("rax") number => result, in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d,
                lateout("rcx") _, lateout("r11") _, options(nostack));
        }
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        unsafe {
            asm!("svc 0", in("x8") number, inlateout("x0") a => result, in("x1") b, in("x2") c, in("x3") d,
                options(nostack));
        }
        // SAFETY: as above; `errno` is put back, which is as good as it gets on other processors.
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        unsafe {
            let error = *libc::__errno_location();
            result = libc::syscall(number, a, b, c, d);
            *libc::__errno_location() = error;
        }
        result
    }
}

/// What a signal does to this process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    /// Or something that a library has set.
    Default,
    Nothing,
    /// `signals::note` notes it.
    Note,
}

/// What a signal does; changed, if it is to do something else.
pub(super) fn act(signal: c_int, new: Option<Does>) -> Does {
    let note = signals::note as *const () as usize;
    // SAFETY: zeroed actions are valid ones, the pointers are to locals, and the handler only stores to atomics. No
    // SA_RESTART: a signal wakes the engine.
    let now = unsafe {
        let (mut before, mut after): (libc::sigaction, libc::sigaction) = mem::zeroed();
        after.sa_sigaction = if new == Some(Does::Note) { note } else { libc::SIG_DFL };
        let after = if new.is_some() { &raw const after } else { ptr::null() };
        libc::sigaction(signal, after, &raw mut before);
        before.sa_sigaction
    };
    match now {
        libc::SIG_IGN => Does::Nothing,
        now if now == note => Does::Note,
        _ => Does::Default,
    }
}

/// Sends a signal to a process, or to a group if the number is negative.
pub(super) fn send(process: i32, signal: c_int) {
    // SAFETY: kill has no memory effects; a process that is gone gives an error that does not matter.
    unsafe { libc::kill(process, signal) };
}

/// Stops this process; returns when it goes on.
pub(super) fn stop() {
    // SAFETY: no memory effects. Sent to this thread, which therefore cannot run on before it is stopped.
    unsafe { libc::raise(libc::SIGSTOP) };
}

/// Makes this process the parent of what its children leave behind, and able to wait for children.
pub(super) fn adopt() {
    // A caller that ignores SIGCHLD hands that down, and then nobody can wait for anything.
    act(libc::SIGCHLD, Some(Does::Default));
    // SAFETY: this request takes a number only.
    #[cfg(target_os = "linux")]
    unsafe {
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1)
    };
}

/// Tells which descriptors can be read or are at their end, after at most the time; none if a signal came.
pub(super) fn readable(descriptors: &[BorrowedFd<'_>], within: Duration) -> Vec<bool> {
    let asked = |of: &BorrowedFd<'_>| libc::pollfd { fd: of.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let mut polled: Vec<_> = descriptors.iter().map(asked).collect();
    // Rounded up: a rest below a millisecond must not become a loop that spins.
    let milliseconds = i32::try_from(within.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX);
    // SAFETY: the pointer and the length are those of one live vector of pollfd.
    let found = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, milliseconds) };
    polled.iter().map(|polled| found > 0 && polled.revents != 0).collect()
}

/// Waits for a child of this process: its raw status, and what was used by it and all that it waited for.
pub(super) fn wait(process: i32) -> io::Result<(c_int, libc::rusage)> {
    loop {
        // SAFETY: a zeroed rusage is a valid one, and both pointers are to locals.
        let (reaped, status, usage) = unsafe {
            let (mut status, mut usage) = (0, mem::zeroed());
            (libc::wait4(process, &raw mut status, 0, &raw mut usage), status, usage)
        };
        match (reaped, io::Error::last_os_error()) {
            (-1, error) if error.kind() == io::ErrorKind::Interrupted => {}
            (-1, error) => return Err(error),
            _ => return Ok((status, usage)),
        }
    }
}

/// The largest resident set that this process has had.
pub(super) fn own_largest() -> c_long {
    // SAFETY: a zeroed rusage is a valid one, and the pointer is to a local.
    unsafe {
        let mut own: libc::rusage = mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut own);
        own.ru_maxrss
    }
}
