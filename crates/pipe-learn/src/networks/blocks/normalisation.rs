//! Normalisations: by batch or by instance. That by batch has PyTorch's bookkeeping: epsilon and momentum are settings, the running variance is unbiased.
//! It does not know what comes before or after, except that a rectifier may be joined to it for speed.

use burn::Tensor;
use burn::module::{Module, Param, ParamId};
use burn::tensor::{Device, activation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::order::is_on_cpu;
use super::{Bias, Pass, Statistics, full, in_full};

/// The numbers of a batch normalisation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormOptions {
    /// Added to the variance.
    pub epsilon: f64,
    /// The share of the newest batch in the running statistics: PyTorch's sense, 1 minus Keras' momentum.
    pub momentum: f64,
}

/// Batch normalisation over all dimensions but the channels.
///
/// Batches are normalised by their biased variance; `running_var` takes the unbiased one (factor n / (n - 1)), as
/// PyTorch does and Burn's own layer and Keras do not. Running statistics are not changed here: a learning pass
/// reports the batch statistics, and the training loop mixes them in after the step.
#[derive(Module, Debug)]
pub struct BatchNorm {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
    running_mean: Param<Tensor<1>>,
    running_var: Param<Tensor<1>>,
    #[module(skip)]
    options: NormOptions,
}

/// What follows a normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Relu,
    Relu6,
    Nothing,
}

impl BatchNorm {
    /// A layer of `channels` that changes nothing yet.
    pub fn new(channels: usize, options: NormOptions, device: &Device) -> Self {
        Self {
            weight: Param::from_tensor(Tensor::ones([channels], device)),
            bias: Param::from_tensor(Tensor::zeros([channels], device)),
            running_mean: Param::initialized(ParamId::new(), Tensor::zeros([channels], device)),
            running_var: Param::initialized(ParamId::new(), Tensor::ones([channels], device)),
            options,
        }
    }

    /// Normalises.
    pub fn forward<const D: usize>(&self, x: Tensor<D>, pass: &mut Pass) -> Tensor<D> {
        self.run(x, Then::Nothing, pass)
    }

    /// Normalises and rectifies.
    pub fn forward_relu<const D: usize>(&self, x: Tensor<D>, pass: &mut Pass) -> Tensor<D> {
        self.run(x, Then::Relu, pass)
    }

    /// Normalises, rectifies, and cuts at 6.
    pub fn forward_relu6<const D: usize>(&self, x: Tensor<D>, pass: &mut Pass) -> Tensor<D> {
        self.run(x, Then::Relu6, pass)
    }

    fn run<const D: usize>(&self, x: Tensor<D>, then: Then, pass: &mut Pass) -> Tensor<D> {
        let NormOptions { epsilon, momentum } = self.options;
        pass.list("batch_norm", Some(self.weight.id), &x.dims(), 0);
        let channels = x.dims()[1];
        if !pass.is_learning() {
            let scale = self.weight.val() / (self.running_var.val() + epsilon).sqrt();
            let shift = self.bias.val() - self.running_mean.val() * scale.clone();
            let mut across = [1; D];
            across[1] = channels;
            return in_full(x, |x| {
                let y = x * scale.reshape(across) + shift.reshape(across);
                match then {
                    Then::Relu => activation::relu(y),
                    Then::Relu6 => activation::relu(y).clamp_max(6.0),
                    Then::Nothing => y,
                }
            });
        }
        let count = x.shape().num_elements() / channels;
        let (gamma, beta) = (self.weight.val(), self.bias.val());
        let (y, mean, variance) = normalised(x, [gamma, beta], epsilon, then);
        let (running_mean, running_var) = (self.running_mean.id, self.running_var.id);
        pass.report(Statistics { running_mean, running_var, mean, variance, count, momentum });
        y
    }
}

/// Which normalisation follows a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NormKind {
    /// By the batch, with running statistics for prediction.
    #[default]
    Batch,
    /// By each sample and channel alone; learning and predicting are the same.
    Instance,
    /// None.
    None,
}

impl NormKind {
    /// A layer of `channels`, if there is to be one.
    pub fn layer(self, channels: usize, options: NormOptions, device: &Device) -> Option<Norm> {
        match self {
            Self::Batch => Some(Norm::Batch(BatchNorm::new(channels, options, device))),
            Self::Instance => Some(Norm::Instance(InstanceNorm::new(channels, options, device))),
            Self::None => None,
        }
    }

    /// Whether a convolution before it has a bias: always without a normalisation.
    pub fn bias(self, flag: bool) -> Bias {
        Bias::from_flag(flag || self == Self::None)
    }
}

/// A normalisation of a kind that settings choose.
#[derive(Module, Debug)]
pub enum Norm {
    /// By the batch.
    Batch(BatchNorm),
    /// By the sample.
    Instance(InstanceNorm),
}

impl Norm {
    /// Normalises.
    pub fn forward<const D: usize>(&self, x: Tensor<D>, pass: &mut Pass) -> Tensor<D> {
        match self {
            Self::Batch(norm) => norm.forward(x, pass),
            Self::Instance(norm) => norm.forward(x, pass),
        }
    }

    /// Normalises and rectifies.
    pub fn forward_relu<const D: usize>(&self, x: Tensor<D>, pass: &mut Pass) -> Tensor<D> {
        match self {
            Self::Batch(norm) => norm.forward_relu(x, pass),
            Self::Instance(norm) => norm.run(x, Then::Relu, pass),
        }
    }
}

/// Normalises every channel of every sample by its own mean and biased variance, then scales and shifts by channel.
#[derive(Module, Debug)]
pub struct InstanceNorm {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
    #[module(skip)]
    options: NormOptions,
}

impl InstanceNorm {
    /// A layer of `channels` that only normalises yet.
    pub fn new(channels: usize, options: NormOptions, device: &Device) -> Self {
        let weight = Param::from_tensor(Tensor::ones([channels], device));
        Self { weight, bias: Param::from_tensor(Tensor::zeros([channels], device)), options }
    }

    /// Normalises.
    pub fn forward<const D: usize>(&self, x: Tensor<D>, pass: &mut Pass) -> Tensor<D> {
        self.run(x, Then::Nothing, pass)
    }

    fn run<const D: usize>(&self, x: Tensor<D>, then: Then, pass: &mut Pass) -> Tensor<D> {
        pass.list("instance_norm", Some(self.weight.id), &x.dims(), 0);
        let (gamma, beta, epsilon) = (self.weight.val(), self.bias.val(), self.options.epsilon);
        let (format, x) = (x.dtype(), taken(x));
        let y = match then {
            Then::Relu => pipe_kernels::instance_norm_relu(x, gamma, beta, epsilon),
            Then::Nothing => pipe_kernels::instance_norm(x, gamma, beta, epsilon),
            Then::Relu6 => pipe_kernels::instance_norm_relu(x, gamma, beta, epsilon).clamp_max(6.0),
        };
        y.cast(format)
    }
}

/// Normalises by the statistics of the batch, in 32 bits; gives the result in the format that came in, mean and variance in 32.
fn normalised<const D: usize>(
    x: Tensor<D>,
    [gamma, beta]: [Tensor<1>; 2],
    epsilon: f64,
    then: Then,
) -> (Tensor<D>, Tensor<1>, Tensor<1>) {
    let (format, x) = (x.dtype(), taken(x));
    let (y, mean, variance) = match then {
        Then::Relu => pipe_kernels::batch_norm_relu_train(x, gamma, beta, epsilon),
        Then::Relu6 => pipe_kernels::batch_norm_relu6_train(x, gamma, beta, epsilon),
        Then::Nothing => pipe_kernels::batch_norm_train(x, gamma, beta, epsilon),
    };
    (y.cast(format), mean, variance)
}

/// As the kernels take it: those of a GPU compute in 32 bits whatever comes, and keep it in the format in which it came.
fn taken<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if is_on_cpu(&x) { full(x) } else { x }
}
