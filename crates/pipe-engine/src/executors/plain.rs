//! A program as the leader of a process group, on systems where nobody can adopt what it leaves behind.
//!
//! Does not find what has left the group.

use std::{
    ffi::{CStr, OsStr},
    io::{self, PipeReader},
    os::unix::{ffi::OsStrExt as _, process::CommandExt as _, process::ExitStatusExt as _},
    process::{Command, ExitStatus},
    sync::Arc,
    thread::{self, JoinHandle},
};

use super::{
    keeper::{Handle, RUNNING, Told},
    launch::Launch,
    spawn::{self, Finished},
};

/// A program that runs.
pub(super) struct Child {
    pub handle: Handle,
    pub program: i32,
    /// At its end when the child has ended.
    pub life: PipeReader,
    waits: JoinHandle<io::Result<(i32, libc::rusage)>>,
}

impl Child {
    /// Starts a program; gives the error if it cannot be started.
    pub(super) fn start(launch: &Launch<'_>) -> io::Result<Self> {
        let text = |text: &CStr| OsStr::from_bytes(text.to_bytes()).to_owned();
        let given = |which: usize| launch.descriptors[which].try_clone_to_owned();
        let mut words: Vec<_> = launch.arguments.iter().map(|argument| text(argument)).collect();
        let events = launch.descriptors.len() > 3;
        if events {
            // The standard library gives no further descriptor to a child, a shell does.
            let shell = ["/bin/sh", "-c", r#"exec "$0" "$@" 3>&0 0</dev/null"#];
            words.splice(0..0, shell.map(Into::into));
        }
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(text(&launch.folder)).env_clear().process_group(0);
        for variable in &launch.environment {
            let bytes = variable.to_bytes();
            let at = bytes.iter().position(|byte| *byte == b'=').unwrap_or(bytes.len());
            command.env(OsStr::from_bytes(&bytes[..at]), OsStr::from_bytes(bytes.get(at + 1..).unwrap_or(&[])));
        }
        command.stdin(given(if events { 3 } else { 0 })?).stdout(given(1)?).stderr(given(2)?);
        let program = command.spawn()?.id().cast_signed();
        let (life, end) = io::pipe()?;
        let waits = thread::spawn(move || {
            let found = spawn::wait(program);
            drop(end);
            found
        });
        let told = Told { status: RUNNING.into(), is_clean: true.into(), kill: false.into() };
        Ok(Self { handle: Handle { keeper: program, told: Arc::new(told) }, program, life, waits })
    }

    /// Waits for the program, and ends what it left in its group.
    pub(super) fn wait(self) -> io::Result<Finished> {
        let (raw, usage) = self.waits.join().expect("it only waits")?;
        self.handle.kill();
        Ok(Finished { status: ExitStatus::from_raw(raw), is_clean: true, usage })
    }
}
