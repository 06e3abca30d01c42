//! Fewer marks where more could not be seen.
//!
//! Does not know pictures.

/// A line with at most about `most` points: of each run of points the lowest and the highest stay, in their order, so that no peak goes.
pub(crate) fn line(points: Vec<(f64, f64)>, most: usize) -> Vec<(f64, f64)> {
    if points.len() <= most {
        return points;
    }
    let run = (2 * points.len()).div_ceil(most);
    let mut kept = vec![points[0]];
    for part in points[1..points.len() - 1].chunks(run) {
        let by = |one: &(usize, &(f64, f64)), other: &(usize, &(f64, f64))| one.1.1.total_cmp(&other.1.1);
        let lowest = part.iter().enumerate().min_by(by).map_or(0, |(at, _)| at);
        let highest = part.iter().enumerate().max_by(by).map_or(0, |(at, _)| at);
        kept.push(part[lowest.min(highest)]);
        if lowest != highest {
            kept.push(part[lowest.max(highest)]);
        }
    }
    kept.push(points[points.len() - 1]);
    kept
}

/// At most `most` of some sorted values, evenly by rank, with both ends.
pub(crate) fn sorted(values: &[f64], most: usize) -> Vec<f64> {
    if values.len() <= most || most < 2 {
        return values.to_vec();
    }
    (0..most).map(|at| values[at * (values.len() - 1) / (most - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_and_ends_stay() {
        let points: Vec<(f64, f64)> =
            (0..10_000).map(|at| (f64::from(at), if at == 7_777 { 9.0 } else { f64::from(at % 10) / 10.0 })).collect();
        let kept = line(points, 400);
        assert!(kept.len() <= 410 && kept.contains(&(7_777.0, 9.0)) && kept[0].0 == 0.0, "{}", kept.len());
        assert_eq!(kept[kept.len() - 1].0, 9_999.0);
        assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let values: Vec<f64> = (0..1000).map(f64::from).collect();
        let kept = sorted(&values, 10);
        assert_eq!((kept.len(), kept[0], kept[9]), (10, 0.0, 999.0));
    }
}
