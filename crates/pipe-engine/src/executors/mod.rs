//! Where attempts run. One file an executor; today there is the local machine.
//!
//! Executors do not know plans or stores: they get a program and tell how it ended.

mod local;
mod spawn;

pub(crate) use local::{Ended, Local, Program, Said, last_lines};

pub mod interrupt {
    //! Interrupts of this process: Ctrl-C, a polite kill.
    pub use super::spawn::{count, listen};
}
