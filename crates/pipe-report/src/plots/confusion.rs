//! A confusion matrix: what each class was taken for.
//!
//! Does not know masks.

use super::{
    canvas::{Canvas, Role, WIDTH, cut, wide},
    marks::{Anchor, LINE, paper},
    scale::number,
};

/// Counts by reference and prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfusionMatrix {
    /// What it is.
    pub title: String,
    /// What is counted, e.g. `pixels`.
    pub unit: String,
    /// The classes.
    pub classes: Vec<String>,
    /// `counts[reference][prediction]`.
    pub counts: Vec<Vec<u64>>,
}

/// Classes up to which a square has room for its share, and for its count.
const SHARES: usize = 10;
const COUNTED: usize = 6;
/// Classes that are shown; the others count in the shares alone.
const CLASSES: usize = 40;
/// Height of a square that has no text.
const SMALL: f64 = 10.0;

impl ConfusionMatrix {
    /// The picture: shares of each row, so that frequent classes do not hide rare ones.
    pub fn svg(&self) -> String {
        let n = self.classes.len().clamp(1, CLASSES);
        let classes = &self.classes[..self.classes.len().min(CLASSES)];
        let widest = classes.iter().map(|name| wide(name)).fold(0.0, f64::max);
        let left = (widest + 10.0).clamp(30.0, 112.0);
        let side = ((WIDTH - left - 4.0) / n as f64).min(84.0);
        // Names that do not fit above the columns become numbers there, and stand beside the rows.
        let numbered = widest + 4.0 > side;
        let left = if numbered { (left + 18.0).min(130.0) } else { left };
        let side = ((WIDTH - left - 4.0) / n as f64).min(84.0);
        let height = side.min(46.0).max(if n <= COUNTED { 34.0 } else { SMALL });
        let top = 2.0 * LINE + 2.0;
        let canvas = Canvas::new(top + height * n as f64 + LINE + 6.0);
        let paper = paper(&canvas);
        let middle = left + side * n as f64 / 2.0;
        paper.text((middle, LINE / 2.0), "prediction", Role::Strong, Anchor::Middle);
        paper.text((2.0, LINE * 1.5), "reference", Role::Strong, Anchor::Start);
        let mut words = Vec::new();
        for (row, name) in classes.iter().enumerate() {
            let counts = self.counts.get(row).map_or(&[][..], Vec::as_slice);
            let total: u128 = counts.iter().map(|count| u128::from(*count)).sum();
            let (x, y) = (left + side * (row as f64 + 0.5), top + height * (row as f64 + 0.5));
            let number = (row + 1).to_string();
            let (across, beside) =
                if numbered { (number.clone(), format!("{number} {name}")) } else { (name.clone(), name.clone()) };
            // Numbers of many classes would stand on each other.
            if side > 16.0 || (row + 1).is_multiple_of(5) {
                paper.text((x, LINE * 1.5), &cut(&across, side.max(16.0)), Role::Soft, Anchor::Middle);
            }
            paper.text((left - 6.0, y), &cut(&beside, left - 8.0), Role::Soft, Anchor::End);
            for (column, count) in counts.iter().enumerate().take(n) {
                let share = if total > 0 { *count as f64 / total as f64 } else { 0.0 };
                let corner = (left + side * column as f64, top + height * row as f64);
                let tip = format!("{name} taken for {}: {count} of {total}", self.classes[column]);
                let inside = [(corner.0 + 0.5, corner.1 + 0.5), (corner.0 + side - 0.5, corner.1 + height - 0.5)];
                paper.rectangle(inside, Role::Room, 1.0, "");
                if *count > 0 {
                    paper.rectangle(inside, Role::Fill(0), share, &tip);
                }
                write(&paper, (corner.0 + side / 2.0, corner.1 + height / 2.0), share, *count, total, n);
            }
            if total > 0 {
                let right = counts.get(row).copied().unwrap_or(0) as f64 / total as f64;
                words.push(format!("{name} {:.1} % right", right * 100.0));
            } else {
                words.push(format!("{name} absent"));
            }
        }
        let note = format!("shares of the row, {} below; a class that is absent has –", self.unit);
        let note = match self.classes.len() {
            0..=COUNTED => note,
            all if all > n => format!("shares of the row, of the first {n} of {all} classes"),
            all if all > SHARES => "shares of the row".to_owned(),
            _ => "shares of the row; a class that is absent has –".to_owned(),
        };
        paper.text((WIDTH / 2.0, canvas.height() - LINE / 2.0), &cut(&note, WIDTH), Role::Soft, Anchor::Middle);
        drop(paper);
        canvas.finish(
            &self.title,
            &format!("Confusion matrix in {}, rows are references: {}.", self.unit, words.join(", ")),
        )
    }
}

fn write(paper: &super::marks::Marks<'_>, (x, y): (f64, f64), share: f64, count: u64, total: u128, classes: usize) {
    // Contrast turns where the square is about half as dark as its colour.
    let role = if share > 0.55 { Role::On } else { Role::Strong };
    let text = match share {
        _ if total == 0 => "–".to_owned(),
        _ if count == 0 => "0".to_owned(),
        share if share < 0.005 => "<.01".to_owned(),
        share => format!("{share:.2}"),
    };
    if classes <= COUNTED && total > 0 {
        paper.text((x, y - 7.0), &text, role, Anchor::Middle);
        paper.text((x, y + 7.0), &number(count as f64), role, Anchor::Middle);
    } else if classes <= SHARES {
        paper.text((x, y), &text, role, Anchor::Middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_shares_and_absent_classes_are_said() {
        let matrix = ConfusionMatrix {
            title: "t".into(),
            unit: "pixels".into(),
            classes: vec!["<background>".into(), "left ventricular myocardium".into(), "none".into()],
            counts: vec![vec![900, 100, 0], vec![1, 3, 0], vec![0, 0, 0]],
        };
        let svg = matrix.svg();
        assert!(
            svg.contains(">0.75<") && svg.contains("fill-opacity=\"0.10\"") && svg.contains("none absent"),
            "{svg}"
        );
        assert!(svg.contains("&lt;background&gt; taken for left ventricular myocardium: 100 of 1000"), "{svg}");
        let many = ConfusionMatrix { classes: vec!["c".into(); 20], counts: vec![vec![1; 20]; 20], ..matrix };
        assert!(!many.svg().contains("NaN"));
    }
}
