//! JPEG frames within DICOM: 8-bit lossy, and lossless up to 16 bits.
//! It does not know what samples mean; colours stay as they are stored.

use jpeg_decoder::{ColorTransform, Decoder, Error, PixelFormat, UnsupportedFeature};

use super::{damaged, not_read};
use crate::formats::jpeg;
use crate::formats::read::{FormatError, Header};

pub(super) use crate::formats::jpeg::MOST_UNPACKED;

/// Gives the samples of a frame side by side.
pub(super) fn unpacked(frame: &[u8], expected: Header, samples: usize) -> Result<Vec<u32>, FormatError> {
    let Header { height, width, .. } =
        jpeg::header(frame).map_err(|error| damaged(format!("a JPEG frame: {error}")))?;
    if (height, width) != (expected.height, expected.width) {
        return Err(damaged(format!(
            "a JPEG frame of {width}x{height} where {}x{} belong",
            expected.width, expected.height
        )));
    }
    let mut decoder = Decoder::new(frame);
    // No conversion: the photometric interpretation says what colours are, `pixels.rs` converts.
    decoder.set_color_transform(if samples == 1 { ColorTransform::Grayscale } else { ColorTransform::RGB });
    let fault = |error: Error| match error {
        Error::Unsupported(UnsupportedFeature::SamplePrecision(bits)) => {
            not_read(format!("its JPEG frames are lossy and have {bits} bits"))
        }
        Error::Unsupported(feature) => not_read(format!("its JPEG frames have an unsupported feature: {feature:?}")),
        error => damaged(format!("a JPEG frame: {error}")),
    };
    decoder.read_info().map_err(fault)?;
    let format = decoder.info().ok_or_else(|| damaged("a JPEG frame says nothing of itself"))?.pixel_format;
    if matches!(format, PixelFormat::CMYK32) || matches!(format, PixelFormat::RGB24) != (samples == 3) {
        return Err(damaged(format!("a JPEG frame of format {format:?} where pixels have {samples} samples")));
    }
    let bytes = decoder.decode().map_err(fault)?;
    Ok(match format {
        PixelFormat::L16 => {
            bytes.chunks_exact(2).map(|pair| u32::from(u16::from_ne_bytes([pair[0], pair[1]]))).collect()
        }
        _ => bytes.into_iter().map(u32::from).collect(),
    })
}

/// Tells a file of the JPEG interchange format, whose colours are luminance and chrominance whatever DICOM says.
pub(super) fn is_interchange(frame: &[u8]) -> bool {
    frame.get(2..4) == Some(&[0xff, 0xe0]) && frame.get(6..10) == Some(b"JFIF")
}
