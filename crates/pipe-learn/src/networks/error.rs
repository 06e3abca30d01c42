//! What can be wrong with a network's settings or its input.
//! It does not know YAML; names of fields are those of the settings.

use thiserror::Error;

/// A network that cannot be built, or an input that does not fit it.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum NetworkError {
    /// A setting out of its range.
    #[error("`{field}` of {network} is {value}, expected {expected}")]
    Setting {
        /// Name of the network.
        network: &'static str,
        /// The setting.
        field: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// Two settings that do not go together.
    #[error("{network}: {reason}")]
    Combination {
        /// Name of the network.
        network: &'static str,
        /// What does not go with what, and what to write instead.
        reason: String,
    },
    /// The input is halved until nothing is left of it.
    #[error(
        "input {} is too small for {network}: it needs at least {}; prepare larger images, or set fewer levels",
        by(found),
        by(smallest)
    )]
    Size {
        /// Name of the network.
        network: &'static str,
        /// Slices, rows and columns of the input.
        found: [usize; 3],
        /// The smallest that it takes.
        smallest: [usize; 3],
    },
    /// Another number of channels or frames than the network was built for.
    #[error(
        "{network} takes {expected} {what}, the input has {found}; set `{field}: {found}` or prepare the data alike"
    )]
    Count {
        /// Name of the network.
        network: &'static str,
        /// `frames` or `channels`.
        what: &'static str,
        /// The setting that says how many.
        field: &'static str,
        /// What the network takes.
        expected: usize,
        /// What came.
        found: usize,
    },
    /// An input that no machine holds.
    #[error("input shape {shape:?} has more than 2^26 values")]
    TooLarge {
        /// What came.
        shape: Vec<usize>,
    },
    /// A shape with another number of dimensions.
    #[error(
        "input shape {shape:?} is neither [batch, channels, height, width] nor [batch, channels, frames, height, width]"
    )]
    Rank {
        /// What came.
        shape: Vec<usize>,
    },
}

/// `[1, 64, 64]` as "64x64", a volume with its slices.
fn by([depth, height, width]: &[usize; 3]) -> String {
    if *depth <= 1 { format!("{height}x{width}") } else { format!("{depth}x{height}x{width}") }
}

/// Checks one number against a range, for the settings of a network.
pub(super) fn within<T: PartialOrd + ToString + Copy>(
    network: &'static str,
    field: &'static str,
    value: T,
    range: std::ops::RangeInclusive<T>,
    expected: &'static str,
) -> Result<(), NetworkError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(NetworkError::Setting { network, field, value: value.to_string(), expected })
}

/// The most channels of a level: twice those of the largest network in use.
pub(super) const MOST_CHANNELS: usize = 4096;

/// Checks that channels which double with every level stay within what machines hold.
pub(super) fn doubled(network: &'static str, width: usize, depth: usize) -> Result<(), NetworkError> {
    let most = width << depth;
    if most <= MOST_CHANNELS {
        return Ok(());
    }
    let reason = format!(
        "`width: {width}` doubled {depth} times gives {most} channels, more than {MOST_CHANNELS}; take a smaller `width` or `depth`"
    );
    Err(NetworkError::Combination { network, reason })
}
