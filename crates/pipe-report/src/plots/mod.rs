//! Pictures of numbers, as SVG: axes and marks are laid out by `plotters`, colours are classes that follow the page.
//!
//! Does not know where numbers come from. Each file is one kind of picture: plain data, and what draws it.

mod bars;
mod boxes;
mod canvas;
mod confusion;
mod curves;
mod forest;
mod histogram;
mod history;
mod importance;
mod marks;
mod objective;
#[cfg(test)]
mod odd;
mod paired;
mod parallel;
mod plot;
mod rates;
mod reliability;
mod scale;
mod scatter;
mod search;
mod shares;
mod slices;
mod style;
mod thin;
mod trial_curves;

pub use boxes::{BoxPlot, Group};
pub use confusion::ConfusionMatrix;
pub use curves::{Band, Curve, Curves, Panel, Series};
pub use forest::{Forest, ForestRow};
pub use paired::{PairedPlot, PairedView};
pub use plot::Plot;
pub use rates::{RateCurve, RatePlot, Rates};
pub use reliability::{ReliabilityBin, ReliabilityPlot, ReliabilitySystem};
pub use scale::{Axis, Steps};
pub use scatter::{Cloud, Clouds, Dot};
pub use search::{SearchPlot, SearchView};
