//! Keeps artifacts and their records: the only crate that knows SQLite and the artifact layout.
//!
//! Does not know stages, YAML or what an artifact means. Under one root (`runs/`) lie `objects/` (bytes, named by their
//! digest), `ledger.sqlite` (the record of what was made from what), `stat.sqlite` (a disposable cache of file digests),
//! `leases/` (locks of what is being made, and of runs), `resume/` (checkpoints), `attempts/` (scratch folders and logs)
//! and `quarantine/` (objects that rotted).

mod amount;
mod atomic;
mod attempts;
mod burial;
mod digest;
mod error;
mod fail_point;
mod filesystem;
#[cfg(test)]
mod fixture;
mod gc;
mod hashing;
mod health;
mod history;
mod inventory;
mod last;
mod lease;
mod ledger;
mod live;
mod materialise;
mod memo;
mod migrations;
mod objects;
mod past_stages;
mod policy;
mod record;
mod results;
mod runs;
mod sizes;
mod slots;
mod spool;
mod stat;
mod stat_rows;
mod store;
mod studies;
mod sweep;
mod timing;
mod tracks;
mod tree;
mod uses;
mod verify;
mod walk;

pub use amount::{Age, Bytes, NotAnAmount};
pub use atomic::write_atomic;
pub use attempts::{Attempt, NewAttempt, folder_name};
pub use digest::Digest;
pub use error::StoreError;
pub use fail_point::fail_point;
pub use filesystem::{FileSystem, file_system};
pub use gc::{Collection, Doomed};
pub use health::{Health, Held, Space, Unfinished, health, held, space};
pub use history::RunFilter;
pub use lease::{Claim, Holder, Lease};
pub use live::LiveRun;
pub use past_stages::{AttemptRow, RunStage};
pub use policy::{Policy, Why};
pub use record::{Direction, Made, MetricRow, NewRecord, Output, Record};
pub use runs::{NewRun, RunEnd, RunId, RunRow, StageRow};
pub use sizes::{KindPart, Part, Sizes};
pub use slots::{SlotGuard, take_slots};
pub use spool::{Message, NewMessage, Spooled};
pub use store::Store;
pub use studies::{NewStudy, StudyId, StudyRow, TrialRow};
pub use sweep::{Freed, Garbage, GarbageKind};
pub use timing::Timings;
pub use tracks::{Alone, Track, WHOLE};
pub use tree::{Object, Shape};
pub use verify::{Look, Missing, Owner, Rotten, Verified};
