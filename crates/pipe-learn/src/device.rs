//! The device a network runs on.
//! It does not know networks; equal bytes are promised for the CPU at any number of threads.

use std::fmt;

use burn::tensor::Device;
use thiserror::Error;

use crate::precision::Precision;

/// Whether this build can use NVIDIA GPUs.
pub const HAS_CUDA: bool = cfg!(feature = "cuda");

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The first NVIDIA GPU that this process may see, if there is one and this build can use it; else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// An NVIDIA GPU by its number among those that this process may see.
    Cuda(usize),
    /// A GPU through Vulkan or Metal: the one that the system prefers.
    Wgpu,
}

/// A device that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DeviceError {
    /// A kind of device was asked for that the program was built without.
    #[error("this build has no {kind}; use `device: cpu` or `device: auto`, or build with `tools/build {feature}`")]
    NotBuilt {
        /// What it is called.
        kind: &'static str,
        /// The feature of the build.
        feature: &'static str,
    },
    /// There is no such GPU, or something is missing to use it.
    #[error("`{choice}` cannot be used: {reason}")]
    Unusable {
        /// What was asked for.
        choice: DeviceChoice,
        /// What is missing, where it was looked for, and what brings it.
        reason: String,
    },
    /// The device does not compute in a number format.
    #[error("{device} does not compute in `{precision}`; use `precision: {instead}`")]
    Format {
        /// Its name.
        device: &'static str,
        /// The format.
        precision: Precision,
        /// One that it has.
        instead: &'static str,
    },
}

/// A device that can be used, and its name for provenance.
#[derive(Debug, Clone)]
pub struct Place {
    /// The device, without automatic differentiation.
    pub device: Device,
    /// Its name: `cpu`.
    pub name: &'static str,
    /// Why it is this one, where that was not said: `auto` found no GPU.
    pub because: Option<String>,
}

impl Place {
    /// The CPU.
    fn cpu() -> Self {
        Self { device: Device::flex(), name: "cpu", because: None }
    }

    /// Whether tensors lie in the memory of this process, so that reading one costs no waiting.
    pub fn is_host(&self) -> bool {
        self.name == "cpu"
    }

    /// Refuses a number format that the device lacks. Through Vulkan one may be stored without being computed in.
    ///
    /// # Errors
    /// The device does not compute in it.
    pub fn computes_in(&self, precision: Precision) -> Result<(), DeviceError> {
        // The CPU computes in 32 bits and rounds to what is asked for.
        let computes = |precision: Precision| self.is_host() || self.device.supports_dtype(precision.of_layers());
        if computes(precision) {
            return Ok(());
        }
        let instead = if precision == Precision::Bf16 && computes(Precision::F16) { "f16" } else { "tf32" };
        Err(DeviceError::Format { device: self.name, precision, instead })
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => formatter.write_str("auto"),
            Self::Cpu => formatter.write_str("cpu"),
            Self::Cuda(number) => write!(formatter, "cuda:{number}"),
            Self::Wgpu => formatter.write_str("wgpu"),
        }
    }
}

impl DeviceChoice {
    /// Gives the device; `auto` says why it took the CPU.
    ///
    /// # Errors
    /// This build cannot use such a device, there is none, or something is missing to use it.
    pub fn place(self) -> Result<Place, DeviceError> {
        match self {
            Self::Cpu => Ok(Place::cpu()),
            Self::Auto => Ok(Self::Cuda(0).place().unwrap_or_else(|error| {
                let because = match error {
                    DeviceError::Unusable { reason, .. } => reason,
                    _ => "this build has no CUDA".to_owned(),
                };
                Place { because: Some(because), ..Place::cpu() }
            })),
            #[cfg(feature = "cuda")]
            Self::Cuda(number) => crate::gpu::cuda(number)
                .map(|device| Place { device, name: "cuda", because: None })
                .map_err(|reason| DeviceError::Unusable { choice: self, reason }),
            #[cfg(not(feature = "cuda"))]
            Self::Cuda(_) => Err(DeviceError::NotBuilt { kind: "CUDA", feature: "cuda" }),
            #[cfg(feature = "wgpu")]
            Self::Wgpu => crate::gpu::wgpu()
                .map(|device| Place { device, name: "wgpu", because: None })
                .map_err(|reason| DeviceError::Unusable { choice: self, reason }),
            #[cfg(not(feature = "wgpu"))]
            Self::Wgpu => Err(DeviceError::NotBuilt { kind: "Vulkan or Metal", feature: "wgpu" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_rounds_to_every_format() {
        let place = DeviceChoice::Cpu.place().expect("there is a CPU");
        for precision in [Precision::Fp32, Precision::Tf32, Precision::Bf16, Precision::F16] {
            assert_eq!(place.computes_in(precision), Ok(()));
        }
    }

    #[test]
    #[cfg(not(feature = "gpu"))]
    fn a_build_without_gpus_says_so() {
        let error = DeviceChoice::Cuda(0).place().expect_err("tests are built without CUDA");
        assert!(error.to_string().starts_with("this build has no CUDA; "), "{error}");
        let place = DeviceChoice::Auto.place().expect("there is a CPU");
        assert_eq!((place.name, place.because.as_deref()), ("cpu", Some("this build has no CUDA")));
    }
}
