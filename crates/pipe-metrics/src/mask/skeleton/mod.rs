//! Skeletons of masks: one pixel wide, connected as the masks are.

mod both;
mod plane;
mod volume;

pub(crate) use both::Skeletons;
pub use both::skeletonize;
