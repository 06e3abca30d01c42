//! The workspace: the nearest parent folder that has `runs/`, else the current one.
//!
//! Does not know what lies inside `runs/`.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// Folder under which the store and all reports lie.
pub(crate) const RUNS: &str = "runs";

/// Finds the workspace from the folder asked for, or from the current folder upwards.
///
/// # Errors
/// The current folder, or the folder asked for, cannot be read.
pub(crate) fn find(asked: Option<&Path>) -> io::Result<PathBuf> {
    if let Some(folder) = asked {
        return fs::canonicalize(folder);
    }
    let here = env::current_dir()?;
    Ok(here.ancestors().find(|folder| folder.join(RUNS).is_dir()).unwrap_or(&here).to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asked_folder_wins() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let found = find(Some(folder.path())).expect("it exists");
        assert_eq!(found, fs::canonicalize(folder.path()).expect("it exists"));
        assert!(find(Some(&folder.path().join("missing"))).is_err());
    }
}
