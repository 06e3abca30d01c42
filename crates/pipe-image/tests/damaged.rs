//! Damaged and hostile files: every reader gives a value that agrees with itself, or an error, within bounds of memory and time.
//! The inputs are those of the fuzz targets.

#[path = "../../../fuzz/src/packs.rs"]
pub mod packs;
#[path = "../../../fuzz/src/pictures.rs"]
pub mod pictures;
#[path = "../../../fuzz/src/replay.rs"]
pub mod replay;
#[path = "../../../fuzz/src/sets.rs"]
pub mod sets;

use replay::Target;

#[test]
fn pictures_of_every_format() {
    replay::replay("pictures_of_every_format", pictures::TARGETS);
}

#[test]
fn annotations_tables_and_splits() {
    replay::replay("annotations_tables_and_splits", sets::TARGETS);
}

#[test]
fn prepared_data() {
    replay::replay("prepared_data", packs::TARGETS);
}
