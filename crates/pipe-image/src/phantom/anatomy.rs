//! What a patient looks like: a vessel tree, bones, a diaphragm, lung markings.
//! It does not know frames or pixels; points are in units of the image's side.

use std::f64::consts::TAU;

use rand::Rng as _;
use rand_pcg::Pcg64;

/// A point of a tube.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub x: f64,
    pub y: f64,
    pub radius: f64,
    /// Length of the way that contrast medium takes to here.
    pub reach: f64,
}

/// A tube along points.
pub(super) type Tube = Vec<Point>;

/// A patient.
#[derive(Clone, Debug)]
pub(super) struct Anatomy {
    pub vessels: Vec<Tube>,
    /// From the border to where the vessels begin; not a vessel.
    pub catheter: Tube,
    /// Thin tubes that do not move with the heart.
    pub markings: Vec<Tube>,
    pub ribs: Vec<Rib>,
    pub spine: f64,
    pub diaphragm: f64,
    pub tilt: f64,
}

/// A curved band.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rib {
    pub height: f64,
    pub slope: f64,
    pub bend: f64,
    pub width: f64,
    pub strength: f64,
}

pub(super) fn uniform(rng: &mut Pcg64, low: f64, high: f64) -> f64 {
    // 53 random bits, as the mantissa holds.
    low + (high - low) * (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Draws a patient.
pub(super) fn anatomy(rng: &mut Pcg64) -> Anatomy {
    let ostium = (uniform(rng, 0.2, 0.36), uniform(rng, 0.14, 0.28));
    let mut vessels = Vec::new();
    let mains = if uniform(rng, 0.0, 1.0) < 0.6 { 2 } else { 3 };
    for main in 0..mains {
        let direction = TAU * (0.02 + 0.13 * main as f64 + uniform(rng, -0.03, 0.03));
        let radius = uniform(rng, 0.021, 0.028);
        let start = Point { x: ostium.0, y: ostium.1, radius, reach: 0.0 };
        let length = uniform(rng, 0.6, 0.85);
        grow(rng, start, direction, length, 0, &mut vessels);
    }
    let catheter = catheter(rng, ostium);
    let markings = (0..7).map(|_| marking(rng)).collect();
    let first = uniform(rng, 0.0, 0.2);
    let ribs = (0..4)
        .map(|rib| Rib {
            height: first + 0.24 * f64::from(rib) + uniform(rng, -0.02, 0.02),
            slope: uniform(rng, 0.12, 0.35),
            bend: uniform(rng, -0.35, -0.1),
            width: uniform(rng, 0.035, 0.055),
            strength: uniform(rng, 0.14, 0.24),
        })
        .collect();
    Anatomy {
        vessels,
        catheter,
        markings,
        ribs,
        spine: uniform(rng, 0.7, 0.95),
        diaphragm: uniform(rng, 0.78, 0.9),
        tilt: uniform(rng, -0.35, 0.35),
    }
}

/// A vessel with its branches: a walk whose direction wanders, tapering to a third.
fn grow(rng: &mut Pcg64, start: Point, direction: f64, length: f64, depth: usize, vessels: &mut Vec<Tube>) {
    const STEP: f64 = 0.012;
    let steps = (length / STEP) as usize;
    let curl = uniform(rng, -0.5, 0.5);
    let (phase, tortuosity) = (uniform(rng, 0.0, TAU), uniform(rng, 0.15, 0.5));
    let mut tube = vec![start];
    let mut branches = Vec::new();
    let mut next_branch = uniform(rng, 0.12, 0.22);
    let mut side = if uniform(rng, 0.0, 1.0) < 0.5 { 1.0 } else { -1.0 };
    for step in 1..=steps {
        let share = step as f64 / steps as f64;
        let angle = direction + curl * share + tortuosity * (phase + 9.0 * share).sin();
        let last = tube[tube.len() - 1];
        let point = Point {
            x: last.x + STEP * angle.cos(),
            y: last.y + STEP * angle.sin(),
            radius: start.radius * (1.0 - 0.66 * share),
            reach: last.reach + STEP,
        };
        tube.push(point);
        if depth < 2 && share * length > next_branch && share < 0.8 {
            next_branch += uniform(rng, 0.13, 0.24);
            let away = angle + side * uniform(rng, 0.5, 1.0);
            branches.push((Point { radius: point.radius * 0.75, ..point }, away, length * uniform(rng, 0.3, 0.5)));
            side = -side;
        }
    }
    vessels.push(tube);
    for (start, direction, length) in branches {
        grow(rng, start, direction, length, depth + 1, vessels);
    }
}

fn catheter(rng: &mut Pcg64, ostium: (f64, f64)) -> Tube {
    let (from, bow) = (uniform(rng, 0.5, 0.9), uniform(rng, -0.12, 0.12));
    let radius = uniform(rng, 0.016, 0.02);
    (0..=80)
        .map(|step| {
            let share = f64::from(step) / 80.0;
            let arc = (share * TAU / 2.0).sin() * bow;
            let x = from + (ostium.0 - from) * share.powf(1.6) + arc;
            let y = -0.02 + (ostium.1 + 0.02) * share - arc * 0.5;
            Point { x, y, radius, reach: 0.0 }
        })
        .collect()
}

fn marking(rng: &mut Pcg64) -> Tube {
    let (mut x, mut y) = (uniform(rng, 0.0, 1.0), uniform(rng, 0.0, 0.9));
    let mut angle = uniform(rng, 0.0, TAU);
    let bend = uniform(rng, -0.06, 0.06);
    let radius = uniform(rng, 0.011, 0.02);
    let steps = 25 + (uniform(rng, 0.0, 1.0) * 25.0) as usize;
    (0..steps)
        .map(|_| {
            angle += bend + uniform(rng, -0.08, 0.08);
            x += 0.012 * angle.cos();
            y += 0.012 * angle.sin();
            Point { x, y, radius, reach: 0.0 }
        })
        .collect()
}
