//! Packed data: all prepared cases, or all predictions, in one memory-mapped file.
//! It does not know where packs are kept or who needs them.

mod entry;
mod layout;
mod map;
mod reader;
mod writer;

pub use entry::{Dtype, Entry, EntryMeta, Maps, PackError};
pub use reader::Pack;
pub use writer::PackWriter;
pub(crate) use writer::image_digest;
