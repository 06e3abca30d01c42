//! A mask: what each pixel or voxel is.
//! It does not know how files write classes down (that is `encoding`) or how many classes an experiment has.

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

    /// Gives a mask of one image that is background everywhere.
    pub fn empty(height: usize, width: usize) -> Self {
        Self::plane(height, width, vec![0; height * width])
    }

    /// Gives the number of pixels or voxels, whatever the number of layers.
    pub fn size(&self) -> usize {
        self.depth * self.height * self.width
    }

    /// Counts the labels that are not background.
    pub fn foreground(&self) -> usize {
        self.labels.iter().filter(|label| **label != 0).count()
    }
}
