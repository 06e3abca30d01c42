//! Which class is taken for which.
//!
//! Does not know metrics.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// Pixels by their class in the reference (rows) and in the prediction (columns), background among them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// A row for each class of the reference.
    pub counts: Vec<Vec<u64>>,
}

impl Confusion {
    /// Counts pixels within a field of view; all labels are below `classes`, as a [`Case`](crate::Case) has checked.
    pub(crate) fn of(prediction: &[u8], reference: &[u8], field: Option<&[u8]>, classes: usize) -> Self {
        let mut counts = vec![vec![0; classes]; classes];
        for (at, (prediction, reference)) in prediction.iter().zip(reference).enumerate() {
            if field.is_none_or(|field| field[at] != 0) {
                counts[usize::from(*reference)][usize::from(*prediction)] += 1;
            }
        }
        Self { counts }
    }

    /// Each row as shares of its class of the reference; none for classes that the reference does not have.
    pub fn rows(&self) -> Vec<Option<Vec<f64>>> {
        let share = |row: &Vec<u64>| {
            let all: u64 = row.iter().sum();
            (all > 0).then(|| row.iter().map(|count| *count as f64 / all as f64).collect())
        };
        self.counts.iter().map(share).collect()
    }
}

impl AddAssign<&Self> for Confusion {
    /// Adds the counts of another case of the same classes.
    ///
    /// # Panics
    /// It has another number of classes.
    fn add_assign(&mut self, other: &Self) {
        assert_eq!(self.counts.len(), other.counts.len(), "matrices of the same classes");
        for (sum, add) in self.counts.iter_mut().flatten().zip(other.counts.iter().flatten()) {
            *sum += add;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_of_the_reference() {
        let mut sum = Confusion::of(&[0, 1, 1, 0], &[0, 1, 0, 0], Some(&[1, 1, 1, 0]), 3);
        assert_eq!(sum.counts, [[1, 1, 0], [0, 1, 0], [0, 0, 0]]);
        assert_eq!(sum.rows(), [Some(vec![0.5, 0.5, 0.0]), Some(vec![0.0, 1.0, 0.0]), None]);
        sum += &sum.clone();
        assert_eq!(sum.counts[0], [2, 2, 0]);
    }
}
