//! Where boxes and arrows of a layered drawing stand, from left to right.
//!
//! * A box stands in the column of its depth, so that every arrow leads to the right.
//! * All arrows of one box that go on beyond the next column share a trunk, which holds a place in each column it passes.
//! * Columns are ordered by the mean place of each box's neighbours (barycentre), sweeping right and left while there are
//!   fewer crossings.
//! * Heights come last: each box moves towards its neighbours as far as the order and the gaps allow; a neighbour of many
//!   pulls each of them little, so that chains come out straight.
//!
//! Does not know states, names or SVG.

use std::collections::BTreeMap;

/// Sizes of a drawing's parts, in pixels.
pub(super) struct Sizes {
    /// Width and height of each box.
    pub boxes: Vec<(f64, f64)>,
    /// Width of the label that each arrow carries before its end.
    pub labels: Vec<f64>,
}

/// A drawing.
#[derive(Debug, Default)]
pub(super) struct Laid {
    /// Left and upper edge of each box.
    pub boxes: Vec<(f64, f64)>,
    pub wires: Vec<Wire>,
    pub width: f64,
    pub height: f64,
}

/// One piece of an arrow: a curve from `from` to `bend`, then straight on to `to`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Wire {
    pub from: (f64, f64),
    pub bend: (f64, f64),
    pub to: (f64, f64),
    /// The arrow that ends here; none for a piece of a trunk.
    pub arrow: Option<usize>,
}

/// Between boxes of one column.
const BETWEEN: f64 = 14.0;
/// Between columns, labels not counted; curves need it to bend.
const COLUMN: f64 = 56.0;
/// Height that a trunk takes.
const TRUNK: f64 = 8.0;
/// Arrows that enter a box each at a place of its own; more all enter at its middle.
pub(super) const ENTRIES: usize = 8;
/// Sweeps over the columns; more change nothing that can be seen.
const SWEEPS: usize = 16;

/// Lays boxes out, given the depth of each, and arrows as pairs of boxes.
pub(super) fn layout(depths: &[usize], arrows: &[(usize, usize)], sizes: &Sizes) -> Laid {
    if depths.is_empty() {
        return Laid::default();
    }
    let mut net = Net::new(depths, arrows);
    net.order();
    let heights: Vec<f64> =
        (0..net.depths.len()).map(|vertex| sizes.boxes.get(vertex).map_or(TRUNK, |(_, height)| *height)).collect();
    let middles = net.middles(&heights);
    let columns = Columns::new(&net, arrows, sizes);
    let wires = wires(&net, &columns, &middles, sizes);
    let place = |(node, (_, height)): (usize, &(f64, f64))| (columns.left[depths[node]], middles[node] - height / 2.0);
    let top = heights.iter().zip(&middles).map(|(height, middle)| middle + height / 2.0);
    Laid {
        boxes: sizes.boxes.iter().enumerate().map(place).collect(),
        wires,
        width: columns.left.iter().zip(&columns.width).map(|(left, width)| left + width).fold(0.0, f64::max),
        height: top.fold(0.0, f64::max),
    }
}

/// Boxes and trunks as vertices of a graph whose every edge leads to the next column.
struct Net {
    /// Column of each vertex; the first ones are the boxes.
    depths: Vec<usize>,
    columns: Vec<Vec<usize>>,
    before: Vec<Vec<usize>>,
    after: Vec<Vec<usize>>,
    /// Pieces: from, to, and the arrow that ends there.
    edges: Vec<(usize, usize, Option<usize>)>,
}

impl Net {
    fn new(depths: &[usize], arrows: &[(usize, usize)]) -> Self {
        let mut depths = depths.to_vec();
        let mut edges = Vec::new();
        // The trunk of a box in a column.
        let mut trunks: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        for (arrow, &(from, to)) in arrows.iter().enumerate() {
            let mut last = from;
            for column in depths[from] + 1..depths[to] {
                last = *trunks.entry((from, column)).or_insert_with(|| {
                    depths.push(column);
                    edges.push((last, depths.len() - 1, None));
                    depths.len() - 1
                });
            }
            edges.push((last, to, Some(arrow)));
        }
        let mut columns = vec![Vec::new(); depths.iter().max().map_or(0, |deepest| deepest + 1)];
        let (mut before, mut after) = (vec![Vec::new(); depths.len()], vec![Vec::new(); depths.len()]);
        depths.iter().enumerate().for_each(|(vertex, column)| columns[*column].push(vertex));
        for (from, to, _) in &edges {
            after[*from].push(*to);
            before[*to].push(*from);
        }
        Self { depths, columns, before, after, edges }
    }

    /// Orders the columns, and keeps the best order seen.
    fn order(&mut self) {
        let mut places = vec![0.0; self.depths.len()];
        let note = |column: &[usize], places: &mut Vec<f64>| {
            column.iter().enumerate().for_each(|(place, vertex)| places[*vertex] = place as f64);
        };
        self.columns.iter().for_each(|column| note(column, &mut places));
        let mut best = (self.crossings(&places), self.columns.clone());
        for sweep in 0..SWEEPS {
            if best.0 == 0 {
                break;
            }
            let forward = sweep % 2 == 0;
            let neighbours = if forward { &self.before } else { &self.after };
            let mut order: Vec<usize> = (0..self.columns.len()).collect();
            if !forward {
                order.reverse();
            }
            for column in order {
                let column = &mut self.columns[column];
                let mut keys: Vec<(f64, usize)> = column
                    .iter()
                    .map(|vertex| (mean(&neighbours[*vertex], &places).unwrap_or(places[*vertex]), *vertex))
                    .collect();
                keys.sort_by(|(a, _), (b, _)| a.total_cmp(b));
                *column = keys.into_iter().map(|(_, vertex)| vertex).collect();
                note(column, &mut places);
            }
            let crossings = self.crossings(&places);
            if crossings < best.0 {
                best = (crossings, self.columns.clone());
            }
        }
        self.columns = best.1;
    }

    /// How many pairs of pieces cross: pieces by the places of their starts, inversions among their ends.
    fn crossings(&self, places: &[f64]) -> u64 {
        let mut total = 0;
        for column in &self.columns {
            let mut starts = column.clone();
            starts.sort_by(|a, b| places[*a].total_cmp(&places[*b]));
            let mut ends = Vec::new();
            for vertex in starts {
                let mut after: Vec<usize> = self.after[vertex].iter().map(|to| places[*to] as usize).collect();
                after.sort_unstable();
                ends.extend(after);
            }
            total += inversions(&ends);
        }
        total
    }

    /// The middle of each vertex, from the top.
    fn middles(&self, heights: &[f64]) -> Vec<f64> {
        let mut middles = vec![0.0; self.depths.len()];
        for column in &self.columns {
            let mut top = 0.0;
            for vertex in column {
                middles[*vertex] = top + heights[*vertex] / 2.0;
                top += heights[*vertex] + BETWEEN;
            }
        }
        for sweep in 0..SWEEPS {
            let forward = sweep % 2 == 0;
            for at in 0..self.columns.len() {
                let column = &self.columns[if forward { at } else { self.columns.len() - 1 - at }];
                let wanted: Vec<f64> =
                    column.iter().map(|vertex| self.wanted(*vertex, &middles).unwrap_or(middles[*vertex])).collect();
                let apart: Vec<f64> =
                    column.windows(2).map(|pair| f64::midpoint(heights[pair[0]], heights[pair[1]]) + BETWEEN).collect();
                column.iter().zip(spread(&wanted, &apart)).for_each(|(vertex, middle)| middles[*vertex] = middle);
            }
        }
        let top = middles.iter().zip(heights).map(|(middle, height)| middle - height / 2.0).fold(f64::MAX, f64::min);
        middles.iter().map(|middle| middle - top).collect()
    }

    /// Where a vertex's neighbours would have it.
    fn wanted(&self, vertex: usize, middles: &[f64]) -> Option<f64> {
        let before = self.before[vertex].iter().map(|from| (middles[*from], self.after[*from].len()));
        let after = self.after[vertex].iter().map(|to| (middles[*to], self.before[*to].len()));
        let pulls = before.chain(after).map(|(middle, shared)| (middle / shared as f64, 1.0 / shared as f64));
        let (sum, weight) = pulls.fold((0.0, 0.0), |(sum, weight), (pull, own)| (sum + pull, weight + own));
        (weight > 0.0).then(|| sum / weight)
    }
}

/// The places nearest to those wanted (by squares) that keep their order and are so far apart.
///
/// Without the gaps this is a regression on ascending sequences, solved by pooling neighbours that stand in each other's way.
fn spread(wanted: &[f64], apart: &[f64]) -> Vec<f64> {
    let mut offset = 0.0;
    let mut offsets = Vec::with_capacity(wanted.len());
    // Sum and number of each pool.
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (index, wanted) in wanted.iter().enumerate() {
        if index > 0 {
            offset += apart[index - 1];
        }
        offsets.push(offset);
        pools.push((wanted - offset, 1));
        while let [.., (low, few), (high, more)] = pools.as_mut_slice()
            && *low / *few as f64 > *high / *more as f64
        {
            *low += *high;
            *few += *more;
            pools.pop();
        }
    }
    let means = pools.iter().flat_map(|(sum, number)| std::iter::repeat_n(sum / *number as f64, *number));
    means.zip(offsets).map(|(mean, offset)| mean + offset).collect()
}

fn mean(vertices: &[usize], of: &[f64]) -> Option<f64> {
    (!vertices.is_empty()).then(|| vertices.iter().map(|vertex| of[*vertex]).sum::<f64>() / vertices.len() as f64)
}

/// Pairs that stand in the wrong order, counted with a tree of sums.
fn inversions(ends: &[usize]) -> u64 {
    let mut tree = vec![0_u64; ends.iter().max().map_or(0, |most| most + 2)];
    let mut total = 0;
    for (seen, end) in ends.iter().enumerate() {
        let (mut at, mut smaller) = (end + 1, 0);
        while at > 0 {
            smaller += tree[at];
            at &= at - 1;
        }
        total += seen as u64 - smaller;
        let mut at = end + 1;
        while at < tree.len() {
            tree[at] += 1;
            at += at & at.wrapping_neg();
        }
    }
    total
}

/// Where columns begin, how wide they are, and the way for labels before each.
struct Columns {
    left: Vec<f64>,
    width: Vec<f64>,
    lead: Vec<f64>,
}

impl Columns {
    fn new(net: &Net, arrows: &[(usize, usize)], sizes: &Sizes) -> Self {
        let number = net.columns.len();
        let (mut width, mut lead) = (vec![0.0_f64; number], vec![0.0_f64; number]);
        for (column, (wide, _)) in net.depths.iter().zip(&sizes.boxes) {
            width[*column] = width[*column].max(*wide);
        }
        for ((_, to), label) in arrows.iter().zip(&sizes.labels) {
            let column = net.depths[*to];
            lead[column] = lead[column].max(*label);
        }
        let mut left = Vec::with_capacity(number);
        for column in 0..number {
            left.push(match column {
                0 => 0.0,
                _ => left[column - 1] + width[column - 1] + COLUMN + lead[column],
            });
        }
        Self { left, width, lead }
    }
}

/// The pieces of all arrows, those of one box entering it from top to bottom in the order in which they come.
fn wires(net: &Net, columns: &Columns, middles: &[f64], sizes: &Sizes) -> Vec<Wire> {
    let mut entering: Vec<Vec<usize>> = vec![Vec::new(); net.depths.len()];
    net.edges.iter().enumerate().for_each(|(edge, (_, to, _))| entering[*to].push(edge));
    let mut wires = Vec::with_capacity(net.edges.len());
    for (to, mut edges) in entering.into_iter().enumerate() {
        edges.sort_by(|a, b| middles[net.edges[*a].0].total_cmp(&middles[net.edges[*b].0]));
        let (column, many) = (net.depths[to], edges.len() as f64);
        let height = sizes.boxes.get(to).map_or(0.0, |(_, height)| *height);
        for (place, edge) in edges.into_iter().enumerate() {
            let (from, _, arrow) = net.edges[edge];
            let share = if many > ENTRIES as f64 { 0.0 } else { (place as f64 + 1.0) / (many + 1.0) - 0.5 };
            let y = middles[to] + height * share;
            let start = columns.left[net.depths[from]]
                + sizes.boxes.get(from).map_or(columns.width[net.depths[from]], |(width, _)| *width);
            // A trunk goes on through its column.
            let end = if arrow.is_some() { columns.left[column] } else { columns.left[column] + columns.width[column] };
            wires.push(Wire {
                from: (start, middles[from]),
                bend: (columns.left[column] - columns.lead[column], y),
                to: (end, y),
                arrow,
            });
        }
    }
    wires
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid(depths: &[usize], arrows: &[(usize, usize)]) -> Laid {
        let sizes = Sizes { boxes: vec![(100.0, 40.0); depths.len()], labels: vec![50.0; arrows.len()] };
        layout(depths, arrows, &sizes)
    }

    #[test]
    fn crossings_are_counted() {
        assert_eq!(inversions(&[0, 1, 2]), 0);
        assert_eq!(inversions(&[2, 1, 0]), 3);
        assert_eq!(inversions(&[1, 1, 0, 5, 3]), 3);
        assert_eq!(inversions(&[]), 0);
    }

    #[test]
    fn places_stay_apart_and_near_what_is_wanted() {
        let check = |wanted: &[f64], apart: &[f64], expected: &[f64]| {
            let found = spread(wanted, apart);
            assert_eq!(found.len(), expected.len());
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
        };
        check(&[0.0, 100.0], &[10.0], &[0.0, 100.0]);
        check(&[50.0, 50.0], &[10.0], &[45.0, 55.0]);
        check(&[5.0, 0.0, 0.0], &[10.0, 10.0], &[-25.0 / 3.0, 5.0 / 3.0, 35.0 / 3.0]);
        check(&[], &[], &[]);
    }

    #[test]
    fn chains_do_not_cross() {
        // Three chains whose second boxes stand in another order than their first ones.
        let arrows = [(0, 5), (1, 3), (2, 4), (3, 7), (4, 8), (5, 6)];
        let Laid { boxes, wires, .. } = laid(&[0, 0, 0, 1, 1, 1, 2, 2, 2], &arrows);
        for (from, to) in arrows {
            assert!((boxes[from].1 - boxes[to].1).abs() < 1e-6, "{from} > {to} is straight: {boxes:?}");
        }
        assert_eq!(wires.len(), 6);
        assert!(wires.iter().all(|wire| wire.arrow.is_some()));
    }

    #[test]
    fn boxes_never_overlap_and_arrows_lead_right() {
        // A star, its leaves gathered again, and a way around all of them.
        let depths: Vec<usize> = [0].into_iter().chain([1; 40]).chain([2; 40]).chain([3]).collect();
        let arrows: Vec<(usize, usize)> = (1..=40)
            .flat_map(|leaf| [(0, leaf), (leaf, 81 - leaf), (0, 40 + leaf), (40 + leaf, 81)])
            .chain([(0, 81)])
            .collect();
        let Laid { boxes, wires, width, height } = laid(&depths, &arrows);
        for (a, (ax, ay)) in boxes.iter().enumerate() {
            assert!(*ax >= 0.0 && *ay >= -1e-9 && ax + 100.0 <= width + 1e-9 && ay + 40.0 <= height + 1e-9);
            for (bx, by) in &boxes[a + 1..] {
                assert!((ax - bx).abs() >= 100.0 || (ay - by).abs() >= 40.0, "({ax},{ay}) ({bx},{by})");
            }
        }
        for Wire { from, bend, to, .. } in &wires {
            assert!(from.0 < bend.0 && bend.0 < to.0 && (bend.1 - to.1).abs() < 1e-9);
        }
        // One trunk for the forty arrows that pass the first leaves, one piece more for the last.
        assert_eq!(wires.iter().filter(|wire| wire.arrow.is_none()).count(), 2);
        assert_eq!(wires.iter().filter(|wire| wire.arrow.is_some()).count(), arrows.len());
    }

    #[test]
    fn nothing_and_one() {
        assert!(laid(&[], &[]).boxes.is_empty());
        assert_eq!(laid(&[0], &[]).boxes, [(0.0, 0.0)]);
    }
}
