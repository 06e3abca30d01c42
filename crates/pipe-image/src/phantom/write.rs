//! Writes a phantom data set: frames, masks, the table of patients.
//! It does not know what is in a frame.

use std::fs;
use std::path::Path;

use image::{GrayImage, ImageFormat};
use rand::SeedableRng as _;
use rand_pcg::Pcg64;
use rayon::prelude::*;

use super::anatomy::anatomy;
use super::config::{PhantomConfig, PhantomError};
use super::scene::{Phase, frame};

/// Writes the data set into a folder, in the layout `xca_sequences`: equal settings give equal bytes.
///
/// # Errors
/// A setting is out of its range, or a file cannot be written.
pub fn write(config: &PhantomConfig, folder: &Path) -> Result<(), PhantomError> {
    config.check()?;
    for below in ["images", "labels"] {
        let path = folder.join(below);
        fs::create_dir_all(&path).map_err(|source| PhantomError::Write { path, source })?;
    }
    let all: Vec<(usize, usize)> = (0..config.patients)
        .flat_map(|patient| (0..config.sequences_per_patient).map(move |of| (patient, of)))
        .collect();
    all.par_iter().try_for_each(|(patient, of)| sequence(config, *patient, *of, folder))?;
    let mut table = String::from("sequence,patient\n");
    for (patient, of) in &all {
        table.push_str(&format!("{},p{:03}\n", number(config, *patient, *of), patient + 1));
    }
    let path = folder.join("patients.csv");
    fs::write(&path, table).map_err(|source| PhantomError::Write { path, source })
}

/// Sequences count from 1 through all patients.
fn number(config: &PhantomConfig, patient: usize, of: usize) -> usize {
    patient * config.sequences_per_patient + of + 1
}

/// A random state of its own for everything, so that no sequence depends on how many there are.
fn state(seed: u64, patient: usize, of: usize) -> Pcg64 {
    let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (patient as u64) << 20 ^ of as u64;
    Pcg64::seed_from_u64(mixed)
}

fn sequence(config: &PhantomConfig, patient: usize, of: usize, folder: &Path) -> Result<(), PhantomError> {
    let anatomy = anatomy(&mut state(config.seed, patient, 0));
    let mut rng = state(config.seed, patient, of + 1);
    let phase = Phase::drawn(&mut rng);
    let number = number(config, patient, of);
    for index in 0..config.frames {
        let drawn = frame(config, &anatomy, &phase, index, &mut rng);
        save(config.size, drawn.pixels, &folder.join(format!("images/image_s{number}_i{index}.png")))?;
        if index == config.label_frame {
            save(config.size, drawn.mask, &folder.join(format!("labels/label_s{number}.png")))?;
        }
    }
    Ok(())
}

fn save(size: usize, pixels: Vec<u8>, path: &Path) -> Result<(), PhantomError> {
    let side = u32::try_from(size).expect("checked to be at most 1024");
    let picture = GrayImage::from_raw(side, side, pixels).expect("size * size pixels");
    picture
        .save_with_format(path, ImageFormat::Png)
        .map_err(|error| PhantomError::Write { path: path.to_owned(), source: std::io::Error::other(error) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Layout;

    fn small(seed: u64) -> PhantomConfig {
        PhantomConfig { patients: 2, size: 48, seed, ..PhantomConfig::default() }
    }

    fn written(config: &PhantomConfig) -> (tempfile::TempDir, Vec<Vec<u8>>) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write(config, folder.path()).expect("writable");
        let names = ["images/image_s1_i0.png", "images/image_s4_i3.png", "labels/label_s3.png"];
        let bytes = names.map(|name| fs::read(folder.path().join(name)).expect("written")).to_vec();
        (folder, bytes)
    }

    #[test]
    fn equal_seeds_give_equal_bytes_and_others_others() {
        assert_eq!(written(&small(1)).1, written(&small(1)).1);
        assert_ne!(written(&small(1)).1, written(&small(2)).1);
    }

    #[test]
    fn it_reads_like_any_other_data_set() {
        let config = small(3);
        let (folder, _) = written(&config);
        let layout = Layout::XcaSequences(config.layout());
        let cases = layout.check(folder.path()).expect("no problems");
        assert_eq!(cases.len(), 4);
        assert_eq!(cases.iter().filter(|case| case.patient == "p002").count(), 2);
        for files in &cases {
            let case = layout.read(folder.path(), files).expect("readable");
            assert_eq!(case.image.shape(), [4, 1, 48, 48]);
            let share = case.mask.expect("a mask").foreground() as f64 / (48.0 * 48.0);
            assert!((0.02..0.3).contains(&share), "{share} of {} is vessel", case.id);
        }
    }

    #[test]
    fn wrong_settings_are_refused() {
        let refused = |config: PhantomConfig| config.check().expect_err("wrong").to_string();
        assert!(refused(PhantomConfig { label_frame: 4, ..small(0) }).contains("less than `frames`"));
        assert!(refused(PhantomConfig { size: 8, ..small(0) }).contains("32 to 1024"));
        assert!(refused(PhantomConfig { patients: 0, ..small(0) }).contains("patients"));
        assert!(refused(PhantomConfig { photons: f64::NAN, ..small(0) }).contains("photons"));
    }
}
