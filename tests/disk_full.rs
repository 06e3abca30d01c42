//! A disk that fills up while a stage writes, or while its result is published: said, nothing half-written, nothing lost.
//!
//! The disk is a small memory file system; where this user may not mount one, the test skips with a printed reason.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::harness::{Workspace, counts};

/// A disk of a given size under the workspace's `runs/`.
struct Disk {
    folder: PathBuf,
}

impl Disk {
    fn mount(folder: &Path, size: &str) -> Option<Self> {
        if mount(&["-t", "tmpfs", "-o", &format!("size={size}"), "pipe-test"], folder) {
            return Some(Self { folder: folder.to_path_buf() });
        }
        eprintln!("skipped: this user may not mount a file system");
        None
    }

    fn resize(&self, size: &str) {
        assert!(mount(&["-o", &format!("remount,size={size}")], &self.folder), "a mounted disk can be resized");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let ended = Command::new("umount").arg("-l").arg(&self.folder).status();
        assert!(ended.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

fn mount(arguments: &[&str], folder: &Path) -> bool {
    let output = Command::new("mount").args(arguments).arg(folder).output();
    output.is_ok_and(|output| output.status.success())
}

const BIG: &str = "\
parameters: { then: '' }
stages:
  small: { kind: command, with: { command: [sh, -c, 'echo small > {outputs.o}'], outputs: { o: o.txt } } }
  big:
    kind: command
    needs: small
    with: { command: [sh, -c, 'head -c 3000000 /dev/zero > {outputs.o}${parameters.then}'], outputs: { o: o.bin } }
";

#[track_caller]
fn check(size: &str, then: &str) {
    let workspace = Workspace::new();
    workspace.write("big.yaml", BIG.replace("then: ''", &format!("then: '{then}'")));
    let Some(disk) = Disk::mount(&workspace.path("runs"), size) else { return };
    let answer = workspace.pipe(&["run", "big.yaml"]);
    assert!(matches!(answer.code, 1 | 3), "{}\n{}", answer.code, answer.stderr);
    assert!(answer.stderr.to_lowercase().contains("no space left"), "{}", answer.stderr);
    // What was published before is whole: the same command, with room, does the rest alone.
    disk.resize("32m");
    assert_eq!(workspace.run(&["big.yaml"]), counts(1, 1));
    let objects = workspace.files("runs/objects");
    let sizes: Vec<_> = objects.iter().map(|path| path.metadata().expect("it is there").len()).collect();
    assert_eq!(sizes.iter().filter(|size| **size == 3_000_000).count(), 1, "{sizes:?}");
    let half = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".tmp"));
    assert!(!objects.iter().any(half), "{objects:?}");
}

#[test]
fn a_disk_that_fills_up_while_a_stage_writes() {
    check("2m", "");
}

#[test]
fn a_disk_that_fills_up_while_a_result_is_published() {
    // The output fits beside the ledger. What has a second name is copied into the store, and the copy does not fit.
    check("5m", "; ln {outputs.o} second");
}
