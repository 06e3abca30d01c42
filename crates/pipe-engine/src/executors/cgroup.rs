//! Control groups: a memory limit that the kernel keeps.
//!
//! Does not know attempts, nor what to do where no group can be made.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

/// The two generations of control groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Generation {
    V1,
    V2,
}

/// A folder in which groups with a memory limit can be made.
#[derive(Clone, Debug)]
pub(super) struct Parent {
    pub generation: Generation,
    pub folder: PathBuf,
}

/// A group for one attempt; its folder is removed when it is dropped.
pub(super) struct Group {
    generation: Generation,
    folder: PathBuf,
    /// Where the program enters it.
    pub entrance: File,
}

/// Any limit; a group that takes it can be made.
const PROBED: u64 = 1 << 30;

static NUMBER: AtomicUsize = AtomicUsize::new(0);

impl Parent {
    /// The folder for groups of this process, tried out; or why there is none.
    pub(super) fn find() -> Result<Self, String> {
        let own = fs::read_to_string("/proc/self/cgroup").map_err(|error| error.to_string())?;
        let mounts = fs::read_to_string("/proc/self/mountinfo").map_err(|error| error.to_string())?;
        let mut why = "no control groups are mounted".to_owned();
        for parent in candidates(&own, &mounts) {
            parent.remove_stale();
            match parent.enable().and_then(|()| parent.group(PROBED)) {
                Ok(_) => return Ok(parent),
                Err(error) => why = format!("{}: {error}", parent.folder.display()),
            }
        }
        Err(why)
    }

    /// Makes a group.
    pub(super) fn group(&self, limit: u64) -> io::Result<Group> {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.join(format!("pipe-{}-{number}", std::process::id()));
        fs::create_dir(&folder)?;
        let made = || {
            let limit = limit.to_string();
            match self.generation {
                Generation::V1 => {
                    write(&folder.join("memory.limit_in_bytes"), &limit)?;
                    write_if_there(&folder.join("memory.memsw.limit_in_bytes"), &limit)?;
                }
                Generation::V2 => {
                    write(&folder.join("memory.max"), &limit)?;
                    write_if_there(&folder.join("memory.swap.max"), "0")?;
                    write_if_there(&folder.join("memory.oom.group"), "1")?;
                }
            }
            File::options().write(true).open(folder.join("cgroup.procs"))
        };
        match made() {
            Ok(entrance) => Ok(Group { generation: self.generation, folder, entrance }),
            Err(error) => {
                drop(fs::remove_dir(&folder));
                Err(error)
            }
        }
    }

    /// Lets groups in the folder have memory limits. The kernel refuses while processes are in the folder itself.
    fn enable(&self) -> io::Result<()> {
        let controllers = self.folder.join("cgroup.subtree_control");
        if self.generation == Generation::V1
            || fs::read_to_string(&controllers)?.split_whitespace().any(|c| c == "memory")
        {
            return Ok(());
        }
        write(&controllers, "+memory")
    }

    /// Removes groups of processes that were killed. A group in use cannot be removed.
    fn remove_stale(&self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let process = name.to_str().and_then(|name| name.strip_prefix("pipe-")?.split('-').next());
            if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
                drop(fs::remove_dir(entry.path()));
            }
        }
    }
}

impl Group {
    /// The most that its processes used at one time, where the kernel says so.
    pub(super) fn peak(&self) -> Option<u64> {
        let file = match self.generation {
            Generation::V1 => "memory.max_usage_in_bytes",
            Generation::V2 => "memory.peak",
        };
        fs::read_to_string(self.folder.join(file)).ok()?.trim().parse().ok()
    }

    /// How many of its processes the kernel killed because of the limit, where it counts them.
    pub(super) fn kills(&self) -> Option<u64> {
        let file = match self.generation {
            Generation::V1 => "memory.oom_control",
            Generation::V2 => "memory.events",
        };
        self.count(file, "oom_kill ")
    }

    /// Whether the limit was ever reached. Then memory was found elsewhere, or a process was killed.
    pub(super) fn was_full(&self) -> bool {
        self.count("memory.failcnt", "").is_some_and(|count| count > 0)
    }

    fn count(&self, file: &str, name: &str) -> Option<u64> {
        let text = fs::read_to_string(self.folder.join(file)).ok()?;
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A process that was reaped leaves its group a moment later.
        for _ in 0..20 {
            match fs::remove_dir(&self.folder) {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => thread::sleep(Duration::from_millis(1)),
                _ => return,
            }
        }
        tracing::debug!(folder = %self.folder.display(), "a control group is still in use; a later run removes it");
    }
}

/// Folders in which groups may be made, the best first: below our own group, then beside it (where the second
/// generation allows no group with processes to have limited groups); in a container, at the root of what it sees.
fn candidates(own: &str, mounts: &str) -> Vec<Parent> {
    let mut found = Vec::new();
    for mount in mounts.lines() {
        let Some((left, right)) = mount.split_once(" - ") else {
            continue;
        };
        let (left, right): (Vec<_>, Vec<_>) = (left.split(' ').collect(), right.split(' ').collect());
        let (&[_, _, _, root, point, ..], &[kind, _, options, ..]) = (&left[..], &right[..]) else {
            continue;
        };
        let generation = match kind {
            "cgroup2" => Generation::V2,
            "cgroup" if options.split(',').any(|option| option == "memory") => Generation::V1,
            _ => continue,
        };
        let path = own.lines().find_map(|line| {
            let (_, line) = line.split_once(':')?;
            let (controllers, path) = line.split_once(':')?;
            let is_it = match generation {
                Generation::V1 => controllers.split(',').any(|controller| controller == "memory"),
                Generation::V2 => controllers.is_empty(),
            };
            is_it.then_some(path)
        });
        let point = Path::new(point);
        // A container's mount may begin below the root of all groups.
        let below = match path.and_then(|path| Path::new(path).strip_prefix(root).ok()) {
            Some(path) if path != Path::new("") => point.join(path),
            _ => point.to_path_buf(),
        };
        let mut folders = vec![below.clone()];
        match generation {
            Generation::V1 => folders.push(point.to_path_buf()),
            Generation::V2 => {
                folders.extend(below.parent().filter(|parent| parent.starts_with(point)).map(Path::to_path_buf));
            }
        }
        folders.dedup();
        found.extend(folders.into_iter().map(|folder| Parent { generation, folder }));
    }
    // Where both are mounted, memory belongs to one of them; the second generation kills a whole group.
    found.sort_by_key(|parent| parent.generation == Generation::V1);
    found
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    // Not created where it is missing: control files are the kernel's.
    io::Write::write_all(&mut File::options().write(true).open(path)?, text.as_bytes())
}

fn write_if_there(path: &Path, text: &str) -> io::Result<()> {
    match write(path, text) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(own: &str, mounts: &str, expected: &[&str]) {
        let found = candidates(own, mounts);
        let found: Vec<_> = found.iter().map(|parent| parent.folder.to_str().expect("text")).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn groups_are_made_near_our_own() {
        let v1 = "35 31 0:32 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n";
        let v2 = "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        check("4:memory:/a/b\n", v1, &["/sys/fs/cgroup/memory/a/b", "/sys/fs/cgroup/memory"]);
        check("4:memory:/\n", v1, &["/sys/fs/cgroup/memory"]);
        check("0::/user.slice/s.scope\n", v2, &["/sys/fs/cgroup/user.slice/s.scope", "/sys/fs/cgroup/user.slice"]);
        check("0::/\n", v2, &["/sys/fs/cgroup"]);
        let bound = v1.replace(" / ", " /docker/x ");
        check("4:memory:/docker/x/y\n", &bound, &["/sys/fs/cgroup/memory/y", "/sys/fs/cgroup/memory"]);
        check("4:memory:/elsewhere\n", &bound, &["/sys/fs/cgroup/memory"]);
        check("0::/\n", "35 31 0:32 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n", &[]);
    }

    #[test]
    fn groups_of_dead_processes_are_removed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let own = format!("pipe-{}-0", std::process::id());
        // No process has a number beyond 2^22.
        for name in [&own, "pipe-4194305-7", "other"] {
            fs::create_dir(folder.path().join(name)).expect("ours");
        }
        Parent { generation: Generation::V1, folder: folder.path().to_path_buf() }.remove_stale();
        let left = |name: &str| folder.path().join(name).exists();
        assert!(left(&own) && left("other") && !left("pipe-4194305-7"));
    }
}
