//! Any picture that a page can show.
//!
//! Does not know how one is drawn.

use super::{
    BoxPlot, Cloud, Clouds, ConfusionMatrix, Curves, Dot, Forest, PairedPlot, RatePlot, ReliabilityPlot, SearchPlot,
    bars, histogram,
    scale::{Axis, Steps},
    shares,
    style::alone,
};

/// A plot of some numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum Plot {
    /// How often numbers occur.
    Histogram {
        /// What they are, with their unit.
        title: String,
        /// The numbers.
        values: Vec<f64>,
    },
    /// Shares over one axis, a line each.
    Lines {
        /// What they are.
        title: String,
        /// Where the axis begins and ends.
        range: [f64; 2],
        /// Name and shares of each line, in equal steps.
        lines: Vec<(String, Vec<f64>)>,
    },
    /// Two numbers of each case; cases that agree are one larger dot.
    Scatter {
        /// What they are.
        title: String,
        /// Name of the horizontal axis, and of the vertical one.
        axes: [String; 2],
        /// The numbers.
        points: Vec<[f64; 2]>,
    },
    /// How much there is of each.
    Bars {
        /// What there is.
        title: String,
        /// Name, share from 0 to 1, and what stands beside the bar.
        bars: Vec<(String, f64, String)>,
    },
    /// Losses and scores over epochs, with bands over folds.
    Curves(Curves),
    /// How values spread over cases.
    Boxes(BoxPlot),
    /// Two numbers of each case, of several groups.
    Clouds(Clouds),
    /// ROC or precision-recall curves.
    Rates(RatePlot),
    /// Reliability of probabilities.
    Reliability(ReliabilityPlot),
    /// What each class was taken for.
    Confusion(ConfusionMatrix),
    /// Two systems by patient.
    Paired(PairedPlot),
    /// Differences with intervals.
    Forest(Forest),
    /// A hyperparameter search.
    Search(SearchPlot),
}

impl Plot {
    /// What it shows.
    pub fn title(&self) -> &str {
        match self {
            Self::Histogram { title, .. }
            | Self::Lines { title, .. }
            | Self::Scatter { title, .. }
            | Self::Bars { title, .. } => title,
            Self::Curves(plot) => &plot.title,
            Self::Boxes(plot) => &plot.title,
            Self::Clouds(plot) => &plot.title,
            Self::Rates(plot) => &plot.title,
            Self::Reliability(plot) => &plot.title,
            Self::Confusion(plot) => &plot.title,
            Self::Paired(plot) => &plot.title,
            Self::Forest(plot) => &plot.title,
            Self::Search(plot) => &plot.title,
        }
    }

    /// The plot as a picture within a page; colours follow the page.
    pub fn svg(&self) -> String {
        match self {
            Self::Histogram { title, values } => histogram::svg(title, values),
            Self::Lines { title, range, lines } => shares::svg(title, *range, lines),
            Self::Scatter { title, axes, points } => scatter(title, axes, points),
            Self::Bars { title, bars } => bars::svg(title, bars),
            Self::Curves(plot) => plot.svg(),
            Self::Boxes(plot) => plot.svg(),
            Self::Clouds(plot) => plot.svg(),
            Self::Rates(plot) => plot.svg(),
            Self::Reliability(plot) => plot.svg(),
            Self::Confusion(plot) => plot.svg(),
            Self::Paired(plot) => plot.svg(),
            Self::Forest(plot) => plot.svg(),
            Self::Search(plot) => plot.svg(),
        }
    }

    /// The plot as a file of its own, for papers: light, on no ground; its title is left to the caption.
    pub fn file(&self) -> String {
        let svg = self.svg().replacen("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ", 1);
        svg.replacen("</desc>\n", &format!("</desc>\n<style>\n{}\n</style>\n", alone()), 1)
    }
}

fn scatter(title: &str, [x, y]: &[String; 2], points: &[[f64; 2]]) -> String {
    let dots = points.iter().map(|[x, y]| Dot { x: *x, y: *y, name: None }).collect();
    Clouds {
        title: title.to_owned(),
        x: Axis::new(x, ""),
        steps: Steps::Linear,
        y: Axis::new(y, ""),
        clouds: vec![Cloud { name: title.to_owned(), dots }],
    }
    .svg()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_drawn_and_none_is_infinite() {
        let plots = [
            Plot::Histogram { title: "a < b".into(), values: vec![1.0, 2.0, 2.0, f64::NAN] },
            Plot::Histogram { title: "equal".into(), values: vec![3.0; 5] },
            Plot::Histogram { title: "none".into(), values: Vec::new() },
            Plot::Histogram { title: "unequal".into(), values: vec![1.0, 2.0, 3.0, 50_000.0] },
            Plot::Scatter {
                title: "s".into(),
                axes: ["x".into(), "y".into()],
                points: vec![[1.0, 2.0], [1.0, 2.0], [3.0, 2.0]],
            },
            Plot::Lines { title: "l".into(), range: [0.0, 0.0], lines: vec![("all".into(), vec![0.0, 1.0])] },
            Plot::Bars {
                title: "b".into(),
                bars: vec![("<c>".into(), 2.0, "all".into()), ("d".into(), 0.0, String::new())],
            },
        ];
        for plot in &plots {
            let svg = plot.svg();
            assert!(!svg.contains("NaN") && !svg.contains("inf") && svg.ends_with("</svg>\n"), "{svg}");
            assert!(svg.contains("<desc>") && !svg.contains("style=\"") && !svg.contains("#"), "{svg}");
        }
        let svg = plots[0].svg();
        assert!(svg.contains("a &lt; b") && svg.matches("class=\"f0\"").count() == 2, "{svg}");
        assert!(plots[4].svg().matches("<circle").count() == 2 && plots[4].svg().contains(": 2</title>"));
        let svg = plots[3].svg();
        assert!([">1<", ">10<", ">10k<", "logarithmic"].iter().all(|part| svg.contains(part)), "{svg}");
        assert!(plots[6].svg().contains("&lt;c&gt;"));
    }

    #[test]
    fn a_file_stands_alone() {
        let file = Plot::Histogram { title: "t".into(), values: vec![1.0, 2.0] }.file();
        assert!(
            file.starts_with("<svg xmlns=") && file.contains("svg.plot .f0") && file.contains("<title>t</title>"),
            "{file}"
        );
        assert!(!file.contains("prefers-color-scheme") && !file.contains("var("), "{file}");
    }
}
