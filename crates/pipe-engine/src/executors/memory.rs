//! Memory of attempts: the limit, who keeps it, and the peak.
//!
//! Does not know stages. A control group keeps a limit where one can be made, else a thread that looks every 50 ms.

use std::{
    collections::BTreeMap,
    env, fmt, io,
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock},
    thread,
    time::Duration,
};

use super::{
    cgroup::{Generation, Group, Parent},
    keeper::Handle,
    spawn::{self, Finished},
    tree,
};

/// How often memory is looked at: a program can fill a machine within a second.
const LIMITED: Duration = Duration::from_millis(50);
/// How often, where it is only to be reported.
const UNLIMITED: Duration = Duration::from_millis(200);

/// Who keeps memory limits on this machine.
#[derive(Clone, Debug)]
pub enum MemoryControl {
    /// Control groups of the second generation, made in this folder.
    CgroupV2(PathBuf),
    /// Control groups of the first generation, made in this folder.
    CgroupV1(PathBuf),
    /// This process, which looks 20 times a second; why it has to.
    Watchdog(String),
}

impl fmt::Display for MemoryControl {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CgroupV2(folder) => write!(to, "control groups (v2) in {}", folder.display()),
            Self::CgroupV1(folder) => write!(to, "control groups (v1) in {}", folder.display()),
            Self::Watchdog(why) => write!(to, "a watchdog ({why})"),
        }
    }
}

/// Tells who keeps memory limits on this machine; `PIPE_MEMORY=cgroup` or `watchdog` decides it.
#[must_use]
pub fn memory_control() -> MemoryControl {
    match parent() {
        Ok(Parent { generation: Generation::V2, folder }) => MemoryControl::CgroupV2(folder.clone()),
        Ok(Parent { generation: Generation::V1, folder }) => MemoryControl::CgroupV1(folder.clone()),
        Err(why) => MemoryControl::Watchdog(why.clone()),
    }
}

/// Where groups are made; looked for once.
fn parent() -> &'static Result<Parent, String> {
    static PARENT: OnceLock<Result<Parent, String>> = OnceLock::new();
    PARENT.get_or_init(|| match env::var(FORCED).as_deref() {
        Ok("watchdog") => Err(format!("{FORCED} asks for it")),
        _ => Parent::find(),
    })
}

const FORCED: &str = "PIPE_MEMORY";

/// A group for a limit; none where the watchdog keeps it.
///
/// # Errors
/// A group was asked for and cannot be made.
pub(super) fn group(limit: u64) -> io::Result<Option<Group>> {
    let is_forced = env::var(FORCED).is_ok_and(|way| way == "cgroup");
    match parent() {
        Ok(parent) => match parent.group(limit) {
            Err(_) if !is_forced => Ok(None),
            made => made.map(Some),
        },
        Err(why) if is_forced => Err(io::Error::other(format!("no control group can be made: {why}"))),
        Err(_) => Ok(None),
    }
}

/// What is known about the memory of an attempt.
#[derive(Default)]
pub(super) struct Seen {
    /// The most that was seen at one time.
    highest: Option<u64>,
    /// It was killed for it.
    is_over: bool,
    group: Option<Group>,
}

impl Seen {
    /// The most that its processes held at one time, at least what the largest of them did.
    pub(super) fn peak(&self, finished: &Finished) -> Option<u64> {
        // Every child has the memory of this process until its program starts, and the kernel counts that.
        let largest = finished.usage.ru_maxrss;
        let largest = (largest > spawn::own_largest()).then(|| largest.cast_unsigned() * 1024);
        self.group.as_ref().and_then(Group::peak).or(self.highest.max(largest))
    }

    /// Whether it was killed because of its limit, given how it ended.
    pub(super) fn is_over(&self, finished: &Finished) -> bool {
        let by_kernel = |group: &Group| match group.kills() {
            Some(kills) => kills > 0,
            None => group.was_full() && finished.status.signal() == Some(libc::SIGKILL),
        };
        self.is_over || self.group.as_ref().is_some_and(by_kernel)
    }
}

/// An attempt that runs.
struct Watched {
    keeper: i32,
    handle: Handle,
    limit: Option<u64>,
    seen: Seen,
}

/// The attempts that run, and a thread that looks at them.
pub(super) struct Watch {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// An attempt has a limit now, or all is over.
    hurry: Condvar,
}

#[derive(Default)]
struct State {
    watched: BTreeMap<u64, Watched>,
    is_over: bool,
}

impl Watch {
    pub(super) fn new() -> Self {
        let shared = Arc::new(Shared::default());
        let of_thread = shared.clone();
        thread::spawn(move || of_thread.look());
        Self { shared }
    }

    pub(super) fn add(&self, child: u64, keeper: i32, handle: Handle, limit: Option<u64>, group: Option<Group>) {
        let mut state = self.shared.lock();
        let is_first = !state.has_limits();
        let seen = Seen { group, ..Seen::default() };
        state.watched.insert(child, Watched { keeper, handle, limit, seen });
        // Only the first: a thread that is woken by every start would never get to look.
        if limit.is_some() && is_first {
            self.shared.hurry.notify_all();
        }
    }

    /// Ends the watch over a child that has ended and has not been waited for.
    pub(super) fn remove(&self, child: u64) -> Seen {
        self.shared.lock().watched.remove(&child).map(|watched| watched.seen).unwrap_or_default()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.hurry.notify_all();
    }
}

impl State {
    fn has_limits(&self) -> bool {
        self.watched.values().any(|watched| watched.limit.is_some())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }

    fn look(&self) {
        let mut state = self.lock();
        // Attempts without a limit are looked at in every fourth round, if there are rounds for others.
        let (mut round, every) = (0_u32, (UNLIMITED.as_millis() / LIMITED.as_millis()) as u32);
        while !state.is_over {
            let (pause, rounds) = if state.has_limits() { (LIMITED, 1) } else { (UNLIMITED, every) };
            let (waited, timeout) = self.hurry.wait_timeout(state, pause).expect("no holder panics");
            state = waited;
            if !timeout.timed_out() {
                continue;
            }
            round += rounds;
            let all = round >= every;
            round %= every;
            // Not under the lock: the engine must not wait for hundreds of small files.
            let due: Vec<_> = state
                .watched
                .iter()
                .filter(|(_, watched)| all || watched.limit.is_some())
                .map(|(child, watched)| (*child, watched.keeper))
                .collect();
            drop(state);
            let found: Vec<_> =
                due.into_iter().map(|(child, keeper)| (child, tree::memory(&tree::descendants(keeper)))).collect();
            state = self.lock();
            for (child, memory) in found {
                if let Some(watched) = state.watched.get_mut(&child) {
                    watched.saw(memory);
                }
            }
        }
    }
}

impl Watched {
    fn saw(&mut self, memory: u64) {
        self.seen.highest = self.seen.highest.max(Some(memory));
        // In a group of the first generation the kernel kills one process, and the rest would go on without it.
        self.seen.is_over |= match &self.seen.group {
            Some(group) => group.kills().is_some_and(|kills| kills > 0),
            None => self.limit.is_some_and(|limit| memory > limit),
        };
        if self.seen.is_over {
            self.handle.kill();
        }
    }
}
