//! Processes as `/proc` shows them: children, memory, state, environment. Elsewhere than on Linux it shows nothing.
//!
//! Does not change any of them, but for those that nobody else would end.

use std::{collections::BTreeSet, fs, os::unix::fs::MetadataExt as _};

use super::spawn;

/// All descendants of a process, itself left out.
pub(super) fn descendants(process: i32) -> Vec<i32> {
    let mut found = children(process);
    let mut at = 0;
    while let Some(process) = found.get(at) {
        found.extend(children(*process));
        at += 1;
    }
    found
}

/// Bytes of memory that processes hold for themselves: what a limit is about, without files that are merely cached.
pub(super) fn memory(processes: &[i32]) -> u64 {
    let of = |process: &i32| {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let lines = status.lines().filter(|line| line.starts_with("RssAnon:") || line.starts_with("RssShmem:"));
        lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum::<u64>() * 1024
    };
    processes.iter().map(of).sum()
}

/// The most memory that this process has held at one time, in bytes, files that it mapped among it; none where the system does not say.
pub fn own_peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

/// Whether a process is stopped by a signal or a debugger.
pub(super) fn is_stopped(process: i32) -> bool {
    field(process, STATE).is_some_and(|state| state == "T" || state == "t")
}

/// Kills and reaps children of this process that it did not start: what dead keepers leave behind.
///
/// `known` are the keepers of this process. What else it started, it started in its own process group.
pub(super) fn end_strangers(known: &BTreeSet<i32>) -> usize {
    let this = std::process::id().cast_signed();
    let group = field(this, GROUP);
    let mut ended = 0;
    loop {
        let is_stranger =
            |child: &i32| !known.contains(child) && field(*child, GROUP).is_some_and(|of| Some(of) != group);
        let strangers: Vec<_> = children(this).into_iter().filter(is_stranger).collect();
        if strangers.is_empty() {
            return ended;
        }
        for stranger in strangers {
            spawn::send(stranger, libc::SIGKILL);
            // Its children become ours before it can be reaped.
            drop(spawn::wait(stranger));
            ended += 1;
        }
    }
}

/// Kills every process of this user that was started with a variable of this value; gives how many there were.
///
/// This finds what a run left behind that was killed with all its keepers, whatever session or parent it has now.
pub(crate) fn end_survivors(variable: &str, value: &str) -> usize {
    let wanted = format!("{variable}={value}");
    let this = std::process::id().cast_signed();
    let user = fs::metadata("/proc/self").map(|found| found.uid()).ok();
    let is_survivor = |process: &i32| {
        let folder = format!("/proc/{process}");
        let is_ours = fs::metadata(&folder).is_ok_and(|found| Some(found.uid()) == user);
        *process != this
            && is_ours
            && fs::read(folder + "/environ")
                .is_ok_and(|found| found.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes()))
    };
    let mut ended = BTreeSet::new();
    // What they start meanwhile has the variable too. What cannot be killed is not waited for.
    for _ in 0..100 {
        let found: Vec<_> = numbers("/proc").into_iter().filter(is_survivor).collect();
        if found.is_empty() {
            break;
        }
        found.iter().for_each(|process| spawn::send(*process, libc::SIGKILL));
        ended.extend(found);
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    ended.len()
}

/// Children of a process, of all its threads.
pub(super) fn children(process: i32) -> Vec<i32> {
    let folder = format!("/proc/{process}/task");
    let (mut found, mut is_listed) = (Vec::new(), true);
    for thread in numbers(&folder) {
        match fs::read_to_string(format!("{folder}/{thread}/children")) {
            Ok(list) => found.extend(list.split_whitespace().filter_map(|child| child.parse::<i32>().ok())),
            // A thread that has ended, or a kernel without such lists.
            Err(_) => is_listed &= !fs::exists(format!("{folder}/{thread}")).unwrap_or(false),
        }
    }
    if is_listed {
        return found;
    }
    let parent = process.to_string();
    numbers("/proc").into_iter().filter(|child| field(*child, PARENT).is_some_and(|of| of == parent)).collect()
}

/// Entries of a folder that are numbers.
fn numbers(folder: &str) -> Vec<i32> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Fields of `/proc/PID/stat` after the name of the program, which may hold anything.
const STATE: usize = 0;
const PARENT: usize = 1;
const GROUP: usize = 2;

fn field(process: i32, which: usize) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, after) = stat.rsplit_once(") ")?;
    after.split(' ').nth(which).map(str::to_owned)
}
