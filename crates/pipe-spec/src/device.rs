//! Where a stage computes, as `resources: { device: .. }` names it.
//!
//! Does not know which devices there are.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A device by name: `auto`, `cpu`, `cuda`, `cuda:1`, `wgpu`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Device {
    /// An NVIDIA GPU where there is one and this build can use it, else the processor.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// An NVIDIA GPU, perhaps by its place, counted from 0, among those that the stage gets or may use.
    Cuda(Option<usize>),
    /// The GPU that the system prefers, through Vulkan or Metal.
    Wgpu,
}

/// A text that names no device.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is no device; use `auto`, `cpu`, `cuda`, `cuda:N` or `wgpu`")]
pub struct NotADevice {
    text: String,
}

impl FromStr for Device {
    type Err = NotADevice;

    fn from_str(text: &str) -> Result<Self, NotADevice> {
        let place = || {
            let digits = text.strip_prefix("cuda:")?;
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(None)),
            "wgpu" => Ok(Self::Wgpu),
            _ => place().map(|place| Self::Cuda(Some(place))).ok_or_else(|| NotADevice { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(None) => f.write_str("cuda"),
            Self::Cuda(Some(place)) => write!(f, "cuda:{place}"),
            Self::Wgpu => f.write_str("wgpu"),
        }
    }
}

impl TryFrom<String> for Device {
    type Error = NotADevice;

    fn try_from(text: String) -> Result<Self, NotADevice> {
        text.parse()
    }
}

impl From<Device> for String {
    fn from(device: Device) -> Self {
        device.to_string()
    }
}

impl JsonSchema for Device {
    fn schema_name() -> Cow<'static, str> {
        "Device".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^(auto|cpu|wgpu|cuda(:[0-9]+)?)$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_have_one_name() {
        for name in ["auto", "cpu", "cuda", "cuda:0", "cuda:11", "wgpu"] {
            assert_eq!(name.parse::<Device>().map(|device| device.to_string()), Ok(name.to_owned()));
        }
        for wrong in ["", "gpu", "vulkan", "cpu:1", "wgpu:1", "cuda:", "cuda:x", "cuda:-1", "cuda:+1", "CUDA", " cuda"]
        {
            assert!(wrong.parse::<Device>().is_err(), "{wrong}");
        }
    }
}
