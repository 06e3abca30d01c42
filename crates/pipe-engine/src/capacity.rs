//! What the stages of a run share: slots, memory, GPUs, named pools.
//!
//! Does not know what a stage computes. GPUs and pools are shared with every other `pipe` of this machine, or of this
//! store, through locks that die with their process.

use std::{collections::BTreeMap, fmt, fs, path::PathBuf};

use pipe_spec::{Bytes, Resources};
use pipe_store::{Holder, SlotGuard, Store, StoreError, take_slots};
use serde::{Deserialize, Serialize};

use crate::{
    Card, Plan,
    gpus::{Gpus, Held, Wish},
};

/// What is left to give.
pub(crate) struct Capacity {
    slots: Share,
    memory: u64,
    memory_free: u64,
    pub gpus: Gpus,
    pools: BTreeMap<String, Share>,
    pool_folder: PathBuf,
}

struct Share {
    size: u32,
    free: u32,
}

/// What a running stage has; given back by [`Capacity::give_back`].
pub(crate) struct Taken {
    slots: u32,
    memory: u64,
    pub gpus: Vec<Held>,
    pools: Vec<(String, u32)>,
    guards: Vec<SlotGuard>,
}

/// What a stage that could run lacks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lack {
    /// CPU slots.
    Slots {
        /// How many it takes.
        wanted: u32,
        /// How many are free.
        free: u32,
    },
    /// Memory.
    Memory {
        /// Bytes it takes.
        wanted: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// GPUs.
    Gpus {
        /// How many it takes.
        wanted: f64,
        /// What is free of each.
        free: Vec<f64>,
    },
    /// Memory of a GPU.
    GpuMemory {
        /// Bytes it takes of each of its GPUs.
        wanted: u64,
        /// Bytes that are free on each.
        free: Vec<u64>,
    },
    /// Units of a named pool.
    Pool {
        /// The pool.
        name: String,
        /// How many it takes.
        wanted: u32,
        /// How many are free.
        free: u32,
    },
    /// The right to compute: another process has it.
    Lease {
        /// That process, where it could be read.
        by: Option<Box<Holder>>,
    },
    /// What another `pipe` has.
    Elsewhere {
        /// The GPU or the pool.
        what: String,
    },
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slots { wanted, free } => write!(f, "{wanted} slots, {free} are free"),
            Self::Memory { wanted, free } => {
                write!(f, "{} of memory, {} are free", Bytes::new(*wanted), Bytes::new(*free))
            }
            Self::Gpus { wanted, free } => {
                let free: Vec<_> = free.iter().map(ToString::to_string).collect();
                write!(f, "{wanted} GPU; free of each: {}", free.join(", "))
            }
            Self::GpuMemory { wanted, free } => {
                let free: Vec<_> = free.iter().map(|free| Bytes::new(*free).to_string()).collect();
                write!(f, "{} of GPU memory; free of each: {}", Bytes::new(*wanted), free.join(", "))
            }
            Self::Pool { name, wanted, free } => write!(f, "{wanted} of the pool `{name}`, {free} are free"),
            Self::Lease { by: None } => f.write_str("the result, which another process is making"),
            Self::Lease { by: Some(by) } => write!(
                f,
                "the result, which process {} on {} is making (stage {} of {}, run {}, since {})",
                by.process, by.host, by.stage, by.experiment, by.run, by.since
            ),
            Self::Elsewhere { what } => write!(f, "{what}, which another pipe has"),
        }
    }
}

/// Bytes of memory of this machine; everything where it does not tell.
pub fn machine_memory() -> u64 {
    let kibibytes = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        text.lines()
            .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
    });
    kibibytes.map_or(u64::MAX, |kibibytes| kibibytes * 1024)
}

impl Capacity {
    pub(crate) fn new(plan: &Plan, jobs: u32, cards: &[Card], store: &Store) -> Self {
        let memory = machine_memory();
        let mut pools = BTreeMap::new();
        for node in &plan.nodes {
            for name in node.resources.pools.keys() {
                let size = plan.pools.get(name).copied().unwrap_or(1);
                pools.entry(name.clone()).or_insert(Share { size, free: size });
            }
        }
        Self {
            slots: Share { size: jobs, free: jobs },
            memory,
            memory_free: memory,
            gpus: Gpus::new(cards),
            pools,
            pool_folder: store.root().join("pools"),
        }
    }

    /// Makes room for pools of stages that were added.
    pub(crate) fn learn(&mut self, plan: &Plan) {
        for node in &plan.nodes {
            for name in node.resources.pools.keys() {
                let size = plan.pools.get(name).copied().unwrap_or(1);
                self.pools.entry(name.clone()).or_insert(Share { size, free: size });
            }
        }
    }

    /// Whether nothing can start whatever it takes.
    pub(crate) fn is_full(&self) -> bool {
        self.slots.free == 0
    }

    /// Takes everything that a stage asks for, or says what it lacks.
    pub(crate) fn take(&mut self, wanted: &Resources, wish: &Wish) -> Result<Result<Taken, Lack>, StoreError> {
        // A stage that asks for more slots or memory than there are gets all of them.
        let slots = wanted.cpu.unwrap_or(1).min(self.slots.size);
        if self.slots.free < slots {
            return Ok(Err(Lack::Slots { wanted: slots, free: self.slots.free }));
        }
        let memory = wanted.memory.map_or(0, Bytes::get).min(self.memory);
        if self.memory_free < memory {
            return Ok(Err(Lack::Memory { wanted: memory, free: self.memory_free }));
        }
        for (name, wanted) in &wanted.pools {
            let free = self.pools.get(name).map_or(0, |pool| pool.free);
            if free < *wanted {
                return Ok(Err(Lack::Pool { name: name.clone(), wanted: *wanted, free }));
            }
        }
        let mut guards = Vec::new();
        for (name, wanted) in &wanted.pools {
            let size = self.pools.get(name).map_or(1, |pool| pool.size);
            match take_slots(&self.pool_folder, name, size, *wanted)? {
                Some(guard) => guards.push(guard),
                None => return Ok(Err(Lack::Elsewhere { what: format!("{wanted} of the pool `{name}`") })),
            }
        }
        let gpus = match wish {
            Wish::Whatever | Wish::Nothing => Vec::new(),
            Wish::Cards(wanted) => match self.gpus.take(wanted)? {
                Ok(gpus) => gpus,
                Err(lack) => return Ok(Err(lack)),
            },
        };
        self.slots.free -= slots;
        self.memory_free -= memory;
        let pools: Vec<_> = wanted.pools.iter().map(|(name, wanted)| (name.clone(), *wanted)).collect();
        for (name, wanted) in &pools {
            if let Some(pool) = self.pools.get_mut(name) {
                pool.free -= wanted;
            }
        }
        Ok(Ok(Taken { slots, memory, gpus, pools, guards }))
    }

    /// Takes back what a stage had.
    pub(crate) fn give_back(&mut self, taken: Taken) {
        let Taken { slots, memory, gpus, pools, guards } = taken;
        drop(guards);
        self.slots.free += slots;
        self.memory_free += memory;
        self.gpus.give_back(gpus);
        for (name, taken) in pools {
            if let Some(pool) = self.pools.get_mut(&name) {
                pool.free += taken;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpus::{Part, Wanted};

    fn capacity(store: &Store, jobs: u32, cards: &[&str], pool: u32) -> Capacity {
        let cards: Vec<_> = cards.iter().map(|id| Card { id: (*id).to_owned(), ..Card::default() }).collect();
        Capacity {
            slots: Share { size: jobs, free: jobs },
            memory: 100,
            memory_free: 100,
            gpus: Gpus::shared_in(&cards, &store.root().join("gpus")),
            pools: BTreeMap::from([("licence".to_owned(), Share { size: pool, free: pool })]),
            pool_folder: store.root().join("pools"),
        }
    }

    fn wants(json: &str) -> Resources {
        serde_json::from_str(json).expect("resources")
    }

    /// A part of one card.
    fn part(hundredths: u32) -> Wish {
        Wish::Cards(Wanted { count: 1, part: Part::Hundredths(hundredths), memory: None, only: None })
    }

    #[test]
    fn another_process_counts() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(folder.path()).expect("a new store");
        let [mut ours, mut theirs] = [(); 2].map(|()| capacity(&store, 4, &["0"], 1));
        let licence = wants(r#"{"pools": {"licence": 1}}"#);
        let Ok(taken) = ours.take(&licence, &part(60)).expect("locks") else { panic!("there is room") };
        assert!(matches!(theirs.take(&wants("{}"), &part(60)).expect("locks"), Err(Lack::Elsewhere { .. })));
        assert!(theirs.take(&wants("{}"), &part(40)).expect("locks").is_ok());
        assert!(matches!(theirs.take(&licence, &Wish::Nothing).expect("locks"), Err(Lack::Elsewhere { .. })));
        drop(taken);
        assert!(theirs.take(&licence, &Wish::Nothing).expect("locks").is_ok());
    }

    #[test]
    fn what_is_lacking() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(folder.path()).expect("a new store");
        let mut capacity = capacity(&store, 2, &[], 2);
        let all = wants(r#"{"cpu": 9, "memory": "1GiB"}"#);
        let Ok(big) = capacity.take(&all, &Wish::Nothing).expect("locks") else { panic!("it gets all there is") };
        assert!(capacity.is_full());
        assert!(matches!(capacity.take(&wants("{}"), &Wish::Nothing).expect("locks"), Err(Lack::Slots { .. })));
        capacity.give_back(big);
        assert!(matches!(capacity.take(&wants("{}"), &part(100)).expect("locks"), Err(Lack::Gpus { .. })));
        let lack = capacity.take(&wants(r#"{"pools": {"licence": 3}}"#), &Wish::Nothing).expect("locks").err();
        assert_eq!(lack.expect("too many").to_string(), "3 of the pool `licence`, 2 are free");
    }
}
