//! Searches hyperparameters.
//!
//! A [`Space`] says what can be tried, a [`Sampler`] which [`Point`] a trial tries, a [`Pruner`] whether it goes on, a [`Study`] is all of
//! it: functions of what is written and of the trials so far, which know no stages, files or data base. A [`Search`] is a study of an
//! experiment: it lays trials out as stages, takes part in a run through the engine's orders, and keeps in the ledger what it decides. It
//! does not know stage kinds.
//!
//! ```
//! use pipe_sweep::{Curve, State, Study, Trial};
//!
//! let study: Study = serde_json::from_str(
//!     r#"{
//!         "space": { "x": { "float": { "low": -1, "high": 1 } } },
//!         "goal": "minimise",
//!         "sampler": "tpe",
//!         "pruner": { "median": { "warmup_steps": 3 } }
//!     }"#,
//! )?;
//! let mut trials = Vec::new();
//! for number in 0..30 {
//!     let point = study.suggest(&trials, number).expect("only grids and lists end");
//!     let x = point.written(study.space())["x"].as_f64().unwrap();
//!     let state = State::Complete { value: (x * x).try_into()? };
//!     trials.push(Trial { number, point, state, curve: Curve::default() });
//! }
//! let (_, value) = study.best(&trials).expect("a trial is complete");
//! assert!(value.get() < 0.05);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod choices;
mod importance;
mod number;
mod objective;
mod point;
mod pruners;
mod random;
mod samplers;
mod search;
mod space;
mod study;
mod sweep;
mod trial;

pub use importance::importance;
pub use number::{Factor, Finite, NoFactor, NotFinite};
pub use objective::{Objective, ObjectiveError};
pub use point::{Key, Point, Value};
pub use pruners::*;
pub use samplers::{GaussianProcess, Grid, List, QuasiRandom, Random, SAMPLERS, Sampler, SamplerError, Tpe};
pub use search::{Failures, INNER, Inner, Kinds, NoSearch, Search, Standing, Steered, joined};
pub use space::{
    Choice, Condition, Domain, DomainError, FloatRange, IntRange, Parameter, PointError, Scaling, Space, SpaceError,
};
pub use study::{Study, StudyError};
pub use sweep::{JudgedBy, NestedFolds, OnTheWay, Sought, Sweep, SweepError};
pub use trial::{Curve, CurveError, Goal, State, Trial};
