//! Why a command ends without success, and which exit code says so.
//!
//! Does not know what commands do.

use std::{io, path::PathBuf};

use pipe_engine::{Broken, EngineError, NotGrown};
use pipe_spec::{Colour, Problems};
use pipe_store::StoreError;
use thiserror::Error;

/// A failure of a command.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// The YAML is wrong.
    #[error(transparent)]
    Spec(Box<Problems>),
    /// An argument means nothing.
    #[error("{0}")]
    Argument(String),
    /// The store, and with it the machine.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine, and with it the machine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A name means no stage.
    #[error(transparent)]
    NoStage(#[from] pipe_engine::NoStage),
    /// A text names no stage.
    #[error(transparent)]
    Pattern(#[from] pipe_engine::NotAPattern),
    /// A stage's list cannot be run over.
    #[error(transparent)]
    List(#[from] pipe_engine::ListError),
    /// Nothing was accepted.
    #[error(transparent)]
    Accept(#[from] pipe_engine::NotAccepted),
    /// The data set has problems.
    #[error(transparent)]
    Data(#[from] pipe_image::DataProblems),
    /// A network cannot be built, or does not take the input.
    #[error(transparent)]
    Network(#[from] pipe_learn::NetworkError),
    /// The device cannot be used.
    #[error(transparent)]
    Device(#[from] pipe_learn::DeviceError),
    /// A stage's results or data cannot be read.
    #[error(transparent)]
    Stage(#[from] pipe_stages::Failure),
    /// There is no such table.
    #[error("{}: {source}", file.display())]
    Table {
        /// The table's file.
        file: PathBuf,
        /// Why not.
        source: Box<pipe_report::paper::TableError>,
    },
    /// A row of a table is of no evaluation.
    #[error("{}: row `{system}`: {source}", file.display())]
    Row {
        /// The table's file.
        file: PathBuf,
        /// The row.
        system: String,
        /// Why not.
        source: Box<pipe_stages::RowError>,
    },
    /// Masks cannot be compared.
    #[error(transparent)]
    Comparison(Box<pipe_stages::ComparisonError>),
    /// A file cannot be used.
    #[error("cannot {what} {path}")]
    File {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Failure {
    pub(crate) fn file(what: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::File { what, path: path.into(), source }
    }

    /// 1 the data or a stage, 2 what was asked for, 3 the machine.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Spec(_) | Self::Argument(_) | Self::Network(_) | Self::NoStage(_) | Self::Pattern(_) => 2,
            Self::Engine(EngineError::NotChosen { .. } | EngineError::Grown(_)) => 2,
            Self::Accept(pipe_engine::NotAccepted::Store(_)) => 3,
            Self::Row { source, .. } if matches!(**source, pipe_stages::RowError::Result(_)) => 3,
            Self::Table { .. } | Self::Row { .. } => 2,
            Self::Data(_) | Self::List(_) | Self::Comparison(_) => 1,
            Self::Accept(_) => 2,
            Self::Stage(pipe_stages::Failure::Store(_)) => 3,
            Self::Stage(
                pipe_stages::Failure::NoFolder { .. }
                | pipe_stages::Failure::NoRoot { .. }
                | pipe_stages::Failure::UselessRoot { .. },
            ) => 2,
            Self::Stage(_) => 1,
            Self::Store(_) | Self::Engine(_) | Self::Device(_) | Self::File { .. } => 3,
        }
    }

    /// The words for people: the failure, then each cause.
    pub(crate) fn words(&self, colour: Colour) -> String {
        let grown = match self {
            Self::Engine(EngineError::Grown(why)) => match &**why {
                NotGrown::Problems(problems) => Some(problems),
                NotGrown::NoStage(_) => None,
            },
            Self::Spec(problems) => Some(&**problems),
            _ => None,
        };
        if let Some(problems) = grown {
            let text = problems.render(colour);
            let count = problems.list.len();
            let s = if count == 1 { "" } else { "s" };
            return format!("{text}{count} problem{s}\n");
        }
        let mut text = format!("error: {self}\n");
        let mut last = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let words = error.to_string();
            // A transparent error repeats its cause.
            if words != last {
                text.push_str(&format!("  because: {words}\n"));
            }
            last = words;
            cause = error.source();
        }
        text
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Spec(Box::new(problems))
    }
}

impl From<NotGrown> for Failure {
    fn from(why: NotGrown) -> Self {
        match why {
            NotGrown::Problems(problems) => problems.into(),
            NotGrown::NoStage(no_stage) => no_stage.into(),
        }
    }
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Problems(problems) => Self::Spec(problems),
            Broken::Store(error) => Self::Store(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_said_once() {
        let source = io::Error::new(io::ErrorKind::NotFound, "no such file");
        let failure = Failure::file("read", "a.yaml", source);
        assert_eq!(failure.words(Colour::Never), "error: cannot read a.yaml\n  because: no such file\n");
        assert_eq!(failure.code(), 3);
        assert_eq!(Failure::Argument("no such stage".into()).words(Colour::Never), "error: no such stage\n");
    }
}
