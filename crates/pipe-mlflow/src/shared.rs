//! What the threads of a run's tracking tell each other and the run.
//!
//! Does not know what is sent.

use std::{
    sync::{Condvar, Mutex, MutexGuard},
    time::{Duration, Instant},
};

#[derive(Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Whether there is something new to deliver.
    kept: bool,
    /// Whether the run is over, and nothing will be kept any more.
    is_over: bool,
    /// Whether nobody waits for deliveries any more.
    is_abandoned: bool,
    /// Couriers that are still at work.
    couriers: usize,
    done: Delivered,
    warnings: Vec<String>,
    /// When a server took something the last time.
    moved: Option<Instant>,
}

/// What was delivered in the time of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Messages that arrived.
    pub delivered: u64,
    /// Messages that a server will never take.
    pub refused: u64,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }

    /// Something for people; each text once.
    pub(crate) fn warn(&self, text: String) {
        let mut state = self.state();
        if !state.warnings.contains(&text) {
            state.warnings.push(text);
        }
    }

    /// The warnings from the given one on.
    pub(crate) fn warnings(&self, from: usize) -> Vec<String> {
        self.state().warnings.get(from..).unwrap_or_default().to_vec()
    }

    pub(crate) fn kept(&self) {
        self.change(|state| state.kept = true);
    }

    pub(crate) fn over(&self) {
        self.change(|state| state.is_over = true);
    }

    pub(crate) fn courier_begins(&self) {
        self.change(|state| state.couriers += 1);
    }

    pub(crate) fn courier_ends(&self) {
        self.change(|state| state.couriers -= 1);
    }

    pub(crate) fn moved(&self, progress: Delivered) {
        self.change(|state| {
            state.done.delivered += progress.delivered;
            state.done.refused += progress.refused;
            state.moved = Some(Instant::now());
        });
    }

    pub(crate) fn done(&self) -> Delivered {
        self.state().done
    }

    pub(crate) fn is_over(&self) -> bool {
        self.state().is_over
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.state().is_abandoned
    }

    /// Waits for something to deliver, the end of the run, or the end of the time.
    pub(crate) fn wait_for_more(&self, most: Duration) {
        let idle = |state: &mut State| !state.kept && !state.is_over && !state.is_abandoned;
        let (mut state, _) = self.changed.wait_timeout_while(self.state(), most, idle).expect("no holder panics");
        state.kept = false;
    }

    /// Waits for the end of the run, or the end of the time.
    pub(crate) fn rest(&self, most: Duration) {
        let goes_on = |state: &mut State| !state.is_over && !state.is_abandoned;
        drop(self.changed.wait_timeout_while(self.state(), most, goes_on).expect("no holder panics"));
    }

    /// Waits until all couriers are done, as long as one of them delivers something every `patience`, and not longer than `most`.
    pub(crate) fn wait_for_couriers(&self, patience: Duration, most: Duration) -> Delivered {
        let begun = Instant::now();
        let mut state = self.state();
        while state.couriers > 0 {
            let last = state.moved.map_or(begun, |moved| moved.max(begun));
            let left = (last + patience).min(begun + most).saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.changed.wait_timeout(state, left).expect("no holder panics").0;
        }
        state.is_abandoned = true;
        let done = state.done;
        drop(state);
        self.changed.notify_all();
        done
    }
}
