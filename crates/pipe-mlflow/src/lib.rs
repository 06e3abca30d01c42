//! Tells trackers what runs do: the only crate that talks to a tracking server.
//!
//! Does not read experiments and does not decide anything about a run: a tracker that is down, slow or wrong costs a run a warning.
//! What is to be told goes from the run's thread into a channel, from there into the ledger's spool and into files ([`Tracking`]), and
//! from the spool to the server, on a thread of its own, once and in order, now or by [`sync()`].

mod client;
mod courier;
mod files;
mod flatten;
mod limits;
mod message;
mod number;
mod observer;
mod outline;
mod point;
mod recorder;
mod registry;
mod settings;
mod shared;
mod sync;
mod thread;
mod tracking;
mod trouble;
mod wire;

pub use files::Form;
pub use message::{Dataset, FileToKeep};
pub use observer::Interrupted;
pub use outline::{About, Keep, Outline, Stage};
pub use recorder::Ending;
pub use settings::{Server, Unusable};
pub use shared::Delivered;
pub use sync::{EVENTS, Synced, revive, sync};
pub use tracking::{Ended, NotTracked, Targets, Tracking, deliver_left, is_known, now};
