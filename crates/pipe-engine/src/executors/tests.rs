//! Real processes below real keepers: how they end, what they leave behind, what they may hold.
//!
//! Some tests need a process of their own to kill or to give an environment: they start this binary again, with the
//! name of a test that does nothing unless `AGAIN` is set.

use std::{
    env, fs,
    io::ErrorKind,
    os::unix::{fs::PermissionsExt as _, process::ExitStatusExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use super::{
    Ended, Exit, Local, MemoryControl, Program, Said, end_survivors,
    interrupt::{self, Signal},
    memory_control, spawn, tree,
};

const AGAIN: &str = "PIPE_TEST_AGAIN";
const FOREVER: Duration = Duration::from_secs(60);

/// A shell script in a folder of its own.
fn script(folder: &Path, script: &str) -> Program {
    Program {
        program: PathBuf::from("sh"),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        folder: folder.to_path_buf(),
        environment: Vec::new(),
        log: folder.join("log"),
        output: Said::ToLog,
        events: None,
        memory: None,
    }
}

/// A folder, and an executor with a script that runs in it as child 1.
fn started(text: &str) -> (tempfile::TempDir, Local) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut local = Local::new();
    local.start(1, &script(folder.path(), text)).expect("a shell starts");
    (folder, local)
}

/// Lines until a child ends, and how it ends.
fn rest(local: &mut Local) -> (Vec<String>, Exit) {
    let mut lines = Vec::new();
    loop {
        match local.next(FOREVER).expect("a child ends in time") {
            Ended::Line { line, .. } => lines.push(line),
            Ended::Exit { exit, .. } => return (lines, exit),
        }
    }
}

fn ended(local: &mut Local) -> (Option<i32>, Option<i32>) {
    let status = rest(local).1.status.expect("it was waited for");
    (status.code(), status.signal())
}

/// A number of seconds to sleep that no other process has as its argument.
fn mark() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("600.{:07}{:03}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The process that sleeps for a mark.
fn sleeper(mark: &str) -> Option<i32> {
    fs::read_dir("/proc").expect("processes").flatten().find_map(|entry| {
        let process = entry.file_name().to_str()?.parse().ok()?;
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        line.split(|byte| *byte == 0).eq([b"sleep", mark.as_bytes(), b""]).then_some(process)
    })
}

#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..6000 {
        if is_so() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("never: {what}");
}

/// A script that starts a sleeper by a command, and goes on when it sleeps.
fn leaving(by: &str, mark: &str, then: &str) -> String {
    format!("{by} sh -c 'echo > there; exec sleep {mark}' & while [ ! -e there ]; do sleep 0.01; done; {then}")
}

/// This binary again, with one of its tests.
fn again(test: &str, mode: &str, environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env::current_exe().expect("this binary"));
    command.args([&format!("executors::tests::{test}"), "--exact", "--nocapture"]).env(AGAIN, mode);
    command.envs(environment.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    command
}

fn mode() -> Option<PathBuf> {
    env::var_os(AGAIN).map(PathBuf::from)
}

#[track_caller]
fn check(text: &str, expected: (Option<i32>, Option<i32>)) {
    let (_folder, mut local) = started(text);
    assert_eq!(ended(&mut local), expected, "{text}");
    assert!(local.is_idle());
}

#[test]
fn the_end_of_a_program_is_told_as_it_was() {
    check("exit 0", (Some(0), None));
    check("exit 7", (Some(7), None));
    check("kill -TERM $$", (None, Some(15)));
    check("kill -SEGV $$", (None, Some(11)));
    check("kill -KILL $$", (None, Some(9)));
    // Its own signals must not reach the keeper.
    check("trap '' USR1 USR2 CONT; kill -USR1 0; kill -USR2 0; kill -CONT 0; exit 3", (Some(3), None));
    check("trap 'exit 4' TERM; kill -TERM 0; exit 5", (Some(4), None));
    // Orphans that end in time are reaped, and change nothing.
    check("(sleep 0.01 & true); sleep 0.05; exit 6", (Some(6), None));
}

#[test]
fn nothing_that_a_program_started_outlives_it() {
    for by in ["", "setsid", "env -i setsid", "setsid -f", "nohup setsid"] {
        let mark = mark();
        let (_folder, mut local) = started(&leaving(by, &mark, "exit 2"));
        assert_eq!(ended(&mut local), (Some(2), None), "{by}");
        assert_eq!(sleeper(&mark), None, "{by}");
    }
}

#[test]
fn all_are_killed_at_once() {
    let mark = mark();
    let (folder, mut local) = started(&leaving("env -i setsid", &mark, "trap '' TERM INT HUP; echo > set; sleep 600"));
    until("all run", || folder.path().join("set").exists() && sleeper(&mark).is_some());
    local.terminate(1);
    assert!(local.next(Duration::from_millis(100)).is_none());
    local.kill(1);
    assert_eq!(ended(&mut local), (None, Some(9)));
    assert_eq!(sleeper(&mark), None);
}

#[test]
fn all_end_with_the_executor() {
    let mark = mark();
    let (_folder, local) = started(&leaving("setsid", &mark, "sleep 600"));
    until("it sleeps", || sleeper(&mark).is_some());
    drop(local);
    assert_eq!(sleeper(&mark), None);
}

#[test]
fn what_a_dead_keeper_kept_is_killed() {
    let (one, two) = (mark(), mark());
    let (_folder, mut local) = started(&leaving("env -i setsid", &one, &format!("sleep {two}")));
    until("all sleep", || sleeper(&one).is_some() && sleeper(&two).is_some());
    let keepers = tree::children(std::process::id().cast_signed());
    let is_ours = |keeper: &&i32| tree::descendants(**keeper).contains(&sleeper(&one).expect("it sleeps"));
    spawn::send(*keepers.iter().find(is_ours).expect("it has a keeper"), libc::SIGKILL);
    assert_eq!(ended(&mut local), (None, Some(9)));
    assert_eq!((sleeper(&one), sleeper(&two)), (None, None));
}

/// Plays `pipe`: starts what the file says, and waits for it.
#[test]
fn as_pipe() {
    let Some(file) = mode() else { return };
    let mut local = Local::new();
    let mut program = script(file.parent().expect("a folder"), &fs::read_to_string(&file).expect("a script"));
    program.events = Some(file.with_file_name("events"));
    interrupt::listen();
    local.start(1, &program).expect("a shell starts");
    loop {
        local.suspend_if_asked();
        // Signals go to the first thread, and that is not the one of a test.
        if let Some(Ended::Exit { exit, .. }) = local.next(Duration::from_millis(20)) {
            assert!(exit.status.expect("it was waited for").success());
            return;
        }
    }
}

/// A process that plays `pipe` with a script.
fn pipe(folder: &Path, script: &str) -> Child {
    let file = folder.join("script");
    fs::write(&file, script).expect("a script");
    again("as_pipe", file.to_str().expect("text"), &[]).spawn().expect("this binary starts")
}

#[test]
fn all_die_with_this_process() {
    for stops in [false, true] {
        let (one, two) = (mark(), mark());
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut pipe = pipe(folder.path(), &leaving("env -i setsid", &one, &format!("sleep {two}")));
        until("all sleep", || sleeper(&one).is_some() && sleeper(&two).is_some());
        if stops {
            // A stopped keeper has to notice, too.
            let keeper = tree::children(pipe.id().cast_signed())[0];
            spawn::send(keeper, libc::SIGSTOP);
            until("the keeper is stopped", || tree::is_stopped(keeper));
        }
        pipe.kill().expect("it runs");
        pipe.wait().expect("it was killed");
        until("all are gone", || sleeper(&one).is_none() && sleeper(&two).is_none());
    }
}

#[test]
fn suspended_children_go_on_with_this_process() {
    let mark = mark();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut pipe = pipe(folder.path(), &format!("sleep {mark} & wait $!; [ -e go ]"));
    until("it sleeps", || sleeper(&mark).is_some());
    let (sleeper, id) = (sleeper(&mark).expect("it sleeps"), pipe.id().cast_signed());
    spawn::send(id, libc::SIGTSTP);
    until("both are stopped", || tree::is_stopped(sleeper) && tree::is_stopped(id));
    spawn::send(id, libc::SIGCONT);
    until("both go on", || !tree::is_stopped(sleeper) && !tree::is_stopped(id));
    fs::write(folder.path().join("go"), "").expect("a file");
    spawn::send(sleeper, libc::SIGKILL);
    assert!(pipe.wait().expect("it ends").success());
}

#[test]
fn stray_descriptors_stay_here() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let python = r#"import os; print(*sorted(fd for fd in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + fd)), file=open(3, "w"))"#;
    let keeper = "ls /proc/$PPID/fd >&3";
    fs::write(folder.path().join("script"), format!("{keeper}; exec python3 -c '{python}'")).expect("a script");
    let file = folder.path().join("script");
    let inner = again("as_pipe", file.to_str().expect("text"), &[]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$@\" 5</dev/null 7>/dev/null", "sh"]).arg(inner.get_program()).args(inner.get_args());
    assert!(shell.env(AGAIN, &file).stdout(Stdio::null()).status().expect("a shell starts").success());
    let told = fs::read_to_string(folder.path().join("events")).expect("events");
    assert_eq!(told, "0\n0 1 2 3\n", "the keeper's descriptors, then the program's");
}

#[test]
fn events_are_appended() {
    let (folder, mut local) = (tempfile::tempdir().expect("a temporary folder"), Local::new());
    for _ in 0..2 {
        let events = Some(folder.path().join("events"));
        local.start(1, &Program { events, ..script(folder.path(), "echo a >&3; echo b >&3") }).expect("a shell starts");
        assert_eq!(ended(&mut local), (Some(0), None));
    }
    assert_eq!(fs::read_to_string(folder.path().join("events")).expect("events"), "a\nb\na\nb\n");
}

#[test]
fn what_cannot_be_started_is_told_at_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut local = Local::new();
    let plain = || script(folder.path(), "exit 0");
    let file = folder.path().join("no_interpreter");
    fs::write(&file, "exit $1\n").expect("a file");
    let kind = |local: &mut Local, program: Program| local.start(1, &program).expect_err("it cannot start").kind();
    assert_eq!(kind(&mut local, Program { program: "no-such-program".into(), ..plain() }), ErrorKind::NotFound);
    assert_eq!(kind(&mut local, Program { program: "./missing".into(), ..plain() }), ErrorKind::NotFound);
    assert_eq!(kind(&mut local, Program { program: file.clone(), ..plain() }), ErrorKind::PermissionDenied);
    assert_eq!(kind(&mut local, Program { folder: "/no/such".into(), ..plain() }), ErrorKind::NotFound);
    assert_eq!(kind(&mut local, Program { arguments: vec!["a\0".into()], ..plain() }), ErrorKind::InvalidInput);
    assert!(local.is_idle());
    // As shells do, and as the standard library does.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("ours");
    local.start(1, &Program { program: file, arguments: vec!["9".into()], ..plain() }).expect("a script starts");
    assert_eq!(ended(&mut local), (Some(9), None));
}

#[test]
fn a_program_gets_its_environment_and_folder() {
    let (folder, mut local) = (tempfile::tempdir().expect("a temporary folder"), Local::new());
    let environment = [("A", "1"), ("HOME", "/x"), ("A", "2")].map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec();
    let text = "[ $A$HOME = 2/x ] && [ -n \"$PATH\" ] && [ -e log ] && ! read line";
    local.start(1, &Program { environment, ..script(folder.path(), text) }).expect("a shell starts");
    assert_eq!(ended(&mut local), (Some(0), None));
}

#[test]
fn signals_reach_all_children() {
    let (folder, mut local) = started("trap 'exit 3' INT; echo > set; while :; do sleep 0.01; done");
    until("the trap is set", || folder.path().join("set").exists());
    local.forward(Signal::Interrupt);
    assert_eq!(ended(&mut local), (Some(3), None));
}

#[test]
fn survivors_are_found_by_their_environment() {
    let (mark, variable) = (mark(), "PIPE_TEST_SURVIVOR");
    assert_eq!(end_survivors(variable, &mark), 0);
    let script = format!("setsid sleep {mark} & wait");
    let mut child = Command::new("sh").args(["-c", &script]).env(variable, &mark).spawn().expect("it starts");
    until("it sleeps", || sleeper(&mark).is_some());
    assert_eq!(end_survivors(variable, &mark[1..]), 0, "another value");
    assert_eq!(end_survivors(variable, &mark), 2, "the shell and what it started in another session");
    assert_eq!(sleeper(&mark), None);
    assert_eq!(child.wait().expect("ours").signal(), Some(9));
}

#[test]
fn a_flood_of_lines_arrives_whole_and_in_order() {
    let (folder, mut local) = (tempfile::tempdir().expect("a temporary folder"), Local::new());
    let text = "seq 200000; printf 'a\\377b\\nlast'";
    local.start(1, &Program { output: Said::ToEngine, ..script(folder.path(), text) }).expect("a shell starts");
    let (mut lines, mut most) = (Vec::new(), 0);
    let exit = loop {
        most = most.max(local.waiting());
        match local.next(FOREVER).expect("it goes on") {
            Ended::Line { line, .. } => lines.push(line),
            Ended::Exit { exit, .. } => break exit,
        }
    };
    assert!(exit.status.expect("it was waited for").success());
    assert!(lines.iter().take(200_000).enumerate().all(|(at, line)| *line == (at + 1).to_string()));
    assert_eq!(lines[200_000..], ["a\u{fffd}b", "last"]);
    assert!(most < 40_000, "{most} lines of at least two bytes were held at once");
}

#[test]
fn stopped_programs_are_known() {
    let (_folder, mut local) = started("kill -STOP $$; exit 4");
    until("it is stopped", || local.is_stopped(1));
    local.forward(Signal::HangUp);
    assert_eq!(ended(&mut local), (None, Some(1)));
    assert!(!local.is_stopped(1));
}

/// A program that holds much memory, under a limit; the way is in the environment.
#[test]
fn as_memory() {
    if mode().is_none() {
        return;
    }
    const MIB: u64 = 1024 * 1024;
    let (folder, mut local) = (tempfile::tempdir().expect("a temporary folder"), Local::new());
    // Held by a grandchild in another session, in steps, each of them touched.
    let hold = |mib: u32| {
        let python = format!("import time; a = [bytearray(b\"x\" * 2**20) for _ in range({mib})]; time.sleep(0.5)");
        format!("setsid -w python3 -c '{python}'; sleep 0.5; echo > done")
    };
    let memory = Some(200 * MIB);
    local.start(1, &Program { memory, ..script(folder.path(), &hold(4000)) }).expect("a shell starts");
    let exit = rest(&mut local).1;
    let peak = exit.peak_memory.expect("it was looked at");
    assert!(exit.over_memory, "{:?}, peak {peak}", exit.status);
    assert!((150 * MIB..3000 * MIB).contains(&peak), "{peak}");
    assert!(!folder.path().join("done").exists(), "all is killed, not one process");
    local.start(1, &Program { memory, ..script(folder.path(), &hold(100)) }).expect("a shell starts");
    let exit = rest(&mut local).1;
    let peak = exit.peak_memory.expect("it was looked at");
    assert!(!exit.over_memory && exit.status.is_ok_and(|status| status.success()));
    assert!((100 * MIB..200 * MIB).contains(&peak), "{peak}");
    assert!(exit.cpu_seconds > 0.0);
    if let MemoryControl::CgroupV1(parent) | MemoryControl::CgroupV2(parent) = memory_control() {
        let ours = format!("pipe-{}-", std::process::id());
        let left = fs::read_dir(parent).expect("groups").flatten();
        assert_eq!(left.filter(|entry| entry.file_name().to_string_lossy().starts_with(&ours)).count(), 0);
    }
}

#[test]
fn memory_limits_hold() {
    let mut ways = vec!["watchdog"];
    if !matches!(memory_control(), MemoryControl::Watchdog(_)) {
        ways.push("cgroup");
    }
    for way in ways {
        let mut inner = again("as_memory", "1", &[("PIPE_MEMORY", way)]);
        assert!(inner.stdout(Stdio::null()).status().expect("this binary starts").success(), "{way}");
    }
}

#[test]
fn memory_without_a_limit_is_told() {
    let (_folder, mut local) = started("exec python3 -c 'import time; a = b\"x\" * 300_000_000; time.sleep(0.5)'");
    let peak = rest(&mut local).1.peak_memory.expect("more than this process has");
    assert!((300_000_000..400_000_000).contains(&peak), "{peak}");
}
