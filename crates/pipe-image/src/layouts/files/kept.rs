//! Which classes of masks are kept, and which become one.
//! It does not know how masks are read.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::labels::Labels;
use crate::{IGNORED, Mask};

/// A class that is kept, made of one or more classes of the masks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// What it is called.
    pub name: String,
    /// The classes of the masks that are it, by their names or, from 1, by their numbers: `[lipid_core, vasa_vasorum]` or `[3, 4]`.
    #[schemars(length(min = 1))]
    pub of: Vec<ClassId>,
}

/// A class of masks, by its name or by its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClassId {
    /// Its number, from 1.
    Number(u8),
    /// Its name.
    Name(String),
}

impl ClassId {
    /// Gives the number of the class, if masks have it.
    fn number(&self, names: &[String], count: usize) -> Option<u8> {
        let number = match self {
            Self::Number(number) => usize::from(*number),
            Self::Name(name) => names.iter().position(|known| known == name)? + 1,
        };
        u8::try_from(number).ok().filter(|_| (1..=count).contains(&number))
    }
}

impl fmt::Display for ClassId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(formatter),
            Self::Name(name) => name.fmt(formatter),
        }
    }
}

impl Serialize for ClassId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_u8(*number),
            Self::Name(name) => serializer.serialize_str(name),
        }
    }
}

impl<'de> Deserialize<'de> for ClassId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyId)
    }
}

struct AnyId;

impl Visitor<'_> for AnyId {
    type Value = ClassId;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a class, or its number from 1 to 254")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<ClassId, E> {
        let fits = u8::try_from(number).ok().filter(|number| (1..IGNORED).contains(number));
        fits.map(ClassId::Number).ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(number), &self))
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<ClassId, E> {
        Ok(ClassId::Name(name.to_owned()))
    }
}

impl JsonSchema for ClassId {
    fn schema_name() -> Cow<'static, str> {
        "ClassId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A class of masks, by its name or by its number.",
            "anyOf": [{ "type": "integer", "minimum": 1, "maximum": 254 }, { "type": "string" }],
        })
    }
}

/// Says why classes cannot be kept of masks; nothing where they can.
pub(super) fn contradiction(kept: &[Kept], masks: Option<&Labels>) -> Option<String> {
    let masks = match masks {
        Some(masks) => masks,
        None if kept.is_empty() => return None,
        None => return Some("`keep` is of the classes of masks, and there are no `masks`".to_owned()),
    };
    let (names, count) = (masks.class_names(), masks.class_count());
    let has = |class: &ClassId| class.number(&names, count).is_some();
    if let Some(kept) = kept.iter().find(|kept| kept.of.is_empty()) {
        return Some(format!(
            "the class `{}` of `keep` is made of nothing; list names or numbers in its `of`",
            kept.name
        ));
    }
    let stranger = kept.iter().find_map(|kept| Some((kept, kept.of.iter().find(|class| !has(class))?)))?;
    let known = match (names.as_slice(), count) {
        ([], 1) => "1".to_owned(),
        ([], count) => format!("1 to {count}"),
        (names, _) => names.join(", "),
    };
    Some(format!("the class `{}` of `keep` is made of `{}`, and masks have {known}", stranger.0.name, stranger.1))
}

/// Gives a mask of the classes that are kept; all else is background, and what is not known stays so.
///
/// Classes exclude each other where those of the masks do and none is part of two; otherwise, if there are several, each has a layer.
pub(super) fn kept(kept: &[Kept], masks: &Labels, mask: &Mask) -> Mask {
    let (names, count) = (masks.class_names(), masks.class_count());
    // By kept class, whether each class of the masks is part of it.
    let parts: Vec<[bool; 256]> = kept
        .iter()
        .map(|kept| {
            let mut is_part = [false; 256];
            let numbers = kept.of.iter().filter_map(|class| class.number(&names, count));
            numbers.for_each(|number| is_part[usize::from(number)] = true);
            is_part
        })
        .collect();
    let (size, is_layered) = (mask.size(), mask.layers > 1);
    let is_there = |part: &[bool; 256], at: usize| match is_layered {
        true => (0..mask.layers).any(|layer| part[layer + 1] && mask.labels[layer * size + at] == 1),
        false => part[usize::from(mask.labels[at])],
    };
    let is_shared = (0..256).any(|class| parts.iter().filter(|part| part[class]).count() > 1);
    let ignored = mask.known();
    let known = |at: usize, label: u8| if ignored[at] == 0 { IGNORED } else { label };
    let layers = if parts.len() > 1 && (is_layered || is_shared || masks.overlaps()) { parts.len() } else { 1 };
    let labels = if layers > 1 {
        let of = |part| (0..size).map(move |at| (part, at));
        parts.iter().flat_map(of).map(|(part, at)| known(at, u8::from(is_there(part, at)))).collect()
    } else {
        let class = |at: usize| parts.iter().position(|part| is_there(part, at)).map_or(0, |at| at + 1);
        (0..size).map(|at| known(at, u8::try_from(class(at)).unwrap_or(u8::MAX))).collect()
    };
    Mask { layers, labels, ..*mask }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(encoding: &str) -> Labels {
        serde_json::from_str(&format!(r#"{{"files":{{"paths":["{{case}}.png"],"encoding":{encoding}}}}}"#))
            .expect("good")
    }

    fn classes(text: &str) -> Vec<Kept> {
        serde_json::from_str(text).expect("good")
    }

    const CHANNELS: &str = r#"{"channels":["lumen","cap","core"]}"#;

    #[test]
    fn channels_are_kept_and_merged() {
        let mask = Mask { layers: 3, depth: 1, height: 1, width: 3, labels: vec![1, 0, 0, 1, 1, 0, 0, 1, 0] };
        let of = |text| {
            let found = kept(&classes(text), &labels(CHANNELS), &mask);
            (found.layers, found.labels)
        };
        assert_eq!(of(r#"[{"name":"core","of":["core"]}]"#), (1, vec![0, 1, 0]));
        assert_eq!(of(r#"[{"name":"wall","of":["cap",3]}]"#), (1, vec![1, 1, 0]));
        let two = r#"[{"name":"core","of":[3]},{"name":"any","of":[1,2,3]}]"#;
        assert_eq!(of(two), (2, vec![0, 1, 0, 1, 1, 0]));
        let mut dim = mask.clone();
        dim.ignore_outside(&[1, 0, 1]);
        assert_eq!(kept(&classes(two), &labels(CHANNELS), &dim).labels, [0, IGNORED, 0, 1, IGNORED, 0]);
    }

    #[test]
    fn labels_are_kept_and_merged() {
        let ids = r#"{"labels":{"classes":4,"ignore":9}}"#;
        let of = |text| {
            let found = kept(&classes(text), &labels(ids), &Mask::plane(1, 5, vec![0, 1, 2, 3, IGNORED]));
            (found.layers, found.labels)
        };
        assert_eq!(of(r#"[{"name":"b","of":[3]},{"name":"a","of":[1]}]"#), (1, vec![0, 2, 0, 1, IGNORED]));
        assert_eq!(of(r#"[{"name":"all","of":[1,2,3]}]"#), (1, vec![0, 1, 1, 1, IGNORED]));
        // Regions of which one is part of the other, as of tumours.
        let regions = r#"[{"name":"whole","of":[1,2,3]},{"name":"core","of":[2]}]"#;
        assert_eq!(of(regions), (2, vec![0, 1, 1, 1, IGNORED, 0, 0, 1, 0, IGNORED]));
    }

    #[test]
    fn strangers_are_named() {
        let told = |text, encoding| contradiction(&classes(text), Some(&labels(encoding)));
        let expected = "the class `x` of `keep` is made of `wall`, and masks have lumen, cap, core";
        assert_eq!(told(r#"[{"name":"x","of":["cap","wall"]}]"#, CHANNELS).as_deref(), Some(expected));
        let ids = r#"{"labels":{"classes":4}}"#;
        let expected = "the class `x` of `keep` is made of `4`, and masks have 1 to 3";
        assert_eq!(told(r#"[{"name":"x","of":[4]}]"#, ids).as_deref(), Some(expected));
        assert!(told(r#"[{"name":"x","of":[]}]"#, ids).is_some_and(|text| text.contains("made of nothing")));
        assert_eq!(told(r#"[{"name":"x","of":[3]}]"#, ids), None);
        assert!(contradiction(&classes(r#"[{"name":"x","of":[1]}]"#), None).is_some());
        assert_eq!(contradiction(&[], None), None);
        for wrong in ["0", "255", "-1", "1.5", "null"] {
            assert!(serde_json::from_str::<ClassId>(wrong).is_err(), "{wrong}");
        }
        let text = r#"[{"name":"x","of":[3,"a"]}]"#;
        assert_eq!(serde_json::to_string(&classes(text)).expect("plain data"), text);
    }
}
