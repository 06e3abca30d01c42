//! The surroundings in which this very process finds CUDA's libraries and headers, where it computes itself instead of a worker.
//!
//! Does not use a device.

use std::{env, os::unix::process::CommandExt as _, path::Path, process::Command};

use pipe_learn::{CudaHome, cuda_home};

/// Set where the program was started anew.
const MARK: &str = "PIPE_CUDA_FOUND";

/// Starts the program anew, once, with CUDA_PATH and LD_LIBRARY_PATH of what lies where neither CubeCL nor the loader looks, e.g. in
/// wheels of a Python environment: a loader reads its path when a process begins, and never again.
pub(crate) fn find() {
    let Ok(CudaHome { include_parent, nvrtc, .. }) = cuda_home() else { return };
    let (Some(folder), None) = (nvrtc.parent(), env::var_os(MARK)) else { return };
    let paths = env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    if env::var_os("CUDA_PATH").is_some() && env::split_paths(&paths).any(|path| path == folder) {
        return;
    }
    let others = env::split_paths(&paths).filter(|path| *path != Path::new(""));
    let Ok(paths) = env::join_paths(std::iter::once(folder.to_owned()).chain(others)) else { return };
    let Ok(program) = env::current_exe() else { return };
    let mut command = Command::new(program);
    command.args(env::args_os().skip(1)).env("CUDA_PATH", include_parent).env("LD_LIBRARY_PATH", paths).env(MARK, "1");
    // Returns only where it cannot be started anew; the device then says what it misses.
    drop(command.exec());
}
