//! Processor, memory and limits of this process.
//!
//! Does not know stores or graphics cards. What Linux tells in `/proc` and `/sys` other systems leave out.

use std::{fs, path::Path, thread};

use pipe_engine::MemoryControl;

use super::{Check, bytes};
use crate::session::Session;

/// Less free memory than this, and a training of the smallest example would not fit.
const LITTLE_MEMORY: u64 = 1 << 30;
/// Fewer open files than this may not do for many stages at once: each takes a few.
const FEW_FILES: u64 = 1024;

pub(super) fn checks(_: &Session) -> Vec<Check> {
    let found = [Some(processor()), memory(), Some(memory_control()), open_files()];
    found.into_iter().flatten().collect()
}

fn processor() -> Check {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let name = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        text.lines()
            .find_map(|line| Some(line.strip_prefix("model name")?.trim_start_matches([' ', '\t', ':']).to_owned()))
    });
    let name = name.map(|name| format!(" of {name}")).unwrap_or_default();
    let s = if cores == 1 { "" } else { "s" };
    let says = format!("{cores} core{s}{name}");
    match vectors() {
        Some([]) => Check::note(
            "processor",
            format!("{says}, without AVX2"),
            "training on this processor is several times slower; use another machine for it",
        ),
        Some(found) => Check::ok("processor", format!("{says}, {}", found.join(", "))),
        None => Check::ok("processor", format!("{says}, {}", std::env::consts::ARCH)),
    }
}

/// The vector instructions that matter here; none where the processor is of another family.
#[cfg(target_arch = "x86_64")]
fn vectors() -> Option<&'static [&'static str]> {
    Some(match (is_x86_feature_detected!("avx2"), is_x86_feature_detected!("avx512f")) {
        (true, true) => &["AVX2", "AVX-512"],
        (true, false) => &["AVX2"],
        (false, _) => &[],
    })
}

#[cfg(not(target_arch = "x86_64"))]
fn vectors() -> Option<&'static [&'static str]> {
    None
}

fn memory() -> Option<Check> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let amount = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
    };
    let (total, available) = (amount("MemTotal")?, amount("MemAvailable")?);
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limit = group_limit(&groups, Path::new("/sys/fs/cgroup")).filter(|limit| *limit < total);
    let limited = limit.map(|limit| format!(", of which this process may use {}", bytes(limit))).unwrap_or_default();
    let says = format!("{}{limited}, {} available", bytes(total), bytes(available));
    if available.min(limit.unwrap_or(u64::MAX)) < LITTLE_MEMORY {
        return Some(Check::note("memory", says, "end other programs, or run fewer stages at once: `pipe run -j 1`"));
    }
    Some(Check::ok("memory", says))
}

/// The smallest memory limit of the control groups that a process is in, and of those above them.
fn group_limit(groups: &str, root: &Path) -> Option<u64> {
    let limits = groups.lines().flat_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, group) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let (folder, file) = match controllers {
            "" => (root.to_path_buf(), "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => (root.join("memory"), "memory.limit_in_bytes"),
            _ => return Vec::new(),
        };
        let own = folder.join(group.trim_start_matches('/'));
        let above = own.ancestors().take_while(|path| path.starts_with(&folder));
        above.filter_map(|path| fs::read_to_string(path.join(file)).ok()?.trim().parse::<u64>().ok()).collect()
    });
    limits.min()
}

/// By what a memory limit of a stage is kept.
fn memory_control() -> Check {
    match pipe_engine::memory_control() {
        MemoryControl::Watchdog(why) => Check::note(
            "memory limits",
            format!("kept by a watchdog, which may see a fast growth too late: {why}"),
            "start pipe under `systemd-run --user --scope -p Delegate=yes`",
        ),
        control => Check::ok("memory limits", format!("kept by {control}")),
    }
}

fn open_files() -> Option<Check> {
    let text = fs::read_to_string("/proc/self/limits").ok()?;
    let limit = open_files_limit(&text)?;
    let says = format!("at most {limit}");
    Some(match limit {
        0..FEW_FILES => Check::note("open files", says, format!("ulimit -n {FEW_FILES}")),
        u64::MAX => Check::ok("open files", "no limit"),
        _ => Check::ok("open files", says),
    })
}

fn open_files_limit(limits: &str) -> Option<u64> {
    let soft = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?.split_whitespace().next()?;
    if soft == "unlimited" { Some(u64::MAX) } else { soft.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_limit_of_all_groups_counts() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
            fs::write(path, text).expect("writable");
        };
        write("a/b/memory.max", "max\n");
        write("a/memory.max", "4096\n");
        write("memory/c/memory.limit_in_bytes", "9223372036854771712\n");
        write("memory/memory.limit_in_bytes", "1024\n");
        assert_eq!(group_limit("0::/a/b\n", folder.path()), Some(4096));
        assert_eq!(group_limit("9:cpu,memory:/c\n3:pids:/\n", folder.path()), Some(1024));
        assert_eq!(group_limit("0::/elsewhere\n1:name=systemd:/\n", folder.path()), None);
    }

    #[test]
    fn limits_as_linux_writes_them() {
        let text = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 524288               files\n";
        assert_eq!(open_files_limit(text), Some(1024));
        assert_eq!(open_files_limit("Max open files  unlimited  unlimited  files"), Some(u64::MAX));
        assert_eq!(open_files_limit(""), None);
    }
}
