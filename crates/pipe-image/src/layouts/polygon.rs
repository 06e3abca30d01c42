//! Rasterises annotated outlines by the rule of the COCO tools, pixel for pixel.
//! It does not know annotation files.

use crate::Mask;
use crate::case::{Area, Outline};

/// Draws outlines over each other; polygons of one outline are united.
pub(super) fn draw(outlines: &[Outline], height: usize, width: usize) -> Mask {
    let mut mask = Mask::empty(height, width);
    for outline in outlines {
        match &outline.area {
            Area::Polygons(polygons) => {
                polygons.iter().for_each(|polygon| {
                    toggle(&mut mask, outline.class, &toggles(polygon, height, width));
                });
            }
            Area::Runs(runs) => {
                let ends = runs.iter().scan(0, |at, run| {
                    *at += *run as usize;
                    Some(*at)
                });
                toggle(&mut mask, outline.class, &ends.collect::<Vec<usize>>());
            }
            Area::ColumnSpans(spans) => {
                let ends = spans.iter().flat_map(|[at, length]| [*at as usize, *at as usize + *length as usize]);
                toggle(&mut mask, outline.class, &ends.collect::<Vec<usize>>());
            }
            Area::RowSpans(spans) => {
                for [at, length] in spans {
                    let end = (*at as usize + *length as usize).min(mask.labels.len());
                    mask.labels[(*at as usize).min(end)..end].fill(outline.class);
                }
            }
        }
    }
    mask
}

/// Draws each class into a layer of its own.
pub(super) fn layered(outlines: &[Outline], layers: usize, height: usize, width: usize) -> Mask {
    let of = |layer: usize| {
        let one = outlines.iter().filter(move |outline| usize::from(outline.class) == layer + 1);
        draw(&one.map(|outline| Outline { class: 1, ..outline.clone() }).collect::<Vec<_>>(), height, width).labels
    };
    Mask { layers, depth: 1, height, width, labels: (0..layers).flat_map(of).collect() }
}

/// Paints between every odd and the next even place; places count column by column.
fn toggle(mask: &mut Mask, class: u8, places: &[usize]) {
    let size = mask.height * mask.width;
    for pair in places.chunks(2) {
        let end = pair.get(1).copied().unwrap_or(size).min(size);
        for at in pair[0]..end {
            mask.labels[(at % mask.height) * mask.width + at / mask.height] = class;
        }
    }
}

/// Steps of the fine grid a pixel.
const SCALE: i64 = 5;

/// Gives the places, column by column, where the polygon begins or ends; sorted.
///
/// # Source
/// `rleFrPoly` of cocoapi `common/maskApi.c`: the outline is walked in steps of a fifth of a pixel; in each column it is taken where it
/// crosses the pixel centre. Deviations: an edge of no length is one point (there it divides zero by zero); only the steps that cross
/// a pixel centre within the image are looked at, so that corners far away cost nothing.
fn toggles(polygon: &[f64], height: usize, width: usize) -> Vec<usize> {
    // Beyond 2^40 a step is lost in rounding.
    let corner = |value: f64| ((SCALE as f64 * value + 0.5) as i64).clamp(-(1 << 40), 1 << 40);
    let corners: Vec<(i64, i64)> = polygon.chunks_exact(2).map(|pair| (corner(pair[0]), corner(pair[1]))).collect();
    let most = height * width + 1;
    let mut places = Vec::new();
    for (from, to) in corners.iter().zip(corners.iter().cycle().skip(1)) {
        let edge = Edge::new(*from, *to);
        for (x, v) in edge.crossings(width) {
            let y = ((v as f64 + 0.5) / SCALE as f64 - 0.5).clamp(0.0, height as f64).ceil();
            places.push(x * height + y as usize);
        }
        if places.len() > 2 * most {
            places = once(places);
        }
    }
    once(places)
}

/// Gives the places in order, without those that stand there an even number of times, which toggle nothing.
fn once(mut places: Vec<usize>) -> Vec<usize> {
    places.sort_unstable();
    places.chunk_by(|one, other| one == other).filter(|same| same.len() % 2 == 1).map(|same| same[0]).collect()
}

/// An edge on the fine grid, from left to right or, where it is steep, from top to bottom.
struct Edge {
    start: (i64, i64),
    /// How far it goes to the right, or down where it is steep.
    steps: i64,
    steep: bool,
    /// What a step adds to the other coordinate.
    slope: f64,
}

impl Edge {
    fn new((x_from, y_from): (i64, i64), (x_to, y_to): (i64, i64)) -> Self {
        let (dx, dy) = ((x_to - x_from).abs(), (y_to - y_from).abs());
        let steep = dx < dy;
        let flip = if steep { y_from > y_to } else { x_from > x_to };
        let ((xs, ys), (xe, ye)) =
            if flip { ((x_to, y_to), (x_from, y_from)) } else { ((x_from, y_from), (x_to, y_to)) };
        let slope = match (steep, dx.max(dy)) {
            (_, 0) => 0.0,
            (true, _) => (xe - xs) as f64 / dy as f64,
            (false, _) => (ye - ys) as f64 / dx as f64,
        };
        Self { start: (xs, ys), steps: dx.max(dy), steep, slope }
    }

    /// Gives the point after so many steps.
    fn point(&self, step: i64) -> (i64, i64) {
        let (x, y) = self.start;
        let other = |from: i64| (from as f64 + self.slope * step as f64 + 0.5) as i64;
        if self.steep { (other(x), y + step) } else { (x + step, other(y)) }
    }

    /// Gives each column whose pixel centres the edge crosses, and the upper of the two points between which it does.
    fn crossings(&self, width: usize) -> impl Iterator<Item = (usize, i64)> {
        let (first, last) = (self.point(0).0, self.point(self.steps).0);
        let (left, right) = (first.min(last), first.max(last));
        // The centre of column `x` lies between `5 x + 2` and the step after it.
        let begin = usize::try_from((left - 2 + SCALE - 1).div_euclid(SCALE)).unwrap_or(0);
        let end = usize::try_from((right - 3).div_euclid(SCALE) + 1).unwrap_or(0).min(width);
        (begin..end).map(move |x| {
            let before = SCALE * x as i64 + 2;
            let after = self.first(|(u, _)| if first < last { u > before } else { u <= before });
            (x, self.point(after - 1).1.min(self.point(after).1))
        })
    }

    /// Gives the first step, not before the second point, from which on something holds.
    fn first(&self, holds: impl Fn((i64, i64)) -> bool) -> i64 {
        let (mut low, mut high) = (1, self.steps);
        while low < high {
            let middle = low + (high - low) / 2;
            if holds(self.point(middle)) { high = middle } else { low = middle + 1 }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(polygons: &[&[f64]], expected: &str) {
        let polygons = polygons.iter().map(|polygon| polygon.to_vec()).collect();
        let mask = draw(&[Outline { class: 1, area: Area::Polygons(polygons) }], 5, 6);
        let rows: Vec<String> =
            mask.labels.chunks(6).map(|row| row.iter().map(|v| if *v == 1 { '#' } else { '.' }).collect()).collect();
        assert_eq!(rows.join("\n"), expected);
    }

    #[test]
    fn a_square_covers_the_pixels_whose_centres_it_covers() {
        check(&[&[1.0, 1.0, 4.0, 1.0, 4.0, 3.0, 1.0, 3.0]], "......\n.###..\n.###..\n......\n......");
    }

    #[test]
    fn polygons_of_an_outline_are_united_and_clipped() {
        let left: &[f64] = &[-2.0, -2.0, 2.0, -2.0, 2.0, 2.0, -2.0, 2.0];
        let right: &[f64] = &[1.0, 1.0, 9.0, 1.0, 9.0, 9.0, 1.0, 9.0];
        check(&[left, right], "##....\n######\n.#####\n.#####\n.#####");
    }

    #[test]
    fn runs_count_column_by_column() {
        let mask = draw(&[Outline { class: 2, area: Area::Runs(vec![1, 2, 1]) }], 2, 2);
        assert_eq!(mask.labels, [0, 2, 2, 0]);
    }

    /// Compares with pycocotools: the number of pixels and the sum of their places, row by row.
    #[track_caller]
    fn golden(height: usize, width: usize, polygon: &[f64], pixels: usize, places: usize) {
        let area = Area::Polygons(vec![polygon.to_vec()]);
        let mask = draw(&[Outline { class: 1, area }], height, width);
        let sum = mask.labels.iter().enumerate().map(|(at, label)| at * usize::from(*label)).sum::<usize>();
        assert_eq!((mask.foreground(), sum), (pixels, places));
    }

    /// The walk of the COCO tools, step by step.
    fn walked(polygon: &[f64], height: usize, width: usize) -> Vec<usize> {
        let corner = |value: f64| (5.0 * value + 0.5) as i64;
        let corners: Vec<(i64, i64)> = polygon.chunks_exact(2).map(|pair| (corner(pair[0]), corner(pair[1]))).collect();
        let mut outline = Vec::new();
        for (from, to) in corners.iter().zip(corners.iter().cycle().skip(1)) {
            let edge = Edge::new(*from, *to);
            let mut points: Vec<(i64, i64)> = (0..=edge.steps).map(|step| edge.point(step)).collect();
            if (edge.steep && from.1 > to.1) || (!edge.steep && from.0 > to.0) {
                points.reverse();
            }
            outline.extend(points);
        }
        let mut places = Vec::new();
        for pair in outline.windows(2).filter(|pair| pair[0].0 != pair[1].0) {
            let x = (pair[0].0.min(pair[1].0) as f64 + 0.5) / 5.0 - 0.5;
            if x.floor() == x && (0.0..width as f64).contains(&x) {
                let y = ((pair[0].1.min(pair[1].1) as f64 + 0.5) / 5.0 - 0.5).clamp(0.0, height as f64).ceil();
                places.push(x as usize * height + y as usize);
            }
        }
        once(places)
    }

    #[test]
    fn only_crossings_are_walked_to() {
        let mut state = 7_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..2000 {
            let (height, width) = (random(12) as usize + 1, random(12) as usize + 1);
            let side = |number: u64| number as f64 / 8.0 - 12.0;
            let polygon: Vec<f64> = (0..6 + 2 * random(5)).map(|_| side(random(300))).collect();
            assert_eq!(toggles(&polygon, height, width), walked(&polygon, height, width), "{polygon:?}");
        }
    }

    #[test]
    fn corners_far_away_cost_nothing() {
        let far = 1e300;
        check(&[&[-far, -far, far, -far, far, far, -far, far]], "######\n######\n######\n######\n######");
        let zigzag: Vec<f64> = (0..4000).map(|at| if at % 3 == 0 { -1e9 } else { 1e9 - f64::from(at) }).collect();
        let mask = draw(&[Outline { class: 1, area: Area::Polygons(vec![zigzag]) }], 5, 6);
        assert_eq!(mask.labels.len(), 30);
    }

    #[test]
    fn random_polygons_are_those_of_the_coco_tools() {
        golden(18, 24, &[25.0, 31.743, 29.626, 4.023, 12.322, 3.0, 11.8, 20.0], 177, 46068);
        golden(27, 25, &[32.4, 17.728, 8.189, 21.0, 13.0, 39.0, 22.523, 19.9, 33.0, 43.0], 91, 52621);
        golden(19, 39, &[36.708, 26.236, 14.0, 9.1, 13.4, 24.0, 4.0, 42.0, 6.236, 22.0], 67, 40748);
        golden(29, 28, &[20.217, 36.0, 6.0, 18.0, 20.0, 35.676, 35.7, 40.0, 0.624, -1.0], 148, 78361);
    }
}
