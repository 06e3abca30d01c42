//! A mask: what each pixel or voxel is.
//! It does not know how files write classes down (that is `encoding`) or how many classes an experiment has.

use crate::{Image, Maps};

/// The label of pixels of which nobody knows what they are: outside of the field of view, or left out by whoever labelled. It is no
/// class, and counts nowhere.
pub const IGNORED: u8 = u8::MAX;

/// What each pixel or voxel of a case is, in C order.
///
/// With one layer, labels are class ids that exclude each other; a binary mask holds 0 and 1. With more layers, classes may
/// overlap: layer `k` holds 1 where class `k + 1` is, and 0 elsewhere. A pixel that is [`IGNORED`] is so in every layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    /// The number of layers.
    pub layers: usize,
    /// The number of slices; 1 for images and for the one labelled frame of a sequence.
    pub depth: usize,
    /// The number of rows.
    pub height: usize,
    /// The number of columns.
    pub width: usize,
    /// The labels, `layers * depth * height * width` of them.
    pub labels: Vec<u8>,
}

impl Mask {
    /// Gives a mask of exclusive classes for one image.
    pub fn plane(height: usize, width: usize, labels: Vec<u8>) -> Self {
        Self { layers: 1, depth: 1, height, width, labels }
    }

    /// Gives what probabilities come to: frames become slices.
    ///
    /// Of classes that exclude each other the likeliest wins, of equals the last; a single map is the foreground where it reaches
    /// `threshold`. Classes that may overlap become a layer each, which holds 1 where its map reaches it.
    pub fn decided(probabilities: &Image, maps: Maps, threshold: f64) -> Self {
        let [depth, channels, height, width] = probabilities.shape();
        let reaches = |value: &f32| u8::from(f64::from(*value) >= threshold);
        if channels == 1 || maps == Maps::Overlapping {
            let planes = (0..channels).flat_map(|map| (0..depth).map(move |slice| (slice, map)));
            let labels = planes.flat_map(|(slice, map)| probabilities.plane(slice, map)).map(reaches).collect();
            return Self { layers: channels, depth, height, width, labels };
        }
        let area = height * width;
        let likeliest = |values: &[f32], at: usize| {
            let of = (0..channels).map(|map| (map, values[map * area + at]));
            let best = of.max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(map, _)| map);
            u8::try_from(best).unwrap_or(u8::MAX)
        };
        let slice = |slice: usize| {
            let values = probabilities.frame(slice);
            (0..area).map(move |at| likeliest(values, at))
        };
        Self { layers: 1, depth, height, width, labels: (0..depth).flat_map(slice).collect() }
    }

    /// Gives a mask of one image that is background everywhere.
    pub fn empty(height: usize, width: usize) -> Self {
        Self::plane(height, width, vec![0; height * width])
    }

    /// Gives the masks of the slices of a volume as one, background where a slice has none. All have the size of a slice, and as many
    /// layers as the first.
    pub(crate) fn stacked(slices: &[Option<Self>], [height, width]: [usize; 2]) -> Self {
        let (layers, area) = (slices.iter().flatten().map(|mask| mask.layers).max().unwrap_or(1), height * width);
        let mut labels = vec![0; layers * slices.len() * area];
        for (at, mask) in slices.iter().enumerate() {
            for (layer, plane) in mask.iter().flat_map(|mask| mask.labels.chunks_exact(area.max(1))).enumerate() {
                labels[(layer * slices.len() + at) * area..][..area].copy_from_slice(plane);
            }
        }
        Self { layers, depth: slices.len(), height, width, labels }
    }

    /// Gives the number of pixels or voxels, whatever the number of layers.
    pub fn size(&self) -> usize {
        self.depth * self.height * self.width
    }

    /// Gives one slice with all layers laid over each other, the last on top: what a picture can show.
    ///
    /// # Panics
    /// If there is no such slice.
    pub fn flat(&self, slice: usize) -> Self {
        let (area, size) = (self.height * self.width, self.size());
        let mut labels = vec![0; area];
        for layer in 0..self.layers {
            let plane = &self.labels[layer * size + slice * area..][..area];
            for (label, found) in labels.iter_mut().zip(plane).filter(|(_, found)| is_class(**found)) {
                *label = if self.layers == 1 { *found } else { u8::try_from(layer + 1).unwrap_or(u8::MAX) };
            }
        }
        Self::plane(self.height, self.width, labels)
    }

    /// Gives the slice with the most foreground; the first of equal ones, and 0 for images.
    pub fn fullest(&self) -> usize {
        let (area, size) = (self.height * self.width, self.size());
        let count = |slice: usize| {
            let planes = (0..self.layers).map(|layer| &self.labels[layer * size + slice * area..][..area]);
            planes.flatten().filter(|label| is_class(**label)).count()
        };
        (1..self.depth)
            .fold((0, count(0)), |best, slice| {
                let found = count(slice);
                if found > best.1 { (slice, found) } else { best }
            })
            .0
    }

    /// Tells for each pixel or voxel whether any class is there.
    pub fn any(&self) -> Vec<u8> {
        let size = self.size();
        (0..size).map(|at| u8::from((0..self.layers).any(|layer| is_class(self.labels[layer * size + at])))).collect()
    }

    /// Gives a mask of another height and width, whose planes `plane` makes from the old ones.
    pub(crate) fn mapped(&self, height: usize, width: usize, plane: impl Fn(&[u8]) -> Vec<u8>) -> Self {
        let labels = self.labels.chunks_exact((self.height * self.width).max(1)).flat_map(plane).collect();
        Self { layers: self.layers, depth: self.depth, height, width, labels }
    }

    /// Gives the layer and the label of each pixel or voxel that has a class.
    pub fn classes(&self) -> impl Iterator<Item = (usize, u8)> {
        let size = self.size().max(1);
        let found = self.labels.iter().enumerate().filter(|(_, label)| is_class(**label));
        found.map(move |(at, label)| (at / size, *label))
    }

    /// Counts the labels that are classes.
    pub fn foreground(&self) -> usize {
        self.labels.iter().filter(|label| is_class(**label)).count()
    }

    /// Tells for each pixel or voxel whether it is known what it is: 1 where it is, 0 where it is [`IGNORED`].
    pub fn known(&self) -> Vec<u8> {
        let size = self.size();
        (0..size).map(|at| u8::from((0..self.layers).all(|layer| self.labels[layer * size + at] != IGNORED))).collect()
    }

    /// Counts the pixels or voxels that are [`IGNORED`].
    pub fn ignored(&self) -> usize {
        if self.labels.contains(&IGNORED) { self.known().iter().filter(|known| **known == 0).count() } else { 0 }
    }

    /// Makes pixels or voxels [`IGNORED`], in every layer, where a field of view is 0.
    ///
    /// # Panics
    /// If the field has another size.
    pub fn ignore_outside(&mut self, field: &[u8]) {
        let size = self.size();
        assert_eq!(field.len(), size, "a field has as many pixels as its mask");
        for plane in self.labels.chunks_exact_mut(size.max(1)) {
            plane.iter_mut().zip(field).filter(|(_, field)| **field == 0).for_each(|(label, _)| *label = IGNORED);
        }
    }

    /// Gives the mask with background in place of [`IGNORED`].
    #[must_use]
    pub fn without_ignored(mut self) -> Self {
        self.labels.iter_mut().filter(|label| **label == IGNORED).for_each(|label| *label = 0);
        self
    }
}

/// Whether a label is that of a class.
fn is_class(label: u8) -> bool {
    label != 0 && label != IGNORED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_come_to_classes() {
        let of =
            |channels, data: Vec<f32>| Image { frames: 2, channels, height: 1, width: data.len() / 2 / channels, data };
        let one = Mask::decided(&of(1, vec![0.5, 0.4, 0.6, 0.1]), Maps::Exclusive, 0.5);
        assert_eq!((one.layers, one.depth, one.labels), (1, 2, vec![1, 0, 1, 0]));
        let three = of(3, vec![0.2, 0.5, 0.3, 0.4, 0.5, 0.1, 0.1, 0.3, 0.6, 0.1, 0.2, 0.7]);
        let exclusive = Mask::decided(&three, Maps::Exclusive, 0.9);
        assert_eq!((exclusive.layers, exclusive.labels), (1, vec![2, 0, 1, 2]));
        // Layer by layer, each with its slices.
        let overlapping = Mask::decided(&three, Maps::Overlapping, 0.4);
        assert_eq!((overlapping.layers, overlapping.depth), (3, 2));
        assert_eq!(overlapping.labels, [0, 1, 0, 0, 0, 1, 1, 0, 1, 0, 0, 1]);
    }

    #[test]
    fn volumes_and_layers_become_planes() {
        let volume = Mask { layers: 1, depth: 3, height: 1, width: 2, labels: vec![0, 0, 2, 1, 3, 0] };
        assert_eq!((volume.fullest(), volume.flat(1).labels, volume.any()), (1, vec![2, 1], vec![0, 0, 1, 1, 1, 0]));
        let layers = Mask { layers: 2, depth: 1, height: 1, width: 3, labels: vec![1, 1, 0, 0, 1, 0] };
        assert_eq!((layers.fullest(), layers.flat(0).labels, layers.any()), (0, vec![1, 2, 0], vec![1, 1, 0]));
    }

    #[test]
    fn ignored_pixels_are_no_class() {
        let mut mask = Mask::plane(2, 3, vec![0, 1, 2, 0, 1, IGNORED]);
        assert_eq!((mask.foreground(), mask.ignored(), mask.known()), (3, 1, vec![1, 1, 1, 1, 1, 0]));
        mask.ignore_outside(&[1, 0, 7, 1, 1, 1]);
        assert_eq!(mask.labels, [0, IGNORED, 2, 0, 1, IGNORED]);
        assert_eq!((mask.any(), mask.flat(0).labels), (vec![0, 0, 1, 0, 1, 0], vec![0, 0, 2, 0, 1, 0]));
        assert_eq!(mask.classes().collect::<Vec<_>>(), [(0, 2), (0, 1)]);
        assert_eq!(mask.without_ignored().labels, [0, 0, 2, 0, 1, 0]);
        let mut layers = Mask { layers: 2, depth: 1, height: 1, width: 3, labels: vec![1, 1, 0, 0, 1, 1] };
        layers.ignore_outside(&[1, 0, 1]);
        assert_eq!(layers.labels, [1, IGNORED, 0, 0, IGNORED, 1]);
        assert_eq!((layers.foreground(), layers.ignored(), layers.any()), (2, 1, vec![1, 0, 1]));
        // A slice with less foreground, but more that is not known, is not the fullest.
        let volume = Mask { layers: 1, depth: 2, height: 1, width: 2, labels: vec![IGNORED, IGNORED, 1, 0] };
        assert_eq!(volume.fullest(), 1);
    }
}
