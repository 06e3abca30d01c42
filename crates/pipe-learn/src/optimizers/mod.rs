//! Optimizers: one file each, with PyTorch's updates; ours and by parameter name, so that their state is a flat file and an
//! update one pass over plain floats. They do not know losses or schedules; the loop hands them the share of the learning rate.

mod adam;
mod adamw;
mod nadam;
mod number;
mod optimizer;
mod piece;
mod registry;
mod rms_prop;
mod rule;
mod sgd;

pub use adam::Adam;
pub use adamw::AdamW;
pub use nadam::NAdam;
pub use optimizer::Optimizer;
pub use rms_prop::RmsProp;
pub use rule::Excluded;
pub use sgd::Sgd;

pub(crate) use number::moved;

use piece::Piece;
use rule::{Moment, Rule};

// The optimizers. A new one is a file, its `mod` line above, and its line here: name in YAML and settings.
registry::optimizers! {
    /// Stochastic gradient descent with momentum.
    "sgd" Sgd,
    /// Adam (Kingma and Ba 2015).
    "adam" Adam,
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
    "adamw" AdamW,
    /// Adam with Nesterov's momentum (Dozat 2016).
    "nadam" NAdam,
    /// RMSprop (Hinton 2012).
    "rms_prop" RmsProp,
}

impl OptimizerConfig {
    /// Raised when equal settings give other steps than before.
    pub const VERSION: u32 = 2;
}
