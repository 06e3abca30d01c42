//! Settings of stages in the words of a methods section.
//!
//! Does not know reports. Settings are JSON with their defaults filled in; what is not known here is said by its name.

use serde_json::{Map, Value};

use crate::number::{counted, exact};

/// Names that have another form in text.
const NAMES: &[(&str, &str)] = &[
    ("adam", "Adam"),
    ("adamw", "AdamW"),
    ("sgd", "SGD"),
    ("rms_prop", "RMSprop"),
    ("dice", "Dice"),
    ("cross_entropy", "cross-entropy"),
    ("binary_cross_entropy", "binary cross-entropy"),
    ("p", "probability"),
    ("ema", "moving average of the weights"),
    ("f16", "16-bit floating point"),
    ("f32", "32-bit floating point"),
    ("bf16", "bfloat16"),
];

/// A name of YAML in words.
pub(super) fn name(text: &str) -> String {
    let known = NAMES.iter().find(|(known, _)| *known == text);
    known.map_or_else(|| text.replace('_', " "), |(_, words)| (*words).to_owned())
}

/// A setting in words: `Dice (over batch, smooth 0)`; empty where there is none.
pub(super) fn phrase(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(value) => if *value { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), |number| exact(Some(number))),
        Value::String(text) => name(text),
        Value::Array(items) => items.iter().map(phrase).collect::<Vec<_>>().join(", "),
        Value::Object(map) => match (map.len(), map.iter().next()) {
            // What lies outside the store has no path in a recipe.
            (1, Some((key, Value::String(_)))) if key == "external" => "given at run time".to_owned(),
            (1, Some((key, Value::Array(items)))) if key == "sum" => sum(items),
            (1, Some((key, Value::Object(inner)))) => {
                let inside = pairs(inner);
                if inside.is_empty() { name(key) } else { format!("{} ({inside})", name(key)) }
            }
            _ => pairs(map),
        },
    }
}

fn pairs(map: &Map<String, Value>) -> String {
    let pair = |(key, value): (&String, &Value)| {
        let words = phrase(value);
        let said = !words.is_empty() && *value != Value::Bool(false);
        said.then(|| if *value == Value::Bool(true) { name(key) } else { format!("{} {words}", name(key)) })
    };
    map.iter().filter_map(pair).collect::<Vec<_>>().join(", ")
}

/// Weighted terms of a loss: `Dice + 0.5 × cross-entropy`.
fn sum(terms: &[Value]) -> String {
    let term = |term: &Value| {
        let weight = term.get("weight").and_then(Value::as_f64).filter(|weight| *weight != 1.0);
        let weight = weight.map(|weight| format!("{} × ", exact(Some(weight)))).unwrap_or_default();
        weight + &phrase(term.get("loss").unwrap_or(term))
    };
    terms.iter().map(term).collect::<Vec<_>>().join(" + ")
}

/// Settings as lines of a table, those without a value left out.
pub(super) fn settings(value: &Value) -> Vec<Vec<String>> {
    let Some(map) = value.as_object() else { return Vec::new() };
    let lines = map.iter().map(|(key, value)| vec![name(key), phrase(value)]);
    lines.filter(|line| !line[1].is_empty()).collect()
}

/// The only key of a map, and what stands below it.
pub(super) fn tagged(value: &Value) -> Option<(&str, &Value)> {
    match value {
        Value::String(tag) => Some((tag, &Value::Null)),
        Value::Object(map) if map.len() == 1 => map.iter().next().map(|(tag, inner)| (tag.as_str(), inner)),
        _ => None,
    }
}

/// How each case was prepared, a sentence a step.
pub(super) fn preparation(with: &Value) -> Vec<String> {
    let tag = |key: &str| with.get(key).and_then(tagged).map_or("", |(tag, _)| tag);
    let mut said = Vec::new();
    said.push(match tag("layout") {
        "xca_phantom" | "volume_phantom" => {
            "The data were synthetic: they were made from a seed, so that no patient stands behind a number.".to_owned()
        }
        layout => format!("Images and reference masks were read from files of the layout “{}”.", name(layout)),
    });
    said.extend(match tag("channels") {
        "gray" => Some("Images were converted to one grey channel.".to_owned()),
        "rgb" => Some("Images had three colour channels; grey ones were repeated.".to_owned()),
        "all" => Some("All channels of the files were kept.".to_owned()),
        _ => None,
    });
    if let Some(frames) = with.get("frames").and_then(Value::as_u64) {
        let frames = counted(frames as usize, "frame");
        said.push(
            format!("Of each sequence, {frames} were kept, the labelled one among them.")
                .replace("1 frame were", "1 frame was"),
        );
    }
    let how = match tag("interpolation") {
        "area" => "the mean of the area that each pixel covers",
        "bilinear" => "bilinear interpolation",
        _ => "interpolation",
    };
    said.push(
        match with.get("size").and_then(Value::as_array).map(|size| size.iter().map(phrase).collect::<Vec<_>>()) {
            Some(size) => format!(
                "Each image was resized to {} pixels by {how}, and its mask by the nearest pixel.",
                size.join(" × ")
            ),
            None => "Images kept the size of their files.".to_owned(),
        },
    );
    let scaled = |tag: &str| match tag {
        "max" => Some("divided by the largest value of each frame"),
        "z_score" => Some("scaled to mean 0 and standard deviation 1 over each case"),
        "unit" => Some("divided by the largest value that the file format can hold"),
        "none" => Some("taken as they are in the files"),
        _ => None,
    };
    if let Some((tag, inner)) = with.get("normalise").and_then(tagged) {
        let channel =
            tagged(inner).and_then(|(inner, _)| scaled(inner)).map(|how| format!("{how}, each channel by itself"));
        let how = scaled(tag).map(str::to_owned).or(channel);
        said.extend(how.map(|how| format!("Intensities were {how}.")));
    }
    said.push(
        "Nothing was estimated over several cases, so that no test case could reach a training this way.".to_owned(),
    );
    said
}

/// How many folds there are of those that are dealt.
pub(super) fn folds(with: &Value) -> Option<usize> {
    let settings = with.get("method")?.get("k_fold")?;
    let repeats = settings.get("repeats").and_then(Value::as_u64).unwrap_or(1);
    usize::try_from(settings.get("folds")?.as_u64()? * repeats).ok()
}

/// How cases were divided.
pub(super) fn split(with: &Value) -> String {
    let Some((method, settings)) = with.get("method").and_then(tagged) else { return String::new() };
    let number = |key: &str| settings.get(key).and_then(Value::as_u64).unwrap_or_default() as usize;
    let share = |key: &str| {
        settings.get(key).and_then(Value::as_f64).map(|share| exact(Some((share * 1e4).round() / 100.0)) + " %")
    };
    let unit = if settings.get("leaky") == Some(&Value::Bool(true)) { "images" } else { "patients" };
    let stratified = settings.get("stratify").map(phrase).filter(|by| !by.is_empty());
    let stratified = stratified.map(|by| format!(", in equal shares by {by}")).unwrap_or_default();
    let seed = format!("seed {}", number("seed"));
    let repeats = match number("repeats") {
        0 | 1 => String::new(),
        repeats => format!(" All folds were dealt {repeats} times."),
    };
    let validation = |of: &str| match share("validation") {
        Some(share) => format!(" {share} of {of} were set aside for validation."),
        None => String::new(),
    };
    match method {
        "k_fold" => format!(
            "The {unit} were dealt at random ({seed}{stratified}) into {}, each of which was tested once by networks trained on the others.{repeats}{}",
            counted(number("folds"), "fold"),
            validation(&format!("the other {unit} of each fold"))
        ),
        "leave_one_site_out" => {
            format!("Each fold held out all patients of one site.{}", validation("the other patients of each fold"))
        }
        "hold_out" => format!(
            "A share of {} of the {unit} was drawn at random ({seed}) and held out for testing.{}",
            share("test").unwrap_or_default(),
            validation(&format!("the other {unit}"))
        ),
        "official" => format!(
            "Cases were divided into the parts that the data set comes with.{}",
            validation("the training patients, where the data set has no such part,")
        ),
        "file" => format!(
            "Cases were divided as a file lists them.{}",
            validation("the training patients, where the file names none,")
        ),
        other => format!("Cases were divided by {}.", phrase(&serde_json::json!({ other: settings }))),
    }
}

/// Random changes of training cases, a line each; what happens sometimes is indented below.
pub(super) fn transforms(list: &Value, indent: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for transform in list.as_array().into_iter().flatten() {
        let Some((tag, inner)) = tagged(transform) else { continue };
        let nested = inner.get("transforms").map(|list| transforms(list, indent + 1)).unwrap_or_default();
        let mut own = inner.clone();
        let chance = own.as_object_mut().and_then(|own| {
            own.remove("transforms");
            own.remove("p")?.as_f64()
        });
        let settings = own.as_object().map(pairs).filter(|words| !words.is_empty()).map(|words| format!(" ({words})"));
        let chance = chance.map(|chance| format!(", with probability {}", exact(Some(chance)))).unwrap_or_default();
        let what = if nested.is_empty() { name(tag) } else { "the following together".to_owned() };
        let what = crate::markdown::plain(&format!("{what}{}{chance}", settings.unwrap_or_default()));
        lines.push(format!("{}* {what}", "  ".repeat(indent)));
        lines.extend(nested);
    }
    lines
}

/// How networks were trained, a sentence a fact; what augments stands by itself.
pub(super) fn training(training: &Value) -> Vec<String> {
    let number = |key: &str| training.get(key).and_then(Value::as_u64).map(|number| number as usize);
    let words = |key: &str| training.get(key).map(phrase).filter(|words| !words.is_empty());
    let mut said = Vec::new();
    if let (Some(epochs), Some(batch)) = (number("epochs"), number("batch")) {
        let accumulate = number("accumulate").filter(|batches| *batches > 1);
        let accumulate = accumulate.map(|batches| format!("; {batches} batches made one update")).unwrap_or_default();
        said.push(format!(
            "Networks were trained for at most {} on batches of {}{accumulate}.",
            counted(epochs, "epoch"),
            counted(batch, "case")
        ));
    }
    said.extend(words("loss").map(|loss| format!("The loss was {loss}.")));
    said.extend(words("optimizer").map(|optimizer| format!("Weights were updated by {optimizer}.")));
    said.extend(words("schedule").map(|schedule| match schedule.as_str() {
        "constant" => "The learning rate was constant.".to_owned(),
        schedule => format!("The learning rate followed the schedule “{schedule}”."),
    }));
    let facts = [
        ("head", "Probabilities were computed by a"),
        ("precision", "Networks computed in"),
        ("clip", "Gradients were clipped:"),
        ("ema", "A moving average of the weights was validated and kept:"),
        ("deep_supervision", "Outputs of deep supervision were weighted:"),
        ("ignore_label", "Pixels of unknown class were left out; their label was"),
    ];
    for (key, before) in facts {
        said.extend(words(key).map(|words| format!("{before} {words}.")));
    }
    let sampling = training.get("sampling").and_then(Value::as_object).map(|sampling| {
        let unusual = |key: &&String| {
            !matches!((key.as_str(), &sampling[*key]), ("order", Value::String(order)) if order == "shuffled")
                && sampling[*key].as_f64() != Some(0.0)
        };
        pairs(&sampling.keys().filter(unusual).map(|key| (key.clone(), sampling[key].clone())).collect())
    });
    said.extend(
        sampling.filter(|words| !words.is_empty()).map(|words| format!("Cases were drawn as follows: {words}.")),
    );
    if let Some(best) = words("best") {
        said.push(format!("After each epoch the network was validated, and the epoch that was best by validation {best} was kept; test cases played no part in any choice."));
    }
    said.extend(words("early_stopping").map(|early| format!("Training stopped early: {early}.")));
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_are_words() {
        let loss = json!({ "sum": [{ "weight": 1.0, "loss": { "dice": {} } }, { "weight": 0.5, "loss": { "binary_cross_entropy": { "smooth": 0.0, "weights": null } } }] });
        assert_eq!(phrase(&loss), "Dice + 0.5 × binary cross-entropy (smooth 0)");
        assert_eq!(phrase(&json!({ "external": "root" })), "given at run time");
        assert_eq!(
            phrase(&json!({ "sgd": { "learning_rate": 1e-2, "nesterov": true, "decay": 1e-7, "decay_excludes": [] } })),
            "SGD (learning rate 0.01, nesterov, decay 1e-7)"
        );
        assert_eq!(settings(&json!({ "widths": [8, 16], "label": { "index": 2 }, "x": null }))[0], ["widths", "8, 16"]);
    }

    #[test]
    fn splits() {
        let k =
            |folds: u64| split(&json!({ "method": { "k_fold": { "folds": folds, "validation": 0.2, "seed": 3 } } }));
        assert_eq!(
            k(3),
            "The patients were dealt at random (seed 3) into 3 folds, each of which was tested once by networks trained on the others. 20 % of the other patients of each fold were set aside for validation."
        );
        let leaky =
            json!({ "method": { "hold_out": { "test": 0.25, "validation": 0.125, "seed": 0, "leaky": true } } });
        assert_eq!(
            split(&leaky),
            "A share of 25 % of the images was drawn at random (seed 0) and held out for testing. 12.5 % of the other images were set aside for validation."
        );
    }

    #[test]
    fn transforms_are_one_a_line() {
        let list = json!([{ "flip_horizontal": { "p": 0.5 } }, { "sometimes": { "p": 0.3, "transforms": [{ "scale": { "range": [0.8, 1.2], "p": 1.0 } }] } }]);
        let expected = [
            "* flip horizontal, with probability 0.5",
            "* the following together, with probability 0.3",
            "  * scale (range 0.8, 1.2), with probability 1",
        ];
        assert_eq!(transforms(&list, 0), expected);
    }
}
