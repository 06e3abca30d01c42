//! Tubes to thickness maps, and random numbers of physical distributions.
//! It does not know anatomy.

use std::f64::consts::TAU;

use rand_pcg::Pcg64;

use super::anatomy::{Point, Tube, uniform};

/// Samples a pixel and side: thin vessels are about one pixel wide.
const SAMPLES: usize = 4;

/// Thickness of what X-rays pass, in units of the image's side.
pub(super) struct Canvas {
    size: usize,
    /// At `SAMPLES * size` resolution; overlapping tubes count once each where they are thickest.
    fine: Vec<f64>,
}

impl Canvas {
    pub(super) fn new(size: usize) -> Self {
        Self { size, fine: vec![0.0; (size * SAMPLES).pow(2)] }
    }

    /// Draws a tube; `opacity` says how far each point is filled.
    pub(super) fn tube(&mut self, tube: &Tube, opacity: impl Fn(&Point) -> f64) {
        let side = (self.size * SAMPLES) as f64;
        let width = self.size * SAMPLES;
        for pair in tube.windows(2) {
            let filled = opacity(&pair[0]);
            if filled <= 0.0 {
                continue;
            }
            let (a, b) = (pair[0], pair[1]);
            let radius = a.radius.max(b.radius);
            let range = |low: f64, high: f64| {
                let first = ((low - radius) * side).floor().clamp(0.0, side) as usize;
                let last = ((high + radius) * side).ceil().clamp(0.0, side) as usize;
                first..last
            };
            for row in range(a.y.min(b.y), a.y.max(b.y)) {
                for column in range(a.x.min(b.x), a.x.max(b.x)) {
                    let (x, y) = ((column as f64 + 0.5) / side, (row as f64 + 0.5) / side);
                    let (dx, dy) = (b.x - a.x, b.y - a.y);
                    let along = ((x - a.x) * dx + (y - a.y) * dy) / (dx * dx + dy * dy).max(1e-12);
                    let along = along.clamp(0.0, 1.0);
                    let away = (x - a.x - along * dx).powi(2) + (y - a.y - along * dy).powi(2);
                    let radius = a.radius + along * (b.radius - a.radius);
                    let thickness = 2.0 * (radius * radius - away).max(0.0).sqrt() * filled;
                    let fine = &mut self.fine[row * width + column];
                    *fine = fine.max(thickness);
                }
            }
        }
    }

    /// Mean thickness over a pixel.
    pub(super) fn thickness(&self, at: usize) -> f64 {
        let (row, column) = (at / self.size * SAMPLES, at % self.size * SAMPLES);
        let width = self.size * SAMPLES;
        let rows = (0..SAMPLES).flat_map(|y| &self.fine[(row + y) * width + column..][..SAMPLES]);
        rows.sum::<f64>() / (SAMPLES * SAMPLES) as f64
    }

    /// The thickness above which a pixel counts as vessel: an expert would draw it.
    pub(super) fn least(&self) -> f64 {
        0.011
    }
}

/// A number of the standard normal distribution (Box and Muller 1958).
pub(super) fn normal(rng: &mut Pcg64) -> f64 {
    let radius = (-2.0 * uniform(rng, f64::MIN_POSITIVE, 1.0).ln()).sqrt();
    radius * (TAU * uniform(rng, 0.0, 1.0)).cos()
}

/// A number of the Poisson distribution, for small means (Knuth 1969).
pub(super) fn poisson(rng: &mut Pcg64, mean: f64) -> f64 {
    let limit = (-mean).exp();
    let (mut count, mut product) = (0.0, uniform(rng, 0.0, 1.0));
    while product > limit {
        count += 1.0;
        product *= uniform(rng, 0.0, 1.0);
    }
    count
}
