//! Data folders for tests: pictures of every kind, written in place.
//! It does not know what a test expects of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use png::{BitDepth, ColorType};

use crate::{Case, Image, Mask, Native};

/// A temporary folder with files in it.
pub(crate) struct DataFolder {
    folder: tempfile::TempDir,
}

impl DataFolder {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("there is room for a temporary folder") }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file and the folders above it.
    pub(crate) fn file(&self, path: &str, bytes: &[u8]) -> &Self {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("the file lies in the folder")).expect("the folder can be written");
        fs::write(path, bytes).expect("the folder can be written");
        self
    }

    /// Writes an 8-bit gray PNG of this size whose pixels hold `value`.
    pub(crate) fn flat(&self, path: &str, width: usize, height: usize, value: u8) -> &Self {
        self.file(path, &gray(width, height, &vec![value; width * height]))
    }

    /// Writes an 8-bit gray PNG of one row.
    pub(crate) fn row(&self, path: &str, values: &[u8]) -> &Self {
        self.file(path, &gray(values.len(), 1, values))
    }
}

/// Gives a case of 8 bits, of nobody and nowhere in particular.
pub(crate) fn case([id, patient]: [&str; 2], image: Image, mask: Option<Mask>) -> Case {
    let grid = [mask.as_ref().map_or(1, |mask| mask.depth), image.height, image.width];
    Case {
        id: id.to_owned(),
        patient: patient.to_owned(),
        site: None,
        part: None,
        colour: image.channels == 3,
        image,
        full_scale: Some(255.0),
        label_frame: 0,
        mask,
        spacing: None,
        native: Native::grid(grid),
        tags: BTreeMap::new(),
    }
}

/// Gives an 8-bit gray PNG.
pub(crate) fn gray(width: usize, height: usize, values: &[u8]) -> Vec<u8> {
    encoded(width, height, ColorType::Grayscale, BitDepth::Eight, None, values)
}

/// Gives a PNG from raw lines.
pub(crate) fn encoded(
    width: usize,
    height: usize,
    colour: ColorType,
    depth: BitDepth,
    palette: Option<&[u8]>,
    lines: &[u8],
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let side = |pixels: usize| u32::try_from(pixels).expect("test pictures are small");
    let mut encoder = png::Encoder::new(&mut bytes, side(width), side(height));
    encoder.set_color(colour);
    encoder.set_depth(depth);
    if let Some(palette) = palette {
        encoder.set_palette(palette.to_vec());
    }
    let mut writer = encoder.write_header().expect("writing to memory works");
    writer.write_image_data(lines).expect("the lines fit the size");
    writer.finish().expect("writing to memory works");
    bytes
}

/// Gives a gray JPEG.
pub(crate) fn jpeg(width: usize, height: usize, values: &[u8], quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let side = |pixels: usize| u32::try_from(pixels).expect("test pictures are small");
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality);
    let written = encoder.encode(values, side(width), side(height), image::ExtendedColorType::L8);
    written.expect("writing to memory works");
    bytes
}

/// Gives the folder of the real sample data, or says why the test is skipped.
#[expect(clippy::print_stderr, reason = "a skipped test says why")]
pub(crate) fn real_data(below: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("PIPE_TEST_DATA") else {
        eprintln!("skipped: PIPE_TEST_DATA does not name the folder of the sample data");
        return None;
    };
    let folder = PathBuf::from(root).join(below);
    if !folder.is_dir() {
        eprintln!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

/// Gives the bytes that hexadecimal digits stand for.
pub(crate) fn unhex(digits: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("the digits are hexadecimal");
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// Reads copies of a file of which one byte is altered each.
pub(crate) fn bent(bytes: &[u8], times: u32, read: impl Fn(&[u8])) {
    let mut bytes = bytes.to_vec();
    let mut random = 1_u32;
    for _ in 0..times {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Extremes lie where sizes overflow; anything else is drawn.
        let values = [0, 1, 0x7f, 0x80, 0xff, (random >> 5) as u8, (random >> 13) as u8, (random >> 21) as u8];
        let (at, value) = ((random >> 3) as usize % bytes.len(), values[(random >> 29) as usize]);
        let before = std::mem::replace(&mut bytes[at], value);
        read(&bytes);
        bytes[at] = before;
    }
}
