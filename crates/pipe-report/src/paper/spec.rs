//! A table of a paper as it is written in YAML: which systems, which numbers, against what.
//!
//! Does not know where results lie.

use std::collections::BTreeMap;
use std::path::PathBuf;

use indexmap::IndexMap;
use pipe_metrics::statistics::Correction;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableSpec {
    /// Its caption.
    pub title: String,
    /// A sentence below it.
    #[serde(default)]
    pub note: Option<String>,
    /// The systems, a row each.
    #[schemars(length(min = 1))]
    pub rows: Vec<RowSpec>,
    /// The numbers, a column each.
    #[schemars(length(min = 1))]
    pub columns: Vec<ColumnSpec>,
    /// What a cell shows.
    #[serde(default)]
    pub show: Show,
    /// Over what mean and spread are.
    #[serde(default)]
    pub over: OverSpec,
    /// Digits behind the point; without it 3 for ratios and 2 for lengths.
    #[serde(default)]
    #[schemars(range(max = 8))]
    pub digits: Option<usize>,
    /// The system that the others are tested against.
    #[serde(default)]
    pub compare: Option<CompareSpec>,
    /// Numbers that others have published: rows of their own, in no test, and never the best.
    #[serde(default)]
    pub references: Vec<ReferenceSpec>,
    /// What is done where rows were tested on other folds or data, or measured by other conventions.
    #[serde(default)]
    pub mixed: Mixed,
}

/// A system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RowSpec {
    /// Its name.
    pub system: String,
    /// The experiment that tests it; for several data sets `runs` instead.
    #[serde(default)]
    pub experiment: Option<PathBuf>,
    /// Profiles that are laid over the experiment.
    #[serde(default)]
    pub profiles: Vec<String>,
    /// Single values that are set, as with `-s`.
    #[serde(default)]
    pub set: Vec<String>,
    /// Its point on the axes of the experiment that are no folds: `{ network: unet }`. Points of the axis `seed` are repetitions.
    #[serde(default, rename = "where")]
    pub point: BTreeMap<String, AxisValue>,
    /// By data set the experiment that tests the system on it; columns name the data set.
    #[serde(default)]
    pub runs: IndexMap<String, RunSpec>,
}

/// A value of an axis, as text; in YAML a number does as well.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct AxisValue(String);

impl AxisValue {
    /// Gives it as it stands in the names of stages.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Gives which value of an axis it is: the same text, or else the only one that is the same number, as `1e-3` is `0.0010`.
    pub fn among<'v>(&self, values: impl IntoIterator<Item = &'v str>) -> Option<&'v str> {
        let mut same = Vec::new();
        for value in values {
            if value == self.0 {
                return Some(value);
            }
            if is_same_number(value, &self.0) {
                same.push(value);
            }
        }
        if let [only] = same[..] { Some(only) } else { None }
    }
}

/// Whether both texts are one finite number; whole ones to the last digit.
fn is_same_number(one: &str, other: &str) -> bool {
    if let (Ok(one), Ok(other)) = (one.parse::<i128>(), other.parse::<i128>()) {
        return one == other;
    }
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    number(one).is_some_and(|one| number(other) == Some(one))
}

impl<'de> Deserialize<'de> for AxisValue {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => Ok(Self(text)),
            serde_json::Value::Number(number) => Ok(Self(number.to_string())),
            serde_json::Value::Bool(value) => Ok(Self(value.to_string())),
            _ => Err(serde::de::Error::custom("expected the value of an axis: a text or a number")),
        }
    }
}

impl JsonSchema for AxisValue {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AxisValue".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "oneOf": [{ "type": "string" }, { "type": "number" }, { "type": "boolean" }] })
    }
}

/// An experiment that tests a system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunSpec {
    /// Its file.
    pub experiment: PathBuf,
    /// Profiles that are laid over it.
    #[serde(default)]
    pub profiles: Vec<String>,
    /// Single values that are set, as with `-s`.
    #[serde(default)]
    pub set: Vec<String>,
    /// The point of the system on its axes that are no folds.
    #[serde(default, rename = "where")]
    pub point: BTreeMap<String, AxisValue>,
}

/// A column: the key of a metric, or more.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnSpec {
    /// Key of the metric: `dice`, `nsd_2mm`.
    pub metric: String,
    /// The class; without it the mean over classes, or the only one.
    pub class: Option<String>,
    /// The data set, where rows have `runs`.
    pub data: Option<String>,
    /// Whether each case counts alike, or each pixel.
    pub of: Of,
    /// What stands above it.
    pub label: Option<String>,
}

/// A column with all that can be said of it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Column")]
struct LongColumn {
    /// Key of the metric: `dice`, `nsd_2mm`.
    metric: String,
    /// The class; without it the mean over classes, or the only one.
    #[serde(default)]
    class: Option<String>,
    /// The data set, where rows have `runs`.
    #[serde(default)]
    data: Option<String>,
    /// Whether each case counts alike, or each pixel.
    #[serde(default)]
    of: Of,
    /// What stands above it.
    #[serde(default)]
    label: Option<String>,
}

impl<'de> Deserialize<'de> for ColumnSpec {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyOrMap;
        impl<'de> serde::de::Visitor<'de> for KeyOrMap {
            type Value = ColumnSpec;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("the key of a metric, or a map with `metric`")
            }

            fn visit_str<E>(self, metric: &str) -> Result<ColumnSpec, E> {
                Ok(ColumnSpec { metric: metric.to_owned(), class: None, data: None, of: Of::Cases, label: None })
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<ColumnSpec, A::Error> {
                let LongColumn { metric, class, data, of, label } =
                    LongColumn::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(ColumnSpec { metric, class, data, of, label })
            }
        }
        deserializer.deserialize_any(KeyOrMap)
    }
}

impl JsonSchema for ColumnSpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ColumnSpec".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let long = LongColumn::json_schema(generator);
        schemars::json_schema!({ "oneOf": [{ "type": "string", "description": "The key of a metric." }, long] })
    }
}

/// Of what a number is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// Of each case one.
    #[default]
    Cases,
    /// One of all pixels of all cases together (micro average).
    Pooled,
}

/// What a cell shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Show {
    /// Mean and sample standard deviation.
    #[default]
    MeanSd,
    /// Mean and its 95 % confidence interval, by resampling patients (BCa).
    MeanCi,
    /// Median and quartiles.
    MedianIqr,
    /// The mean alone.
    Mean,
}

/// Over what mean and spread are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OverSpec {
    /// Over cases; of a case that several seeds test their mean.
    #[default]
    Cases,
    /// Over patients, each the mean of its cases.
    Patients,
    /// Over folds, each the mean of its cases.
    Folds,
    /// Over seeds, each the mean of its folds.
    Seeds,
}

/// Which system the others are tested against, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompareSpec {
    /// The system, by its name.
    pub against: String,
    /// The test, of a value a patient.
    #[serde(default)]
    pub test: TestSpec,
    /// What is held low over all systems of a column.
    #[serde(default)]
    pub correction: Correction,
    /// Below which adjusted p-value a system is marked.
    #[serde(default = "five_percent")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub alpha: f64,
}

fn five_percent() -> f64 {
    0.05
}

/// A test of paired values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TestSpec {
    /// Wilcoxon's signed-rank test, two-sided; zeros by Pratt.
    #[default]
    Wilcoxon,
    /// Signs of the differences permuted, two-sided.
    Permutation,
}

/// Published numbers of a system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReferenceSpec {
    /// Its name.
    pub system: String,
    /// Where they are published.
    pub citation: String,
    /// The numbers, by the label of a column or its metric.
    pub values: IndexMap<String, f64>,
    /// In what they differ from the others: data, split, definition.
    #[serde(default)]
    pub note: Option<String>,
}

/// What is done with rows that cannot be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mixed {
    /// There is no table.
    #[default]
    Refused,
    /// The table says so.
    Allowed,
}

impl RowSpec {
    /// The experiments behind the row, by data set; that of a row with one has no name.
    pub fn experiments(&self) -> IndexMap<String, RunSpec> {
        match &self.experiment {
            Some(experiment) => IndexMap::from([(
                String::new(),
                RunSpec {
                    experiment: experiment.clone(),
                    profiles: self.profiles.clone(),
                    set: self.set.clone(),
                    point: self.point.clone(),
                },
            )]),
            None => self.runs.clone(),
        }
    }
}

impl RunSpec {
    /// The words behind `pipe run` that make what is missing.
    pub fn arguments(&self) -> String {
        let quoted = |text: &str| {
            let plain = |letter: char| letter.is_alphanumeric() || "-_./=+:,".contains(letter);
            if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
        };
        let mut words = quoted(&self.experiment.display().to_string());
        self.profiles.iter().for_each(|profile| words.push_str(&format!(" -p {}", quoted(profile))));
        self.set.iter().for_each(|value| words.push_str(&format!(" -s {}", quoted(value))));
        words
    }
}

impl ColumnSpec {
    /// What stands above the column, where the metric's own name is `name`.
    pub fn heading(&self, name: &str) -> String {
        if let Some(label) = &self.label {
            return label.clone();
        }
        let class = self.class.as_ref().map(|class| format!(", {class}")).unwrap_or_default();
        let data = self.data.as_ref().map(|data| format!("{data}: ")).unwrap_or_default();
        let pooled = if self.of == Of::Pooled { ", all pixels" } else { "" };
        format!("{data}{name}{class}{pooled}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(written: &str, axis: &[&str], expected: Option<&str>) {
        let value: AxisValue = serde_json::from_str(written).expect("a value");
        assert_eq!(value.among(axis.iter().copied()), expected);
    }

    #[test]
    fn values_of_axes_are_numbers_where_both_are() {
        check("0.00999", &["0.009990", "0.01"], Some("0.009990"));
        check("1e-3", &["0.0010", "0.01"], Some("0.0010"));
        check(r#""1E-3""#, &["0.001"], Some("0.001"));
        check("1", &["1.0", "2.0"], Some("1.0"));
        check("-0.0", &["0"], Some("0"));
        check(r#""unet""#, &["unet", "unet_plus_plus"], Some("unet"));
        check("true", &["true", "1"], Some("true"));
        // The text itself comes first, and two equal numbers are no answer.
        check(r#""0.10""#, &["0.1", "0.10"], Some("0.10"));
        check(r#""0.100""#, &["0.1", "0.10"], None);
        check("9007199254740993", &["9007199254740992"], None);
        check(r#""nan""#, &["NaN"], None);
        check(r#""inf""#, &["infinity", "1e999"], None);
        check("2", &["3", "two"], None);
    }
}
