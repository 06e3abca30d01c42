//! What the gray values of single mask files look like: black and white, noise, numbers of objects, or anything else.
//! It does not know encodings.

use crate::formats::Raster;

/// Values within this share of the full scale are dark, and those within it of its end bright: JPEG moves values further only beside edges.
const CLUSTER: f32 = 1.0 / 12.0;
/// At most this share of the pixels of a noisy file is neither.
const BETWEEN: f64 = 0.05;
/// Of neighbours inside of objects, at least this share is equal; in shades few are.
const FLAT: f64 = 0.8;
/// With fewer objects than this they may be classes.
const OBJECTS: u16 = 12;

/// What one file looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Character {
    /// All is 0.
    Blank,
    /// 0 and 1.
    Ones,
    /// 0 and the largest value that there can be.
    Full,
    /// Several values near 0 and several near the largest that there can be, and next to nothing between: black and white after JPEG.
    Noise,
    /// Every number from 0 to this, each in one colour: classes, or objects.
    Counted(u16),
    /// Several values near 0 alone, which are not every number: classes, or what JPEG makes of black.
    Dark,
    /// Anything else.
    Other,
}

impl Character {
    /// Looks at a file; `distinct` are its values, sorted.
    pub(super) fn of(raster: &Raster, pixels: &[f32], distinct: &[f32]) -> Self {
        let full = raster.value_full_scale().unwrap_or(0.0);
        match distinct {
            [0.0] => return Self::Blank,
            [0.0, 1.0] if full != 1.0 => return Self::Ones,
            [0.0, largest] if *largest == full => return Self::Full,
            _ => {}
        }
        let dark = |value: &f32| *value >= 0.0 && *value <= full * CLUSTER;
        let bright = |value: &f32| *value <= full && *value >= full * (1.0 - CLUSTER);
        let several = |of: &dyn Fn(&f32) -> bool| distinct.iter().filter(|value| of(value)).count() > 1;
        let between = pixels.iter().filter(|value| !dark(value) && !bright(value)).count();
        if several(&dark) && several(&bright) && between as f64 <= BETWEEN * pixels.len() as f64 {
            return Self::Noise;
        }
        let counts = distinct.iter().enumerate().all(|(at, value)| *value == at as f32);
        let largest = u16::try_from(distinct.len().saturating_sub(1)).unwrap_or(u16::MAX);
        let is_whole = counts && (full == 0.0 || f32::from(largest) < full);
        if is_whole && raster.palette.is_none() && is_flat(pixels, raster.width) {
            return Self::Counted(largest);
        }
        if distinct.iter().all(dark) { Self::Dark } else { Self::Other }
    }
}

/// Whether neighbours in a row that are no background mostly have one value.
fn is_flat(pixels: &[f32], width: usize) -> bool {
    let pairs = pixels.chunks_exact(width.max(1)).flat_map(|row| row.windows(2));
    let inside = pairs.filter(|pair| pair.iter().all(|value| *value != 0.0));
    let (equal, all) =
        inside.fold((0_usize, 0_usize), |(equal, all), pair| (equal + usize::from(pair[0] == pair[1]), all + 1));
    equal as f64 >= FLAT * all as f64
}

/// How many files are noise, where the others are black and white.
pub(super) fn noisy(files: &[Character]) -> Option<usize> {
    let noisy = files.iter().filter(|file| **file == Character::Noise).count();
    let strange = |file: &Character| matches!(file, Character::Other | Character::Counted(OBJECTS..));
    (noisy > 0 && !files.iter().any(strange)).then_some(noisy)
}

/// How many files have 0 and 1, and how many 0 and the largest value, where all have one of the two.
pub(super) fn two_scales(files: &[Character]) -> Option<[usize; 2]> {
    let [blank, ones, full] = [Character::Blank, Character::Ones, Character::Full]
        .map(|which| files.iter().filter(|file| **file == which).count());
    (ones > 0 && full > 0 && blank + ones + full == files.len()).then_some([ones, full])
}

/// The largest number of an object, where files look like objects that are counted anew in each.
pub(super) fn objects(files: &[Character], most_classes: usize) -> Option<u16> {
    let mut largest = Vec::new();
    for file in files {
        match file {
            Character::Blank => {}
            Character::Ones => largest.push(1),
            Character::Counted(count) => largest.push(*count),
            Character::Full | Character::Noise | Character::Dark | Character::Other => return None,
        }
    }
    let files = largest.len();
    let most = largest.iter().copied().max()?;
    largest.sort_unstable();
    largest.dedup();
    // Of classes that count up in each file, now and then the last is missing; numbers of objects have nothing in common.
    let least = largest.first().copied()?;
    let differ = largest.len() >= 3 && largest.len() * 2 >= files && least <= most / 2;
    (usize::from(most) >= most_classes || (most >= OBJECTS && differ)).then_some(most)
}
