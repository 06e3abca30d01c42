//! Connected components.
//!
//! Does not know metrics.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which pixels are neighbours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Connectivity {
    /// Those that share a side, an edge or a corner: 8 in a plane, 26 in a volume.
    #[default]
    Full,
    /// Those that share a side: 4 in a plane, 6 in a volume.
    Faces,
}

/// Pixels numbered by their component, from 1; 0 is background.
#[derive(Clone, Debug)]
pub(crate) struct Components {
    pub labels: Vec<u32>,
    /// Pixels of each component, that of background first (0).
    pub sizes: Vec<u64>,
}

impl Components {
    /// Components of the pixels that are not 0, numbered in C order of their first pixels.
    pub(crate) fn of(mask: &[u8], shape: [usize; 3], connectivity: Connectivity) -> Self {
        let before = before(connectivity);
        let [_, height, width] = shape;
        let mut labels = vec![0_u32; mask.len()];
        // Union by the smaller label: a root is the first pixel of its component.
        let mut parents = vec![0_u32];
        for at in (0..mask.len()).filter(|at| mask[*at] != 0) {
            let [z, y, x] = [at / (height * width), at / width % height, at % width];
            let mut label = 0;
            for [dz, dy, dx] in &before {
                let [Some(z), Some(y), Some(x)] = [step(z, *dz, shape[0]), step(y, *dy, height), step(x, *dx, width)]
                else {
                    continue;
                };
                let other = labels[(z * height + y) * width + x];
                if other != 0 {
                    label = if label == 0 { root(&mut parents, other) } else { join(&mut parents, label, other) };
                }
            }
            if label == 0 {
                label = parents.len() as u32;
                parents.push(label);
            }
            labels[at] = label;
        }
        let mut names = vec![0_u32; parents.len()];
        let mut sizes = vec![0_u64];
        for label in 1..parents.len() as u32 {
            let top = root(&mut parents, label);
            if top == label {
                names[label as usize] = sizes.len() as u32;
                sizes.push(0);
            } else {
                names[label as usize] = names[top as usize];
            }
        }
        for label in labels.iter_mut().filter(|label| **label != 0) {
            *label = names[*label as usize];
            sizes[*label as usize] += 1;
        }
        Self { labels, sizes }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.sizes.len() - 1
    }
}

/// The neighbours that come before a pixel in C order.
fn before(connectivity: Connectivity) -> Vec<[isize; 3]> {
    let all = (-1..=1).flat_map(|z| (-1..=1).flat_map(move |y| (-1..=1).map(move |x| [z, y, x])));
    all.filter(|step| *step < [0, 0, 0])
        .filter(|step| connectivity == Connectivity::Full || step.iter().filter(|side| **side != 0).count() == 1)
        .collect()
}

fn step(at: usize, by: isize, end: usize) -> Option<usize> {
    at.checked_add_signed(by).filter(|at| *at < end)
}

fn root(parents: &mut [u32], mut label: u32) -> u32 {
    while parents[label as usize] != label {
        let above = parents[parents[label as usize] as usize];
        parents[label as usize] = above;
        label = above;
    }
    label
}

fn join(parents: &mut [u32], one: u32, other: u32) -> u32 {
    let (one, other) = (root(parents, one), root(parents, other));
    let (low, high) = (one.min(other), one.max(other));
    parents[high as usize] = low;
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rows: &[&str], connectivity: Connectivity, expected: &[u64]) {
        let mask: Vec<u8> = rows.iter().flat_map(|row| row.bytes().map(|byte| u8::from(byte == b'#'))).collect();
        let found = Components::of(&mask, [1, rows.len(), rows[0].len()], connectivity);
        assert_eq!(found.sizes[1..], *expected);
        assert_eq!(found.labels.iter().filter(|label| **label != 0).count() as u64, expected.iter().sum::<u64>());
    }

    #[test]
    fn planes() {
        let rows = ["#.#.", "#.#.", "###.", "...#"];
        check(&rows, Connectivity::Full, &[8]);
        check(&rows, Connectivity::Faces, &[7, 1]);
        check(&["...", "..."], Connectivity::Full, &[]);
        check(&["#.#.#", ".#.#.", "#...#"], Connectivity::Faces, &[1; 7]);
    }

    #[test]
    fn volumes() {
        let mut mask = vec![0_u8; 27];
        (mask[0], mask[13], mask[26]) = (1, 1, 1);
        assert_eq!(Components::of(&mask, [3, 3, 3], Connectivity::Full).count(), 1);
        assert_eq!(Components::of(&mask, [3, 3, 3], Connectivity::Faces).count(), 3);
    }
}
