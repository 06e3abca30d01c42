//! The device a network runs on.
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
    #[error("this build has no CUDA; use `device: cpu` or `device: auto`, or build with `--features cuda`")]
    #[cfg(not(feature = "cuda"))]
    NoCuda,
}

/// A device that can be used, and its name for provenance.
#[derive(Debug, Clone)]
pub struct Place {
    /// The device, without automatic differentiation.
    pub device: Device,
    /// Its name: `cpu`.
    pub name: &'static str,
}

impl Place {
    /// Whether tensors lie in the memory of this process, so that reading one costs no waiting.
    pub fn is_host(&self) -> bool {
        self.name == "cpu"
    }
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
    /// Gives the device; `auto` takes the CPU in a build without CUDA, or on a machine without an NVIDIA device.
    ///
    /// # Errors
    /// This build has no CUDA.
    pub fn place(self) -> Result<Place, DeviceError> {
        let cpu = Place { device: Device::flex(), name: "cpu" };
        match self {
            Self::Cpu => Ok(cpu),
            #[cfg(not(feature = "cuda"))]
            Self::Auto => Ok(cpu),
            #[cfg(not(feature = "cuda"))]
            Self::Cuda(_) => Err(DeviceError::NoCuda),
            #[cfg(feature = "cuda")]
            Self::Auto if !std::path::Path::new("/dev/nvidia0").exists() => Ok(cpu),
            #[cfg(feature = "cuda")]
            Self::Auto => Self::Cuda(0).place(),
            #[cfg(feature = "cuda")]
            Self::Cuda(number) => Ok(Place { device: Device::cuda(number), name: "cuda" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_by_name() {
        assert_eq!("cuda:1".parse(), Ok(DeviceChoice::Cuda(1)));
        assert_eq!("auto".parse::<DeviceChoice>().map(|choice| choice.to_string()), Ok("auto".to_owned()));
        assert!("gpu".parse::<DeviceChoice>().is_err());
        #[cfg(not(feature = "cuda"))]
        let error = DeviceChoice::Cuda(0).place().expect_err("tests are built without CUDA");
        #[cfg(not(feature = "cuda"))]
        assert!(error.to_string().starts_with("this build has no CUDA; "));
    }
}
