//! The `network:` choice as it is written in YAML, asked without knowing which one it is.
//! It does not know layers; each network's file has its own settings.

use super::{Margin, NetworkConfig, NetworkError, Takes};

impl NetworkConfig {
    /// Checks that an input fits; `shape` is `[channels, depth or frames, height, width]`.
    ///
    /// # Errors
    /// The number of channels or frames is another than the network takes, or the input is too small.
    pub fn check_input(&self, shape: [usize; 4]) -> Result<(), NetworkError> {
        let network = self.kind().name;
        let [channels, frames, height, width] = shape;
        let count = |what, field, expected: usize, found: usize| {
            if expected == found {
                return Ok(());
            }
            Err(NetworkError::Count { network, what, field, expected, found })
        };
        let depth = match self.takes() {
            Takes::Images(expected) => {
                count("channels (times frames)", "in_channels", expected, channels * frames)?;
                1
            }
            Takes::Sequences { channels: expected, frames: long } => {
                count("channels", "in_channels", expected, channels)?;
                count("frames", "frames", long, frames)?;
                1
            }
            Takes::Volumes(expected) => {
                count("channels", "in_channels", expected, channels)?;
                frames
            }
        };
        let (found, smallest) = ([depth, height, width], self.smallest());
        if found.iter().zip(smallest).any(|(found, smallest)| *found < smallest) {
            return Err(NetworkError::Size { network, found, smallest });
        }
        if found == smallest && self.needs_two() {
            let smallest = [depth, height, width + 1];
            return Err(NetworkError::Size { network, found, smallest });
        }
        Ok(())
    }

    /// Tells whether the network runs on an input of a shape as it is, without a margin; its maps may then be smaller.
    pub fn fits(&self, shape: [usize; 4]) -> bool {
        self.fits_size(self.size_of(shape))
    }

    /// Gives what is put around an input of a shape that [`check_input`](Self::check_input) has passed.
    pub fn margin(&self, shape: [usize; 4]) -> Margin {
        self.margin_of(self.size_of(shape))
    }

    /// Slices, rows and columns; frames are not slices.
    fn size_of(&self, [_, frames, height, width]: [usize; 4]) -> [usize; 3] {
        let depth = if matches!(self.takes(), Takes::Volumes(_)) { frames } else { 1 };
        [depth, height, width]
    }
}
