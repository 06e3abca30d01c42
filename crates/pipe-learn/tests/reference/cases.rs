//! The files of reference values. Does not know how networks are run.

use std::fs;

use pipe_learn::NetworkConfig;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

/// A network, its input, and what comes out.
#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) network: Value,
    pub(crate) input: Vec<usize>,
    pub(crate) params: usize,
    output_shape: Vec<usize>,
    mean: f64,
    std: f64,
    min: f64,
    max: f64,
    samples: Vec<f64>,
    last: f64,
    /// The further maps of deep supervision, in a learning pass.
    #[serde(default)]
    pub(crate) deep: Vec<Output>,
    pub(crate) loss: f64,
    pub(crate) gradients: Vec<Gradient>,
}

impl Case {
    /// Gives what comes out.
    pub(crate) fn output(&self) -> Output {
        let Self { output_shape, samples, mean, std, min, max, last, .. } = self;
        let (output_shape, samples) = (output_shape.clone(), samples.clone());
        Output { output_shape, mean: *mean, std: *std, min: *min, max: *max, samples, last: *last }
    }
}

/// Maps in few numbers.
#[derive(Debug, Deserialize)]
pub(crate) struct Output {
    pub(crate) output_shape: Vec<usize>,
    pub(crate) mean: f64,
    pub(crate) std: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) samples: Vec<f64>,
    pub(crate) last: f64,
}

impl Output {
    /// Describes maps, as do `probe` and `networks.py`.
    pub(crate) fn of(output_shape: Vec<usize>, values: &[f32]) -> Self {
        let values: Vec<f64> = values.iter().copied().map(f64::from).collect();
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count as f64;
        Self {
            output_shape,
            mean,
            std: variance.sqrt(),
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            samples: (0..8).map(|k| values[k * count / 8]).collect(),
            last: values[count - 1],
        }
    }

    /// Says what differs by more than a share of the deviation.
    pub(crate) fn against(&self, expected: &Self, share: f64) -> Result<(), String> {
        let numbers = |of: &Self| [&of.samples[..], &[of.last, of.mean, of.std, of.min, of.max]].concat();
        let is_near = |(a, b): (&f64, &f64)| (a - b).abs() <= share * expected.std;
        let is_alike = numbers(self).iter().zip(&numbers(expected)).all(is_near);
        if is_alike && self.output_shape == expected.output_shape {
            return Ok(());
        }
        Err(format!("{self:.6?}, expected {expected:.6?}"))
    }
}

/// Of one parameter.
#[derive(Deserialize)]
pub(crate) struct Gradient {
    pub(crate) shape: Vec<usize>,
    pub(crate) norm: f64,
}

/// A network and its number of parameters.
#[derive(Deserialize)]
pub(crate) struct Count {
    pub(crate) network: Value,
    pub(crate) params: usize,
}

/// Reads a file of this folder.
pub(crate) fn reference<T: DeserializeOwned>(file: &str) -> T {
    let path = format!("{}/tests/reference/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).expect("the file is part of the repository");
    serde_json::from_str(&text).expect("written by networks.py or counts.py")
}

/// Reads settings; the error says which.
pub(crate) fn config(network: &Value) -> Result<NetworkConfig, String> {
    serde_json::from_value(network.clone()).map_err(|error| format!("{network}: {error}"))
}

/// Tells whether settings are those of the network `name`.
pub(crate) fn is_of(network: &Value, name: &str) -> bool {
    network.get(name).is_some()
}
