//! The operations of GPU backends, with and without automatic differentiation.
//! Does not know how a kernel computes.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::ops::{InterpolateMode, InterpolateOptions};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Cube, Scalar, TensorMetadata, backend_extension};
use burn::tensor::{DType, Shape};

use super::norms;
use super::primitives::{Over, Primitives, options};
use crate::extension::Normalization;
use crate::geometry::{Channels, Geometry};
use crate::stretch::{Corners, Stretch};

/// Most weights of which Burn's kernels are too few to fill a card: each would be one long sum.
const FEW_WEIGHTS: usize = 2048;

/// Which kernels a convolution takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Those whose products are exact.
    Exact,
    /// Burn's, but for the gradient of the weight, whose sums Burn takes one after the other.
    Own,
}

impl Way {
    /// Whether [`Own`](Self::Own) is faster than Burn's own convolution.
    pub(crate) fn owns(geometry: &Geometry, groups: usize) -> bool {
        let weights = geometry.kernel_size() * geometry.channels_out * geometry.channels_in / groups;
        let even = !options::<3>(geometry, groups).is_asymmetric();
        geometry.channels == Channels::Own || (weights <= FEW_WEIGHTS && even)
    }
}

/// Operations of a GPU backend.
#[backend_extension(Cube, Autodiff)]
pub(crate) trait Operations: Backend {
    /// Normalises; gives output, mean and biased variance, the last two `[problems, channels]`.
    fn standardize(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        normalization: Normalization,
        over: Over,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// Interpolates bilinearly.
    fn enlarge(x: FloatTensor<Self>, stretch: Stretch) -> FloatTensor<Self>;

    /// Convolves.
    fn correlate(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        geometry: Geometry,
        groups: usize,
        way: Way,
    ) -> FloatTensor<Self>;

    /// Adds a value to each channel.
    fn lift(x: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self>;
}

fn enlarged<B: Primitives>(x: FloatTensor<B>, stretch: Stretch) -> FloatTensor<B> {
    let aligned = stretch.corners == Corners::Aligned;
    let options = InterpolateOptions::new(InterpolateMode::Bilinear).with_align_corners(aligned);
    B::interpolate(x, stretch.output, options)
}

fn correlated<B: Primitives>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    geometry: Geometry,
    groups: usize,
    way: Way,
) -> FloatTensor<B> {
    match way {
        Way::Exact => B::exact(x, weight, geometry, groups),
        Way::Own if x.shape().num_dims() == 4 => B::conv2d(x, weight, None, options(&geometry, groups)),
        Way::Own => B::conv3d(x, weight, None, options(&geometry, groups)),
    }
}

fn lifted<B: Primitives>(x: FloatTensor<B>, bias: FloatTensor<B>) -> FloatTensor<B> {
    let mut across = vec![1; x.shape().num_dims()];
    across[1] = bias.shape()[0];
    B::float_add(x, B::float_reshape(bias, Shape::from(across)))
}

impl Operations for Cube {
    fn standardize(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        normalization: Normalization,
        over: Over,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let result = norms::forward::<Self>(x, gamma, beta, normalization, over);
        (result.y, result.mean, result.variance)
    }

    fn enlarge(x: FloatTensor<Self>, stretch: Stretch) -> FloatTensor<Self> {
        enlarged::<Self>(x, stretch)
    }

    fn correlate(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        geometry: Geometry,
        groups: usize,
        way: Way,
    ) -> FloatTensor<Self> {
        correlated::<Self>(x, weight, geometry, groups, way)
    }

    fn lift(x: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        lifted::<Self>(x, bias)
    }
}

#[derive(Debug)]
struct Standardization;

impl<B: Primitives> Backward<B, 3> for Standardization {
    type State = norms::Saved<B>;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let result = norms::backward::<B>(gradient, ops.state);
        let [x, gamma, beta] = ops.parents;
        for (node, gradient) in [(x, result.x), (gamma, result.gamma), (beta, result.beta)] {
            if let Some(node) = node {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct Enlargement;

impl<B: Primitives> Backward<B, 1> for Enlargement {
    type State = Stretch;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        if let [Some(node)] = ops.parents {
            grads.register::<B>(node.id, B::stretch_gradient(gradient, ops.state));
        }
    }
}

/// What the way back of a convolution needs.
#[derive(Clone, Debug)]
struct Convolved<T> {
    x: T,
    weight: T,
    geometry: Geometry,
    groups: usize,
    way: Way,
}

#[derive(Debug)]
struct Correlation;

impl<B: Primitives> Backward<B, 2> for Correlation {
    type State = Convolved<FloatTensor<B>>;

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let Convolved { x, weight, geometry, groups, way } = ops.state;
        let [x_node, weight_node] = ops.parents;
        if let Some(node) = x_node {
            let (x, weight, gradient) = (x.clone(), weight.clone(), gradient.clone());
            let gradient = match way {
                Way::Exact => B::exact_data_gradient(gradient, weight, geometry.clone(), groups),
                Way::Own if x.shape().num_dims() == 4 => {
                    B::conv2d_x_backward(x, weight, gradient, options(&geometry, groups))
                }
                Way::Own => B::conv3d_x_backward(x, weight, gradient, options(&geometry, groups)),
            };
            grads.register::<B>(node.id, gradient);
        }
        if let Some(node) = weight_node {
            let (shape, dtype) = (weight.shape(), weight.dtype());
            let [made, seen] = [shape[0], shape[1]];
            let gradient = B::exact_weight_gradient(x, gradient, geometry, groups);
            let gradient = B::float_permute(gradient, &[1, 2, 0]);
            debug_assert_eq!(gradient.shape().as_slice()[..2], [made, seen]);
            let gradient = B::float_reshape(gradient, shape);
            let gradient = if dtype == DType::F32 { gradient } else { B::float_cast(gradient, dtype.into()) };
            grads.register::<B>(node.id, gradient);
        }
    }
}

#[derive(Debug)]
struct Lift;

impl<B: Primitives> Backward<B, 2> for Lift {
    type State = DType;

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let [x_node, bias_node] = ops.parents;
        if let Some(node) = x_node {
            grads.register::<B>(node.id, gradient.clone());
        }
        if let Some(node) = bias_node {
            let (shape, dtype) = (gradient.shape(), ops.state);
            let channels = shape[1];
            // A sum is a mean times a count, and the mean is there.
            let means = norms::half::<B>(B::moments(gradient, Over::Batch), 0);
            let sums = B::float_mul_scalar(means, Scalar::Float(norms::count(&shape, Over::Batch)));
            let sums = B::float_reshape(sums, Shape::new([channels]));
            grads.register::<B>(node.id, norms::like::<B>(sums, dtype));
        }
    }
}

impl<C: CheckpointStrategy> Operations for Autodiff<Cube, C> {
    fn standardize(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        normalization: Normalization,
        over: Over,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let (x, x_node) = x.into_parts();
        let (gamma, gamma_node) = gamma.into_parts();
        let (beta, beta_node) = beta.into_parts();
        let norms::Normalized { y, mean, variance, saved } =
            norms::forward::<Cube>(x, gamma, beta, normalization, over);
        let nodes = [x_node, gamma_node, beta_node];
        let y = match Backward::<Cube, 3>::prepare::<C>(Standardization, nodes).compute_bound().stateful() {
            OpsKind::Tracked(operation) => operation.finish(saved, y),
            OpsKind::UnTracked(operation) => operation.finish(y),
        };
        (y, FloatTensor::<Self>::new(mean), FloatTensor::<Self>::new(variance))
    }

    fn enlarge(x: FloatTensor<Self>, stretch: Stretch) -> FloatTensor<Self> {
        let (x, node) = x.into_parts();
        let y = enlarged::<Cube>(x, stretch);
        match Backward::<Cube, 1>::prepare::<C>(Enlargement, [node]).compute_bound().stateful() {
            OpsKind::Tracked(operation) => operation.finish(stretch, y),
            OpsKind::UnTracked(operation) => operation.finish(y),
        }
    }

    fn correlate(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        geometry: Geometry,
        groups: usize,
        way: Way,
    ) -> FloatTensor<Self> {
        let (x, x_node) = x.into_parts();
        let (weight, weight_node) = weight.into_parts();
        let y = correlated::<Cube>(x.clone(), weight.clone(), geometry.clone(), groups, way);
        match Backward::<Cube, 2>::prepare::<C>(Correlation, [x_node, weight_node]).compute_bound().stateful() {
            OpsKind::Tracked(operation) => operation.finish(Convolved { x, weight, geometry, groups, way }, y),
            OpsKind::UnTracked(operation) => operation.finish(y),
        }
    }

    fn lift(x: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        let (x, x_node) = x.into_parts();
        let (bias, bias_node) = bias.into_parts();
        let dtype = bias.dtype();
        let y = lifted::<Cube>(x, bias);
        match Backward::<Cube, 2>::prepare::<C>(Lift, [x_node, bias_node]).compute_bound().stateful() {
            OpsKind::Tracked(operation) => operation.finish(dtype, y),
            OpsKind::UnTracked(operation) => operation.finish(y),
        }
    }
}
