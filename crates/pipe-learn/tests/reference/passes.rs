//! Passes through a filled network. Does not know what should come out.

use std::error::Error;

use burn::Tensor;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, TensorData, activation};
use pipe_learn::NetworkConfig;
use pipe_learn::networks::{Maps, Network, Takes, blocks::Pass};
use pipe_learn::weights::{Parameter, parameters, with_values};
use rand_pcg::Pcg64;

use super::cases::Output;
use super::formula;

/// Fills a network and its input, and runs it.
pub(crate) fn run(
    config: &NetworkConfig,
    input: &[usize],
    pass: &mut Pass,
    device: &Device,
) -> Result<(Network, Maps), Box<dyn Error>> {
    let network = with_values(config.build(device)?, formula::filling);
    let [batch, channels, .., height, width] = *input else { return Err("four or five sides".into()) };
    let depth = if let [_, _, depth, _, _] = *input { depth } else { 1 };
    let shape = [batch, channels, depth, height, width];
    let x = TensorData::new(formula::image(shape.iter().product()), shape);
    let (x, shape) = (Tensor::from_data(x, device), [channels, depth, height, width]);
    let maps =
        if config.fits(shape) { network.forward(x, pass) } else { network.fitted(x, &config.margin(shape), pass) };
    Ok((network, maps))
}

/// What a learning pass gives.
pub(crate) struct Learned {
    pub(crate) logits: Output,
    /// The mean cross-entropy over pixels.
    pub(crate) loss: f64,
    /// Shape of each parameter and norm of its gradient.
    pub(crate) gradients: Vec<(Vec<usize>, f64)>,
}

/// Runs a learning pass; nothing in the network may be random.
pub(crate) fn learned(config: &NetworkConfig, input: &[usize]) -> Result<Learned, Box<dyn Error>> {
    let device = Device::flex().autodiff();
    let (network, Maps { main: logits, .. }) = run(config, input, &mut Pass::learning(Pcg64::new(1, 1)), &device)?;
    let shape @ [batch, maps, depth, height, width] = logits.dims();
    let pixels = depth * height * width;
    let target = TensorData::new(formula::target(batch, maps, pixels), shape);
    let target = Tensor::<5>::from_data(target, &device);
    let output = described(config, logits.clone().inner());
    let all = if maps == 1 {
        logits.clone().clamp_min(0.0) - logits.clone() * target + (-logits.abs()).exp().log1p()
    } else {
        -activation::log_softmax(logits, 1) * target
    };
    let loss = all.sum() / (batch * pixels) as f64;
    let mut gradients = loss.clone().backward();
    let mut norms = Norms { gradients: &mut gradients, found: Vec::new(), trained: trained(&network) };
    network.visit(&mut norms);
    Ok(Learned { logits: output, loss: loss.into_scalar::<f64>(), gradients: norms.found })
}

/// Describes maps; those of images have no depth.
pub(crate) fn described(config: &NetworkConfig, maps: Tensor<5>) -> Output {
    let [batch, channels, depth, height, width] = maps.dims();
    let volume = if matches!(config.takes(), Takes::Volumes(_)) { vec![depth] } else { Vec::new() };
    let shape = [vec![batch, channels], volume, vec![height, width]].concat();
    Output::of(shape, maps.into_data().as_slice().expect("floats"))
}

/// Lists the parameters that are trained.
pub(crate) fn trained(network: &Network) -> Vec<Parameter> {
    parameters(network).into_iter().filter(|parameter| parameter.role.is_trained()).collect()
}

struct Norms<'a> {
    gradients: &'a mut Gradients,
    found: Vec<(Vec<usize>, f64)>,
    trained: Vec<Parameter>,
}

impl ModuleVisitor for Norms<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.trained.iter().any(|trained| trained.id == param.id) {
            let squares = param.val().grad_remove(self.gradients).map_or(0.0, |gradient| {
                let data = gradient.into_data();
                data.as_slice::<f32>().expect("floats").iter().map(|value| f64::from(*value).powi(2)).sum()
            });
            self.found.push((param.dims().to_vec(), f64::sqrt(squares)));
        }
    }
}
