//! What stages ask for beyond what the machine has, and run without: slots and memory.
//!
//! Does not know cards; what cannot run without is an obstacle.

use std::collections::BTreeSet;

use pipe_spec::{Bytes, Resources};

use crate::{Freshness, Plan, Verdict};

/// What of the resources that stages ask for this machine does not have, though they will run; each stage once.
///
/// `cores` are those of the machine, `memory` its bytes.
pub fn shortages(plan: &Plan, freshness: &Freshness, cores: usize, memory: u64) -> Vec<String> {
    let runs = plan.nodes.iter().zip(&freshness.verdicts).filter(|(_, verdict)| !matches!(verdict, Verdict::Hit(_)));
    let mut told = BTreeSet::new();
    runs.flat_map(|(node, _)| short(&node.stage, &node.resources, cores, memory))
        .filter(|text| told.insert(text.clone()))
        .collect()
}

fn short(stage: &str, resources: &Resources, cores: usize, memory: u64) -> Vec<String> {
    let slots = resources.cpu.filter(|slots| *slots as usize > cores).map(|slots| {
        let cores = if cores == 1 { "1 core".to_owned() } else { format!("{cores} cores") };
        format!("`{stage}` asks for `cpu: {slots}`, and this machine has {cores}: it runs alone, with {slots} threads on them")
    });
    let limit = resources.memory.map(Bytes::get).filter(|limit| *limit > memory).map(|limit| {
        format!(
            "`{stage}` asks for {} of memory, and this machine has {}: it runs alone, and its limit will not stop it",
            Bytes::new(limit),
            Bytes::new(memory)
        )
    });
    slots.into_iter().chain(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_there_is_is_told() {
        let check = |json: &str, expected: &[&str]| {
            let resources: Resources = serde_json::from_str(json).expect("resources");
            assert_eq!(short("train", &resources, 2, 24 << 30), expected, "{json}");
        };
        check("{}", &[]);
        check(r#"{"cpu": 2, "memory": "24GiB"}"#, &[]);
        check(
            r#"{"cpu": 1000, "memory": "1TiB"}"#,
            &[
                "`train` asks for `cpu: 1000`, and this machine has 2 cores: it runs alone, with 1000 threads on them",
                "`train` asks for 1 TiB of memory, and this machine has 24 GiB: it runs alone, and its limit will not stop it",
            ],
        );
    }
}
