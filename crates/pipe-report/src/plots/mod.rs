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
mod marks;
#[cfg(test)]
mod odd;
mod paired;
mod plot;
mod rates;
mod reliability;
mod scale;
mod scatter;
mod shares;
mod style;
mod thin;

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
