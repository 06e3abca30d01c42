//! Which file is compared with which.
//!
//! Does not open files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pipe_image::layouts::stem;
use thiserror::Error;

/// A prediction and its reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    /// The path below the folder, without what follows the last dot; of two files the name of the reference.
    pub(super) name: String,
    pub(super) prediction: PathBuf,
    pub(super) reference: PathBuf,
}

/// Why files do not belong together.
#[derive(Debug, Error)]
pub enum PairingError {
    /// A file or folder cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A folder stands against a file.
    #[error("{} is a folder and {} is a file: give two files, or two folders", folder.display(), file.display())]
    FileAndFolder {
        /// The folder.
        folder: PathBuf,
        /// The file.
        file: PathBuf,
    },
    /// A folder without files.
    #[error("{} holds no files", .0.display())]
    Empty(PathBuf),
    /// Two files of one name.
    #[error("{} and {} have one name", .0.display(), .1.display())]
    Twice(PathBuf, PathBuf),
    /// Files without a partner.
    #[error("{}", lonely(predictions, references))]
    Lonely {
        /// Predictions without a reference.
        predictions: Vec<PathBuf>,
        /// References without a prediction.
        references: Vec<PathBuf>,
    },
    /// No name stands on both sides.
    #[error("no file of {} has the name of a file of {}", predictions.display(), references.display())]
    NoPair {
        /// A folder.
        predictions: PathBuf,
        /// The other.
        references: PathBuf,
    },
}

fn lonely(predictions: &[PathBuf], references: &[PathBuf]) -> String {
    let said = |files: &[PathBuf], [one, several]: [&str; 2]| {
        let what = if files.len() == 1 { one } else { several };
        let shown: Vec<_> = files.iter().take(5).map(|file| file.display().to_string()).collect();
        let more = if files.len() > 5 { format!(" and {} more", files.len() - 5) } else { String::new() };
        (!files.is_empty()).then(|| format!("{} {what}: {}{more}", files.len(), shown.join(", ")))
    };
    let parts = [
        said(references, ["reference has no prediction", "references have no prediction"]),
        said(predictions, ["prediction has no reference", "predictions have no reference"]),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("{}; `--common` leaves them out", parts.join("; "))
}

/// Pairs two files, or the files of two folders.
pub(super) fn pairs(prediction: &Path, reference: &Path, common: bool) -> Result<Vec<Pair>, PairingError> {
    let is_folder = |path: &Path| match path.metadata() {
        Ok(about) => Ok(about.is_dir()),
        Err(source) => Err(PairingError::Unreadable { path: path.into(), source }),
    };
    match (is_folder(prediction)?, is_folder(reference)?) {
        (false, false) => {
            let name = reference.file_name().unwrap_or(reference.as_os_str()).to_string_lossy();
            let (prediction, reference) = (prediction.into(), reference.into());
            return Ok(vec![Pair { name: stem(&name).to_owned(), prediction, reference }]);
        }
        (true, false) => return Err(PairingError::FileAndFolder { folder: prediction.into(), file: reference.into() }),
        (false, true) => return Err(PairingError::FileAndFolder { folder: reference.into(), file: prediction.into() }),
        (true, true) => {}
    }
    let (mut predictions, references) = (files(prediction)?, files(reference)?);
    let names: BTreeSet<&String> = references.keys().collect();
    let extra: Vec<PathBuf> =
        predictions.iter().filter(|(name, _)| !names.contains(name)).map(|(_, path)| path.clone()).collect();
    let mut lonely = Vec::new();
    let mut pairs = Vec::new();
    for (name, reference) in references {
        match predictions.remove(&name) {
            Some(prediction) => pairs.push(Pair { name, prediction, reference }),
            None => lonely.push(reference),
        }
    }
    if pairs.is_empty() {
        return Err(PairingError::NoPair { predictions: prediction.into(), references: reference.into() });
    }
    let has_lonely = !extra.is_empty() || !lonely.is_empty();
    if has_lonely && !common {
        return Err(PairingError::Lonely { predictions: extra, references: lonely });
    }
    Ok(pairs)
}

/// The files below a folder by their names, hidden ones and tables left out.
fn files(folder: &Path) -> Result<BTreeMap<String, PathBuf>, PairingError> {
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(here) = folders.pop() {
        let unreadable = |source| PairingError::Unreadable { path: here.clone(), source };
        for entry in std::fs::read_dir(&here).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // What programs leave beside masks.
            let is_text = [".json", ".csv", ".txt", ".pkl", ".npz", ".yaml", ".yml", ".log"];
            if is_text.iter().any(|end| name.to_lowercase().ends_with(end)) {
                continue;
            }
            let below = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            if let Some(other) = found.insert(stem(&below).to_owned(), path.clone()) {
                return Err(PairingError::Twice(other, path));
            }
        }
    }
    if found.is_empty() { Err(PairingError::Empty(folder.into())) } else { Ok(found) }
}
