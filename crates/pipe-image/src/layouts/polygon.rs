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

/// Gives the places, column by column, where the polygon begins or ends; sorted.
///
/// # Source
/// `rleFrPoly` of cocoapi `common/maskApi.c`: the outline is walked in steps of a fifth of a pixel; in each column it is taken where it
/// crosses the pixel centre. Deviation: an edge of no length is one point (there it divides zero by zero).
fn toggles(polygon: &[f64], height: usize, width: usize) -> Vec<usize> {
    const SCALE: f64 = 5.0;
    let corner = |value: f64| (SCALE * value + 0.5) as i64;
    let corners: Vec<(i64, i64)> = polygon.chunks_exact(2).map(|pair| (corner(pair[0]), corner(pair[1]))).collect();
    let edges = corners.iter().zip(corners.iter().cycle().skip(1));
    let outline: Vec<(i64, i64)> = edges.flat_map(|(from, to)| edge(*from, *to)).collect();
    let mut places = Vec::new();
    for pair in outline.windows(2).filter(|pair| pair[0].0 != pair[1].0) {
        let ((u_before, v_before), (u, v)) = (pair[0], pair[1]);
        let x = (if u < u_before { u } else { u - 1 }) as f64;
        let x = (x + 0.5) / SCALE - 0.5;
        if x.floor() != x || x < 0.0 || x > width as f64 - 1.0 {
            continue;
        }
        let y = ((v.min(v_before) as f64 + 0.5) / SCALE - 0.5).clamp(0.0, height as f64).ceil();
        places.push(x as usize * height + y as usize);
    }
    places.sort_unstable();
    places
}

/// Gives the points of an edge on the fine grid, one for every step along its longer axis.
fn edge((x_from, y_from): (i64, i64), (x_to, y_to): (i64, i64)) -> Vec<(i64, i64)> {
    let (dx, dy) = ((x_to - x_from).abs(), (y_to - y_from).abs());
    let flip = (dx >= dy && x_from > x_to) || (dx < dy && y_from > y_to);
    let ((xs, ys), (xe, ye)) = if flip { ((x_to, y_to), (x_from, y_from)) } else { ((x_from, y_from), (x_to, y_to)) };
    let steps = dx.max(dy);
    let slope = match (dx >= dy, steps) {
        (_, 0) => 0.0,
        (true, _) => (ye - ys) as f64 / dx as f64,
        (false, _) => (xe - xs) as f64 / dy as f64,
    };
    let point = |step: i64| {
        let along = if flip { steps - step } else { step };
        if dx >= dy {
            (xs + along, (ys as f64 + slope * along as f64 + 0.5) as i64)
        } else {
            ((xs as f64 + slope * along as f64 + 0.5) as i64, ys + along)
        }
    };
    (0..=steps).map(point).collect()
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

    #[test]
    fn random_polygons_are_those_of_the_coco_tools() {
        golden(18, 24, &[25.0, 31.743, 29.626, 4.023, 12.322, 3.0, 11.8, 20.0], 177, 46068);
        golden(27, 25, &[32.4, 17.728, 8.189, 21.0, 13.0, 39.0, 22.523, 19.9, 33.0, 43.0], 91, 52621);
        golden(19, 39, &[36.708, 26.236, 14.0, 9.1, 13.4, 24.0, 4.0, 42.0, 6.236, 22.0], 67, 40748);
        golden(29, 28, &[20.217, 36.0, 6.0, 18.0, 20.0, 35.676, 35.7, 40.0, 0.624, -1.0], 148, 78361);
    }
}
