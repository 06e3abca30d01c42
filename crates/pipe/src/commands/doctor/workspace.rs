//! The workspace and the disk it lies on.
//!
//! Does not open the ledger.

use std::{fs, path::Path};

use pipe_store::{FileSystem, space};

use super::{Check, bytes};
use crate::{session::Session, workspace::RUNS};

/// Less room than this is soon used up by checkpoints.
const LITTLE_SPACE: u64 = 5 << 30;
pub(super) fn checks(session: &Session) -> Vec<Check> {
    let runs = session.runs();
    let (has_runs, folder) = if runs.is_dir() { (true, runs) } else { (false, session.workspace.clone()) };
    let mut checks = vec![found(session, has_runs), writable(&folder)];
    checks.push(file_system(&folder));
    checks.extend(room(&folder));
    checks.extend(has_runs.then(|| links(&folder)));
    checks
}

fn found(session: &Session, has_runs: bool) -> Check {
    let folder = session.workspace.display();
    if has_runs {
        return Check::ok("folder", folder.to_string());
    }
    let says = format!("{folder}, in which nothing was run: there is no `{RUNS}/` here or above");
    Check::note("folder", says, "if you expected results, go to their folder or name it: `--workspace FOLDER`")
}

fn writable(folder: &Path) -> Check {
    match tempfile::Builder::new().prefix(".doctor-").tempfile_in(folder) {
        Ok(_) => Check::ok("writable", "yes"),
        Err(error) => Check::problem(
            "writable",
            format!("no: {error}"),
            format!("make {} writable, or choose another workspace: `--workspace FOLDER`", folder.display()),
        ),
    }
}

fn file_system(folder: &Path) -> Check {
    let FileSystem { name, is_network } = pipe_store::file_system(folder);
    if is_network {
        return Check::note(
            "file system",
            format!("{name}, over a network: the ledger keeps a rollback journal there, which is slower"),
            "a workspace on a disk of this machine is faster; data may stay where they are",
        );
    }
    Check::ok("file system", name)
}

fn room(folder: &Path) -> Option<Check> {
    let space = space(folder)?;
    let says = format!("{} free of {}", bytes(space.free), bytes(space.total));
    let remedy = format!("remove what is not needed from {}", folder.display());
    Some(match space.free {
        // Not even a log could be written.
        0..0x10_0000 => Check::problem("disk", format!("full: {says}"), remedy),
        0x10_0000..LITTLE_SPACE => Check::note("disk", says, remedy),
        _ => Check::ok("disk", says),
    })
}

/// Whether results can be handed to stages without being copied.
fn links(runs: &Path) -> Check {
    let remedy =
        "keep `runs/` on one file system that has hard links; until then results are copied, which costs space";
    let try_out = || {
        let folder = tempfile::Builder::new().prefix(".doctor-").tempdir_in(runs)?;
        let file = folder.path().join("a");
        fs::write(&file, "")?;
        fs::hard_link(&file, folder.path().join("b"))
    };
    if let Err(error) = try_out() {
        return Check::note("links", format!("results cannot be linked: {error}"), remedy);
    }
    let devices: Vec<_> = ["objects", "attempts"].iter().filter_map(|name| device(&runs.join(name))).collect();
    match devices.as_slice() {
        [objects, attempts] if objects != attempts => {
            Check::note("links", "`objects/` and `attempts/` lie on different file systems", remedy)
        }
        _ => Check::ok("links", "results are handed to stages without being copied"),
    }
}

#[cfg(unix)]
fn device(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).ok().map(|folder| folder.dev())
}

#[cfg(not(unix))]
fn device(_: &Path) -> Option<u64> {
    None
}
