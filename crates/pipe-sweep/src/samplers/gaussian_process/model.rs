//! A Gaussian process: its kernel, its fit and what it foretells.
//!
//! Does not know what the values mean; more is better.

use super::{
    encoding::{Dimension, Encoding},
    matrix::{Matrix, dot},
    minimise::minimise,
    warp::{Warp, Warped},
};

/// Least variance of the noise, in units of the values' variance: without any, equal points make the matrix singular.
const LEAST_NOISE: f64 = 1e-6;

/// A process, fitted to values with mean 0 and variance 1.
pub(super) struct Model {
    /// Whether a coordinate is a number; else only equality counts.
    numeric: Vec<bool>,
    points: Vec<Vec<f64>>,
    values: Vec<f64>,
    kernel: Kernel,
    /// Inverse of the kernel matrix with noise.
    inverse: Matrix,
    /// The inverse times the values.
    weights: Vec<f64>,
}

/// `variance * (1 + r + r^2 / 3) exp(-r)` with `r^2 = 5 * sum over d of closeness_d * distance_d^2`: Matern 5/2.
#[derive(Clone, Debug)]
struct Kernel {
    /// Inverse squares of the lengths.
    closeness: Vec<f64>,
    variance: f64,
    noise: f64,
}

/// What is foretold of a point.
pub(super) struct Foretold {
    pub(super) mean: f64,
    pub(super) variance: f64,
    /// The kernel between the point and each known one, and its derivative by the squared distance.
    slopes: Vec<f64>,
    /// The inverse matrix times the kernel.
    spread: Vec<f64>,
}

impl Kernel {
    fn of(parameters: &[f64]) -> Self {
        let (closeness, rest) = parameters.split_at(parameters.len() - 2);
        let closeness = closeness.iter().map(|own| own.exp()).collect();
        Self { closeness, variance: rest[0].exp(), noise: rest[1].exp() + LEAST_NOISE }
    }

    /// The kernel, and its derivative by `sum over d of closeness_d * distance_d^2`.
    fn at(&self, square: f64) -> (f64, f64) {
        let r = (5.0 * square).sqrt();
        let decay = self.variance * (-r).exp();
        (decay * (1.0 + r + r * r / 3.0), -5.0 / 6.0 * decay * (1.0 + r))
    }
}

impl Model {
    /// Fits the kernel and the warp to points and values by their likelihood and priors; the kernel from two beginnings.
    pub(super) fn fitted(encoding: &Encoding<'_>, points: Vec<Vec<f64>>, values: &[f64]) -> Self {
        let numeric: Vec<bool> =
            encoding.dimensions().iter().map(|dimension| !matches!(dimension, Dimension::Choice(_))).collect();
        let squares = squares(&numeric, &points);
        let dimensions = numeric.len();
        let bounds: Vec<(f64, f64)> =
            (0..dimensions).map(|_| (-9.0, 9.0)).chain([(-6.0, 6.0), (LEAST_NOISE.ln() - 2.0, 2.0)]).collect();
        let mut best: Option<(f64, Vec<f64>, Vec<f64>)> = None;
        for warp in Warp::all(values) {
            let Warped { values, stretch } = warp.bent(values);
            for (closeness, noise) in [(0.0, -4.0), (3.0, -9.0)] {
                let start: Vec<f64> = (0..dimensions).map(|_| closeness).chain([0.0, noise]).collect();
                let found = minimise(|parameters| surprise(&squares, &values, parameters), &start, &bounds, 1e-2, 100);
                let Some((surprise, parameters)) = found else { continue };
                if best.as_ref().is_none_or(|(least, ..)| surprise - stretch < *least) {
                    best = Some((surprise - stretch, parameters, values.clone()));
                }
            }
        }
        let (_, parameters, values) = best.expect("with much noise the first kernel matrix is positive definite");
        Self::with(numeric, points, values, Kernel::of(&parameters))
    }

    fn with(numeric: Vec<bool>, points: Vec<Vec<f64>>, values: Vec<f64>, mut kernel: Kernel) -> Self {
        let squares = squares(&numeric, &points);
        let inverse = loop {
            match matrix(&squares, points.len(), &kernel).0.cholesky() {
                Some(lower) => break lower.inverse_of_square(),
                // Points that are believed in may be too near to others.
                None => kernel.noise *= 10.0,
            }
        };
        let weights = inverse.times(&values);
        Self { numeric, points, values, kernel, inverse, weights }
    }

    /// Adds a point with the value that is foretold of it.
    pub(super) fn believe(&mut self, point: Vec<f64>) {
        let mean = self.foretell(&point).mean;
        let (mut points, mut values) = (std::mem::take(&mut self.points), std::mem::take(&mut self.values));
        points.push(point);
        values.push(mean);
        *self = Self::with(std::mem::take(&mut self.numeric), points, values, self.kernel.clone());
    }

    /// The largest value.
    pub(super) fn best(&self) -> f64 {
        self.values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// The lengths over which the process changes, by coordinate.
    pub(super) fn length(&self, at: usize) -> f64 {
        self.kernel.closeness[at].powf(-0.5)
    }

    /// Mean and variance at a point.
    pub(super) fn foretell(&self, point: &[f64]) -> Foretold {
        let square = |known: &Vec<f64>| -> f64 {
            let pairs = point.iter().zip(known).zip(self.numeric.iter().zip(&self.kernel.closeness));
            pairs.map(|((one, other), (numeric, closeness))| closeness * distance(*numeric, *one, *other)).sum()
        };
        let (kernel, slopes): (Vec<f64>, Vec<f64>) =
            self.points.iter().map(|known| self.kernel.at(square(known))).unzip();
        let spread = self.inverse.times(&kernel);
        let mean = dot(&kernel, &self.weights);
        let variance = (self.kernel.variance - dot(&kernel, &spread)).max(1e-12);
        Foretold { mean, variance, slopes, spread }
    }

    /// How mean and variance change with a coordinate that is a number.
    pub(super) fn change(&self, foretold: &Foretold, point: &[f64], at: usize) -> (f64, f64) {
        let (mut mean, mut variance) = (0.0, 0.0);
        for (known, other) in self.points.iter().enumerate() {
            let slope = foretold.slopes[known] * self.kernel.closeness[at] * 2.0 * (point[at] - other[at]);
            mean += slope * self.weights[known];
            variance -= 2.0 * slope * foretold.spread[known];
        }
        (mean, variance)
    }
}

fn distance(numeric: bool, one: f64, other: f64) -> f64 {
    if numeric { (one - other) * (one - other) } else { f64::from(u8::from(one != other)) }
}

/// Squared distances of all pairs, by pair and coordinate: (1, 0), (2, 0), (2, 1), ...
fn squares(numeric: &[bool], points: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let of = |one: &Vec<f64>, other: &Vec<f64>| -> Vec<f64> {
        one.iter().zip(other).zip(numeric).map(|((one, other), numeric)| distance(*numeric, *one, *other)).collect()
    };
    points.iter().enumerate().flat_map(|(at, one)| points[..at].iter().map(move |other| of(one, other))).collect()
}

/// The kernel matrix with noise, and the derivatives of the pairs by the weighted sum of squares.
fn matrix(squares: &[Vec<f64>], size: usize, kernel: &Kernel) -> (Matrix, Vec<f64>) {
    let mut matrix = Matrix::zeros(size);
    let mut slopes = Vec::with_capacity(squares.len());
    let mut pairs = squares.iter();
    for i in 0..size {
        for j in 0..i {
            let squares = pairs.next().expect("there is one for each pair");
            let (value, slope) = kernel.at(dot(squares, &kernel.closeness));
            matrix.values[i * size + j] = value;
            matrix.values[j * size + i] = value;
            slopes.push(slope);
        }
        matrix.values[i * size + i] = kernel.variance + kernel.noise;
    }
    (matrix, slopes)
}

/// The negative logarithm of likelihood and prior, without constants, and its gradient by the logarithms of the kernel's parameters; none
/// where the matrix is not positive definite.
///
/// With `K` the matrix and `a = K^-1 y`: `(y' a + log det K) / 2`, and by a parameter `tr((K^-1 - a a') dK) / 2` (Rasmussen and Williams,
/// *Gaussian processes for machine learning* (2006), 5.8 and 5.9).
fn surprise(squares: &[Vec<f64>], values: &[f64], parameters: &[f64]) -> Option<(f64, Vec<f64>)> {
    let kernel = Kernel::of(parameters);
    let (matrix, slopes) = matrix(squares, values.len(), &kernel);
    let lower = matrix.cholesky()?;
    let inverse = lower.inverse_of_square();
    let weights = inverse.times(values);
    let size = values.len();
    let diagonal: f64 = (0..size).map(|at| lower.values[at * size + at].ln()).sum();
    let mut surprise = 0.5 * dot(values, &weights) + diagonal;
    let dimensions = kernel.closeness.len();
    let mut gradient = vec![0.0; dimensions + 2];
    let mut pair = 0;
    let mut trace = 0.0;
    for i in 0..size {
        for j in 0..i {
            // Both halves of the symmetric matrix, and the half of the formula.
            let share = inverse.values[i * size + j] - weights[i] * weights[j];
            gradient[dimensions] += share * matrix.values[i * size + j];
            let slope = share * slopes[pair];
            for (own, square) in gradient.iter_mut().zip(&squares[pair]) {
                *own += slope * square;
            }
            pair += 1;
        }
        trace += inverse.values[i * size + i] - weights[i] * weights[i];
    }
    for (own, closeness) in gradient.iter_mut().zip(&kernel.closeness) {
        *own *= closeness;
    }
    gradient[dimensions] += 0.5 * trace * kernel.variance;
    gradient[dimensions + 1] = 0.5 * trace * (kernel.noise - LEAST_NOISE);
    for (own, (value, slope)) in gradient.iter_mut().zip(priors(&kernel)) {
        surprise += value;
        *own += slope;
    }
    surprise.is_finite().then_some((surprise, gradient))
}

/// Negative logarithms of the priors and their derivatives by the logarithms of the parameters: lengths are neither far below nor far
/// above the range, the variance is about that of the values, and noise is small.
fn priors(kernel: &Kernel) -> Vec<(f64, f64)> {
    let closeness = |own: &f64| (0.1 / own + 0.1 * own, -0.1 / own + 0.1 * own);
    let gamma = |own: f64, shape: f64, rate: f64| (rate * own - (shape - 1.0) * own.ln(), rate * own - (shape - 1.0));
    let (noise, slope) = gamma(kernel.noise, 1.1, 30.0);
    let noise = (noise, slope * (kernel.noise - LEAST_NOISE) / kernel.noise);
    kernel.closeness.iter().map(closeness).chain([gamma(kernel.variance, 2.0, 1.0), noise]).collect()
}

#[cfg(test)]
mod tests;
