//! `xca_phantom`: X-ray coronary angiography sequences made by seed.
//!
//! A data set like any other once it is written: frames and masks as PNG in the layout `xca_sequences`, and a table of
//! patients. It does not know networks; how hard it is for simple filters is measured by `tests/bench/phantom_baselines.py`.

mod anatomy;
mod config;
mod draw;
mod scene;
mod write;

pub use config::{PhantomConfig, PhantomError};
pub use write::write;
