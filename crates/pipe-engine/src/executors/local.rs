//! Attempts as child processes of this one.
//!
//! Does not know what a child computes. Spawns from the thread that owns it, which lives as long as the run.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::Duration,
};

use super::spawn::{self, Signal};

/// A program to run.
pub(crate) struct Program {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub folder: PathBuf,
    pub environment: Vec<(String, String)>,
    pub log: PathBuf,
    pub output: Said,
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
    Line { child: usize, line: String },
    Exit { child: usize, status: io::Result<ExitStatus> },
}

/// Child processes of this one.
pub(crate) struct Local {
    sender: Sender<Ended>,
    receiver: Receiver<Ended>,
    /// Process group of each running child.
    running: Vec<(usize, u32)>,
}

impl Local {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::channel();
        Self { sender, receiver, running: Vec::new() }
    }

    /// Starts a program under the caller's number.
    pub(crate) fn start(&mut self, child: usize, program: &Program) -> io::Result<()> {
        let log = File::options().create(true).append(true).open(&program.log)?;
        let mut command = Command::new(&program.program);
        command
            .args(&program.arguments)
            .current_dir(&program.folder)
            .envs(program.environment.iter().map(|(k, v)| (k, v)));
        command.stdin(Stdio::piped()).stderr(log.try_clone()?);
        match program.output {
            Said::ToEngine => command.stdout(Stdio::piped()),
            Said::ToLog => command.stdout(log).stdin(Stdio::null()),
        };
        spawn::isolate(&mut command);
        let mut process = command.spawn()?;
        self.running.push((child, process.id()));
        let sender = self.sender.clone();
        let stdout = process.stdout.take();
        // Kept open, and dropped with this process: a worker ends when it closes.
        let stdin = process.stdin.take();
        thread::spawn(move || {
            if let Some(stdout) = stdout {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    drop(sender.send(Ended::Line { child, line }));
                }
            }
            let status = process.wait();
            drop(stdin);
            drop(sender.send(Ended::Exit { child, status }));
        });
        Ok(())
    }

    /// The next thing that comes back, if any does within the time.
    pub(crate) fn next(&mut self, within: Duration) -> Option<Ended> {
        match self.receiver.recv_timeout(within) {
            Ok(ended) => {
                if let Ended::Exit { child, .. } = &ended {
                    self.reap(*child);
                }
                Some(ended)
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => None,
        }
    }

    /// Ends what a child left running in its group, once it is gone itself.
    fn reap(&mut self, child: usize) {
        if let Some(at) = self.running.iter().position(|(running, _)| *running == child) {
            let (_, group) = self.running.swap_remove(at);
            spawn::signal(group, Signal::Kill);
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Asks all children to end.
    pub(crate) fn terminate(&self) {
        self.running.iter().for_each(|(_, group)| spawn::signal(*group, Signal::Terminate));
    }

    /// Ends all children.
    pub(crate) fn kill(&self) {
        self.running.iter().for_each(|(_, group)| spawn::signal(*group, Signal::Kill));
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.kill();
    }
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
