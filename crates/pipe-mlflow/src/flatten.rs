//! A recipe as parameters: one name and one text for each value of its tree.
//!
//! Does not know what the values mean, nor what servers take.

use serde_json::Value as Json;

/// All values below a name. A list of plain values is one value; below a list of maps each has its number.
pub(crate) fn flatten(name: &str, value: &Json, to: &mut Vec<(String, String)>) {
    let below = |key: &str| format!("{name}.{key}");
    match value {
        Json::Object(map) if !map.is_empty() => map.iter().for_each(|(key, value)| flatten(&below(key), value, to)),
        Json::Array(list) if list.iter().any(|item| item.is_object() || item.is_array()) => {
            list.iter().enumerate().for_each(|(at, item)| flatten(&below(&at.to_string()), item, to));
        }
        Json::String(text) => to.push((name.to_owned(), text.clone())),
        // A network `{ unet: {} }` is a choice, and its name is what counts.
        Json::Object(_) => to.push((name.to_owned(), "{}".to_owned())),
        other => to.push((name.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_becomes_names_and_texts() {
        let with = serde_json::json!({
            "network": { "unet": { "width": 32, "act": "relu" } },
            "size": [64, 64],
            "augment": [{ "flip": { "p": 0.5 } }, { "rotate": {} }],
            "weights": null,
            "ema": false,
        });
        let mut flat = Vec::new();
        flatten("train", &with, &mut flat);
        let flat: Vec<_> = flat.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let expected = [
            "train.network.unet.width=32",
            "train.network.unet.act=relu",
            "train.size=[64,64]",
            "train.augment.0.flip.p=0.5",
            "train.augment.1.rotate={}",
            "train.weights=null",
            "train.ema=false",
        ];
        assert_eq!(flat, expected);
    }
}
