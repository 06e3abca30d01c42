//! The kernels as operations of Burn's CPU backend, with and without automatic differentiation.
//! Does not know how a kernel computes.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, DispatchTensor, DispatchTensorKind, Flex, TensorMetadata, backend_extension};
use burn::tensor::{DType, TensorData};

use crate::geometry::{Channels, Geometry};
use crate::stretch::{self, Stretch};
use crate::{convolve, depthwise, normalize};

/// What [`Kernels`] needs to know of a batch normalisation besides its tensors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Normalization {
    pub(crate) epsilon: f64,
    pub(crate) after: normalize::After,
}

/// The kernels of this crate as a backend's operations.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait Kernels: Backend {
    /// Convolves; the output keeps the rank of the input.
    fn convolve(x: FloatTensor<Self>, weight: FloatTensor<Self>, geometry: Geometry) -> FloatTensor<Self>;

    /// Convolves and adds a value per output channel.
    fn convolve_biased(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: Geometry,
    ) -> FloatTensor<Self>;

    /// Normalises; gives output, mean and biased variance.
    fn normalize(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        normalization: Normalization,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// Interpolates bilinearly.
    fn stretch(x: FloatTensor<Self>, stretch: Stretch) -> FloatTensor<Self>;
}

/// Whether the kernels can take this tensor: single precision on the CPU backend.
pub(crate) fn takes(tensor: &DispatchTensor) -> bool {
    let kind = match &tensor.kind {
        DispatchTensorKind::Autodiff(kind) => kind,
        kind => kind,
    };
    matches!(kind, DispatchTensorKind::Flex(_)) && kind.dtype() == DType::F32
}

/// Whether a GPU backend holds this tensor.
#[cfg(feature = "gpu")]
pub(crate) fn on_gpu(tensor: &DispatchTensor) -> bool {
    let kind = match &tensor.kind {
        DispatchTensorKind::Autodiff(kind) => kind,
        kind => kind,
    };
    matches!(kind, DispatchTensorKind::Cube(_))
}

fn tensor(values: Vec<f32>, shape: impl Into<Vec<usize>>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape.into()))
}

/// Shape of a convolution's tensor, of the rank that the caller speaks.
fn shaped(values: Vec<f32>, [first, second]: [usize; 2], space: [usize; 3], rank: usize) -> FlexTensor {
    let mut shape = vec![first, second];
    shape.extend_from_slice(&space[5 - rank..]);
    tensor(values, shape)
}

/// The convolution that the geometry asks for.
fn forward(x: &[f32], weight: &[f32], bias: Option<&[f32]>, geometry: &Geometry) -> Vec<f32> {
    match geometry.channels {
        Channels::Own => depthwise::forward(x, weight, bias, geometry),
        Channels::All | Channels::Group => convolve::forward(x, weight, bias, geometry),
    }
}

impl Kernels for Flex {
    fn convolve(x: FlexTensor, weight: FlexTensor, geometry: Geometry) -> FlexTensor {
        let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
        let y = forward(x.storage(), weight.storage(), None, &geometry);
        shaped(y, [geometry.batch, geometry.channels_out], geometry.output, x.rank())
    }

    fn convolve_biased(x: FlexTensor, weight: FlexTensor, bias: FlexTensor, geometry: Geometry) -> FlexTensor {
        let (x, weight, bias) = (x.to_contiguous(), weight.to_contiguous(), bias.to_contiguous());
        let y = forward(x.storage(), weight.storage(), Some(bias.storage()), &geometry);
        shaped(y, [geometry.batch, geometry.channels_out], geometry.output, x.rank())
    }

    fn normalize(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        Normalization { epsilon, after }: Normalization,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let (x, gamma, beta) = (x.to_contiguous(), gamma.to_contiguous(), beta.to_contiguous());
        let shape = x.shape();
        let channels = shape[1];
        let result = normalize::forward(x.storage(), gamma.storage(), beta.storage(), shape[0], epsilon, after);
        (tensor(result.output, shape.as_slice()), tensor(result.mean, [channels]), tensor(result.variance, [channels]))
    }

    fn stretch(x: FlexTensor, stretch: Stretch) -> FlexTensor {
        let x = x.to_contiguous();
        let [height, width] = stretch.output;
        let shape = x.shape();
        tensor(stretch::forward(x.storage(), &stretch), [shape[0], shape[1], height, width])
    }
}

/// What the backward pass of a convolution needs; contiguous.
#[derive(Clone, Debug)]
struct Saved {
    /// Needed for the gradient of the weight only.
    x: Option<FlexTensor>,
    /// Needed for the gradient of the input only.
    weight: Option<FlexTensor>,
    geometry: Geometry,
    rank: usize,
}

impl Saved {
    fn of(x: &FloatTensor<Autodiff<Flex>>, weight: &FloatTensor<Autodiff<Flex>>, geometry: &Geometry) -> Self {
        Self {
            x: weight.is_tracked().then(|| x.primitive().to_contiguous()),
            weight: x.is_tracked().then(|| weight.primitive().to_contiguous()),
            geometry: geometry.clone(),
            rank: x.rank(),
        }
    }
}

#[derive(Debug)]
struct Convolution;

/// Parents are the input, the weight and, where `N` is 3, the bias.
impl<const N: usize> Backward<Flex, N> for Convolution {
    type State = Saved;

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node).to_contiguous();
        let gradient = gradient.storage::<f32>();
        let Saved { x, weight, geometry, rank } = ops.state;
        let mut parents = ops.parents.into_iter();
        let mut parent = || parents.next().flatten();
        if let (Some(node), Some(weight)) = (parent(), weight) {
            let values = match geometry.channels {
                Channels::Own => depthwise::data_gradient(gradient, weight.storage(), &geometry),
                Channels::All | Channels::Group => convolve::data_gradient(gradient, weight.storage(), &geometry),
            };
            let shape = [geometry.batch, geometry.channels_in];
            grads.register::<Flex>(node.id, shaped(values, shape, geometry.input, rank));
        }
        if let (Some(node), Some(x)) = (parent(), x) {
            let (values, seen) = match geometry.channels {
                Channels::Own => (depthwise::weight_gradient(x.storage(), gradient, &geometry), 1),
                Channels::All | Channels::Group => {
                    (convolve::weight_gradient(x.storage(), gradient, &geometry), geometry.channels_in)
                }
            };
            let shape = [geometry.channels_out, seen];
            grads.register::<Flex>(node.id, shaped(values, shape, geometry.kernel, rank));
        }
        if let Some(node) = parent() {
            let values = convolve::bias_gradient(gradient, &geometry);
            grads.register::<Flex>(node.id, tensor(values, [geometry.channels_out]));
        }
    }
}

#[derive(Debug)]
struct BatchNormalization;

impl Backward<Flex, 3> for BatchNormalization {
    type State = ([FlexTensor; 5], Normalization);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node).to_contiguous();
        let ([x, gamma, beta, mean, variance], Normalization { epsilon, after }) = ops.state;
        let shape = x.shape();
        let statistics = normalize::Statistics {
            gamma: gamma.storage(),
            beta: beta.storage(),
            mean: mean.storage(),
            variance: variance.storage(),
        };
        let result = normalize::backward(x.storage(), gradient.storage(), &statistics, shape[0], epsilon, after);
        let [x_node, gamma_node, beta_node] = ops.parents;
        if let Some(node) = x_node {
            grads.register::<Flex>(node.id, tensor(result.x, shape.as_slice()));
        }
        if let Some(node) = gamma_node {
            grads.register::<Flex>(node.id, tensor(result.gamma, [shape[1]]));
        }
        if let Some(node) = beta_node {
            grads.register::<Flex>(node.id, tensor(result.beta, [shape[1]]));
        }
    }
}

#[derive(Debug)]
struct Stretching;

impl Backward<Flex, 1> for Stretching {
    type State = Stretch;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node).to_contiguous();
        let (shape, [height, width]) = (gradient.shape(), ops.state.input);
        if let [Some(node)] = ops.parents {
            let values = stretch::backward(gradient.storage(), &ops.state);
            grads.register::<Flex>(node.id, tensor(values, [shape[0], shape[1], height, width]));
        }
    }
}

impl<C: CheckpointStrategy> Kernels for Autodiff<Flex, C> {
    fn convolve(x: FloatTensor<Self>, weight: FloatTensor<Self>, geometry: Geometry) -> FloatTensor<Self> {
        let state = Saved::of(&x, &weight, &geometry);
        let (x, x_node) = x.into_parts();
        let (weight, weight_node) = weight.into_parts();
        let y = Flex::convolve(x, weight, geometry);
        match Convolution.prepare::<C>([x_node, weight_node]).compute_bound().stateful() {
            OpsKind::Tracked(operation) => operation.finish(state, y),
            OpsKind::UnTracked(operation) => operation.finish(y),
        }
    }

    fn convolve_biased(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: Geometry,
    ) -> FloatTensor<Self> {
        let state = Saved::of(&x, &weight, &geometry);
        let (x, x_node) = x.into_parts();
        let (weight, weight_node) = weight.into_parts();
        let (bias, bias_node) = bias.into_parts();
        let y = Flex::convolve_biased(x, weight, bias, geometry);
        match Convolution.prepare::<C>([x_node, weight_node, bias_node]).compute_bound().stateful() {
            OpsKind::Tracked(operation) => operation.finish(state, y),
            OpsKind::UnTracked(operation) => operation.finish(y),
        }
    }

    fn normalize(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        normalization: Normalization,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let (x, x_node) = x.into_parts();
        let (gamma, gamma_node) = gamma.into_parts();
        let (beta, beta_node) = beta.into_parts();
        let (x, gamma, beta) = (x.to_contiguous(), gamma.to_contiguous(), beta.to_contiguous());
        let (y, mean, variance) = Flex::normalize(x.clone(), gamma.clone(), beta.clone(), normalization);
        let operation = BatchNormalization.prepare::<C>([x_node, gamma_node, beta_node]).compute_bound().stateful();
        let y = match operation {
            OpsKind::Tracked(operation) => {
                operation.finish(([x, gamma, beta, mean.clone(), variance.clone()], normalization), y)
            }
            OpsKind::UnTracked(operation) => operation.finish(y),
        };
        (y, FloatTensor::<Self>::new(mean), FloatTensor::<Self>::new(variance))
    }

    fn stretch(x: FloatTensor<Self>, stretch: Stretch) -> FloatTensor<Self> {
        let (x, x_node) = x.into_parts();
        let y = Flex::stretch(x, stretch);
        match Stretching.prepare::<C>([x_node]).compute_bound().stateful() {
            OpsKind::Tracked(operation) => operation.finish(stretch, y),
            OpsKind::UnTracked(operation) => operation.finish(y),
        }
    }
}
