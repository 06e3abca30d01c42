//! Running statistics of normalisations, moved a little towards the batch after each step.
//! It does not know gradients.

use burn::Tensor;
use burn::module::{Module, ModuleMapper, Param};

use crate::networks::Network;
use crate::networks::blocks::Statistics;
use crate::weights::Like;

/// Mixes batch statistics into running ones: `(1 - momentum) * old + momentum * new`.
pub(crate) fn averaged(network: Network, statistics: &[Statistics]) -> Network {
    network.map(&mut Average { statistics })
}

struct Average<'a> {
    statistics: &'a [Statistics],
}

impl ModuleMapper for Average<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some((new, momentum)) = self.statistics.iter().find_map(|of| newest(of, &param)) else {
            return param;
        };
        param.map(|old| {
            let (like, shape) = (Like::of(&old), old.dims());
            like.laid(old.inner() * (1.0 - momentum) + new.reshape(shape) * momentum)
        })
    }
}

/// Gives the value and the momentum for a parameter that these statistics belong to.
fn newest<const D: usize>(of: &Statistics, param: &Param<Tensor<D>>) -> Option<(Tensor<1>, f64)> {
    if param.id == of.running_mean {
        Some((of.mean.clone().inner(), of.momentum))
    } else if param.id == of.running_var {
        // One value has no unbiased variance; PyTorch refuses it, here its biased variance 0 is taken.
        let unbiased = of.count as f64 / (of.count.max(2) - 1) as f64;
        Some((of.variance.clone().inner() * unbiased, of.momentum))
    } else {
        None
    }
}
