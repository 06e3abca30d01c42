//! Masks as plain bytes: their boxes, borders, surface elements, components, skeletons, and distances between them.

mod betti;
mod bits;
mod components;
mod crop;
mod nearest;
mod skeleton;
mod spacing;
mod surfel;
mod surfel_table;

pub use components::Connectivity;
pub use skeleton::skeletonize;
pub use spacing::{LengthUnit, Spacing, SpacingError};

pub(crate) use betti::Betti;
pub(crate) use bits::Bits;
pub(crate) use components::Components;
pub(crate) use crop::{Bounds, Crop};
pub(crate) use nearest::nearest;
pub(crate) use skeleton::Skeletons;
pub(crate) use surfel::Surfels;
