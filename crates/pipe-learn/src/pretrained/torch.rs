//! PyTorch's files: a zip archive with a pickle in it (since 1.6), or pickles one after the other (before).
//! It does not know which arrays anybody wants.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::PretrainedError;
use super::archive::{Entry, LONGEST_PICKLE, Parts, archive};
use super::file::{Contents, Held, Place};
use super::pickle::{Pickle, pickle};
use super::values::{Value, Values};

/// Keys under which training programs put the weights of a checkpoint.
const WRAPPERS: [&str; 4] = ["state_dict", "model_state_dict", "network_weights", "model"];

/// Opens an archive of PyTorch 1.6 and later.
///
/// # Errors
/// See [`archive`]; or its pickle names things to call, or is damaged.
pub(super) fn zipped(path: &Path, bytes: Vec<u8>, most: u64) -> Result<Contents, PretrainedError> {
    let damaged = |reason: String| PretrainedError::Damaged { path: path.to_owned(), reason };
    let parts = archive(path, bytes, most)?;
    let is_pickle = |name: &&String| *name == "data.pkl" || name.ends_with("/data.pkl");
    let Some(name) = parts.entries.keys().filter(is_pickle).min_by_key(|name| name.len()).cloned() else {
        let found = "it is a zip archive without a `data.pkl`".to_owned();
        return Err(PretrainedError::Kind { path: path.to_owned(), found });
    };
    let folder = name.strip_suffix("data.pkl").expect("the name ends so").to_owned();
    let size = parts.entries[&name].size;
    if size > LONGEST_PICKLE {
        let reason = format!("its entry `{name}` has {size} bytes, at most {LONGEST_PICKLE} are read");
        return Err(PretrainedError::TooLarge { path: path.to_owned(), reason });
    }
    if parts.read(&format!("{folder}byteorder")).is_ok_and(|order| order.starts_with(b"big")) {
        return Err(damaged("its numbers have their high byte first".to_owned()));
    }
    let Pickle { values, root, .. } = judged(path, &parts.read(&name).map_err(damaged)?)?;
    contents(path, &values, root, parts, &format!("{folder}data/"))
}

/// Opens pickles one after the other: a number, a version, the machine, the object, the keys of storages; then those.
///
/// # Errors
/// They name things to call or are none, or the storages are not there.
pub(super) fn pickled(path: &Path, bytes: Vec<u8>) -> Result<Contents, PretrainedError> {
    let damaged = |reason: String| PretrainedError::Damaged { path: path.to_owned(), reason };
    let kind = |found: &str| PretrainedError::Kind { path: path.to_owned(), found: found.to_owned() };
    let (mut at, mut read) = (0, Vec::new());
    while read.len() < 5 {
        let rest = &bytes[at..bytes.len().min(at + LONGEST_PICKLE)];
        match judged(path, rest) {
            Ok(found) => {
                at += found.length;
                read.push(found);
            }
            Err(PretrainedError::Damaged { .. }) if read.is_empty() && bytes[0] != 0x80 => {
                return Err(kind("it starts as neither"));
            }
            Err(error) => return Err(error),
        }
        if read.len() == 1 && at == bytes.len() {
            return Err(kind("it is a pickle of plain objects, without arrays of PyTorch"));
        }
    }
    let [_, _, machine, object, keys] = <[Pickle; 5]>::try_from(read).expect("five were read");
    let Pickle { values, root, .. } = object;
    // Told as a bool, of which only its presence is kept; PyTorch has never been built for other machines.
    if machine.values.entry(machine.root, "little_endian").is_none() {
        return Err(damaged("it does not say in which order its bytes are".to_owned()));
    }
    let storages: BTreeMap<&str, usize> = values
        .0
        .iter()
        .filter_map(|value| match value {
            Value::Storage(storage) => Some((storage.key.as_str(), storage.width.checked_mul(storage.count)?)),
            _ => None,
        })
        .collect();
    let Value::List(list) = &keys.values.0[keys.root] else {
        return Err(damaged("it has no list of its storages".to_owned()));
    };
    let mut entries = BTreeMap::new();
    for key in list {
        let Value::Text(key) = &keys.values.0[*key] else {
            return Err(damaged("its list of storages holds other things".to_owned()));
        };
        let size = *storages.get(key.as_str()).ok_or_else(|| damaged(format!("its storage `{key}` is of no array")))?;
        // The number of values goes before them.
        let start = at.saturating_add(8);
        let end = start.checked_add(size).filter(|end| *end <= bytes.len());
        let end = end.ok_or_else(|| damaged(format!("it ends before its storage `{key}` does: it was cut off")))?;
        entries.insert(key.clone(), Entry { place: start..end, size, is_deflated: false, checksum: 0 });
        at = end;
    }
    contents(path, &values, root, Parts { bytes, entries }, "")
}

/// Reads a pickle, and refuses one that names things to call.
fn judged(path: &Path, bytes: &[u8]) -> Result<Pickle, PretrainedError> {
    let found = pickle(bytes);
    let names = match &found {
        Ok(found) => &found.names,
        Err(broken) => &broken.names,
    };
    if !names.is_empty() {
        return Err(PretrainedError::Code { path: path.to_owned(), names: names.iter().cloned().collect() });
    }
    found.map_err(|broken| {
        let reason = if broken.at >= bytes.len() {
            "its pickle ends too early, so it was cut off".to_owned()
        } else {
            format!("its pickle has no operation that can be done at byte {}", broken.at)
        };
        PretrainedError::Damaged { path: path.to_owned(), reason }
    })
}

/// Lists the arrays, those under a wrapper's key where there is one.
fn contents(
    path: &Path,
    values: &Values,
    root: usize,
    parts: Parts,
    folder: &str,
) -> Result<Contents, PretrainedError> {
    let is_dict = |id: &usize| matches!(values.0[*id], Value::Dict(_));
    let wrapped = WRAPPERS.into_iter().find_map(|key| values.entry(root, key).filter(is_dict));
    let arrays = values
        .arrays(wrapped.unwrap_or(root))
        .map_err(|reason| PretrainedError::Damaged { path: path.to_owned(), reason })?;
    let parts = Arc::new(parts);
    let held = arrays.into_iter().map(|(name, view)| {
        let entry = format!("{folder}{}", view.storage.key);
        let (shape, number) = (view.shape.clone(), view.storage.number.clone());
        (name, Held { shape, number, place: Place::View { parts: Arc::clone(&parts), entry, view } })
    });
    Ok(held.collect())
}
