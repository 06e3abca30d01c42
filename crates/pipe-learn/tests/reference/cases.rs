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
    pub(crate) output_shape: Vec<usize>,
    pub(crate) mean: f64,
    pub(crate) std: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) samples: Vec<f64>,
    pub(crate) last: f64,
    pub(crate) loss: f64,
    pub(crate) gradients: Vec<Gradient>,
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
