//! Where attempts run. One file an executor; today there is the local machine.
//!
//! Executors do not know plans or stores: they get a program and tell how it ended.

mod cgroup;
mod keeper;
mod launch;
mod lines;
mod local;
mod memory;
#[cfg(not(target_os = "linux"))]
mod plain;
mod signals;
mod spawn;
#[cfg(target_os = "linux")]
mod stack;
mod tree;

#[cfg(test)]
mod tests;

pub(crate) use local::{Ended, Exit, Local, Program, Said, last_lines};
pub use memory::{MemoryControl, memory_control};
pub(crate) use tree::end_survivors;
pub use tree::own_peak;

pub mod interrupt {
    //! Interrupts of this process: Ctrl-C, a polite kill.
    pub use super::signals::{Signal, count, first, listen, stop_listening};
}
