//! Minimises a smooth function within bounds.
//!
//! Does not know the function.

use super::matrix::dot;

/// Steps that are remembered.
const REMEMBERED: usize = 10;
/// A step must gain so much of what the slope promises.
const PROMISED: f64 = 1e-4;

/// A step, how the gradient changed with it, and their product.
type Move = (Vec<f64>, Vec<f64>, f64);

/// Where a function is least, beginning at a point, and its value there. The function gives its value and gradient, or none where it has
/// no value; each coordinate stays within its bounds.
///
/// Limited-memory BFGS on the coordinates that are free to move; a step is shortened by halves along its projection until it gains. Ends
/// when no free coordinate has a slope above `slope`.
///
/// # Source
/// Liu and Nocedal, *On the limited memory BFGS method for large scale optimization*, Math. Program. 45 (1989); projected as by
/// Bertsekas, *Projected Newton methods for optimization problems with simple constraints*, SIAM J. Control Optim. 20 (1982).
pub(super) fn minimise(
    mut function: impl FnMut(&[f64]) -> Option<(f64, Vec<f64>)>,
    start: &[f64],
    bounds: &[(f64, f64)],
    slope: f64,
    steps: usize,
) -> Option<(f64, Vec<f64>)> {
    let mut point: Vec<f64> = start.iter().zip(bounds).map(|(own, (low, high))| own.clamp(*low, *high)).collect();
    let mut memory: Vec<Move> = Vec::new();
    let (mut value, mut gradient) = function(&point)?;
    for _ in 0..steps {
        let is_free = |at: usize| {
            let (low, high) = bounds[at];
            !(point[at] <= low && gradient[at] > 0.0 || point[at] >= high && gradient[at] < 0.0)
        };
        let free: Vec<bool> = (0..point.len()).map(is_free).collect();
        let slopes = masked(&gradient, &free);
        if slopes.iter().all(|own| own.abs() <= slope) {
            break;
        }
        let mut direction = masked(&newton(&slopes, &memory), &free);
        if dot(&direction, &slopes) >= 0.0 {
            memory.clear();
            direction = slopes.iter().map(|own| -own).collect();
        }
        // Without a memory the size of a step is unknown; one of length 1 at most.
        let mut share = if memory.is_empty() { 1.0 / dot(&direction, &direction).sqrt().max(1.0) } else { 1.0 };
        let mut gained = None;
        for _ in 0..40 {
            let moved = |at: usize| (point[at] + share * direction[at]).clamp(bounds[at].0, bounds[at].1);
            let next: Vec<f64> = (0..point.len()).map(moved).collect();
            let step: Vec<f64> = next.iter().zip(&point).map(|(next, own)| next - own).collect();
            if step.iter().all(|step| *step == 0.0) {
                break;
            }
            match function(&next) {
                Some((below, slopes)) if below <= value + PROMISED * dot(&gradient, &step) => {
                    gained = Some((below, slopes, next, step));
                    break;
                }
                _ => share *= 0.5,
            }
        }
        let Some((below, slopes, next, step)) = gained else { break };
        let bent: Vec<f64> = slopes.iter().zip(&gradient).map(|(next, own)| next - own).collect();
        let curvature = dot(&step, &bent);
        if curvature > 1e-10 * dot(&bent, &bent) {
            memory.push((step, bent, curvature));
            if memory.len() > REMEMBERED {
                memory.remove(0);
            }
        }
        let gain = value - below;
        (value, gradient, point) = (below, slopes, next);
        if gain <= 1e-12 * value.abs() {
            break;
        }
    }
    Some((value, point))
}

fn masked(vector: &[f64], free: &[bool]) -> Vec<f64> {
    vector.iter().zip(free).map(|(own, free)| if *free { *own } else { 0.0 }).collect()
}

/// The two loops of the paper: the negative gradient times an approximation of the inverse Hessian.
fn newton(gradient: &[f64], memory: &[Move]) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|own| -own).collect();
    let mut shares = Vec::with_capacity(memory.len());
    for (step, bent, curvature) in memory.iter().rev() {
        let share = dot(step, &direction) / curvature;
        add(&mut direction, -share, bent);
        shares.push(share);
    }
    if let Some((_, bent, curvature)) = memory.last() {
        let scale = curvature / dot(bent, bent);
        direction.iter_mut().for_each(|own| *own *= scale);
    }
    for ((step, bent, curvature), share) in memory.iter().zip(shares.into_iter().rev()) {
        let share = share - dot(bent, &direction) / curvature;
        add(&mut direction, share, step);
    }
    direction
}

fn add(vector: &mut [f64], factor: f64, other: &[f64]) {
    vector.iter_mut().zip(other).for_each(|(own, other)| *own += factor * other);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valley(x: &[f64]) -> Option<(f64, Vec<f64>)> {
        let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
        Some((a * a + 100.0 * b * b, vec![-2.0 * a - 400.0 * x[0] * b, 200.0 * b]))
    }

    #[track_caller]
    fn check(bounds: [(f64, f64); 2], expected: [f64; 2]) {
        let (_, found) = minimise(valley, &[-1.2, 1.0], &bounds, 1e-8, 500).expect("it is right");
        assert!(found.iter().zip(expected).all(|(own, wanted)| (own - wanted).abs() < 1e-5), "{found:?}");
    }

    /// Rosenbrock's valley; with `x <= 0.5` the least is at (0.5, 0.25), with `y >= 4` where `400 x^3 - 1598 x - 2 = 0`.
    #[test]
    fn the_end_of_the_valley_is_found_within_bounds() {
        check([(-5.0, 5.0), (-5.0, 5.0)], [1.0, 1.0]);
        check([(-5.0, 0.5), (-5.0, 5.0)], [0.5, 0.25]);
        check([(0.5, 5.0), (0.5, 5.0)], [1.0, 1.0]);
    }

    #[test]
    fn no_value_at_the_start_is_no_least() {
        assert!(minimise(|_| None, &[0.0], &[(0.0, 1.0)], 1e-6, 10).is_none());
    }
}
