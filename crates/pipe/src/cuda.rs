//! The surroundings in which this very process finds CUDA's libraries and headers, where it computes itself instead of a worker.
//!
//! Does not use a device.

use std::{env, os::unix::process::CommandExt as _, process::Command};

use pipe_learn::cuda_home;

/// Set where the program was started anew.
const MARK: &str = "PIPE_CUDA_FOUND";

/// Starts the program anew, once, with CUDA_PATH and LD_LIBRARY_PATH of what lies where neither CubeCL nor the loader looks, e.g. in
/// wheels of a Python environment: a loader reads its path when a process begins, and never again.
pub(crate) fn find() {
    let (Ok(home), None) = (cuda_home(), env::var_os(MARK)) else { return };
    let paths = env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let is_on_path = env::split_paths(&paths).any(|path| Some(path.as_path()) == home.nvrtc.parent());
    if env::var_os("CUDA_PATH").is_some() && is_on_path {
        return;
    }
    let Ok(program) = env::current_exe() else { return };
    let mut command = Command::new(program);
    command.args(env::args_os().skip(1)).envs(home.variables()).env(MARK, "1");
    // Returns only where it cannot be started anew; the device then says what it misses.
    drop(command.exec());
}
