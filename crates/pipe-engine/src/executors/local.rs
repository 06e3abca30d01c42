//! Attempts as child processes of this one.
//!
//! Does not know what a child computes. Starts children from the thread that owns it, which lives as long as the run.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs::File,
    io::{self, PipeReader, PipeWriter, Read as _},
    os::fd::AsFd,
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::Mutex,
    time::{Duration, Instant},
};

use super::{
    launch::{Inherited, Launch},
    lines::Lines,
    memory::{self, Watch},
    signals::{self, Signal},
    spawn, tree,
};

#[cfg(not(target_os = "linux"))]
use super::plain::Child;
#[cfg(target_os = "linux")]
use super::spawn::Child;

/// A program to run.
pub(crate) struct Program {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub folder: PathBuf,
    /// Set over what is inherited.
    pub environment: Vec<(String, String)>,
    pub log: PathBuf,
    pub output: Said,
    /// What the program may append events to, as its descriptor 3.
    pub events: Option<PathBuf>,
    /// The most memory that it and all it starts may hold, in bytes.
    pub memory: Option<u64>,
}

/// Where standard output goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// Lines for the engine.
    ToEngine,
    /// Into the log, beside standard error.
    ToLog,
}

/// What comes back from a child.
pub(crate) enum Ended {
    /// A line of its standard output.
    Line { child: u64, line: String },
    /// It has ended, and all that it started; no line comes after this.
    Exit { child: u64, exit: Exit },
}

/// How a child ended.
pub(crate) struct Exit {
    pub status: io::Result<ExitStatus>,
    /// The most memory that it held at one time with all that it started, in bytes; none if it ended before anybody
    /// looked.
    pub peak_memory: Option<u64>,
    /// Of all its processes.
    pub cpu_seconds: f64,
    /// It, or something that it started, was killed because they held more memory than they may. The status need not
    /// show it: a shell may go on without a part.
    pub over_memory: bool,
}

impl Exit {
    /// Whether the program says that it did what it should.
    pub(crate) fn is_success(&self) -> bool {
        self.status.as_ref().is_ok_and(ExitStatus::success)
    }
}

/// Child processes of this one.
pub(crate) struct Local {
    inherited: Inherited,
    running: BTreeMap<u64, Running>,
    /// What was read and not asked for yet. Filled only when it is empty: a child that says more than the engine can
    /// take has to wait, and memory stays flat.
    ready: VecDeque<Ended>,
    watch: Watch,
}

struct Running {
    child: Child,
    /// Standard output, while it is open.
    output: Option<(PipeReader, Lines)>,
    /// Kept open and closed with this process: a worker ends when it closes.
    _input: Option<PipeWriter>,
}

/// The keepers of this process. Other children of it, in groups that are not its own, are strangers.
static KEEPERS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// How much of a child's output is read at once.
const PIECE: usize = 64 * 1024;

/// How long the end of this value waits for children that it killed.
const LAST: Duration = Duration::from_secs(5);

impl Local {
    pub(crate) fn new() -> Self {
        spawn::adopt();
        Self { inherited: Inherited::new(), running: BTreeMap::new(), ready: VecDeque::new(), watch: Watch::new() }
    }

    /// Starts a program under the caller's number.
    pub(crate) fn start(&mut self, child: u64, program: &Program) -> io::Result<()> {
        let append = |path: &Path| File::options().create(true).append(true).open(path);
        let log = append(&program.log)?;
        let events = program.events.as_deref().map(append).transpose()?;
        let group = program.memory.map(memory::group).transpose()?.flatten();
        let null = File::open("/dev/null")?;
        let ((said, says), (hears, told)) = match program.output {
            Said::ToEngine => (split(io::pipe()?), split(io::pipe()?)),
            Said::ToLog => ((None, None), (None, None)),
        };
        let mut descriptors = vec![
            hears.as_ref().map_or(null.as_fd(), AsFd::as_fd),
            says.as_ref().map_or(log.as_fd(), AsFd::as_fd),
            log.as_fd(),
        ];
        descriptors.extend(events.as_ref().map(AsFd::as_fd));
        let entrance = group.as_ref().map(|group| group.entrance.as_fd());
        let launch = Launch::new(program, &self.inherited, descriptors, entrance)?;
        // Nobody may take the keeper for a stranger before it is known.
        let mut keepers = KEEPERS.lock().expect("no holder panics");
        // Of a keeper that was killed before it could tell, something may be left.
        let started = Child::start(&launch).inspect_err(|_| {
            tree::end_strangers(&keepers);
        })?;
        keepers.insert(started.handle.keeper);
        drop(keepers);
        self.watch.add(child, started.handle.keeper, started.handle.clone(), program.memory, group);
        let output = said.map(|said| (said, Lines::default()));
        self.running.insert(child, Running { child: started, output, _input: told });
        Ok(())
    }

    /// The next thing that comes back, if any does within the time; a signal to this process ends the waiting.
    pub(crate) fn next(&mut self, within: Duration) -> Option<Ended> {
        let end = Instant::now() + within;
        while self.ready.is_empty() {
            if !self.listen(end.saturating_duration_since(Instant::now())) {
                break;
            }
        }
        self.ready.pop_front()
    }

    /// Reads what children have said, and notes who has ended; false if nothing came.
    fn listen(&mut self, within: Duration) -> bool {
        let mut descriptors = Vec::new();
        for running in self.running.values() {
            descriptors.push(running.child.life.as_fd());
            descriptors.extend(running.output.as_ref().map(|(output, _)| output.as_fd()));
        }
        let mut readable = spawn::readable(&descriptors, within).into_iter();
        let (mut ended, mut any) = (Vec::new(), false);
        for (child, running) in &mut self.running {
            let has_ended = readable.next().unwrap_or(false);
            let has_said = running.output.is_some() && readable.next().unwrap_or(false);
            any |= has_ended || has_said;
            if has_said {
                running.read(*child, &mut self.ready);
            }
            if has_ended {
                ended.push(*child);
            }
        }
        ended.into_iter().for_each(|child| self.ended(child));
        any
    }

    /// Takes leave of a child whose keeper is gone.
    fn ended(&mut self, child: u64) {
        let Some(mut running) = self.running.remove(&child) else {
            return;
        };
        // All who could write are gone. Somebody else may have been handed the pipe, so nobody waits for its end.
        while let Some((output, _)) = &running.output {
            if !spawn::readable(&[output.as_fd()], Duration::ZERO)[0] {
                break;
            }
            running.read(child, &mut self.ready);
        }
        if let Some((_, mut lines)) = running.output.take() {
            lines.finish(&mut |line| self.ready.push_back(Ended::Line { child, line }));
        }
        let exit = self.exit(child, running);
        self.ready.push_back(Ended::Exit { child, exit });
    }

    fn exit(&self, child: u64, running: Running) -> Exit {
        let keeper = running.child.handle.keeper;
        let seen = self.watch.remove(child);
        let finished = running.child.wait();
        let mut keepers = KEEPERS.lock().expect("no holder panics");
        keepers.remove(&keeper);
        // The keeper was killed, and what it kept is ours now.
        if !finished.as_ref().is_ok_and(|finished| finished.is_clean) {
            tree::end_strangers(&keepers);
        }
        drop(keepers);
        match finished {
            Ok(finished) => Exit {
                peak_memory: seen.peak(&finished),
                cpu_seconds: seconds(finished.usage.ru_utime) + seconds(finished.usage.ru_stime),
                over_memory: seen.is_over(&finished),
                status: Ok(finished.status),
            },
            Err(error) => Exit { status: Err(error), peak_memory: None, cpu_seconds: 0.0, over_memory: false },
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty() && self.ready.is_empty()
    }

    /// How much was read and not asked for yet.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.ready.len()
    }

    /// Passes a signal on to all children.
    pub(crate) fn forward(&self, signal: Signal) {
        self.running.values().for_each(|running| running.send(signal.number()));
    }

    /// Asks a child to end.
    pub(crate) fn terminate(&self, child: u64) {
        if let Some(running) = self.running.get(&child) {
            running.send(libc::SIGTERM);
        }
    }

    /// Ends a child, and all that it started.
    pub(crate) fn kill(&self, child: u64) {
        if let Some(running) = self.running.get(&child) {
            running.child.handle.kill();
        }
    }

    /// Ends all children.
    pub(crate) fn kill_all(&self) {
        self.running.values().for_each(|running| running.child.handle.kill());
    }

    /// Whether a child's program is stopped, by whomever.
    pub(crate) fn is_stopped(&self, child: u64) -> bool {
        self.running.get(&child).is_some_and(|running| tree::is_stopped(running.child.program))
    }

    /// Stops all children and this process, if Ctrl-Z asked for it, and lets them go on when this process goes on.
    pub(crate) fn suspend_if_asked(&mut self) {
        if !signals::takes_suspend() {
            return;
        }
        let all = |signal| self.running.values().for_each(|running| spawn::send(-running.child.handle.keeper, signal));
        all(libc::SIGSTOP);
        spawn::stop();
        all(libc::SIGCONT);
    }
}

impl Running {
    /// Reads once, which does not wait when there is something to read.
    fn read(&mut self, child: u64, ready: &mut VecDeque<Ended>) {
        let Some((output, lines)) = &mut self.output else {
            return;
        };
        let mut give = |line| ready.push_back(Ended::Line { child, line });
        let mut piece = vec![0; PIECE];
        match output.read(&mut piece) {
            Ok(count) if count > 0 => lines.push(&piece[..count], &mut give),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => {
                lines.finish(&mut give);
                self.output = None;
            }
        }
    }

    /// Sends a signal to the child's group; one that is stopped goes on to receive it.
    fn send(&self, signal: i32) {
        spawn::send(-self.child.handle.keeper, signal);
        spawn::send(-self.child.handle.keeper, libc::SIGCONT);
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.kill_all();
        let end = Instant::now() + LAST;
        while !self.running.is_empty() && Instant::now() < end {
            self.ready.clear();
            self.next(end.saturating_duration_since(Instant::now()));
        }
    }
}

fn seconds(time: libc::timeval) -> f64 {
    time.tv_sec as f64 + time.tv_usec as f64 / 1e6
}

fn split<R, W>((reader, writer): (R, W)) -> (Option<R>, Option<W>) {
    (Some(reader), Some(writer))
}

/// The last lines of a log, at most `count`, read from its end.
pub(crate) fn last_lines(log: &Path, count: usize) -> Vec<String> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    const TAIL: u64 = 16 * 1024;
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = String::from_utf8_lossy(&read().unwrap_or_default()).into_owned();
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines[lines.len().saturating_sub(count)..].to_vec()
}
