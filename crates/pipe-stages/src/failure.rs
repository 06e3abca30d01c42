//! Why a built-in stage fails, as data; the engine shows the words.
//!
//! Does not know exit codes or terminals.

use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

/// A failure of a built-in stage.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Failure {
    /// A file of the data set or an input artifact cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An output cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why; a full disk is one reason.
        source: io::Error,
    },
    /// A JSON file is not what its artifact type says.
    #[error("{path} is not in the expected form")]
    Format {
        /// The file.
        path: PathBuf,
        /// Where it differs.
        source: serde_json::Error,
    },
    /// The data set has problems; all of them.
    #[error(transparent)]
    Data(pipe_image::DataProblems),
    /// The data set has no case at all.
    #[error("the data set has no cases; `pipe data check` shows what was looked for")]
    NoCases,
    /// The data folder does not exist.
    #[error("there is no data folder {path}; set it with `-s data.root=FOLDER`")]
    NoFolder {
        /// The folder that was looked for.
        path: PathBuf,
    },
    /// A layout that reads files has no folder to read.
    #[error("the layout `{layout}` reads a folder, and none is given; set it with `-s data.root=FOLDER`")]
    NoRoot {
        /// Name of the layout.
        layout: &'static str,
    },
    /// A layout that makes its own data was given a folder.
    #[error("the layout `{layout}` makes its own data; leave `data.root` out")]
    UselessRoot {
        /// Name of the layout.
        layout: &'static str,
    },
    /// A fold that does not exist.
    #[error("fold {fold} of {folds}: folds count from 0")]
    NoFold {
        /// The fold asked for.
        fold: usize,
        /// How many there are.
        folds: usize,
    },
    /// An inner fold of a method that has none.
    #[error("the method has no folds within folds; say how many by `k_fold: {{ nested: {{ folds: N }} }}`")]
    NotNested,
    /// A part of the fold that must not be empty is empty.
    #[error("the fold has no {part} cases, so there would be nothing to report")]
    EmptyPart {
        /// `test`.
        part: &'static str,
    },
    /// A prediction of another size than its reference mask.
    #[error(
        "the prediction of case `{case}` is {prediction:?} (slices, rows, columns), its mask {mask:?}; both must come from one `prepare`"
    )]
    Sizes {
        /// The case.
        case: String,
        /// Slices, rows and columns of the prediction.
        prediction: [usize; 3],
        /// Slices, rows and columns of the mask.
        mask: [usize; 3],
    },
    /// A prediction that does not cover the file that its image came from.
    #[error(
        "the prediction of case `{case}` has {prediction:?} slices, rows and columns, its file {file:?}; a mask can be put back only where \
         every slice was predicted: set `slices: true` in the layout, or take a network for volumes"
    )]
    Grid {
        /// The case.
        case: String,
        /// Slices, rows and columns of the prediction.
        prediction: [usize; 3],
        /// Slices, rows and columns of the file.
        file: [usize; 3],
    },
    /// A mask that no NIfTI file can hold.
    #[error("the mask of case `{case}` cannot be written")]
    TooLong {
        /// The case.
        case: String,
        /// Why not.
        source: pipe_image::formats::TooLong,
    },
    /// A selected case is not in the packed data set.
    #[error("case `{case}` is not in the packed data set")]
    CaseMissing {
        /// The case.
        case: String,
    },
    /// A selected case has other contents than when it was selected.
    #[error("case `{case}` has other contents than the split selected")]
    CaseChanged {
        /// The case.
        case: String,
    },
    /// A case that cannot be measured.
    #[error("case `{case}`: {reason}")]
    Unmeasurable {
        /// The case.
        case: String,
        /// Why.
        reason: String,
    },
    /// A case has no mask where one is needed.
    #[error("case `{case}` has no mask")]
    NoMask {
        /// The case.
        case: String,
    },
    /// A table is not what its artifact type says.
    #[error("{path} is not in the expected form")]
    Table {
        /// The file.
        path: PathBuf,
        /// Where it differs.
        source: csv::Error,
    },
    /// A result lacks an output that its kind declares.
    #[error("a result has no output `{port}`")]
    NoArtifact {
        /// The port.
        port: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] pipe_store::StoreError),
    /// A pack cannot be read or written.
    #[error(transparent)]
    Pack(#[from] pipe_image::PackError),
    /// The split cannot be made.
    #[error("{}", lines(.0))]
    Split(Vec<pipe_image::split::SplitError>),
    /// The phantom cannot be made.
    #[error(transparent)]
    Phantom(#[from] pipe_image::phantom::PhantomError),
    /// First weights cannot be taken from their file.
    #[error(transparent)]
    Weights(#[from] pipe_learn::PretrainedError),
    /// Training failed.
    #[error(transparent)]
    Train(#[from] pipe_learn::TrainError),
    /// Prediction failed.
    #[error(transparent)]
    Predict(#[from] pipe_learn::PredictError),
    /// A card by a number that is none of those which this stage sees.
    #[error("there is no `{device}`: this stage sees {visible} of the cards, counted from `cuda:0`")]
    NoCard {
        /// What was asked for.
        device: String,
        /// How many cards it sees.
        visible: usize,
    },
    /// The device cannot be used.
    #[error(transparent)]
    Device(#[from] pipe_learn::DeviceError),
}

fn lines(errors: &[pipe_image::split::SplitError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl Failure {
    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.into(), source }
    }

    pub(crate) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.into(), source }
    }
}
