//! Formulae and sources of metrics, as their settings' docstrings have them: one text for code, schemas and papers.
//!
//! Does not know any metric.

use schemars::schema_for;

use super::{METRICS, Metrics};

/// What a metric is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its formula, in words and signs of text.
    pub formula: String,
    /// Where it is from; none where it is too old or too plain to have a source.
    pub source: Option<String>,
}

/// Gives what the metric of a key is: `dice`, `hd95_pooled`, `nsd_2mm`, `f0.5`; none for keys of no metric.
pub fn definition(key: &str) -> Option<Definition> {
    let is_f_beta =
        |name: &str| name == "f_beta" && key.strip_prefix('f').is_some_and(|beta| beta.parse::<f64>().is_ok());
    let of_name = |name: &&&str| key == **name || key.strip_prefix(**name).is_some_and(|rest| rest.starts_with('_'));
    // Of names that begin alike the longer one is meant.
    let name = METRICS.iter().filter(of_name).max_by_key(|name| name.len());
    let name = name.or_else(|| METRICS.iter().find(|name| is_f_beta(name)))?;
    let schema = schema_for!(Metrics).to_value();
    let choices = schema["items"]["oneOf"].as_array()?;
    let reference = choices.iter().find_map(|choice| choice["properties"][*name]["$ref"].as_str())?;
    let text = schema["$defs"][reference.rsplit('/').next()?]["description"].as_str()?;
    let (about, source) = text.split_once("# Source").map_or((text, None), |(about, source)| (about, Some(source)));
    let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").replace('`', "");
    // Behind the formula stand unit and direction, which descriptions have.
    let formula = line(about.split("\n\n").next()?);
    let formula = formula.split("; ").next()?.trim_end_matches('.').to_owned();
    Some(Definition { formula, source: source.map(line) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LengthUnit, Metric, Needs};

    #[test]
    fn every_metric_has_one() {
        for metric in Metric::all(LengthUnit::Millimetre, &[Needs::Masks, Needs::Probabilities]) {
            let key = metric.description(LengthUnit::Millimetre).key;
            let found = definition(&key).unwrap_or_else(|| panic!("`{key}` has a definition"));
            assert!(!found.formula.is_empty() && !found.formula.contains('\n'), "{key}: {found:?}");
        }
        let dice = definition("dice").expect("it is one");
        assert_eq!(dice.formula, "Dice = 2 TP / (2 TP + FP + FN)");
        assert!(dice.source.expect("it has one").starts_with("Dice, \"Measures"));
        let formula = |key: &str| definition(key).map(|found| found.formula).unwrap_or_default();
        assert!(formula("f0.5").starts_with("F-beta ="), "{}", formula("f0.5"));
        assert!(formula("hd95_pooled").starts_with("95th percentile"), "{}", formula("hd95_pooled"));
        assert!(formula("lesion_f1_iou0.5").starts_with("Lesion-wise F1 ="), "{}", formula("lesion_f1_iou0.5"));
        assert_eq!([definition("dicer"), definition("")], [None, None]);
    }
}
