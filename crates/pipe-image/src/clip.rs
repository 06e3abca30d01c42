//! An image: one frame (a still) or several frames of a sequence, as plain 32-bit floats.
//! It does not know files, masks or what its values mean physically.

/// A still or a short sequence: `[frames, channels, height, width]` in C order.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// The number of frames; 1 for a still.
    pub frames: usize,
    /// The number of channels of each frame; 1 for gray, 3 for colour.
    pub channels: usize,
    /// The number of rows.
    pub height: usize,
    /// The number of columns.
    pub width: usize,
    /// The values, `frames * channels * height * width` of them.
    pub data: Vec<f32>,
}

impl Image {
    /// Gives an image in which every value is `value`.
    pub fn filled(shape: [usize; 4], value: f32) -> Self {
        let [frames, channels, height, width] = shape;
        Self { frames, channels, height, width, data: vec![value; shape.iter().product()] }
    }

    /// Gives `[frames, channels, height, width]`.
    pub fn shape(&self) -> [usize; 4] {
        [self.frames, self.channels, self.height, self.width]
    }

    /// Gives the values of one plane: one channel of one frame.
    ///
    /// # Panics
    /// If there is no such plane.
    pub fn plane(&self, frame: usize, channel: usize) -> &[f32] {
        let size = self.height * self.width;
        let start = (frame * self.channels + channel) * size;
        &self.data[start..start + size]
    }

    /// Iterates over all planes, channel by channel within frame by frame.
    pub fn planes(&self) -> impl Iterator<Item = &[f32]> {
        self.data.chunks_exact((self.height * self.width).max(1))
    }

    /// Gives the values of one frame: all its channels.
    ///
    /// # Panics
    /// If there is no such frame.
    pub fn frame(&self, frame: usize) -> &[f32] {
        let size = self.channels * self.height * self.width;
        &self.data[frame * size..(frame + 1) * size]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_are_in_c_order() {
        let mut image = Image::filled([2, 3, 1, 2], 0.0);
        image.data = (0..12u8).map(f32::from).collect();
        assert_eq!(image.plane(1, 2), &[10.0, 11.0]);
        assert_eq!(image.frame(1), &[6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
        assert_eq!(image.planes().count(), 6);
    }
}
