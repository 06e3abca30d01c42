//! Resizing of planes: area or bilinear for images, nearest for masks.
//! It does not know cases.

use fast_image_resize as fir;

use crate::number::Size;
use crate::prepare::Interpolation;
use crate::{Image, Mask};

/// Resizes every plane of an image; an image that has the size already is given back untouched.
pub fn image(image: Image, size: Size, interpolation: Interpolation) -> Image {
    let [frames, channels, height, width] = image.shape();
    if (height, width) == (size.height, size.width) {
        return image;
    }
    let filter = match interpolation {
        Interpolation::Area => fir::FilterType::Box,
        Interpolation::Bilinear => fir::FilterType::Bilinear,
    };
    let options = fir::ResizeOptions::new().resize_alg(fir::ResizeAlg::Convolution(filter)).use_alpha(false);
    let mut resizer = fir::Resizer::new();
    let mut data = Vec::with_capacity(frames * channels * size.height * size.width);
    for plane in image.planes() {
        let bytes: Vec<u8> = plane.iter().flat_map(|value| value.to_ne_bytes()).collect();
        let from = fir::images::Image::from_vec_u8(side(width), side(height), bytes, fir::PixelType::F32)
            .expect("a plane has height times width values");
        let mut to = fir::images::Image::new(side(size.width), side(size.height), fir::PixelType::F32);
        resizer.resize(&from, &mut to, &options).expect("both planes hold one float a pixel");
        data.extend(
            to.buffer().chunks_exact(4).map(|bytes| f32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])),
        );
    }
    Image { frames, channels, height: size.height, width: size.width, data }
}

/// Resizes a mask: each new pixel takes the class of the old pixel under its centre.
pub fn mask(mask: Mask, size: Size) -> Mask {
    if (mask.height, mask.width) == (size.height, size.width) {
        return mask;
    }
    let nearest = |at: usize, new: usize, old: usize| (2 * at + 1) * old / (2 * new);
    let columns: Vec<usize> = (0..size.width).map(|column| nearest(column, size.width, mask.width)).collect();
    let rows: Vec<usize> = (0..size.height).map(|row| nearest(row, size.height, mask.height) * mask.width).collect();
    mask.mapped(size.height, size.width, |plane| {
        rows.iter().flat_map(|row| columns.iter().map(move |column| plane[row + column])).collect()
    })
}

fn side(pixels: usize) -> u32 {
    u32::try_from(pixels).expect("formats give sides below 2^32")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn area_is_the_mean_of_what_is_covered() {
        let still = Image { frames: 1, channels: 1, height: 2, width: 2, data: vec![1.0, 2.0, 3.0, 6.0] };
        assert_eq!(image(still, Size { height: 1, width: 1 }, Interpolation::Area).data, [3.0]);
    }

    #[test]
    fn nearest_takes_the_centre() {
        let three = Mask { layers: 1, depth: 1, height: 1, width: 3, labels: vec![1, 2, 3] };
        assert_eq!(mask(three.clone(), Size { height: 1, width: 1 }).labels, [2]);
        assert_eq!(mask(three, Size { height: 2, width: 6 }).labels, [1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3]);
    }
}
