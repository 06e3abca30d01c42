//! Every object read again: what rotted is put aside, and the results that it belonged to are named.
//!
//! Does not make anything again; the next run does, where it needs the bytes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

use serde::Serialize;

use crate::{
    Digest, RunId, Store, StoreError,
    atomic::sync_folder,
    inventory::{Held, Inventory},
    store::Durability,
};

/// A result that lacks bytes.
#[derive(Clone, Debug, Serialize)]
pub struct Owner {
    /// Row of the ledger.
    pub artifact: i64,
    /// The stage that made it.
    pub stage: String,
    /// The experiment that made it.
    pub experiment: String,
    /// The run that made it.
    pub run: RunId,
    /// The output.
    pub port: String,
    /// Whether it is the current result of its recipe.
    pub is_current: bool,
}

/// An object whose bytes are not what its name says.
#[derive(Clone, Debug, Serialize)]
pub struct Rotten {
    /// Its name.
    pub digest: Digest,
    /// Digest of what it holds.
    pub found: Option<Digest>,
    /// Its size.
    pub bytes: u64,
    /// Where it lies now.
    pub path: PathBuf,
    /// The results that it belonged to.
    pub owners: Vec<Owner>,
}

/// An output of a current result whose bytes are not all there.
#[derive(Clone, Debug, Serialize)]
pub struct Missing {
    /// Digest of the output.
    pub digest: Digest,
    /// Files that are not there.
    pub files: u64,
    /// When `pipe cache gc` removed it, RFC 3339; none where it was lost.
    pub collected: Option<String>,
    /// Whose it is.
    pub owner: Owner,
}

/// What a look at all objects found.
#[derive(Debug, Serialize)]
pub struct Verified {
    /// Files that were read.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Altered ones, now in quarantine.
    pub rotten: Vec<Rotten>,
    /// Outputs without bytes.
    pub missing: Vec<Missing>,
}

/// Progress of a look: files and bytes read so far, and of how many.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Files read.
    pub files: u64,
    /// Bytes read.
    pub bytes: u64,
    /// All bytes.
    pub of: u64,
}

impl Store {
    /// Reads all objects on all cores, and puts aside those that are not what their name says.
    ///
    /// Results that lost bytes by that, or by anything but a collection, are no longer those of their recipes.
    ///
    /// # Errors
    /// The store cannot be read, or an object not be moved.
    pub fn verify_all(&self, told: &(dyn Fn(Look) + Sync)) -> Result<Verified, StoreError> {
        let inventory = Inventory::take(self)?;
        let objects: Vec<_> = inventory.stored.iter().map(|(digest, stored)| (*digest, stored.bytes)).collect();
        let bytes = objects.iter().map(|(_, bytes)| bytes).sum();
        let mut rotten = Vec::new();
        for digest in self.altered(&objects, bytes, told)? {
            if let Some((path, found)) = self.quarantine(&digest)? {
                let owners = owners(&inventory, &digest);
                let bytes = inventory.stored[&digest].bytes;
                rotten.push(Rotten { digest, found, bytes, path, owners });
            }
        }
        let gone: BTreeSet<_> = rotten.iter().map(|rotten| rotten.digest).collect();
        let missing = self.missing(&inventory, &gone)?;
        let owners = rotten.iter().flat_map(|rotten| rotten.owners.iter().map(|owner| owner.artifact));
        let lost = missing.iter().filter(|missing| missing.collected.is_none()).map(|missing| missing.owner.artifact);
        self.retire(&owners.chain(lost).collect())?;
        Ok(Verified { objects: objects.len() as u64, bytes, rotten, missing })
    }

    /// Objects whose bytes are not what their name says, in the order of their names.
    fn altered(
        &self,
        objects: &[(Digest, u64)],
        of: u64,
        told: &(dyn Fn(Look) + Sync),
    ) -> Result<Vec<Digest>, StoreError> {
        let next = AtomicUsize::new(0);
        let (files, read) = (AtomicU64::new(0), AtomicU64::new(0));
        let altered = Mutex::new(Vec::new());
        // One queue: objects are of very different sizes, and no core waits for another's share.
        let work = || -> Result<(), StoreError> {
            while let Some((digest, bytes)) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
                let path = self.object_path(digest);
                match Digest::of_file(&path) {
                    Ok(found) if found == *digest => {}
                    // A disk that cannot read a block says so; the object is as lost as an altered one.
                    Ok(_) => altered.lock().expect("no holder panics").push(*digest),
                    Err(source) if source.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => {
                        altered.lock().expect("no holder panics").push(*digest);
                    }
                    Err(source) if source.kind() == io::ErrorKind::NotFound => {}
                    Err(source) => return Err(StoreError::io("read", &path, source)),
                }
                let files = files.fetch_add(1, Ordering::Relaxed) + 1;
                let bytes = read.fetch_add(*bytes, Ordering::Relaxed) + bytes;
                told(Look { files, bytes, of });
            }
            Ok(())
        };
        let threads = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| worker.join().expect("hashing does not panic"))
        })?;
        let mut altered = altered.into_inner().expect("no holder panics");
        altered.sort();
        Ok(altered)
    }

    /// Moves an object aside; none if it is whole again, because another process made it anew meanwhile.
    fn quarantine(&self, digest: &Digest) -> Result<Option<(PathBuf, Option<Digest>)>, StoreError> {
        let from = self.object_path(digest);
        let folder = self.root().join("quarantine");
        let path = folder.join(digest.to_string());
        let failed = |source| StoreError::io("move aside", &from, source);
        fs::create_dir_all(&folder).map_err(failed)?;
        match fs::rename(&from, &path) {
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            moved => moved.map_err(failed)?,
        }
        let found = Digest::of_file(&path).ok();
        if found == Some(*digest) {
            fs::rename(&path, &from).map_err(failed)?;
            return Ok(None);
        }
        sync_folder(from.parent().expect("objects have a folder"))?;
        Ok(Some((path, found)))
    }

    fn missing(&self, inventory: &Inventory, gone: &BTreeSet<Digest>) -> Result<Vec<Missing>, StoreError> {
        let collected = self.collected()?;
        let mut missing = Vec::new();
        for held in inventory.held.iter().filter(|held| held.is_current) {
            for output in &held.outputs {
                let object = &output.object;
                // What is rotten has been named.
                let is_lost = |digest: &&Digest| !inventory.stored.contains_key(*digest) && !gone.contains(*digest);
                let files = inventory.files_of(object).iter().filter(is_lost).count() as u64;
                if files > 0 {
                    missing.push(Missing {
                        digest: object.digest,
                        files,
                        collected: collected.get(&held.artifact).cloned(),
                        owner: Owner::new(held, &output.port),
                    });
                }
            }
        }
        Ok(missing)
    }

    /// Results that lost bytes answer no recipe any more, so that the next run makes them again. Their rows stay.
    fn retire(&self, artifacts: &BTreeSet<i64>) -> Result<(), StoreError> {
        if artifacts.is_empty() {
            return Ok(());
        }
        self.transaction(Durability::Power, |transaction| {
            let mut statement = transaction.prepare_cached("update artifacts set current = 0 where id = ?1")?;
            artifacts.iter().try_for_each(|artifact| statement.execute([artifact]).map(drop))
        })
    }

    /// When results were removed by a collection.
    fn collected(&self) -> Result<BTreeMap<i64, String>, StoreError> {
        let ledger = self.ledger();
        let find = || {
            let mut statement = ledger.prepare_cached("select artifact, at from collected")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<rusqlite::Result<_>>()
        };
        find().map_err(|source| self.database(source))
    }
}

impl Owner {
    fn new(held: &Held, port: &str) -> Self {
        Self {
            artifact: held.artifact,
            stage: held.stage.clone(),
            experiment: held.experiment.clone(),
            run: held.run,
            port: port.to_owned(),
            is_current: held.is_current,
        }
    }
}

/// All results that name an object, by itself or as a file of a folder.
fn owners(inventory: &Inventory, digest: &Digest) -> Vec<Owner> {
    let naming = inventory.held.iter().filter(|held| held.files.contains(digest));
    let owners = naming.flat_map(|held| {
        let ports = held.outputs.iter().filter(|output| inventory.files_of(&output.object).contains(digest));
        ports.map(|output| Owner::new(held, &output.port))
    });
    owners.collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::{Claim, Holder, Made, NewRecord, Output, fixture};

    fn publish(store: &Store, name: &str) -> Output {
        let folder = store.root().join("out");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("file"), name).expect("writable");
        let run = fixture::run(store);
        let attempt = fixture::attempt(store, run, "test", name);
        let claim = store.claim(&attempt.fingerprint, &Holder::here(run, "e", "test"));
        let Ok(Claim::Miss(lease)) = claim else { panic!("a new recipe") };
        let object = store.take(&folder, store.root()).expect("a folder");
        let output = Output { port: "out".into(), kind: "files".into(), object };
        let made = Made {
            run,
            attempt: 1,
            at: "2026-01-01T00:00:00Z".into(),
            seconds: 1.0,
            commit: None,
            device: "cpu".into(),
            facts: serde_json::json!({}),
        };
        let outputs = vec![output.clone()];
        let new = NewRecord { kind: "test", manifest: "{}", outputs, metrics: vec![], lineage: vec![], made };
        lease.publish(&new, &attempt, &serde_json::Value::Null).expect("writable");
        output
    }

    #[test]
    fn what_rotted_goes_aside_and_what_is_gone_is_listed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(folder.path()).expect("a new store");
        let outputs: Vec<_> = ["whole", "rotten", "listless"].iter().map(|name| publish(&store, name)).collect();
        assert!(store.verify_all(&|_| ()).is_ok_and(|found| found.rotten.is_empty() && found.missing.is_empty()));
        let rotten = Digest::of(b"rotten");
        let path = store.object_path(&rotten);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("ours");
        fs::write(&path, "ROTTEN").expect("ours");
        fs::remove_file(store.object_path(&outputs[2].object.digest)).expect("ours");
        let seen = AtomicU64::new(0);
        let told = |look: Look| {
            seen.fetch_max(look.bytes, Ordering::Relaxed);
        };
        let found = store.verify_all(&told).expect("readable");
        assert_eq!(seen.into_inner(), found.bytes);
        assert_eq!(found.rotten.len(), 1);
        let one = &found.rotten[0];
        assert_eq!((one.digest, one.found), (rotten, Some(Digest::of(b"ROTTEN"))));
        assert_eq!((one.owners[0].run, one.owners[0].stage.as_str()), (RunId(2), "test"));
        assert_eq!(fs::read(folder.path().join("quarantine").join(rotten.to_string())).expect("aside"), b"ROTTEN");
        let missing: Vec<_> = found.missing.iter().map(|missing| (missing.digest, missing.collected.clone())).collect();
        assert_eq!(missing, [(outputs[2].object.digest, None)]);
        assert!(store.verify(&outputs[0].object) && !store.verify(&outputs[1].object));
    }
}
