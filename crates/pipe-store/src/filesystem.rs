//! Which file system a path lies on, and whether other machines can write there too.
//!
//! Does not know what follows from it; the ledger does. What a FUSE program serves counts as a network unless it is
//! known to be local: a rollback journal is right everywhere, a write-ahead log only on one machine.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Serialize;

/// A file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileSystem {
    /// Its type as `mount` has it, e.g. `ext4`, `nfs4`, `fuse.sshfs`.
    pub name: String,
    /// Whether other machines may have it too.
    pub is_network: bool,
}

/// Types by the magic number of `statfs`, where that says enough. Local ones first, so that most need no look at `mountinfo`.
const MAGIC: &[(u64, &str)] = &[
    (0xef53, "ext4"),
    (0x5846_5342, "xfs"),
    (0x9123_683e, "btrfs"),
    (0x0102_1994, "tmpfs"),
    (0x794c_7630, "overlay"),
    (0x2fc1_2fc1, "zfs"),
    (0xf2f5_2010, "f2fs"),
    (0xca45_1a4e, "bcachefs"),
    (0x6969, "nfs"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb3"),
    (0x517b, "smbfs"),
    (0x0bd0_0bd0, "lustre"),
    (0x4750_4653, "gpfs"),
    (0x1983_0326, "beegfs"),
    (0x00c3_6400, "ceph"),
    (0x5346_414f, "afs"),
    (0x6b41_4653, "afs"),
    (0x0102_1997, "9p"),
    (0xaad7_aaea, "panfs"),
    (0x2003_0528, "pvfs2"),
    (0x7461_636f, "ocfs2"),
    (0x0116_1970, "gfs2"),
    (0x7375_7245, "coda"),
    (0x564c, "ncpfs"),
];

const NETWORK: &[&str] = &[
    "9p",
    "acfs",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "gfs2",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "orangefs",
    "panfs",
    "prl_fs",
    "pvfs2",
    "smb3",
    "smbfs",
    "vboxsf",
    "vmhgfs",
    "wekafs",
];

/// Programs behind FUSE that serve a disk of this machine.
const LOCAL: &[&str] = &[
    "bindfs",
    "encfs",
    "exfat",
    "ext2",
    "fuse-overlayfs",
    "gocryptfs",
    "mergerfs",
    "ntfs",
    "ntfs-3g",
    "securefs",
    "squashfuse",
    "unionfs",
    "unionfs-fuse",
    "zfs-fuse",
];

/// The file system of a path, or of the nearest folder above it that exists.
pub fn file_system(path: &Path) -> FileSystem {
    let Some(real) = path.ancestors().find_map(|part| fs::canonicalize(non_empty(part)).ok()) else {
        return named("unknown");
    };
    let magic = rustix::fs::statfs(&real).map(|found| (found.f_type as u64) & 0xffff_ffff);
    if let Some((_, name)) = magic.ok().and_then(|magic| MAGIC.iter().find(|(known, _)| *known == magic)) {
        return named(name);
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    named(&mounted(&mounts, &real).unwrap_or_else(|| "unknown".to_owned()))
}

/// The parent of a bare name is the empty path.
fn non_empty(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

fn named(name: &str) -> FileSystem {
    let is_network = match name.strip_prefix("fuse") {
        Some("blk") | None => NETWORK.contains(&name),
        Some(program) => !LOCAL.contains(&program.trim_start_matches('.')),
    };
    FileSystem { name: name.to_owned(), is_network }
}

/// The type of the innermost mount that holds a path; of two at one place the later hides the earlier.
fn mounted(mounts: &str, path: &Path) -> Option<String> {
    let mount = |line: &str| {
        let (before, after) = line.split_once(" - ")?;
        let point = PathBuf::from(unescaped(before.split(' ').nth(4)?));
        let name = after.split(' ').next()?.to_owned();
        path.starts_with(&point).then(|| (point.components().count(), name))
    };
    let found = mounts.lines().filter_map(mount);
    found.max_by_key(|(depth, _)| *depth).map(|(_, name)| name)
}

/// The kernel writes space, tab, newline and backslash of a mount point as three octal digits.
fn unescaped(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (code, real)| text.replace(code, real))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, is_network: bool) {
        assert_eq!(named(name).is_network, is_network, "{name}");
    }

    #[test]
    fn network_file_systems_are_known() {
        for (_, name) in MAGIC {
            let local = ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "zfs", "f2fs", "bcachefs"];
            check(name, !local.contains(name));
        }
        check("nfs4", true);
        check("fuse.sshfs", true);
        check("fuse.glusterfs", true);
        check("fuse", true);
        check("fuse.mergerfs", false);
        check("fuseblk", false);
        check("vfat", false);
    }

    #[test]
    fn the_innermost_and_latest_mount_counts() {
        let mounts = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:5 / /data rw - nfs4 server:/data rw
24 23 0:6 / /data/my\\040disk rw - xfs /dev/vdb rw
25 23 0:7 / /data/twice rw - xfs /dev/vdc rw
26 25 0:8 / /data/twice rw master:2 - fuse.sshfs there: rw
";
        let check = |path: &str, name: &str| assert_eq!(mounted(mounts, Path::new(path)).as_deref(), Some(name));
        check("/srv/me", "ext4");
        check("/database", "ext4");
        check("/data/runs", "nfs4");
        check("/data/my disk/runs", "xfs");
        check("/data/twice/runs", "fuse.sshfs");
    }

    #[test]
    fn a_path_that_is_not_there_yet_lies_where_it_will() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(file_system(&folder.path().join("a/b")), file_system(folder.path()));
        assert!(!file_system(Path::new("/proc")).is_network);
        assert_eq!(file_system(Path::new("/proc")).name, "proc");
    }
}
