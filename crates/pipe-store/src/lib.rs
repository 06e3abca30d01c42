//! Keeps artifacts and their records: the only crate that knows SQLite and the artifact layout.
//!
//! Does not know stages, YAML or what an artifact means. Under one root (`runs/`) lie `objects/` (bytes, named by their
//! digest), `ledger.sqlite` (the record of what was made from what), `stat.sqlite` (a disposable cache of file digests),
//! `leases/`, `resume/` (checkpoints) and `attempts/` (scratch folders and logs).

mod atomic;
mod digest;
mod error;
mod lease;
mod ledger;
mod objects;
mod record;
mod runs;
mod stat;
mod store;
mod tree;

pub use atomic::write_atomic;
pub use digest::Digest;
pub use error::StoreError;
pub use lease::{Claim, Lease};
pub use record::{Direction, Made, MetricRow, NewRecord, Output, Record};
pub use runs::{Attempt, NewRun, RunEnd, RunId, RunRow, StageRow};
pub use store::Store;
pub use tree::{Object, Shape};
