//! Decides what runs, when, where and why.
//!
//! Does not know SQL, YAML text or any science. An experiment becomes a [`Plan`] (kinds looked up, recipes bound, ports
//! matched); the plan meets the store and gives [`Verdict`]s; `run` executes what is missing, one process an attempt.

mod accept;
mod artifact;
mod attempts;
mod capacity;
mod cards;
mod choose;
mod command;
mod context;
mod continuing;
mod contradictions;
mod depfile;
mod edges;
mod ending;
mod event;
mod executors;
mod explain;
mod fingerprint;
mod freshen;
mod gpus;
mod growing;
mod holding;
mod job;
mod lists;
mod pattern;
mod plan;
mod prepare;
mod publishing;
mod quoting;
mod registry;
mod run;
mod running;
mod shares;
mod shortages;
mod stage;
mod starting;
mod steering;
mod tail;
mod wire;
mod wish;
mod worker;

pub use accept::{Accepted, Mark, NotAccepted, accept, marks};
pub use artifact::{ArtifactType, Counting, Input, Inputs, Output, Ports, Presence};
pub use capacity::{Lack, machine_memory};
pub use cards::{Card, Cards, Driver, NoCard, cards_visible, driver};
pub use choose::{Choice, NoStage};
pub use command::{COMMAND, CommandWith, FILES, Folder};
pub use context::{Context, Progress};
pub use event::{Event, Failure, TrialState};
pub use executors::{MemoryControl, interrupt, memory_control, own_peak};
pub use explain::{Reason, explain};
pub use fingerprint::{canonical, manifest};
pub use freshen::{Broken, Freshness, Verdict, freshen};
pub use lists::{ListError, new_lists};
pub use pattern::{NotAPattern, Pattern};
pub use plan::{Feed, Plan, PlanNode, plan};
pub use registry::Registry;
pub use run::{EngineError, Expects, Failing, Grown, NotGrown, Options, Summary, obstacles, run};
pub use shortages::shortages;
pub use stage::{DueTo, Length, Stage, StageFailure, StageKind};
pub use steering::{Loss, Order, Permit, Room, Said, Steering, Unsteered};
pub use wish::{Backends, Cuda};
pub use worker::worker;
