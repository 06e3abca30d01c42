//! One sequence of a patient: where everything is in each frame, and how much it attenuates.
//! It does not know files.

use std::f64::consts::TAU;

use rand_pcg::Pcg64;

use super::anatomy::{Anatomy, Point, Tube, uniform};
use super::config::PhantomConfig;
use super::draw::{Canvas, normal, poisson};

/// Frames a second of the simulated system.
const FRAME_RATE: f64 = 7.5;
/// Attenuation of a vessel of full thickness at the default contrast, per unit of the image's side.
const VESSEL: f64 = 11.0;
const CATHETER: f64 = 13.0;
const MARKING: f64 = 8.5;

/// What changes between sequences of one patient.
pub(super) struct Phase {
    heart: f64,
    breath: f64,
    angle: f64,
    shift: (f64, f64),
    /// Way of the contrast front at the labelled frame.
    front: f64,
}

impl Phase {
    pub(super) fn drawn(rng: &mut Pcg64) -> Self {
        Self {
            heart: uniform(rng, 0.0, TAU),
            breath: uniform(rng, 0.0, TAU),
            angle: uniform(rng, -0.15, 0.15),
            shift: (uniform(rng, -0.05, 0.05), uniform(rng, -0.05, 0.05)),
            front: uniform(rng, 0.75, 1.25),
        }
    }
}

/// A frame: 8-bit pixels, and the mask of the contrast-filled vessels.
pub(super) struct Frame {
    pub pixels: Vec<u8>,
    pub mask: Vec<u8>,
}

/// Draws one frame of a sequence.
pub(super) fn frame(config: &PhantomConfig, anatomy: &Anatomy, phase: &Phase, index: usize, rng: &mut Pcg64) -> Frame {
    let size = config.size;
    let seconds = (index as f64 - config.label_frame as f64) / FRAME_RATE;
    let beat = TAU * config.heart_rate * seconds + phase.heart;
    let breath = config.breathing * (TAU * 0.25 * seconds + phase.breath).sin();
    let moved = |point: &Point| -> Point {
        // Contraction towards the heart's centre, strongest far from the ostium, and a twist; breath moves all down.
        let (x, y) = (point.x - 0.5, point.y - 0.5);
        let squeeze = 1.0 - 0.05 * (1.0 + beat.sin()) * (0.4 + point.reach);
        let twist = 0.05 * (beat + 0.8).cos() * (0.3 + point.reach) + phase.angle;
        let (x, y) = (x * squeeze, y * squeeze);
        Point {
            x: 0.5 + x * twist.cos() - y * twist.sin() + phase.shift.0,
            y: 0.5 + x * twist.sin() + y * twist.cos() + phase.shift.1 + breath,
            ..*point
        }
    };
    // The front moves a third of a main vessel a frame; behind it, opacity rises over a tenth.
    let front = phase.front + 0.28 * (index as f64 - config.label_frame as f64);
    let filled = |reach: f64| ((front - reach) / 0.1).clamp(0.0, 1.0);

    let mut vessels = Canvas::new(size);
    for tube in &anatomy.vessels {
        let tube: Tube = tube.iter().map(moved).collect();
        vessels.tube(&tube, |point| filled(point.reach));
    }
    let mut catheter = Canvas::new(size);
    catheter.tube(&anatomy.catheter.iter().map(moved).collect(), |_| 1.0);
    let mut markings = Canvas::new(size);
    for tube in &anatomy.markings {
        let breathing = |point: &Point| Point { y: point.y + 0.3 * breath, ..*point };
        markings.tube(&tube.iter().map(breathing).collect(), |_| 1.0);
    }

    let attenuation = |at: usize| {
        let (x, y) = ((at % size) as f64 / size as f64, (at / size) as f64 / size as f64);
        let still = bones(anatomy, x, y, breath) + MARKING * markings.thickness(at) + CATHETER * catheter.thickness(at);
        config.background * still + config.contrast * VESSEL * vessels.thickness(at)
    };
    let mut expected: Vec<f64> = (0..size * size).map(|at| (-attenuation(at)).exp()).collect();
    blur(&mut expected, size);
    let pixels = expected
        .iter()
        .map(|share| {
            let photons = config.photons * share;
            let counted = if photons < 50.0 { poisson(rng, photons) } else { photons + photons.sqrt() * normal(rng) };
            (counted / config.photons * 215.0).round().clamp(0.0, 255.0) as u8
        })
        .collect();
    let mask = (0..size * size).map(|at| u8::from(vessels.thickness(at) > vessels.least()) * 255).collect();
    Frame { pixels, mask }
}

/// Attenuation of soft tissue, ribs, spine and diaphragm at a point.
fn bones(anatomy: &Anatomy, x: f64, y: f64, breath: f64) -> f64 {
    let soft = 0.3 + anatomy.tilt * (x - 0.5) + 0.25 * ((x - 0.5).powi(2) + (y - 0.45).powi(2));
    let ribs: f64 = anatomy
        .ribs
        .iter()
        .map(|rib| {
            let middle = rib.height + rib.slope * x + rib.bend * x * x;
            let away = ((y - middle) / rib.width).abs();
            // Cortical bone: the edges attenuate more than the marrow between them.
            let band = 1.0 / (1.0 + ((away - 1.0) * 9.0).exp());
            let edge = (-((away - 0.85) * 4.0).powi(2)).exp();
            rib.strength * (0.55 * band + 0.75 * edge)
        })
        .sum();
    let spine = 0.35 / (1.0 + (((x - anatomy.spine).abs() - 0.09) * 40.0).exp());
    let dome = anatomy.diaphragm + 0.35 * (x - 0.4).powi(2) + breath;
    let diaphragm = 0.55 / (1.0 + (-(y - dome) * 55.0).exp());
    soft + ribs + spine + diaphragm
}

/// The focal spot and the detector: a small binomial kernel.
fn blur(values: &mut [f64], size: usize) {
    let sides = [(1, size), (size, 1)];
    for (step, _) in sides {
        let before = values.to_vec();
        for at in 0..values.len() {
            let place = if step == 1 { at % size } else { at / size };
            let low = if place == 0 { before[at] } else { before[at - step] };
            let high = if place + 1 == size { before[at] } else { before[at + step] };
            values[at] = 0.2 * low + 0.6 * before[at] + 0.2 * high;
        }
    }
}
