//! What says where, how fast and how often a stage runs; nothing here is ever part of a recipe.
//!
//! Does not know devices, or how many of anything there are.

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use thiserror::Error;

use crate::{Bytes, Device, Time};

/// Where and how fast a stage runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Resources {
    /// Where a stage that trains or predicts computes: `auto`, `cpu`, `cuda` or `wgpu`; `cuda:1` is the second of the GPUs that it gets
    /// by `gpu`, else of all that there are.
    pub device: Device,
    /// How many of the `--jobs` slots the stage takes, and how many threads it may use (OMP_NUM_THREADS, RAYON_NUM_THREADS).
    /// Null takes one slot, and gives each of the stages that may run at once twice its share of the machine's cores.
    #[schemars(range(min = 1, max = 4096))]
    pub cpu: Option<u32>,
    /// Memory limit: a stage that takes more is killed. Also what it takes of the machine's memory while it runs.
    pub memory: Option<Bytes>,
    /// GPUs: a whole number, or a part of one. The stage gets their ids through CUDA_VISIBLE_DEVICES; 0 hides all of them.
    /// Null gives a stage that trains or predicts one where there are GPUs, and leaves any other as it is.
    pub gpu: Option<Gpus>,
    /// Memory that the stage takes of each of its GPUs. Without it, a part of a GPU is the same part of its memory; without `gpu`,
    /// it is the part of one GPU that the memory is. Stages that share a GPU never ask for more than it has.
    pub gpu_memory: Option<Bytes>,
    /// What it takes of named pools, e.g. `{ licence: 1 }`. Their sizes stand under `pools:` of the experiment; a pool that does not has one.
    #[schemars(inner(range(min = 1, max = 4096)))]
    pub pools: IndexMap<String, u32>,
    /// Of the stages that could start, those with the highest priority do.
    #[schemars(range(min = -1_000_000, max = 1_000_000))]
    pub priority: i32,
}

impl Default for Resources {
    fn default() -> Self {
        Self {
            device: Device::Auto,
            cpu: None,
            memory: None,
            gpu: None,
            gpu_memory: None,
            pools: IndexMap::new(),
            priority: 0,
        }
    }
}

/// A number of GPUs, in hundredths of one: `1`, `2`, `0.5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Json", into = "f64")]
pub struct Gpus(u32);

/// A number that is no number of GPUs.
#[derive(Debug, Error)]
#[error("`{number}` is neither a whole number of GPUs nor a part of one such as 0.5")]
pub struct NotGpus {
    number: String,
}

impl Gpus {
    /// Hundredths of a GPU.
    pub const fn hundredths(self) -> u32 {
        self.0
    }
}

impl TryFrom<Json> for Gpus {
    type Error = NotGpus;

    fn try_from(value: Json) -> Result<Self, NotGpus> {
        let wrong = || NotGpus { number: value.to_string() };
        let number = value.as_f64().ok_or_else(wrong)?;
        let hundredths = (number * 100.0).round();
        let is_whole = hundredths % 100.0 == 0.0;
        let is_clear = (hundredths / 100.0 - number).abs() < 1e-9;
        if !is_clear || hundredths < 0.0 || number > 1024.0 || (number > 1.0 && !is_whole) {
            return Err(wrong());
        }
        Ok(Self(hundredths as u32))
    }
}

impl From<Gpus> for f64 {
    fn from(gpus: Gpus) -> Self {
        Self::from(gpus.0) / 100.0
    }
}

impl JsonSchema for Gpus {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Gpus".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0, "maximum": 1024 })
    }
}

/// How often a failed stage is tried again, and how long is waited before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Retries {
    /// How often at most, after the first attempt.
    #[schemars(range(min = 0, max = 1000))]
    pub count: u32,
    /// Wait before the first of them.
    pub delay: Time,
    /// How the wait grows: `fixed`, `exponential` (doubles), or a factor.
    pub backoff: Backoff,
    /// Part of the wait that is chosen by chance, so that many stages do not come back at once: `true` is a half.
    pub jitter: Jitter,
    /// Longest wait.
    pub max_delay: Time,
}

impl Default for Retries {
    fn default() -> Self {
        let time = |text: &str| text.parse().expect("a time");
        Self {
            count: 0,
            delay: time("1s"),
            backoff: Backoff::default(),
            jitter: Jitter::default(),
            max_delay: time("5m"),
        }
    }
}

impl Retries {
    /// Wait before the retry of a number counted from 1; `chance` lies in 0..1.
    pub fn wait(&self, number: u32, chance: f64) -> std::time::Duration {
        let growth = self.backoff.0.powi(i32::try_from(number.saturating_sub(1)).unwrap_or(i32::MAX));
        let longest = self.max_delay.get().as_secs_f64();
        let wait = (self.delay.get().as_secs_f64() * growth).min(longest);
        std::time::Duration::from_secs_f64(wait * (1.0 - self.jitter.0 * chance.clamp(0.0, 1.0)))
    }
}

/// The factor by which a wait grows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Json", into = "f64")]
pub struct Backoff(f64);

/// The part of a wait that is chosen by chance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Json", into = "f64")]
pub struct Jitter(f64);

/// A value that says nothing about waiting.
#[derive(Debug, Error)]
#[error("`{value}` is not {wanted}")]
pub struct NotAWait {
    value: String,
    wanted: &'static str,
}

impl Default for Backoff {
    fn default() -> Self {
        Self(1.0)
    }
}

impl TryFrom<Json> for Backoff {
    type Error = NotAWait;

    fn try_from(value: Json) -> Result<Self, NotAWait> {
        let factor = match value.as_str() {
            Some("fixed") => Some(1.0),
            Some("exponential") => Some(2.0),
            Some(_) => None,
            None => value.as_f64().filter(|factor| (1.0..=100.0).contains(factor)),
        };
        let wanted = "`fixed`, `exponential` or a factor from 1 to 100";
        factor.map(Self).ok_or_else(|| NotAWait { value: value.to_string(), wanted })
    }
}

impl TryFrom<Json> for Jitter {
    type Error = NotAWait;

    fn try_from(value: Json) -> Result<Self, NotAWait> {
        let part = match value.as_bool() {
            Some(on) => Some(if on { 0.5 } else { 0.0 }),
            None => value.as_f64().filter(|part| (0.0..=1.0).contains(part)),
        };
        part.map(Self).ok_or_else(|| NotAWait { value: value.to_string(), wanted: "true, false or a part from 0 to 1" })
    }
}

impl From<Backoff> for f64 {
    fn from(backoff: Backoff) -> Self {
        backoff.0
    }
}

impl From<Jitter> for f64 {
    fn from(jitter: Jitter) -> Self {
        jitter.0
    }
}

impl JsonSchema for Backoff {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Backoff".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number"], "minimum": 1, "maximum": 100 })
    }
}

impl JsonSchema for Jitter {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Jitter".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["boolean", "number"], "minimum": 0, "maximum": 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn gpus(text: &str, expected: Option<u32>) {
        let found = serde_json::from_str::<Gpus>(text).ok().map(Gpus::hundredths);
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn whole_gpus_and_parts() {
        gpus("0", Some(0));
        gpus("1", Some(100));
        gpus("4", Some(400));
        gpus("0.5", Some(50));
        gpus("0.05", Some(5));
        for wrong in ["1.5", "-1", "0.001", "\"one\"", "2000"] {
            gpus(wrong, None);
        }
    }

    #[test]
    fn waits_grow_to_their_limit() {
        let retries: Retries =
            serde_json::from_str(r#"{"count": 9, "delay": "2s", "backoff": "exponential", "max_delay": 10}"#)
                .expect("right");
        let seconds: Vec<_> = (1..=4).map(|number| retries.wait(number, 0.9).as_secs_f64()).collect();
        assert_eq!(seconds, [2.0, 4.0, 8.0, 10.0]);
        let jittered = Retries { jitter: Jitter(0.5), ..retries };
        assert_eq!(jittered.wait(1, 1.0).as_secs_f64(), 1.0);
        assert!(serde_json::from_str::<Retries>(r#"{"backoff": "wild"}"#).is_err());
    }
}
