//! The COCO annotation file: images, categories, and areas as polygons or runs.
//! It does not know folders; the layout joins its entries with files.

use serde::Deserialize;

use crate::case::Area;

/// An annotation file, as far as it is used here; other keys (`info`, `licenses`, `bbox` ...) are ignored.
#[derive(Debug, Deserialize)]
pub(super) struct CocoFile {
    pub(super) images: Vec<CocoImage>,
    #[serde(default)]
    pub(super) annotations: Vec<Annotation>,
    #[serde(default)]
    pub(super) categories: Vec<Category>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CocoImage {
    pub(super) id: i64,
    pub(super) file_name: String,
    pub(super) width: usize,
    pub(super) height: usize,
}

#[derive(Debug, Deserialize)]
pub(super) struct Category {
    pub(super) id: i64,
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Annotation {
    #[serde(default)]
    pub(super) id: serde_json::Value,
    pub(super) image_id: i64,
    pub(super) category_id: i64,
    #[serde(default)]
    segmentation: serde_json::Value,
}

/// Why the area of an annotation cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AreaError {
    #[error("it has neither polygons nor runs")]
    NoArea,
    #[error("a polygon has {numbers} numbers; it needs at least 3 pairs")]
    Polygon { numbers: usize },
    #[error("its runs cover {covered} pixels of {pixels}")]
    Runs { covered: u64, pixels: u64 },
}

impl Annotation {
    /// Gives the area of the annotation in an image of this many pixels.
    pub(super) fn area(&self, pixels: u64) -> Result<Area, AreaError> {
        if let Ok(polygons) = Vec::<Vec<f64>>::deserialize(&self.segmentation) {
            let wrong = polygons.iter().find(|polygon| polygon.len() < 6 || polygon.len() % 2 == 1);
            return match wrong {
                Some(polygon) => Err(AreaError::Polygon { numbers: polygon.len() }),
                None if polygons.is_empty() => Err(AreaError::NoArea),
                None => Ok(Area::Polygons(polygons)),
            };
        }
        let counts = self.segmentation.get("counts").ok_or(AreaError::NoArea)?;
        let runs = match counts.as_str() {
            Some(text) => unpacked(text).ok_or(AreaError::NoArea)?,
            None => Vec::<u32>::deserialize(counts).map_err(|_| AreaError::NoArea)?,
        };
        let covered = runs.iter().map(|run| u64::from(*run)).sum();
        if covered == pixels { Ok(Area::Runs(runs)) } else { Err(AreaError::Runs { covered, pixels }) }
    }
}

/// Reads the compressed runs of the COCO tools: five bits a character, differences to the run two before.
fn unpacked(text: &str) -> Option<Vec<u32>> {
    let mut runs: Vec<i64> = Vec::new();
    let mut characters = text.bytes();
    while characters.len() > 0 {
        let (mut value, mut shift) = (0i64, 0);
        loop {
            let bits = i64::from(characters.next()?.checked_sub(48)?);
            value |= (bits & 0x1f) << shift;
            shift += 5;
            if shift > 40 {
                return None;
            }
            if bits & 0x20 == 0 {
                if bits & 0x10 != 0 {
                    value |= -1 << shift;
                }
                break;
            }
        }
        if runs.len() > 2 {
            value = value.checked_add(runs[runs.len() - 2])?;
        }
        runs.push(value);
    }
    runs.into_iter().map(|run| u32::try_from(run).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotation(segmentation: serde_json::Value) -> Annotation {
        Annotation { id: 1.into(), image_id: 1, category_id: 1, segmentation }
    }

    #[test]
    fn areas_are_polygons_or_runs() {
        let polygon = annotation(serde_json::json!([[0, 0, 1, 0, 1, 1.5]]));
        assert_eq!(polygon.area(4), Ok(Area::Polygons(vec![vec![0.0, 0.0, 1.0, 0.0, 1.0, 1.5]])));
        assert_eq!(annotation(serde_json::json!([[0, 0, 1]])).area(4), Err(AreaError::Polygon { numbers: 3 }));
        let runs = annotation(serde_json::json!({"size": [2, 2], "counts": [1, 2, 1]}));
        assert_eq!(runs.area(4), Ok(Area::Runs(vec![1, 2, 1])));
        assert_eq!(runs.area(9), Err(AreaError::Runs { covered: 4, pixels: 9 }));
        // "121" is [1, 2, 1] packed by the COCO tools: each run below 16 is one character.
        let packed = annotation(serde_json::json!({"size": [2, 2], "counts": "121"}));
        assert_eq!(packed.area(4), Ok(Area::Runs(vec![1, 2, 1])));
        assert_eq!(annotation(serde_json::Value::Null).area(4), Err(AreaError::NoArea));
        // Differences that add up to more than any number.
        let growing = annotation(serde_json::json!({"size": [2, 2], "counts": "ooooooo?".repeat(300_000)}));
        assert_eq!(growing.area(4), Err(AreaError::NoArea));
    }
}
