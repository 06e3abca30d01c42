//! A mask: what each pixel or voxel is.
//! It does not know how files write classes down (that is `encoding`) or how many classes an experiment has.

use crate::{Image, Maps};

/// What each pixel or voxel of a case is, in C order.
///
/// With one layer, labels are class ids that exclude each other; a binary mask holds 0 and 1. With more layers, classes may
/// overlap: layer `k` holds 1 where class `k + 1` is, and 0 elsewhere.
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
            for (label, found) in labels.iter_mut().zip(plane).filter(|(_, found)| **found != 0) {
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
            planes.flatten().filter(|label| **label != 0).count()
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
        (0..size).map(|at| u8::from((0..self.layers).any(|layer| self.labels[layer * size + at] != 0))).collect()
    }

    /// Gives a mask of another height and width, whose planes `plane` makes from the old ones.
    pub(crate) fn mapped(&self, height: usize, width: usize, plane: impl Fn(&[u8]) -> Vec<u8>) -> Self {
        let labels = self.labels.chunks_exact((self.height * self.width).max(1)).flat_map(plane).collect();
        Self { layers: self.layers, depth: self.depth, height, width, labels }
    }

    /// Gives the layer and the label of each pixel or voxel that is not background.
    pub fn classes(&self) -> impl Iterator<Item = (usize, u8)> {
        let size = self.size().max(1);
        let found = self.labels.iter().enumerate().filter(|(_, label)| **label != 0);
        found.map(move |(at, label)| (at / size, *label))
    }

    /// Counts the labels that are not background.
    pub fn foreground(&self) -> usize {
        self.labels.iter().filter(|label| **label != 0).count()
    }
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
}
