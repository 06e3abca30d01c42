//! Writes a page with every kind of plot, from made-up numbers: `cargo run -p pipe-report --example plots -- PAGE.html [FOLDER]`.
//! With a folder, each plot is a file there, too. The numbers mean nothing; they are the same each time.

use std::{fs, path::Path};

use pipe_metrics::{
    Direction,
    statistics::{self, Bootstrap, EffectSize},
};
use pipe_report::{
    Axis, Band, BoxPlot, Cloud, Clouds, ConfusionMatrix, Curves, Dot, Forest, ForestRow, Group, PairedPlot, PairedView,
    Panel, Plot, RateCurve, RatePlot, Rates, ReliabilityBin, ReliabilityPlot, ReliabilitySystem, Steps, p_value,
    plots_html,
};

/// Numbers that look random: SplitMix64.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let state = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((state ^ (state >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// About normal, mean 0 and SD 1.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let plots = plots();
    let page = arguments.first().expect("PAGE.html");
    fs::write(page, plots_html("Every kind of plot, from made-up numbers", &plots))
        .expect("a page that can be written");
    if let Some(folder) = arguments.get(1) {
        fs::create_dir_all(folder).expect("a folder");
        for (at, plot) in plots.iter().enumerate() {
            fs::write(Path::new(folder).join(format!("{at:02}.svg")), plot.file()).expect("a file that can be written");
        }
    }
}

/// Every kind of plot.
pub(crate) fn plots() -> Vec<Plot> {
    let random = &mut Random(7);
    let mut plots = vec![curves(random), boxes(random, 40), boxes(random, 10_000)];
    plots.extend([sizes(random, 120), sizes(random, 10_000), rates(Rates::Roc), rates(Rates::PrecisionRecall)]);
    plots.extend([reliability(), confusion(&["background", "lumen", "plaque"]), confusion(ORGANS)]);
    plots.extend([paired(random, PairedView::Slopes, 24), paired(random, PairedView::Differences, 90), forest(random)]);
    plots.extend(data(random));
    plots
}

fn curves(random: &mut Random) -> Plot {
    let mut runs = |from: f64, to: f64, noise: f64| -> Vec<Vec<f64>> {
        let mut run = |fold: usize| {
            let epochs = 100 - 7 * fold;
            let shift = random.normal() * noise;
            let value = |epoch: usize, random: &mut Random| {
                to + (from - to) * (-(epoch as f64) / 18.0).exp() + shift + random.normal() * noise * 0.5
            };
            (0..epochs).map(|epoch| value(epoch, random)).collect()
        };
        (0..5).map(&mut run).collect()
    };
    let mut band = |name: &str, from, to, noise| Band { name: name.into(), runs: runs(from, to, noise) };
    Plot::Curves(Curves {
        title: "U-Net: losses and Dice of five folds".into(),
        x: Axis::new("epoch", ""),
        panels: vec![
            Panel {
                y: Axis::new("Loss", ""),
                range: None,
                bands: vec![band("training", 1.1, 0.15, 0.01), band("validation", 1.15, 0.24, 0.02)],
            },
            Panel {
                y: Axis::new("Dice", ""),
                range: Some([0.0, 1.0]),
                bands: vec![band("validation", 0.1, 0.82, 0.02)],
            },
        ],
        best: vec![61, 64, 70, 78, 92],
    })
}

const SYSTEMS: [&str; 3] = ["U-Net", "DeepLabV3+ with ECA and ASPP", "SVS-net"];

fn boxes(random: &mut Random, n: usize) -> Plot {
    let mut group = |(at, name): (usize, &&str)| Group {
        name: (*name).to_owned(),
        values: (0..n)
            .map(|_| (0.8 + 0.04 * at as f64 - (random.normal() * 0.3).exp() * 0.1).clamp(0.0, 1.0))
            .collect(),
    };
    let groups = SYSTEMS.iter().enumerate().map(&mut group).collect();
    Plot::Boxes(BoxPlot { title: format!("Dice of {n} cases"), x: Axis::new("Dice", ""), groups })
}

fn sizes(random: &mut Random, n: usize) -> Plot {
    let mut dot = |at: usize, better: f64| {
        let x = (random.normal() * 1.3 + 6.0).exp();
        let y = (1.0 - (0.25 - better) / x.powf(0.12) * (1.5 + random.normal() * 0.4)).clamp(0.0, 1.0);
        Dot { x, y, name: (at < 2).then(|| format!("patient{:03}", at * 37 + 5)) }
    };
    let mut cloud = |name: &str, better| Cloud { name: name.into(), dots: (0..n).map(|at| dot(at, better)).collect() };
    let mut clouds = vec![cloud(SYSTEMS[0], 0.0), cloud(SYSTEMS[2], 0.06)];
    if n > 1000 {
        clouds.truncate(1);
    }
    clouds[0].dots.push(Dot { x: 0.0, y: 0.0, name: None });
    Plot::Clouds(Clouds {
        title: format!("Dice against lesion size, {n} cases"),
        x: Axis::new("volume of the reference", "mm³"),
        steps: Steps::Log,
        y: Axis::new("Dice", ""),
        clouds,
    })
}

fn rates(rates: Rates) -> Plot {
    let curve = |(at, name): (usize, &&str)| {
        let power = [0.18, 0.1, 0.06][at];
        let point = |step: i32| {
            let x = f64::from(step) / 2000.0;
            match rates {
                Rates::Roc => [x, x.powf(power)],
                Rates::PrecisionRecall => [x, 1.0 - (1.0 - 0.08) * x.powf(1.0 / power / 2.0)],
            }
        };
        let points: Vec<[f64; 2]> = (0..=2000).map(point).collect();
        let area =
            points.windows(2).map(|pair| (pair[1][0] - pair[0][0]) * f64::midpoint(pair[0][1], pair[1][1])).sum();
        RateCurve { name: (*name).to_owned(), points, area: Some(area) }
    };
    let curves = SYSTEMS.iter().enumerate().map(curve).collect();
    let (title, prevalence) = match rates {
        Rates::Roc => ("ROC over pixels", None),
        Rates::PrecisionRecall => ("Precision and recall over pixels", Some(0.08)),
    };
    Plot::Rates(RatePlot { title: title.into(), rates, curves, prevalence })
}

fn reliability() -> Plot {
    let system = |(at, name): (usize, &&str)| {
        let bin = |k: i32| {
            let (low, high) = (f64::from(k) / 10.0, f64::from(k + 1) / 10.0);
            let confidence = f64::midpoint(low, high);
            let frequency = confidence.powf([1.6, 1.1][at]);
            let count = (1e6 * ((confidence - 0.5) * 2.0).powi(4)) as u64 + 900;
            ReliabilityBin { range: [low, high], confidence, frequency, count }
        };
        ReliabilitySystem { name: (*name).to_owned(), bins: (0..10).map(bin).collect(), ece: Some([0.083, 0.021][at]) }
    };
    let systems = SYSTEMS[..2].iter().enumerate().map(system).collect();
    Plot::Reliability(ReliabilityPlot { title: "Reliability of probabilities".into(), unit: "pixels".into(), systems })
}

const ORGANS: &[&str] = &[
    "background",
    "left ventricle",
    "right ventricle",
    "myocardium",
    "left atrium",
    "right atrium",
    "aorta",
    "pulmonary artery",
];

fn confusion(classes: &[&str]) -> Plot {
    let count = |row: usize, column: usize| -> u64 {
        match (row, column) {
            (7, _) => 0,
            (row, column) if row == column => [1_900_000, 61_000, 48_000, 37_000, 9_000, 8_000, 1_200][row],
            (row, column) => (3_000 * (row + 1) / (row.abs_diff(column) * 4)) as u64,
        }
    };
    let row = |row| (0..classes.len()).map(|column| count(row, column)).collect();
    Plot::Confusion(ConfusionMatrix {
        title: format!("Confusion of {} classes", classes.len()),
        unit: "pixels".into(),
        classes: classes.iter().map(|name| (*name).to_owned()).collect(),
        counts: (0..classes.len()).map(row).collect(),
    })
}

fn paired(random: &mut Random, view: PairedView, n: usize) -> Plot {
    let mut patient = |at: usize| {
        let one = (random.normal() * 0.5 + 1.6).exp();
        let other = if at == 3 { one } else { (one - 0.6 + random.normal() * 1.1).max(0.4) };
        (format!("patient{at:03}"), one, other)
    };
    Plot::Paired(PairedPlot {
        title: format!("HD95 of {n} patients with two systems"),
        view,
        value: Axis::new("HD95", "mm"),
        direction: Direction::Lower,
        systems: ["U-Net".into(), "SVS-net".into()],
        patients: (0..n).map(&mut patient).collect(),
    })
}

fn forest(random: &mut Random) -> Plot {
    let mut row = |(at, name): (usize, &&str)| {
        let one: Vec<f64> = (0..40).map(|_| 0.8 + random.normal() * 0.05).collect();
        let other: Vec<f64> = one.iter().map(|value| value - 0.012 * at as f64 + random.normal() * 0.03).collect();
        let plan = Bootstrap { resamples: 999, ..Bootstrap::default() };
        let size = statistics::effect_with_interval(EffectSize::MedianDifference, &one, &other, &plan).expect("pairs");
        let test = statistics::wilcoxon(&one, &other, statistics::WilcoxonOptions::default()).expect("pairs").test;
        ForestRow {
            name: format!("U-Net − {name}"),
            estimate: size.value,
            interval: size.interval.bounds(),
            note: p_value(test.p),
        }
    };
    let names = ["SVS-net", "DeepLabV3+", "UNet++", "encoder-decoder with ASPP and more words"];
    let mut rows: Vec<ForestRow> = names.iter().enumerate().map(&mut row).collect();
    rows.push(ForestRow { name: "U-Net − itself".into(), estimate: 0.0, interval: None, note: String::new() });
    Plot::Forest(Forest {
        title: "Median difference of Dice, by patient".into(),
        x: Axis::new("median difference of Dice", ""),
        level: 0.95,
        sides: Some(["the other is better".into(), "U-Net is better".into()]),
        rows,
    })
}

/// The plots of pages about data sets.
fn data(random: &mut Random) -> [Plot; 5] {
    let values = (0..400).map(|_| 512.0 + random.normal() * 80.0).collect();
    let unequal = (0..400).map(|_| (random.normal() * 1.5 + 5.0).exp()).collect();
    let hump = |at: f64| (0..64).map(|k| (-(f64::from(k) / 64.0 - at).powi(2) * 40.0).exp() / 16.0).collect::<Vec<_>>();
    let mut dark = hump(0.3);
    dark[0] = 0.6;
    let points = (0..300).map(|at| [f64::from([512, 512, 512, 640, 1024][at % 5]), f64::from([512, 480, 512][at % 3])]);
    let bar =
        |(name, share): (&str, f64)| (name.to_owned(), share, format!("{:.0} ({:.0} %)", share * 120.0, share * 100.0));
    [
        Plot::Histogram { title: "Rows".into(), values },
        Plot::Histogram { title: "Volume of lesions (mm³)".into(), values: unequal },
        Plot::Lines {
            title: "Gray values".into(),
            range: [0.0, 255.0],
            lines: vec![("all pixels".into(), dark), ("foreground".into(), hump(0.7))],
        },
        Plot::Scatter {
            title: "Rows and columns".into(),
            axes: ["columns".into(), "rows".into()],
            points: points.collect(),
        },
        Plot::Bars {
            title: "Cases with each class".into(),
            bars: [("lumen", 1.0), ("plaque", 0.42), ("a name that is too long to stand", 0.03)].map(bar).to_vec(),
        },
    ]
}
