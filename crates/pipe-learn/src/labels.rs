//! What the labels of a mask mean to the maps of a network.
//! It does not know tensors.

use pipe_image::Mask;

use crate::head::Head;

/// What the labels of masks mean to the maps of a network.
///
/// * One map: every label but 0 is foreground, whatever the class.
/// * Softmax: label `k` is map `k`; background is map 0.
/// * Sigmoid with more maps: map `k` is class `k + 1` of a mask of classes that exclude each other, or layer `k` of a mask of
///   layers; background is no map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Labels {
    /// The number of maps.
    pub maps: usize,
    /// What the maps are.
    pub head: Head,
    /// The label of pixels that are not known; they count nowhere.
    pub ignored: Option<u8>,
}

impl Labels {
    /// Gives the maps that are foreground: all but the background's.
    pub fn foreground(&self) -> std::ops::Range<usize> {
        usize::from(self.head == Head::Softmax)..self.maps
    }

    /// Tells whether each pixel belongs to a map.
    pub fn of_map(&self, mask: &Mask, map: usize) -> impl Iterator<Item = bool> {
        let (size, is_layered) = (mask.size(), mask.layers > 1);
        let Self { maps, head, ignored } = *self;
        let layer = if is_layered { map * size..(map + 1) * size } else { 0..size };
        mask.labels[layer].iter().map(move |label| {
            let is_known = ignored != Some(*label);
            is_known
                && match head {
                    _ if maps == 1 || is_layered => *label != 0,
                    Head::Softmax => usize::from(*label) == map,
                    Head::Sigmoid => usize::from(*label) == map + 1,
                }
        })
    }

    /// Tells whether each pixel counts; none where all do.
    pub fn counted(&self, mask: &Mask) -> Option<Vec<bool>> {
        let ignored = self.ignored?;
        if !mask.labels.contains(&ignored) {
            return None;
        }
        let size = mask.size();
        let is_known = |pixel: usize| (0..mask.layers).all(|layer| mask.labels[layer * size + pixel] != ignored);
        Some((0..size).map(is_known).collect())
    }

    /// Gives the labels that no map is for, in order.
    pub fn unknown(&self, mask: &Mask) -> Vec<u8> {
        let largest = match self.head {
            _ if mask.layers > 1 => 1,
            _ if self.maps == 1 => usize::from(u8::MAX),
            Head::Softmax => self.maps - 1,
            Head::Sigmoid => self.maps,
        };
        let mut is_there = [false; 256];
        mask.labels.iter().for_each(|label| is_there[usize::from(*label)] = true);
        let is_unknown =
            |label: &u8| is_there[usize::from(*label)] && usize::from(*label) > largest && self.ignored != Some(*label);
        (0..=u8::MAX).filter(is_unknown).collect()
    }

    /// Says why layers of a mask are not those of the maps; none if they are.
    pub fn layers_problem(&self, mask: &Mask) -> Option<String> {
        if mask.layers == 1 {
            return None;
        }
        let found = mask.layers;
        if self.head == Head::Softmax {
            return Some(format!("it has {found} layers, classes that may overlap; set `head: sigmoid`"));
        }
        (self.maps != found).then(|| {
            format!("it has {found} layers, the network has {} maps; set its `out_channels: {found}`", self.maps)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(labels: &[u8]) -> Mask {
        Mask::plane(1, labels.len(), labels.to_vec())
    }

    fn maps(labels: Labels, mask: &Mask) -> Vec<Vec<u8>> {
        (0..labels.maps).map(|map| labels.of_map(mask, map).map(u8::from).collect()).collect()
    }

    #[test]
    fn labels_become_maps() {
        let exclusive = mask(&[0, 1, 2, 255]);
        let of = |maps, head, ignored| Labels { maps, head, ignored };
        assert_eq!(maps(of(1, Head::Sigmoid, None), &exclusive), [[0, 1, 1, 1]]);
        assert_eq!(maps(of(1, Head::Sigmoid, Some(255)), &exclusive), [[0, 1, 1, 0]]);
        assert_eq!(maps(of(3, Head::Softmax, Some(255)), &exclusive), [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]);
        assert_eq!(maps(of(2, Head::Sigmoid, Some(255)), &exclusive), [[0, 1, 0, 0], [0, 0, 1, 0]]);
        let layered = Mask { layers: 2, depth: 1, height: 1, width: 2, labels: vec![1, 0, 1, 1] };
        assert_eq!(maps(of(2, Head::Sigmoid, None), &layered), [[1, 0], [1, 1]]);
    }

    #[test]
    fn pixels_that_count() {
        let labels = Labels { maps: 2, head: Head::Sigmoid, ignored: Some(9) };
        assert_eq!(labels.counted(&mask(&[0, 1, 9])), Some(vec![true, true, false]));
        assert_eq!(labels.counted(&mask(&[0, 1, 2])), None);
        let layered = Mask { layers: 2, depth: 1, height: 1, width: 2, labels: vec![1, 0, 1, 9] };
        assert_eq!(labels.counted(&layered), Some(vec![true, false]));
    }

    #[test]
    fn labels_without_a_map() {
        let of = |maps, head| Labels { maps, head, ignored: Some(255) };
        let found = mask(&[0, 1, 2, 3, 7, 255]);
        assert_eq!(of(3, Head::Softmax).unknown(&found), [3, 7]);
        assert_eq!(of(3, Head::Sigmoid).unknown(&found), [7]);
        assert_eq!(of(1, Head::Sigmoid).unknown(&found), [0u8; 0]);
        let layered = Mask { layers: 2, depth: 1, height: 1, width: 1, labels: vec![1, 2] };
        assert_eq!(of(2, Head::Sigmoid).unknown(&layered), [2]);
        assert!(of(2, Head::Sigmoid).layers_problem(&layered).is_none());
        assert!(of(3, Head::Sigmoid).layers_problem(&layered).is_some_and(|reason| reason.contains("out_channels: 2")));
        assert!(of(2, Head::Softmax).layers_problem(&layered).is_some_and(|reason| reason.contains("sigmoid")));
    }
}
