//! What attempts of a recipe said on their way, read from what they left.
//!
//! Does not know what numbers mean. An engine that was killed may not have read all of it, and what goes on from a checkpoint does not say
//! it again.

use std::{fs, path::PathBuf};

use pipe_store::{Digest, Store, StoreError};

use crate::{
    context::Word,
    job::{EVENTS, NUMBERS},
    running::{Running, State},
};

/// A number that a stage says on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// Its name.
    pub name: String,
    /// Step, e.g. the epoch.
    pub step: u64,
    /// Its value; none if not finite.
    pub value: Option<f64>,
}

/// The numbers that were said on the way to the last result of a recipe, in their order; a step that was done anew is there twice.
///
/// # Errors
/// The ledger cannot be read. What attempts left may be gone.
pub fn history(store: &Store, fingerprint: &Digest) -> Result<Vec<Number>, StoreError> {
    let attempts = store.attempts_of(fingerprint)?;
    Ok(attempts.split_inclusive(is_done).rfind(|way| way.last().is_some_and(is_done)).map(numbers).unwrap_or_default())
}

/// What a new attempt would not say again: nothing where it begins anew.
pub(crate) fn said_before(store: &Store, fingerprint: &Digest) -> Result<Vec<Number>, StoreError> {
    if !store.has_checkpoint(fingerprint) {
        return Ok(Vec::new());
    }
    Ok(store.attempts_of(fingerprint)?.rsplit(is_done).next().map(numbers).unwrap_or_default())
}

fn is_done((_, is_done): &(PathBuf, bool)) -> bool {
    *is_done
}

fn numbers(attempts: &[(PathBuf, bool)]) -> Vec<Number> {
    let mut numbers = Vec::new();
    for (folder, _) in attempts {
        // A command has the one, a worker the other.
        let text = fs::read(folder.join(EVENTS)).or_else(|_| fs::read(folder.join(NUMBERS))).unwrap_or_default();
        // The last line may be half written.
        for line in text.split(|byte| *byte == b'\n') {
            if let Ok(Word::Metric { name, step, value }) = serde_json::from_slice(line) {
                numbers.push(Number { name, step, value });
            }
        }
    }
    numbers
}

impl Running<'_, '_> {
    /// A number that a running stage says, or has said before it was interrupted.
    pub(crate) fn counts(&mut self, node: usize, number: &Number) {
        let State::Running(attempted) = &mut self.nodes[node].state else { return };
        attempted.last.insert(number.name.clone(), number.value);
        self.steering.said(&self.plan.nodes[node], &attempted.recipe.fingerprint, number);
    }
}
