//! Reads experiments written as YAML: the only crate that knows YAML.
//!
//! Does not know stage kinds, stores or images. Text becomes a tree whose every scalar knows where it stands; trees are
//! laid over each other; references and axes are resolved; what comes out are stage instances with plain values.

mod bind;
mod check;
mod checksum;
mod compose;
mod composed;
mod device;
mod expand;
mod experiment;
mod location;
mod name;
mod node;
mod overrides;
mod parse;
mod problem;
mod quantity;
mod references;
mod resources;
mod source;
mod suggest;
mod tracking;
mod trials;
mod written;

pub use bind::{bind, bind_to, schema};
pub use check::check;
pub use checksum::Sha256;
pub use compose::{Composed, Library, Request, compose, single};
pub use device::{Device, NotADevice};
pub(crate) use expand::Point;
pub use expand::expand;
pub use experiment::{Experiment, ListSpec, Lists, NeedSpec, OpenStage, StageSpec, experiment_schema, pipeline_schema};
pub use location::Location;
pub use name::axis_value;
pub use node::{Key, Map, Node, Value};
pub use parse::parse;
pub use problem::{Colour, Problem, Problems};
pub use quantity::{Bytes, Time};
pub use resources::{Gpus, Resources, Retries};
pub use source::{FileId, Place, Sources, Span};
pub use suggest::{did_you_mean, nearest};
pub use tracking::{Mlflow, Tracking, TrackingFiles, TrackingFormat};
pub use trials::{Swept, TRIAL};
