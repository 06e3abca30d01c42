//! Stacks of keepers and, until they run, of their programs.
//!
//! Does not know what runs on them.

use std::{
    ffi::c_void,
    sync::{Mutex, atomic::AtomicU64},
};

/// Two stacks. Never freed, but used again: clearing one costs more than all else about a child.
///
/// Of atomics, because another process writes to them while this one holds a reference.
pub(super) struct Stack(&'static [AtomicU64]);

static SPARE: Mutex<Vec<Stack>> = Mutex::new(Vec::new());

impl Stack {
    /// 32 KiB for each of the two; less than 4 KiB are needed.
    const HALF: usize = 32 * 1024 / size_of::<AtomicU64>();

    pub(super) fn new() -> Self {
        let spare = SPARE.lock().expect("no holder panics").pop();
        spare.unwrap_or_else(|| Self(Vec::leak((0..2 * Self::HALF).map(|_| AtomicU64::new(0)).collect())))
    }

    /// The end of the keeper's stack, from where it grows downwards.
    pub(super) fn of_keeper(&self) -> *mut c_void {
        Self::top(self.0)
    }

    /// Likewise, of the program's.
    pub(super) fn of_program(&self) -> *mut c_void {
        Self::top(&self.0[..Self::HALF])
    }

    /// To be called when both have ended.
    pub(super) fn give_back(self) {
        SPARE.lock().expect("no holder panics").push(self);
    }

    /// The end of a stack, aligned as calls want it.
    fn top(stack: &[AtomicU64]) -> *mut c_void {
        let end = stack.as_ptr_range().end.cast_mut();
        end.map_addr(|at| at & !15).cast()
    }
}
