//! What the stages of a run share: slots, memory, GPUs, named pools.
//!
//! Does not know what a stage computes. GPUs and pools are shared with every other `pipe` of this machine, or of this
//! store, through locks that die with their process.

use std::{collections::BTreeMap, env, fmt, fs, path::PathBuf};

use pipe_spec::{Bytes, Resources};
use pipe_store::{Holder, SlotGuard, Store, StoreError, take_slots};
use serde::{Deserialize, Serialize};

use crate::Plan;

/// A whole GPU, in the units in which parts are given out.
const WHOLE: u32 = 100;

/// What is left to give.
pub(crate) struct Capacity {
    slots: Share,
    memory: u64,
    memory_free: u64,
    gpus: Vec<Gpu>,
    pools: BTreeMap<String, Share>,
    gpu_folder: PathBuf,
    pool_folder: PathBuf,
}

struct Share {
    size: u32,
    free: u32,
}

struct Gpu {
    id: String,
    free: u32,
}

/// What a running stage has; given back by [`Capacity::give_back`].
pub(crate) struct Taken {
    slots: u32,
    memory: u64,
    gpus: Vec<(usize, u32)>,
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

/// The ids of the GPUs that this process may use: those of CUDA_VISIBLE_DEVICES, else all of the machine.
pub fn gpus() -> Vec<String> {
    if let Ok(visible) = env::var("CUDA_VISIBLE_DEVICES") {
        let ids = visible.split(',').map(str::trim).take_while(|id| !id.is_empty() && !id.starts_with('-'));
        return ids.map(str::to_owned).collect();
    }
    let count = fs::read_dir("/proc/driver/nvidia/gpus").map_or(0, Iterator::count);
    (0..count).map(|id| id.to_string()).collect()
}

/// Bytes of memory of this machine; everything where it does not tell.
pub(crate) fn machine_memory() -> u64 {
    let kibibytes = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        text.lines()
            .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
    });
    kibibytes.map_or(u64::MAX, |kibibytes| kibibytes * 1024)
}

impl Capacity {
    pub(crate) fn new(plan: &Plan, jobs: u32, gpus: &[String], store: &Store) -> Self {
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
            gpus: gpus.iter().map(|id| Gpu { id: id.clone(), free: WHOLE }).collect(),
            pools,
            gpu_folder: gpu_folder(),
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
    pub(crate) fn take(&mut self, wanted: &Resources) -> Result<Result<Taken, Lack>, StoreError> {
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
        let gpus = match self.take_gpus(wanted.gpu.hundredths(), &mut guards)? {
            Ok(gpus) => gpus,
            Err(lack) => return Ok(Err(lack)),
        };
        self.slots.free -= slots;
        self.memory_free -= memory;
        for (gpu, part) in &gpus {
            self.gpus[*gpu].free -= part;
        }
        let pools: Vec<_> = wanted.pools.iter().map(|(name, wanted)| (name.clone(), *wanted)).collect();
        for (name, wanted) in &pools {
            if let Some(pool) = self.pools.get_mut(name) {
                pool.free -= wanted;
            }
        }
        Ok(Ok(Taken { slots, memory, gpus, pools, guards }))
    }

    /// Whole GPUs, or a part of the one that is fullest and still has room: so the others stay whole.
    fn take_gpus(
        &self,
        wanted: u32,
        guards: &mut Vec<SlotGuard>,
    ) -> Result<Result<Vec<(usize, u32)>, Lack>, StoreError> {
        let part = wanted.min(WHOLE);
        let count = if wanted == 0 { 0 } else { (wanted / WHOLE).max(1) as usize };
        let mut fitting: Vec<_> = (0..self.gpus.len()).filter(|gpu| self.gpus[*gpu].free >= part).collect();
        fitting.sort_by_key(|gpu| (self.gpus[*gpu].free, *gpu));
        if fitting.len() < count {
            let free = self.gpus.iter().map(|gpu| f64::from(gpu.free) / f64::from(WHOLE)).collect();
            return Ok(Err(Lack::Gpus { wanted: f64::from(wanted) / f64::from(WHOLE), free }));
        }
        let mut taken = Vec::new();
        for gpu in fitting {
            if taken.len() == count {
                break;
            }
            if let Some(guard) = take_slots(&self.gpu_folder, &self.gpus[gpu].id, WHOLE, part)? {
                guards.push(guard);
                taken.push((gpu, part));
            }
        }
        if taken.len() < count {
            return Ok(Err(Lack::Elsewhere { what: format!("{} GPU", f64::from(wanted) / f64::from(WHOLE)) }));
        }
        taken.sort_unstable();
        Ok(Ok(taken))
    }

    /// Takes back what a stage had.
    pub(crate) fn give_back(&mut self, taken: Taken) {
        let Taken { slots, memory, gpus, pools, guards } = taken;
        drop(guards);
        self.slots.free += slots;
        self.memory_free += memory;
        for (gpu, part) in gpus {
            self.gpus[gpu].free += part;
        }
        for (name, taken) in pools {
            if let Some(pool) = self.pools.get_mut(&name) {
                pool.free += taken;
            }
        }
    }

    /// The ids of the GPUs that a stage has, as CUDA_VISIBLE_DEVICES wants them.
    pub(crate) fn visible(&self, taken: &Taken) -> Option<String> {
        let ids: Vec<_> = taken.gpus.iter().map(|(gpu, _)| self.gpus[*gpu].id.as_str()).collect();
        (!ids.is_empty()).then(|| ids.join(","))
    }
}

/// Where the locks of this user's GPUs lie. Those of other users are not ours to open.
fn gpu_folder() -> PathBuf {
    use std::os::unix::fs::MetadataExt as _;
    let user = fs::metadata("/proc/self").map_or(0, |process| process.uid());
    env::temp_dir().join(format!("pipe-gpus-{user}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capacity(store: &Store, jobs: u32, gpus: &[&str], pool: u32) -> Capacity {
        Capacity {
            slots: Share { size: jobs, free: jobs },
            memory: 100,
            memory_free: 100,
            gpus: gpus.iter().map(|id| Gpu { id: (*id).to_owned(), free: WHOLE }).collect(),
            pools: BTreeMap::from([("licence".to_owned(), Share { size: pool, free: pool })]),
            gpu_folder: store.root().join("gpus"),
            pool_folder: store.root().join("pools"),
        }
    }

    fn wants(json: &str) -> Resources {
        serde_json::from_str(json).expect("resources")
    }

    #[test]
    fn gpus_are_packed_and_given_back() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(folder.path()).expect("a new store");
        let mut capacity = capacity(&store, 10, &["3", "5"], 1);
        let take = |capacity: &mut Capacity, json| {
            let taken = capacity.take(&wants(json)).expect("locks").ok()?;
            Some((capacity.visible(&taken).unwrap_or_default(), taken))
        };
        let (first, one) = take(&mut capacity, r#"{"gpu": 0.5}"#).expect("room");
        let (second, two) = take(&mut capacity, r#"{"gpu": 0.5}"#).expect("room");
        assert_eq!((first.as_str(), second.as_str()), ("3", "3"), "parts share one");
        let (whole, three) = take(&mut capacity, r#"{"gpu": 1}"#).expect("room");
        assert_eq!(whole, "5");
        assert!(take(&mut capacity, r#"{"gpu": 0.1}"#).is_none());
        for taken in [one, two, three] {
            capacity.give_back(taken);
        }
        assert_eq!(take(&mut capacity, r#"{"gpu": 2}"#).expect("both are free").0, "3,5");
    }

    #[test]
    fn another_process_counts() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(folder.path()).expect("a new store");
        let [mut ours, mut theirs] = [(); 2].map(|()| capacity(&store, 4, &["0"], 1));
        let both = r#"{"gpu": 0.6, "pools": {"licence": 1}}"#;
        let Ok(taken) = ours.take(&wants(both)).expect("locks") else { panic!("there is room") };
        assert!(matches!(theirs.take(&wants(r#"{"gpu": 0.6}"#)).expect("locks"), Err(Lack::Elsewhere { .. })));
        assert!(theirs.take(&wants(r#"{"gpu": 0.4}"#)).expect("locks").is_ok());
        assert!(matches!(
            theirs.take(&wants(r#"{"pools": {"licence": 1}}"#)).expect("locks"),
            Err(Lack::Elsewhere { .. })
        ));
        drop(taken);
        assert!(theirs.take(&wants(r#"{"pools": {"licence": 1}}"#)).expect("locks").is_ok());
    }

    #[test]
    fn what_is_lacking() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(folder.path()).expect("a new store");
        let mut capacity = capacity(&store, 2, &[], 2);
        let all = wants(r#"{"cpu": 9, "memory": 1000}"#);
        let Ok(big) = capacity.take(&all).expect("locks") else { panic!("it gets all there is") };
        assert!(capacity.is_full());
        assert!(matches!(capacity.take(&wants("{}")).expect("locks"), Err(Lack::Slots { .. })));
        capacity.give_back(big);
        assert!(matches!(capacity.take(&wants(r#"{"gpu": 1}"#)).expect("locks"), Err(Lack::Gpus { .. })));
        let lack = capacity.take(&wants(r#"{"pools": {"licence": 3}}"#)).expect("locks").err();
        assert_eq!(lack.expect("too many").to_string(), "3 of the pool `licence`, 2 are free");
    }
}
