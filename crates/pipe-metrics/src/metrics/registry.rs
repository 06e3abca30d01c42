//! The list of metrics as code: the choice in YAML, and everything that only passes a call on.
//!
//! Does not know any metric.

use crate::{EmptyMasks, LengthUnit, OfEmpty, Pair, Pooled, Score};

use super::description::{Description, MeasureError, Needs};

/// What a metric is. Its settings are the type; all of them stand in YAML below its name.
pub(crate) trait Measure {
    /// Raised when equal cases give another value than before.
    const VERSION: u32 = 1;

    /// Key, label, unit and direction; lengths are in `unit`.
    fn description(&self, unit: LengthUnit) -> Description;

    /// What it is computed from.
    fn needs(&self) -> Needs {
        Needs::Masks
    }

    /// What it makes of empty masks: a ratio that the convention decides on, if it is not said.
    fn of_empty(&self) -> OfEmpty {
        OfEmpty::Ratio
    }

    /// The score of a case.
    ///
    /// # Errors
    /// The case lacks what the metric needs.
    fn score(&self, pair: &Pair<'_>, empty: EmptyMasks) -> Result<Score, MeasureError>;

    /// The value of all pixels of all cases together; none where the metric has no such value.
    fn pooled(&self, _: &Pooled, _: EmptyMasks) -> Option<Score> {
        None
    }
}

/// Makes [`Metric`](super::Metric) from lines `/// about "name" Settings`.
macro_rules! metrics {
    ($($(#[$about:meta])* $name:literal $settings:ident),* $(,)?) => {
        /// A metric with its settings.
        ///
        /// In YAML its name, or a map from its name to its settings; the name alone where all settings have defaults.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Metric {
            $($(#[$about])* $settings($settings),)*
        }

        /// As it is written; [`Metric`] reads a name alone too.
        #[derive(serde::Deserialize, schemars::JsonSchema)]
        #[schemars(rename = "Metric")]
        enum Tagged {
            $($(#[$about])* #[serde(rename = $name)] $settings($settings),)*
        }

        impl From<Tagged> for Metric {
            fn from(tagged: Tagged) -> Self {
                match tagged { $(Tagged::$settings(settings) => Self::$settings(settings),)* }
            }
        }

        /// The names of all metrics, in the order of reports.
        pub const METRICS: &[&str] = &[$($name),*];

        impl Metric {
            /// Its name in YAML.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$settings(_) => $name,)* }
            }

            /// Raised when equal cases give another value than before.
            pub fn version(&self) -> u32 {
                match self { $(Self::$settings(_) => <$settings as registry::Measure>::VERSION,)* }
            }

            /// Key, label, unit and direction; lengths are in `unit`.
            pub fn description(&self, unit: $crate::LengthUnit) -> Description {
                match self { $(Self::$settings(settings) => registry::Measure::description(settings, unit),)* }
            }

            /// What it is computed from.
            pub fn needs(&self) -> Needs {
                match self { $(Self::$settings(settings) => registry::Measure::needs(settings),)* }
            }

            /// What it makes of empty masks.
            pub fn of_empty(&self) -> $crate::OfEmpty {
                match self { $(Self::$settings(settings) => registry::Measure::of_empty(settings),)* }
            }

            /// The score of a case.
            ///
            /// # Errors
            /// The case lacks what the metric needs.
            pub fn score(&self, pair: &$crate::Pair<'_>, empty: $crate::EmptyMasks) -> Result<$crate::Score, MeasureError> {
                match self { $(Self::$settings(settings) => registry::Measure::score(settings, pair, empty),)* }
            }

            /// The value of all pixels of all cases together; none where the metric has no such value.
            pub fn pooled(&self, pooled: &$crate::Pooled, empty: $crate::EmptyMasks) -> Option<$crate::Score> {
                match self { $(Self::$settings(settings) => registry::Measure::pooled(settings, pooled, empty),)* }
            }

            fn written(&self) -> Result<serde_json::Value, serde_json::Error> {
                match self { $(Self::$settings(settings) => serde_json::to_value(settings),)* }
            }
        }
    };
}

pub(super) use metrics;
