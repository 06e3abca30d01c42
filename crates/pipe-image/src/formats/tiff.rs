//! TIFF and BigTIFF: pages as slices, 1 to 64 bits, with and without sign, floating point, any number of channels.
//! It does not know files, only bytes.
//!
//! * Pages must agree in size, sample type and channels. Thumbnails (bit 0 of `NewSubfileType`) are left out.
//! * All channels are kept, whatever the format says of them; `alpha` says that the last one is declared as opacity
//!   (`ExtraSamples` 1 or 2), no more. Some programs declare so what is a class.
//! * Gray values with white as zero are inverted, so that 0 is black.
//! * Palette indexes stay indexes.
//! * Strips and tiles; channels side by side or in planes; LZW, deflate, PackBits, JPEG (which is `lossy`).
//! * The resolution tags are about paper, so there is no geometry.

mod chunk;
mod directory;
mod page;

use super::raster::Raster;
use super::read::{FormatError, Header, MOST_PIXELS};
use chunk::Extent;
use page::{Compression, Number, Page, Shape};

const FORMAT: &str = "TIFF";

/// Gives the size of the pages and their number from their tags.
pub(super) fn header(bytes: &[u8]) -> Result<Header, FormatError> {
    let pages = pages(bytes)?;
    let Shape { height, width, .. } = pages[0].shape;
    Ok(Header { slices: pages.len(), height, width })
}

/// Decodes all pages.
pub(super) fn decode(bytes: &[u8]) -> Result<Raster, FormatError> {
    let pages = pages(bytes)?;
    let shape = pages[0].shape.clone();
    let header = Header { slices: pages.len(), height: shape.height, width: shape.width };
    // Four channels on the largest still.
    let size = shape.samples().filter(|size| size.saturating_mul(pages.len()) <= 4 * MOST_PIXELS);
    let size = size.ok_or(FormatError::TooLarge { header })?;
    let most = pages.iter().map(|page| page.storage.compression.most()).max().unwrap_or(1);
    let declared = (size.saturating_mul(pages.len())).saturating_mul(shape.bits as usize) / 8;
    if declared > bytes.len().saturating_mul(most) {
        return Err(truncated(bytes));
    }
    let mut samples = vec![0.0; size * pages.len()];
    for (page, samples) in pages.iter().zip(samples.chunks_exact_mut(size)) {
        fill(page, bytes, samples).map_err(|error| on_page(page.number, error))?;
    }
    let full_scale = match (shape.number, shape.bits) {
        (Number::Unsigned, bits @ 1..=16) => Some(((1_u32 << bits) - 1) as f32),
        _ => None,
    };
    Ok(Raster {
        slices: pages.len(),
        height: shape.height,
        width: shape.width,
        channels: shape.channels,
        samples,
        full_scale,
        alpha: shape.alpha,
        palette: shape.palette,
        lossy: pages.iter().any(|page| page.storage.compression == Compression::Jpeg),
        geometry: None,
    })
}

/// Gives the pages that are no thumbnails, of one size and type.
fn pages(bytes: &[u8]) -> Result<Vec<Page<'_>>, FormatError> {
    let mut pages: Vec<Page<'_>> = Vec::new();
    for (number, directory) in (1..).zip(directory::directories(bytes)?) {
        if page::is_thumbnail(&directory)? {
            continue;
        }
        let page = Page::new(number, directory).map_err(|error| on_page(number, error))?;
        if let Some(first) = pages.first() {
            agree(number, &page.shape, &first.shape)?;
        }
        pages.push(page);
    }
    if pages.is_empty() { Err(damaged("it has no page")) } else { Ok(pages) }
}

/// Says on which page, where the first is not meant.
fn on_page(number: usize, error: FormatError) -> FormatError {
    match error {
        FormatError::UnsupportedKind { reason, .. } if number > 1 => not_read(format!("on page {number}, {reason}")),
        FormatError::Damaged { reason, .. } if number > 1 => damaged(format!("on page {number}, {reason}")),
        other => other,
    }
}

fn agree(number: usize, found: &Shape, first: &Shape) -> Result<(), FormatError> {
    let split = "; save the pages as files of their own";
    if (found.height, found.width) != (first.height, first.width) {
        let size = |shape: &Shape| Header::picture(shape.height, shape.width);
        return Err(not_read(format!("page {number} is {}, but the first is {}{split}", size(found), size(first))));
    }
    if found != first {
        return Err(not_read(format!("page {number} has other samples, channels or colours than the first{split}")));
    }
    Ok(())
}

/// Puts the strips or tiles of a page in their places.
fn fill(page: &Page<'_>, bytes: &[u8], samples: &mut [f32]) -> Result<(), FormatError> {
    let Shape { height, width, channels, .. } = page.shape;
    let [tall, wide] = page.storage.chunk;
    let together = page.together();
    let across = width.div_ceil(wide);
    let down = height.div_ceil(tall);
    for (number, (at, length)) in page.chunks()?.into_iter().enumerate() {
        let (plane, row) = (number / (across * down), number / across % down);
        let (top, left) = (row * tall, number % across * wide);
        let data = at.checked_add(length).and_then(|end| bytes.get(at..end)).ok_or_else(|| truncated(bytes))?;
        // Rows below the page are not looked at.
        let extent = Extent { rows: tall.min(height - top), columns: wide, channels: together };
        let found = chunk::samples(page, data, extent)?;
        let columns = wide.min(width - left);
        for (y, line) in found.chunks_exact(wide * together).enumerate() {
            let start = ((top + y) * width + left) * channels + plane;
            if together == channels {
                samples[start..start + columns * channels].copy_from_slice(&line[..columns * channels]);
            } else {
                let places = samples[start..].iter_mut().step_by(channels);
                places.zip(&line[..columns]).for_each(|(place, value)| *place = *value);
            }
        }
    }
    Ok(())
}

fn truncated(bytes: &[u8]) -> FormatError {
    FormatError::Truncated { format: FORMAT, bytes: bytes.len() }
}

fn damaged(reason: impl std::fmt::Display) -> FormatError {
    FormatError::Damaged { format: FORMAT, reason: reason.to_string() }
}

fn not_read(reason: impl Into<String>) -> FormatError {
    FormatError::UnsupportedKind { format: FORMAT, reason: reason.into() }
}

#[cfg(test)]
mod tests;
