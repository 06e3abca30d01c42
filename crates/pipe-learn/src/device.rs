//! The device a network runs on, and how many threads the CPU gives it.
//! It does not know networks; equal bytes are promised for the CPU at any number of threads.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;
use thiserror::Error;

/// What was asked for: `auto`, `cpu` or `cuda:0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The best there is.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// An NVIDIA GPU by number.
    Cuda(usize),
}

/// A device that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DeviceError {
    /// Not a device.
    #[error("`{text}` is not a device; use auto, cpu or cuda:0")]
    Unknown {
        /// What was written.
        text: String,
    },
    /// A GPU was asked for and the program was built without.
    #[error("this build has no CUDA; use `device: cpu` or `device: auto`")]
    NoCuda,
    /// The CPU's threads were set before.
    #[error("the number of threads was set before and cannot change to {threads}")]
    Threads {
        /// What was asked for.
        threads: usize,
    },
}

/// A device that can be used, and its name for provenance.
#[derive(Debug, Clone)]
pub struct Place {
    /// The device, without automatic differentiation.
    pub device: Device,
    /// Its name: `cpu`.
    pub name: &'static str,
}

impl FromStr for DeviceChoice {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => {
                let number = text.strip_prefix("cuda:").and_then(|number| number.parse().ok());
                number.map(Self::Cuda).ok_or_else(|| DeviceError::Unknown { text: text.to_owned() })
            }
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => formatter.write_str("auto"),
            Self::Cpu => formatter.write_str("cpu"),
            Self::Cuda(number) => write!(formatter, "cuda:{number}"),
        }
    }
}

impl DeviceChoice {
    /// Gives the device; `auto` takes the CPU in a build without CUDA.
    ///
    /// # Errors
    /// This build has no CUDA.
    pub fn place(self) -> Result<Place, DeviceError> {
        match self {
            Self::Auto | Self::Cpu => Ok(Place { device: Device::flex(), name: "cpu" }),
            Self::Cuda(_) => Err(DeviceError::NoCuda),
        }
    }
}

/// Sets the number of CPU threads of this process; once, before any work.
///
/// # Errors
/// It was set before.
pub fn set_threads(threads: usize) -> Result<(), DeviceError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1));
    pool.build_global().map_err(|_| DeviceError::Threads { threads })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_by_name() {
        assert_eq!("cuda:1".parse(), Ok(DeviceChoice::Cuda(1)));
        assert_eq!("auto".parse::<DeviceChoice>().map(|choice| choice.to_string()), Ok("auto".to_owned()));
        assert!("gpu".parse::<DeviceChoice>().is_err());
        let error = DeviceChoice::Cuda(0).place().expect_err("tests are built without CUDA");
        assert!(error.to_string().starts_with("this build has no CUDA; "));
    }
}
