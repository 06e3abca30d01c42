//! Weights by dotted PyTorch name, out of a network and into one.
//! Does not know files (that is `checkpoint`) or what a weight is for.

use std::collections::BTreeMap;

use burn::Tensor;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{GradientCheckpointingStrategy, TensorData};
use thiserror::Error;

use crate::flat::{self, Flat};
use crate::networks::Network;

/// An array of 32-bit floats in C order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Array {
    /// The size of each dimension.
    pub shape: Vec<usize>,
    /// The values.
    pub values: Vec<f32>,
}

/// Arrays by name; the names of a network are PyTorch's (`encoder.0.conv1.weight`), as are the layouts.
pub type Arrays = BTreeMap<String, Array>;

/// One parameter or running statistic of a network, without its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// What it does in its layer.
    pub role: Role,
    /// Where it is in this very module.
    pub id: ParamId,
}

/// What a parameter does in its layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Of a convolution or a linear layer: `[out, in / groups, kernel..]`.
    Weight,
    /// Of a transposed convolution: `[in, out, kernel..]`.
    TransposedWeight,
    /// Added by one of those, a value a channel.
    Bias,
    /// Multiplied by a normalisation.
    NormScale,
    /// Added by a normalisation.
    NormShift,
    /// Kept by a normalisation, not trained.
    RunningMean,
    /// Kept by a normalisation, not trained.
    RunningVariance,
}

impl Role {
    /// Tells whether gradients change it; running statistics are averaged over batches.
    pub fn is_trained(self) -> bool {
        !matches!(self, Self::RunningMean | Self::RunningVariance)
    }

    /// By the parameter's own name and its layer's type: on a device without gradients, tensors do not tell.
    fn of(layer: &str, name: &str) -> Self {
        let is_norm = layer.ends_with("Norm");
        match name {
            "running_mean" => Self::RunningMean,
            "running_var" => Self::RunningVariance,
            "bias" if is_norm => Self::NormShift,
            "bias" => Self::Bias,
            _ if is_norm => Self::NormScale,
            _ if layer.contains("ConvTranspose") => Self::TransposedWeight,
            _ => Self::Weight,
        }
    }
}

/// Weights that belong to another network.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WeightsError {
    /// A weight of the network is not among the arrays.
    #[error("no weights for `{name}`")]
    Missing {
        /// The weight.
        name: String,
    },
    /// An array that the network has no place for.
    #[error("the network has no `{name}`")]
    Unknown {
        /// The array.
        name: String,
    },
    /// A weight of another shape.
    #[error("`{name}` has shape {found:?}, the network expects {expected:?}")]
    Shape {
        /// The weight.
        name: String,
        /// The shape of the array.
        found: Vec<usize>,
        /// The shape in the network.
        expected: Vec<usize>,
    },
}

/// Lists parameters in the order of the module.
pub fn parameters(network: &Network) -> Vec<Parameter> {
    struct List(Path, Vec<Parameter>);
    impl ModuleVisitor for List {
        fn enter_module(&mut self, name: &str, container: &str) {
            self.0.enter(name, container);
        }
        fn exit_module(&mut self, _: &str, container: &str) {
            self.0.exit(container);
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let name = self.0.name();
            self.1.push(Parameter { name, shape: param.dims().to_vec(), role: self.0.role(), id: param.id });
        }
    }
    let mut list = List(Path::default(), Vec::new());
    network.visit(&mut list);
    list.1
}

/// Copies all weights and running statistics out.
pub fn arrays(network: &Network) -> Arrays {
    read(&weights(network))
}

/// The numbers of a weight, wherever they are.
#[derive(Debug, Clone)]
pub(crate) struct Weight {
    /// The size of each dimension.
    pub shape: Vec<usize>,
    /// The values.
    pub values: Flat,
}

/// Gives all weights and running statistics where they are.
pub(crate) fn weights(network: &Network) -> BTreeMap<String, Weight> {
    struct Collect(Path, BTreeMap<String, Weight>);
    impl ModuleVisitor for Collect {
        fn enter_module(&mut self, name: &str, container: &str) {
            self.0.enter(name, container);
        }
        fn exit_module(&mut self, _: &str, container: &str) {
            self.0.exit(container);
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let shape = param.dims();
            let values = Flat::Device(param.val().inner().reshape([shape.iter().product::<usize>()]));
            self.1.insert(self.0.name(), Weight { shape: shape.to_vec(), values });
        }
    }
    let mut collect = Collect(Path::default(), BTreeMap::new());
    network.visit(&mut collect);
    collect.1
}

/// Copies weights out, waiting seldom.
pub(crate) fn read(weights: &BTreeMap<String, Weight>) -> Arrays {
    let values = flat::read(weights.values().map(|weight| &weight.values));
    let arrays = weights.iter().zip(values);
    arrays
        .map(|((name, Weight { shape, .. }), values)| (name.clone(), Array { shape: shape.clone(), values }))
        .collect()
}

/// Puts weights in.
///
/// # Errors
/// A weight is missing, has another shape, or is not of this network.
pub fn with_arrays(network: Network, arrays: Arrays) -> Result<Network, WeightsError> {
    let weight = |Array { shape, values }| Weight { shape, values: Flat::Host(values) };
    with_weights(network, arrays.into_iter().map(|(name, array)| (name, weight(array))).collect())
}

/// Puts weights in, wherever they are.
///
/// # Errors
/// A weight is missing, has another shape, or is not of this network.
pub(crate) fn with_weights(network: Network, mut weights: BTreeMap<String, Weight>) -> Result<Network, WeightsError> {
    for Parameter { name, shape, .. } in parameters(&network) {
        match weights.get(&name) {
            None => return Err(WeightsError::Missing { name }),
            Some(weight) if weight.shape != shape => {
                return Err(WeightsError::Shape { name, found: weight.shape.clone(), expected: shape });
            }
            Some(_) => {}
        }
    }
    let filled =
        filled(network, |parameter| weights.remove(&parameter.name).expect("its presence has been checked").values);
    match weights.into_keys().next() {
        Some(name) => Err(WeightsError::Unknown { name }),
        None => Ok(filled),
    }
}

/// Gives each parameter the values that `values` makes for it.
pub fn with_values(network: Network, mut values: impl FnMut(&Parameter) -> Vec<f32>) -> Network {
    filled(network, |parameter| Flat::Host(values(parameter)))
}

fn filled(network: Network, values: impl FnMut(&Parameter) -> Flat) -> Network {
    struct Fill<F>(Path, F);
    impl<F: FnMut(&Parameter) -> Flat> ModuleMapper for Fill<F> {
        fn enter_module(&mut self, name: &str, container: &str) {
            self.0.enter(name, container);
        }
        fn exit_module(&mut self, _: &str, container: &str) {
            self.0.exit(container);
        }
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let shape = param.dims();
            let name = self.0.name();
            let values = (self.1)(&Parameter { name, shape: shape.to_vec(), role: self.0.role(), id: param.id });
            match values {
                Flat::Host(values) => replaced(param, TensorData::new(values, shape)),
                Flat::Device(values) => param.map(|old| Like::of(&old).laid(values)),
            }
        }
    }
    network.map(&mut Fill(Path::default(), values))
}

/// Puts new values into a parameter; it stays trained or averaged as it was.
pub(crate) fn replaced<const D: usize>(param: Param<Tensor<D>>, data: TensorData) -> Param<Tensor<D>> {
    let trained = param.is_require_grad();
    param.map(|old| {
        let new = Tensor::from_data(data, &old.device());
        if trained { new.require_grad() } else { new }
    })
}

/// Copies a tensor's values out.
pub(crate) fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    values(&tensor.into_data())
}

/// Copies values out of data.
///
/// # Panics
/// If a device has failed since it was asked for them, so that nobody knows what they are.
pub(crate) fn values(data: &TensorData) -> Vec<f32> {
    #[cfg(feature = "gpu")]
    crate::gpu::trusted();
    data.as_slice::<f32>().expect("networks hold 32-bit floats").to_vec()
}

/// How a tensor takes part in gradients: what takes its place must do so, too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Like<const D: usize> {
    shape: [usize; D],
    /// None where there are no gradients.
    checkpointing: Option<GradientCheckpointingStrategy>,
    is_trained: bool,
}

impl<const D: usize> Like<D> {
    /// Looks at the tensor of a parameter.
    pub(crate) fn of(old: &Tensor<D>) -> Self {
        let checkpointing = old.gradient_checkpointing_strategy();
        Self { shape: old.dims(), checkpointing, is_trained: old.is_require_grad() }
    }

    /// Makes a tensor without gradients one that can take the place; waits for nothing.
    pub(crate) fn laid<const F: usize>(self, new: Tensor<F>) -> Tensor<D> {
        let new = new.reshape(self.shape);
        let Some(strategy) = self.checkpointing else { return new };
        let new = Tensor::from_inner(new).with_gradient_checkpointing_strategy(strategy);
        if self.is_trained { new.require_grad() } else { new }
    }
}

/// Where a visitor is. Variants of enums (the kind of network, of normalisation) are no part of a weight's name.
#[derive(Debug, Default)]
pub(crate) struct Path {
    names: Vec<String>,
    layers: Vec<String>,
}

impl Path {
    pub(crate) fn enter(&mut self, name: &str, container: &str) {
        if !container.starts_with("Enum:") {
            self.names.push(name.to_owned());
            self.layers.push(container.trim_start_matches("Struct:").to_owned());
        }
    }

    pub(crate) fn exit(&mut self, container: &str) {
        if !container.starts_with("Enum:") {
            self.names.pop();
            self.layers.pop();
        }
    }

    pub(crate) fn name(&self) -> String {
        self.names.join(".")
    }

    pub(crate) fn role(&self) -> Role {
        let name = self.names.last().map_or("", String::as_str);
        Role::of(self.layers.last().map_or("", String::as_str), name)
    }
}
