//! `pipe network` as typed.
//!
//! Does not know networks.

use std::num::NonZeroUsize;

use clap::{Args, Subcommand};
use pipe_spec::Device;

use super::Format;

/// The longest side of an input: far beyond any image, and four of them still fit into a count of bytes.
const LONGEST: usize = 65_536;

/// One number of a shape.
fn side(text: &str) -> Result<usize, String> {
    let side = text.trim().parse().ok().filter(|side| (1..=LONGEST).contains(side));
    side.ok_or_else(|| format!("expected numbers from 1 to {LONGEST} divided by commas, for instance 8,1,512,512"))
}

/// `pipe network`.
#[derive(Debug, Subcommand)]
pub(crate) enum Network {
    /// List the networks.
    List {
        /// How data is printed.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Print layers, shapes, parameters and multiply-accumulates.
    Show {
        /// A network's name, or a YAML file that holds one `network:`.
        network: String,
        /// Input shape: `N,C,H,W`, or `N,C,T,H,W` for networks that read frames.
        #[arg(long, value_delimiter = ',', value_parser = side, required = true, value_name = "N,C,..,H,W")]
        input: Vec<usize>,
        /// How data is printed.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Fill every parameter and the input by an integer hash, run forward, and print statistics of the output as JSON.
    ///
    /// With `--loss`, a target is made by the same hash (seed 7), and the loss of the main map and the norms of its gradients are
    /// printed, too; further maps of deep supervision take no part.
    Probe {
        /// A YAML file that holds one `network:`, or a network's name.
        network: String,
        /// Input shape: `N,C,H,W`, or `N,C,T,H,W` for networks that read frames.
        #[arg(long, value_delimiter = ',', value_parser = side, required = true, value_name = "N,C,..,H,W")]
        input: Vec<usize>,
        /// A loss: its name, or YAML as in `training: { loss: .. }`, for instance `{dice: {smooth: 0}}`.
        #[arg(long, value_name = "LOSS")]
        loss: Option<String>,
        /// JSON is all there is; the option is here because every command has it.
        #[arg(long, value_enum, default_value_t = Format::Json, hide = true)]
        format: Format,
    },
    /// Hold networks on a device against the CPU: maps, loss, gradients, steps of training, and a training that is continued.
    ///
    /// Exit code 1 if anything is further apart than the number format explains.
    Check(Check),
    /// Measure how fast a network learns and predicts on a device, with the loop of every training, on cases made in memory.
    Time(Time),
    /// Measure how long each layer takes on a device, forward and back, at the shapes it has in a network; the slowest first.
    Operations {
        /// A network's name, or a YAML file that holds one `network:`.
        network: String,
        /// Shape of a batch: `N,C,H,W`, or `N,C,T,H,W` for networks that read frames.
        #[arg(long, value_delimiter = ',', value_parser = side, required = true, value_name = "N,C,..,H,W")]
        input: Vec<usize>,
        #[command(flatten)]
        machine: Machine,
        /// How data is printed.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
}

/// `pipe network check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Networks' names, each in a narrow form, or YAML files that hold one `network:`, as they are [default: all networks].
    #[arg(value_name = "NETWORK")]
    pub networks: Vec<String>,
    /// Input shape of all of them: `N,C,H,W`, or `N,C,T,H,W` [default: four small cases].
    #[arg(long, value_delimiter = ',', value_parser = side, value_name = "N,C,..,H,W")]
    pub input: Option<Vec<usize>>,
    #[command(flatten)]
    pub work: Work,
    /// Steps of training.
    #[arg(long, value_name = "N", default_value = "10")]
    pub steps: NonZeroUsize,
    /// How data is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// `pipe network time`.
#[derive(Debug, Args)]
pub(crate) struct Time {
    /// A network's name, or a YAML file that holds one `network:`.
    pub network: String,
    /// Shape of a batch: `N,C,H,W`, or `N,C,T,H,W` for networks that read frames.
    #[arg(long, value_delimiter = ',', value_parser = side, required = true, value_name = "N,C,..,H,W")]
    pub input: Vec<usize>,
    #[command(flatten)]
    pub work: Work,
    /// Steps of a round.
    #[arg(long, value_name = "N", default_value = "10")]
    pub steps: NonZeroUsize,
    /// Rounds that are timed.
    #[arg(long, value_name = "N", default_value = "5")]
    pub rounds: NonZeroUsize,
    /// Rounds before them, in which a GPU's kernels are compiled and tried.
    #[arg(long, value_name = "N", default_value = "1")]
    pub warm_up: usize,
    /// Rounds of prediction afterwards.
    #[arg(long, value_name = "N", default_value = "5")]
    pub predictions: usize,
    /// How data is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// On what and how a network is tried.
#[derive(Debug, Args)]
pub(crate) struct Work {
    #[command(flatten)]
    pub machine: Machine,
    /// Loss, optimizer and more, as YAML in `training:`, laid over Dice with cross-entropy and Adam; for instance
    /// `{optimizer: {sgd: {}}}`.
    #[arg(long, value_name = "YAML")]
    pub training: Option<String>,
}

/// A device and how it computes.
#[derive(Debug, Args)]
pub(crate) struct Machine {
    /// The device, as `stages: { train: { resources: { device: .. } } }` names it: `auto`, `cpu`, `cuda`, `cuda:N` or `wgpu`.
    #[arg(long, default_value = "auto")]
    pub device: Device,
    /// In which number format the network computes: `fp32`, `tf32`, `bf16` or `f16`.
    #[arg(long, default_value = "tf32")]
    pub precision: String,
}
