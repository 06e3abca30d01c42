//! The metrics of an evaluation, as they are written in YAML.
//!
//! Does not know any metric.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::{Value, json};
use thiserror::Error;

use crate::{EmptyMasks, LengthUnit, Pair, Score};

use super::{METRICS, MeasureError, Metric, Needs, Tagged, description::Description};

impl Metric {
    /// The metric of a name, with the defaults of its settings; none for unknown names and where a setting has no default.
    pub fn named(name: &str) -> Option<Self> {
        Some(Tagged::deserialize(json!({ name: {} })).ok()?.into())
    }

    /// All metrics by all definitions: what there is to know of a case. F-beta at 0.5 and 2, NSD at 1 and 2 of `unit`; those from
    /// masks, those from probabilities, or both.
    pub fn all(unit: LengthUnit, needs: &[Needs]) -> Vec<Self> {
        let settings = |name: &str| -> Vec<Value> {
            match name {
                "f_beta" => vec![json!({ "beta": 0.5 }), json!({ "beta": 2.0 })],
                "hd95" => ["directed", "pooled", "surfel"].map(|definition| json!({ "definition": definition })).into(),
                "nsd" => {
                    let at = |tolerance: f64| {
                        ["pixel", "surfel"]
                            .map(|definition| json!({ "tolerance": tolerance, "unit": unit, "definition": definition }))
                    };
                    [at(1.0), at(2.0)].concat()
                }
                _ => vec![json!({})],
            }
        };
        let of = |name: &&'static str| {
            let name = *name;
            let metric = move |settings| Tagged::deserialize(json!({ name: settings })).expect("its settings").into();
            settings(name).into_iter().map(metric)
        };
        METRICS.iter().flat_map(of).filter(|metric: &Self| needs.contains(&metric.needs())).collect()
    }
}

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameOrMap)
    }
}

struct NameOrMap;

impl<'de> Visitor<'de> for NameOrMap {
    type Value = Metric;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a metric, or a map from its name to its settings")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Metric, E> {
        if !METRICS.contains(&name) {
            return Err(E::unknown_variant(name, METRICS));
        }
        let tagged = Tagged::deserialize(json!({ name: {} }));
        tagged.map(Metric::from).map_err(|error| E::custom(format!("{error}; write `{{ {name}: {{ ... }} }}`")))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Metric, A::Error> {
        Tagged::deserialize(MapAccessDeserializer::new(map)).map(Metric::from)
    }
}

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let settings = self.written().map_err(serde::ser::Error::custom)?;
        match &settings {
            Value::Object(map) if map.is_empty() => serializer.serialize_str(self.name()),
            _ => json!({ self.name(): settings }).serialize(serializer),
        }
    }
}

impl JsonSchema for Metric {
    fn schema_name() -> Cow<'static, str> {
        "Metric".into()
    }

    fn inline_schema() -> bool {
        true
    }

    /// The maps, and the names of those metrics whose settings all have defaults.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let tagged = Tagged::json_schema(generator).to_value();
        let choices = tagged["oneOf"].as_array().cloned().unwrap_or_default();
        let mut all = Vec::new();
        for (choice, name) in choices.into_iter().zip(METRICS) {
            if Self::named(name).is_some() {
                all.push(json!({ "const": name, "description": choice["description"] }));
            }
            all.push(choice);
        }
        json_schema!({ "oneOf": all })
    }
}

/// The metrics of an evaluation, in the order of its tables.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Metric>", into = "Vec<Metric>")]
pub struct Metrics(Vec<Metric>);

/// A list of metrics that cannot be computed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MetricsError {
    /// There are none.
    #[error("the list of metrics is empty; leave `metrics` out for the usual ones")]
    Empty,
    /// Two that have one name in tables.
    #[error("`{0}` is listed twice")]
    Twice(String),
}

impl TryFrom<Vec<Metric>> for Metrics {
    type Error = MetricsError;

    fn try_from(metrics: Vec<Metric>) -> Result<Self, MetricsError> {
        if metrics.is_empty() {
            return Err(MetricsError::Empty);
        }
        let mut keys: Vec<String> = Vec::new();
        for metric in &metrics {
            let key = metric.description(LengthUnit::Pixel).key;
            if keys.contains(&key) {
                return Err(MetricsError::Twice(key));
            }
            keys.push(key);
        }
        Ok(Self(metrics))
    }
}

impl From<Metrics> for Vec<Metric> {
    fn from(metrics: Metrics) -> Self {
        metrics.0
    }
}

/// What most papers report, and what can be said of every mask.
impl Default for Metrics {
    fn default() -> Self {
        let names = ["dice", "iou", "precision", "recall", "specificity", "accuracy", "hd95", "assd", "cldice"];
        Self(names.into_iter().map(|name| Metric::named(name).expect("its settings have defaults")).collect())
    }
}

impl JsonSchema for Metrics {
    fn schema_name() -> Cow<'static, str> {
        "Metrics".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "minItems": 1, "items": generator.subschema_for::<Metric>() })
    }
}

impl Metrics {
    /// The metrics.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Metric> {
        self.0.iter()
    }

    /// What any of them is computed from.
    pub fn need(&self, needs: Needs) -> bool {
        self.0.iter().any(|metric| metric.needs() == needs)
    }

    /// Keys, labels, units and directions; lengths are in `unit`.
    pub fn descriptions(&self, unit: LengthUnit) -> Vec<Description> {
        self.0.iter().map(|metric| metric.description(unit)).collect()
    }

    /// The scores of a case, in the same order.
    ///
    /// # Errors
    /// The case lacks what a metric needs.
    pub fn scores(&self, pair: &Pair<'_>, empty: EmptyMasks) -> Result<Vec<Score>, MeasureError> {
        self.0.iter().map(|metric| metric.score(pair, empty)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Metrics, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn names_and_maps() {
        let text = r#"["dice", "hd95", { "hd95": { "definition": "pooled" } }, { "nsd": { "tolerance": 2 } },
            { "nsd": { "tolerance": 1.5, "unit": "px", "definition": "surfel" } }, { "f_beta": { "beta": 0.5 } }]"#;
        let metrics = read(text).expect("right");
        let described = metrics.descriptions(LengthUnit::Millimetre);
        let keys: Vec<_> = described.iter().map(|metric| metric.key.as_str()).collect();
        assert_eq!(keys, ["dice", "hd95", "hd95_pooled", "nsd_2mm", "nsd_1.5px_surfel", "f0.5"]);
        assert_eq!((described[3].label.as_str(), described[1].unit.as_str()), ("NSD at 2 mm", "mm"));
        let written = serde_json::to_string(&metrics).expect("plain data");
        assert!(written.starts_with(r#"["dice",{"hd95":{"definition":"directed"}},"#), "{written}");
        assert_eq!(read(&written).expect("its own"), metrics);
    }

    #[track_caller]
    fn refused(text: &str, reason: &str) {
        let error = read(text).expect_err("wrong");
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn wrong_metrics() {
        refused("[]", "is empty");
        refused(r#"["dise"]"#, "unknown variant `dise`, expected one of `dice`");
        refused(r#"["dice", "iou", { "dice": {} }]"#, "`dice` is listed twice");
        refused(r#"["hd95", { "hd95": { "definition": "directed" } }]"#, "`hd95` is listed twice");
        refused(r#"["nsd"]"#, "missing field `tolerance`; write `{ nsd: { ... } }`");
        refused(r#"[{ "nsd": { "tolerance": -1 } }]"#, "-1 is not a finite number of at least 0");
        refused(r#"[{ "nsd": { "margin": 1 } }]"#, "unknown field `margin`");
        refused(r#"[{ "f_beta": { "beta": 0 } }]"#, "0 is not a finite number above 0");
        refused(r#"[{ "dice": { "smooth": 1 } }]"#, "unknown field `smooth`");
        refused(r#"[{ "hd95": { "definition": "medpy" } }]"#, "unknown variant `medpy`");
        refused("[3]", "the name of a metric");
    }

    #[test]
    fn every_metric_is_described() {
        for needs in [Needs::Masks, Needs::Probabilities] {
            let all = Metric::all(LengthUnit::Millimetre, &[needs]);
            Metrics::try_from(all.clone()).expect("no two share a key");
            for metric in all {
                let described = metric.description(LengthUnit::Millimetre);
                assert!(!described.label.is_empty() && metric.version() > 0, "{described:?}");
                let key =
                    described.key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.".contains(c));
                assert!(key, "{described:?}");
            }
        }
        let both = Metric::all(LengthUnit::Millimetre, &[Needs::Masks, Needs::Probabilities]);
        assert_eq!(both.len(), METRICS.len() + 6);
        assert!(METRICS.iter().all(|name| both.iter().any(|metric| metric.name() == *name)));
        assert!(Metrics::default().iter().all(|metric| metric.needs() == Needs::Masks));
    }

    #[test]
    fn schema_of_names_and_maps() {
        let schema = schemars::schema_for!(Metrics).to_value();
        let choices = schema["items"]["oneOf"].as_array().expect("choices");
        let words: Vec<_> = choices.iter().filter_map(|choice| choice["const"].as_str()).collect();
        let maps: Vec<_> = choices.iter().filter_map(|choice| choice["required"][0].as_str()).collect();
        assert!(words.contains(&"dice") && words.contains(&"hd95") && !words.contains(&"nsd"), "{words:?}");
        assert_eq!(maps, METRICS);
        assert_eq!(choices[0]["description"], "Dice similarity coefficient.");
    }
}
