//! `volume_phantom`: volumes with organs of several classes, made by seed; nothing is read.
//! It does not know networks. What it is for: trying 3D networks where no volumes are at hand.

use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::path::Path;

use rand::{Rng as _, SeedableRng as _};
use rand_pcg::Pcg64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::survey::{Arrangement, Survey};
use crate::case::{Case, CaseFiles};
use crate::formats::{Geometry, Header};
use crate::problem::{DataProblem, What};
use crate::{Image, Mask, Native};

/// Volumes made by seed: each patient has one volume, in which every class is one bent ellipsoid at about the same place.
///
/// The brightness of a class lies between those of its neighbours, a bias field and noise lie over it, and a body without a
/// class is as bright as the first: place and shape tell them apart, brightness alone does not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VolumePhantom {
    /// Patients, with one volume each.
    #[schemars(range(min = 1, max = 10_000))]
    pub patients: usize,
    /// Rows and columns of a slice.
    #[schemars(range(min = 16, max = 512))]
    pub size: usize,
    /// Slices.
    #[schemars(range(min = 4, max = 512))]
    pub depth: usize,
    /// Classes besides the background.
    #[schemars(range(min = 1, max = 8))]
    pub classes: usize,
    /// Standard deviation of the noise, of a range of 255.
    #[schemars(range(min = 0.0, max = 128.0))]
    pub noise: f64,
    /// Seed of everything.
    pub seed: u64,
}

impl Default for VolumePhantom {
    fn default() -> Self {
        Self { patients: 12, size: 32, depth: 16, classes: 2, noise: 12.0, seed: 0 }
    }
}

/// An ellipsoid, turned about the first axis; lengths are fractions of the volume.
struct Body {
    centre: [f64; 3],
    radii: [f64; 3],
    turn: f64,
    bend: f64,
}

impl Body {
    /// The body of a class in a patient: a place of its own on a ring, moved and stretched a little.
    fn drawn(number: usize, all: usize, rng: &mut Pcg64) -> Self {
        let angle = TAU * number as f64 / all as f64;
        let near = |centre: f64, rng: &mut Pcg64| centre + between(rng, -0.05, 0.05);
        Self {
            centre: [near(0.5, rng), near(0.5 + 0.22 * angle.sin(), rng), near(0.5 + 0.22 * angle.cos(), rng)],
            radii: [0.0; 3].map(|_| between(rng, 0.12, 0.2)),
            turn: between(rng, -0.5, 0.5),
            bend: between(rng, -1.0, 1.0),
        }
    }

    fn holds(&self, place: [f64; 3]) -> bool {
        let [z, y, x] = std::array::from_fn(|axis| place[axis] - self.centre[axis]);
        let (sin, cos) = self.turn.sin_cos();
        let (y, x) = (cos * y - sin * x + self.bend * z * z, sin * y + cos * x);
        [z, y, x].iter().zip(self.radii).map(|(along, radius)| (along / radius).powi(2)).sum::<f64>() <= 1.0
    }
}

impl VolumePhantom {
    fn problem(&self) -> Option<String> {
        let ranges = [
            ("patients", self.patients, 1, 10_000),
            ("size", self.size, 16, 512),
            ("depth", self.depth, 4, 512),
            ("classes", self.classes, 1, 8),
        ];
        let wrong = ranges.iter().find(|(_, value, low, high)| value < low || value > high);
        let wrong = wrong.map(|(field, value, low, high)| format!("`{field}` is {value}, expected {low} to {high}"));
        let noise = format!("`noise` is {}, expected 0 to 128", self.noise);
        wrong.or_else(|| (!(0.0..=128.0).contains(&self.noise)).then_some(noise))
    }

    fn volume(&self, number: usize) -> (Image, Mask) {
        let Self { size, depth, classes, .. } = *self;
        // Far apart states by one multiplication: patients share nothing but the seed.
        let mut rng = Pcg64::seed_from_u64(self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number as u64));
        let bodies: Vec<Body> = (0..=classes).map(|class| Body::drawn(class, classes + 1, &mut rng)).collect();
        let slope: [f64; 3] = [0.0; 3].map(|_| between(&mut rng, -0.4, 0.4));
        let mut image = Vec::with_capacity(depth * size * size);
        let mut labels = Vec::with_capacity(depth * size * size);
        for at in 0..depth * size * size {
            let place = [at / (size * size), at / size % size, at % size];
            let place: [f64; 3] = std::array::from_fn(|axis| {
                (place[axis] as f64 + 0.5) / if axis == 0 { depth as f64 } else { size as f64 }
            });
            // The last body has no class; it looks like the first.
            let body = bodies.iter().position(|body| body.holds(place));
            let class = body.filter(|body| *body < classes).map_or(0, |body| body + 1);
            let tissue = match body {
                None => 50.0,
                Some(body) => 110.0 + 90.0 * (body % classes) as f64 / classes as f64,
            };
            let bias = 1.0 + slope.iter().zip(place).map(|(slope, along)| slope * (along - 0.5)).sum::<f64>();
            let value = tissue * bias + self.noise * normal(&mut rng);
            image.push(value.clamp(0.0, 255.0) as f32);
            labels.push(u8::try_from(class).expect("there are at most eight classes"));
        }
        let image = Image { frames: depth, channels: 1, height: size, width: size, data: image };
        (image, Mask { layers: 1, depth, height: size, width: size, labels })
    }
}

impl Arrangement for VolumePhantom {
    fn survey(&self, _: &Path) -> Survey {
        if let Some(reason) = self.problem() {
            return Survey { problems: vec![DataProblem::new(What::NoCases, ".", reason)], ..Survey::default() };
        }
        let digits = (self.patients - 1).to_string().len();
        let case = |number: usize| {
            let id = format!("volume{number:0digits$}");
            let (height, width) = (self.size, self.size);
            let patient = id.clone();
            CaseFiles::new(id, patient, None, Header { slices: self.depth, height, width })
        };
        Survey { cases: (0..self.patients).map(case).collect(), ..Survey::default() }
    }

    fn read(&self, _: &Path, files: &CaseFiles) -> Result<Case, DataProblem> {
        let number = files.id.trim_start_matches("volume").parse().expect("the survey has named it");
        let (image, mask) = self.volume(number);
        let (id, patient) = (files.id.clone(), files.patient.clone());
        // What a picture of the case shows.
        let label_frame = mask.fullest();
        let mask = Some(mask);
        Ok(Case {
            id,
            patient,
            site: None,
            part: None,
            image,
            colour: false,
            full_scale: Some(255.0),
            label_frame,
            mask,
            spacing: Some([1.0; 3]),
            native: Native { geometry: Some(Geometry::new([1.0; 3], None)), ..files.native() },
            tags: BTreeMap::new(),
        })
    }
}

fn unit(rng: &mut Pcg64) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

fn between(rng: &mut Pcg64, low: f64, high: f64) -> f64 {
    low + unit(rng) * (high - low)
}

/// By Box and Muller; one of the two.
fn normal(rng: &mut Pcg64) -> f64 {
    let radius = (-2.0 * (1.0 - unit(rng)).ln()).sqrt();
    radius * (TAU * unit(rng)).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(phantom: &VolumePhantom, at: usize) -> Case {
        let survey = phantom.survey(Path::new(""));
        phantom.read(Path::new(""), &survey.cases[at]).expect("nothing is read")
    }

    #[test]
    fn volumes_repeat_and_hold_every_class() {
        let phantom = VolumePhantom { patients: 11, classes: 3, ..VolumePhantom::default() };
        let case = read(&phantom, 10);
        assert_eq!(case, read(&phantom, 10));
        assert_ne!(case.image, read(&phantom, 9).image);
        assert_eq!((case.id.as_str(), case.image.shape()), ("volume10", [16, 1, 32, 32]));
        let mask = case.mask.expect("every volume has one");
        assert_eq!(mask.labels.len(), mask.size());
        for class in 0..=3 {
            let count = mask.labels.iter().filter(|label| **label == class).count();
            assert!(count > 50, "class {class} has {count} voxels");
        }
    }

    #[test]
    fn settings_out_of_range_are_told() {
        let survey = VolumePhantom { depth: 2, ..VolumePhantom::default() }.survey(Path::new(""));
        assert!(survey.problems[0].to_string().contains("`depth` is 2, expected 4 to 512"), "{:?}", survey.problems);
    }
}
