//! How much memory the trainings of a plan take, as far as the recipes tell.
//!
//! Does not run or measure anything. Where sizes are null and no patch is given, nothing is said.

use std::collections::BTreeMap;

use pipe_engine::{Plan, PlanNode};
use pipe_learn::{Footprint, Memory, Precision, TrainConfig, footprint};
use pipe_spec::{Bytes, Device};

use crate::{
    fitting::{feeding, shape},
    prepare::{DataConfig, DataLayout},
    train::TrainWith,
};

/// What was found out already.
#[derive(Default)]
struct Known {
    /// By network, channels and frames: what takes a pass through the network.
    footprints: BTreeMap<(String, usize, usize), Option<Footprint>>,
    trainings: BTreeMap<Recipe, Option<(Memory, TrainConfig)>>,
}

/// Network, training and preparation, and whether it is for the CPU.
type Recipe = (String, String, usize, bool);

/// Gives the bytes that each training among `asked` takes, by node; none for other stages, and where the recipes do not tell.
pub fn memory(plan: &Plan, asked: impl Fn(usize) -> bool) -> Vec<Option<u64>> {
    let mut known = Known::default();
    let mut needed = |node: usize| {
        let (memory, training) = known.of(plan, node)?.as_ref()?;
        Some(memory.of(training.batch))
    };
    (0..plan.nodes.len()).map(|node| if asked(node) { needed(node) } else { None }).collect()
}

/// Says what would fit into `limit` bytes, after a training that did not.
pub(crate) fn advice(plan: &Plan, node: usize, limit: u64) -> Option<String> {
    let mut known = Known::default();
    let (memory, training) = known.of(plan, node)?.as_ref()?;
    Some(words(memory, training.batch, limit))
}

fn words(memory: &Memory, batch: usize, limit: u64) -> String {
    let about = |batch: usize| Bytes::new(memory.of(batch));
    let needs = format!("batch {batch} needs about {}, the limit is {}", about(batch), Bytes::new(limit));
    match memory.largest_batch(limit) {
        // It was killed, so the estimate was too low.
        Some(most) if most >= batch && batch > 1 => {
            let half = batch / 2;
            format!("{needs}, which is too close; batch {half} needs about {}", about(half))
        }
        Some(most) if most >= batch => {
            format!("{needs}, which is too close; take smaller images, a `patch`, or a narrower network")
        }
        Some(most) => format!("{needs}; batch {most} needs about {}", about(most)),
        None if batch == 1 => format!("{needs}; take smaller images, a `patch`, or a narrower network"),
        None => format!(
            "{needs}; even batch 1 needs about {}: take smaller images, a `patch`, or a narrower network",
            about(1)
        ),
    }
}

impl Known {
    fn of(&mut self, plan: &Plan, node: usize) -> Option<&Option<(Memory, TrainConfig)>> {
        let planned = &plan.nodes[node];
        if planned.kind.name != "train" {
            return None;
        }
        let from = feeding(plan, planned)?;
        let part = |name: &str| planned.with[name].to_string();
        let key = (part("network"), part("training"), from, planned.resources.device == Device::Cpu);
        if !self.trainings.contains_key(&key) {
            let found = self.found(planned, &plan.nodes[from], &key.0);
            self.trainings.insert(key.clone(), found);
        }
        self.trainings.get(&key)
    }

    fn found(&mut self, node: &PlanNode, data: &PlanNode, name: &str) -> Option<(Memory, TrainConfig)> {
        let TrainWith { network, mut training, .. } = serde_json::from_value((*node.with).clone()).ok()?;
        if node.resources.device == Device::Cpu {
            // There layers compute in 32 bits, and keep what they read in 32 bits.
            training.precision = Precision::Fp32;
        }
        let data: DataConfig = serde_json::from_value((*data.with).clone()).ok()?;
        let seen = shape(&network, &data, Some(&training))?;
        network.check_input(seen).ok()?;
        let [channels, frames, ..] = seen;
        let key = (name.to_owned(), channels, frames);
        let footprint =
            self.footprints.entry(key).or_insert_with(|| footprint(&network, channels, frames).ok()).as_ref()?;
        let whole = shape(&network, &data, None).unwrap_or(seen);
        let memory = footprint.memory(seen, &training, cases(&data) * whole.iter().product::<usize>());
        Some((memory, training))
    }
}

/// Cases of the data set, where the recipe tells; else 0. A training holds all of them but those it is tested on.
fn cases(data: &DataConfig) -> usize {
    match &data.layout {
        DataLayout::XcaPhantom(phantom) => phantom.patients * phantom.sequences_per_patient,
        DataLayout::VolumePhantom(phantom) => phantom.patients,
        DataLayout::XcaSequences(_) | DataLayout::Coco(_) | DataLayout::Folder(_) | DataLayout::Files(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(batch: usize, limit: u64, expected: &str) {
        let memory = Memory { fixed: 100 << 20, least: 0, each: 300 << 20 };
        assert_eq!(words(&memory, batch, limit << 20), expected);
    }

    #[test]
    fn what_would_fit() {
        check(8, 2048, "batch 8 needs about 2.4 GiB, the limit is 2 GiB; batch 6 needs about 1.9 GiB");
        check(
            2,
            300,
            "batch 2 needs about 700 MiB, the limit is 300 MiB; even batch 1 needs about 400 MiB: take smaller images, a `patch`, \
             or a narrower network",
        );
        check(
            1,
            300,
            "batch 1 needs about 400 MiB, the limit is 300 MiB; take smaller images, a `patch`, or a narrower network",
        );
        check(
            4,
            1400,
            "batch 4 needs about 1.3 GiB, the limit is 1.4 GiB, which is too close; batch 2 needs about 700 MiB",
        );
    }
}
