//! Decides what runs, when, where and why.
//!
//! Does not know SQL, YAML text or any science. An experiment becomes a [`Plan`] (kinds looked up, recipes bound, ports
//! matched); the plan meets the store and gives [`Verdict`]s; `run` executes what is missing, one process an attempt.

mod artifact;
mod attempts;
mod command;
mod context;
mod event;
mod executors;
mod explain;
mod fingerprint;
mod freshen;
mod job;
mod plan;
mod prepare;
mod registry;
mod run;
mod running;
mod stage;
mod worker;

pub use artifact::{ArtifactType, Counting, Input, Inputs, Output, Ports, Presence};
pub use command::{COMMAND, CommandWith, FILES};
pub use context::{Context, Progress};
pub use event::{Event, Failure};
pub use executors::interrupt;
pub use explain::{Reason, explain};
pub use fingerprint::{canonical, manifest};
pub use freshen::{Broken, Freshness, Verdict, freshen};
pub use plan::{Feed, Plan, PlanNode, plan};
pub use registry::Registry;
pub use run::{EngineError, Options, Summary, run};
pub use stage::{Stage, StageFailure, StageKind};
pub use worker::worker;
