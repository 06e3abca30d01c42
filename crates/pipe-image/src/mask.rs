//! A mask: one class id a pixel.
//! It does not know how files write classes down (that is `encoding`) or how many classes an experiment has.

/// Class ids of one frame in C order; a binary mask holds 0 and 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    /// The number of rows.
    pub height: usize,
    /// The number of columns.
    pub width: usize,
    /// The class ids, `height * width` of them.
    pub labels: Vec<u8>,
}

impl Mask {
    /// Gives a mask that is background everywhere.
    pub fn empty(height: usize, width: usize) -> Self {
        Self { height, width, labels: vec![0; height * width] }
    }

    /// Counts the pixels that are not background.
    pub fn foreground(&self) -> usize {
        self.labels.iter().filter(|label| **label != 0).count()
    }
}
