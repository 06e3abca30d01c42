//! The layers of a network with shapes, parameters and multiplications, in the order they run.
//! It does not print.

use std::collections::BTreeMap;

use burn::Tensor;
use burn::tensor::Device;
use serde::Serialize;

use crate::networks::blocks::Pass;
use crate::networks::{NetworkConfig, NetworkError};
use crate::probe::{maps, output_shape, sequence_shape, trained};
use crate::weights::parameters;

/// A network, layer by layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Show {
    /// Name of the network.
    pub network: &'static str,
    /// The shape of the input: `[batch, channels, frames, height, width]`.
    pub input_shape: Vec<usize>,
    /// The shape of the output.
    pub output_shape: Vec<usize>,
    /// Trained parameters in all.
    pub params: usize,
    /// Multiplications with addition in all; layers other than convolutions count as none.
    pub macs: u64,
    /// The layers in the order they run.
    pub layers: Vec<Layer>,
}

/// One layer of a network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Layer {
    /// Its name; empty for layers without parameters.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// The shape it gives.
    pub output_shape: Vec<usize>,
    /// Its trained parameters.
    pub params: usize,
    /// Its multiplications with addition.
    pub macs: u64,
}

/// Runs a network once and lists its layers.
///
/// # Errors
/// The settings are out of range or the input does not fit.
pub fn show(config: &NetworkConfig, input: &[usize]) -> Result<Show, NetworkError> {
    let device = Device::flex();
    let shape = sequence_shape(config, input)?;
    let network = config.build(&device)?;
    let parameters = parameters(&network);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for parameter in parameters.iter().filter(|parameter| parameter.role.is_trained()) {
        *counts.entry(layer_name(&parameter.name)).or_default() += parameter.shape.iter().product::<usize>();
    }
    let mut pass = Pass::listing();
    let y = maps(config, &network, Tensor::zeros(shape, &device), &mut pass);
    let layers: Vec<Layer> = pass
        .into_steps()
        .into_iter()
        .map(|step| {
            let parameter = step.weight.and_then(|id| parameters.iter().find(|parameter| parameter.id == id));
            let name = parameter.map_or("", |parameter| layer_name(&parameter.name));
            let params = counts.get(name).copied().unwrap_or(0);
            Layer { name: name.to_owned(), kind: step.kind, output_shape: step.shape, params, macs: step.macs }
        })
        .collect();
    Ok(Show {
        network: config.kind().name,
        input_shape: shape.to_vec(),
        output_shape: output_shape(config, y.dims()),
        params: trained(&parameters),
        macs: layers.iter().map(|layer| layer.macs).sum(),
        layers,
    })
}

/// `encoder.0.conv1.weight` is of the layer `encoder.0.conv1`.
fn layer_name(parameter: &str) -> &str {
    parameter.rsplit_once('.').map_or(parameter, |(layer, _)| layer)
}
