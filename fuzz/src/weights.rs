//! Readers of weights of other programs: any file gives arrays whose numbers are there, or an error.
//! They do not know networks: their sources are included, because the crate that they belong to builds Burn.
#![expect(dead_code, reason = "parts of a crate that is not here as a whole")]

use std::cell::RefCell;

use tempfile::TempDir;

#[path = "../../crates/pipe-learn/src/pretrained/archive.rs"]
mod archive;
#[path = "../../crates/pipe-learn/src/pretrained/choice.rs"]
mod choice;
#[path = "../../crates/pipe-learn/src/pretrained/error.rs"]
mod error;
#[path = "../../crates/pipe-learn/src/pretrained/file.rs"]
mod file;
#[path = "../../crates/pipe-learn/src/pretrained/harmless.rs"]
mod harmless;
#[path = "../../crates/pipe-learn/src/pretrained/opcodes.rs"]
mod opcodes;
#[path = "../../crates/pipe-learn/src/pretrained/pickle.rs"]
mod pickle;
#[path = "../../crates/pipe-learn/src/pretrained/problem.rs"]
mod problem;
#[path = "../../crates/pipe-learn/src/pretrained/safetensors.rs"]
mod safetensors;
#[path = "../../crates/pipe-learn/src/pretrained/torch.rs"]
mod torch;
#[path = "../../crates/pipe-learn/src/pretrained/values.rs"]
mod values;

use choice::NameMap;
use error::PretrainedError;
use problem::WeightProblem;

/// What a network of a few weights would justify.
const MOST: u64 = 1 << 20;

thread_local! {
    static FOLDER: RefCell<Option<TempDir>> = const { RefCell::new(None) };
}

/// A file of weights of any form.
pub fn weights(bytes: &[u8]) {
    let path = FOLDER.with_borrow_mut(|folder| {
        folder.get_or_insert_with(|| tempfile::tempdir().expect("there is room")).path().join("weights")
    });
    std::fs::write(&path, bytes).expect("there is room");
    let contents = match file::opened(&path, MOST) {
        Ok(contents) => contents,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    for held in contents.values() {
        let Ok(number) = held.number else { continue };
        // A network asks for the shapes that it has.
        let count = held.shape.iter().fold(1_usize, |all, side| all.saturating_mul(*side));
        if count <= MOST as usize / 4
            && let Ok(values) = held.values(number)
        {
            assert_eq!(values.len(), count, "numbers of a shape {:?}", held.shape);
        }
    }
}
