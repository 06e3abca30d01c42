//! Pictures of all pixels of a system: rates over thresholds, calibration, classes taken for each other, values against size.
//!
//! Does not know where sums come from, or how pictures look.

use indexmap::IndexMap;
use pipe_metrics::{Confusion, Evaluation, Groups, Pooled};

use crate::{
    Axis, Cloud, Clouds, ConfusionMatrix, Dot, Plot, RateCurve, RatePlot, Rates, ReliabilityBin, ReliabilityPlot,
    ReliabilitySystem, Steps,
};

/// Steps of a curve, as a share of its axis: finer than a screen shows.
const STEP: f64 = 0.002;
/// Bins of a reliability curve, as many as ECE has.
const BINS: usize = 10;

/// The sums of one system over all folds.
#[derive(Clone, Debug, Default)]
pub struct SystemPixels {
    classes: Vec<String>,
    /// Names of classes, background first, where these exclude each other.
    confusion: Option<Confusion>,
    pooled: Vec<Pooled>,
    /// By class the size of the reference and the Dice of each case.
    dots: Vec<Vec<Dot>>,
}

impl SystemPixels {
    /// Adds a fold.
    pub fn add(&mut self, evaluation: &Evaluation, pooled: &[Pooled]) {
        if self.classes.is_empty() {
            self.classes.clone_from(&evaluation.classes);
            self.confusion.clone_from(&evaluation.confusion);
            self.pooled = pooled.to_vec();
            self.dots = vec![Vec::new(); evaluation.classes.len()];
        } else if self.classes == evaluation.classes {
            self.pooled.iter_mut().zip(pooled).for_each(|(sum, pooled)| sum.merge(pooled));
            if let (Some(sum), Some(own)) = (&mut self.confusion, &evaluation.confusion) {
                *sum += own;
            }
        }
        let Some(dice) = evaluation.metric("dice").filter(|_| self.classes == evaluation.classes) else { return };
        for case in &evaluation.cases {
            for (class, dots) in self.dots.iter_mut().enumerate() {
                let size = case.pixels[class];
                if let (Some(y), true) = (case.scores[class][dice].value(), size > 0) {
                    dots.push(Dot { x: size as f64, y, name: Some(case.case.clone()) });
                }
            }
        }
    }
}

/// The pictures of all systems: those of a class side by side.
pub fn pixel_plots(systems: &IndexMap<String, SystemPixels>) -> Vec<Plot> {
    let mut classes: Vec<&String> = Vec::new();
    for class in systems.values().flat_map(|system| &system.classes) {
        if !classes.contains(&class) {
            classes.push(class);
        }
    }
    let of_class = if classes.len() > 1 { |class: &str| format!(", {class}") } else { |_: &str| String::new() };
    let mut plots = Vec::new();
    for class in classes {
        plots.extend(of_sizes(systems, class, &of_class(class)));
        let groups: Vec<(&String, Groups)> =
            systems.iter().filter_map(|(name, system)| Some((name, groups(system, class)?))).collect();
        if !groups.is_empty() {
            plots.extend([Rates::Roc, Rates::PrecisionRecall].map(|rates| of_rates(rates, &groups, &of_class(class))));
            plots.push(of_reliability(&groups, &of_class(class)));
        }
    }
    for (name, system) in systems {
        let Some(confusion) = &system.confusion else { continue };
        // Any class is no class of its own.
        let named = system.classes.iter().take(confusion.counts.len() - 1).cloned();
        plots.push(Plot::Confusion(ConfusionMatrix {
            title: format!("{name}: reference (rows) taken for (columns)"),
            unit: "pixels".to_owned(),
            classes: std::iter::once("background".to_owned()).chain(named).collect(),
            counts: confusion.counts.clone(),
        }));
    }
    plots
}

fn groups(system: &SystemPixels, class: &str) -> Option<Groups> {
    let at = system.classes.iter().position(|known| known == class)?;
    Some(system.pooled.get(at)?.probabilities.as_ref()?.groups())
}

fn of_sizes(systems: &IndexMap<String, SystemPixels>, class: &str, of_class: &str) -> Option<Plot> {
    let cloud = |(name, system): (&String, &SystemPixels)| {
        let at = system.classes.iter().position(|known| known == class)?;
        let dots = system.dots.get(at)?.clone();
        (!dots.is_empty()).then(|| Cloud { name: name.clone(), dots })
    };
    let clouds: Vec<Cloud> = systems.iter().filter_map(cloud).collect();
    (!clouds.is_empty()).then(|| {
        Plot::Clouds(Clouds {
            title: format!("Dice by size of the reference{of_class}"),
            x: Axis::new("size of the reference", "pixels"),
            steps: Steps::Log,
            y: Axis::new("Dice", ""),
            clouds,
        })
    })
}

fn of_rates(rates: Rates, groups: &[(&String, Groups)], of_class: &str) -> Plot {
    let (title, area): (_, fn(&Groups) -> Option<f64>) = match rates {
        Rates::Roc => ("ROC of all pixels", Groups::roc_auc),
        Rates::PrecisionRecall => ("Precision and recall of all pixels", Groups::average_precision),
    };
    let curve = |(name, groups): &(&String, Groups)| RateCurve {
        name: (*name).clone(),
        points: groups
            .curve(STEP)
            .into_iter()
            .map(|point| match rates {
                Rates::Roc => [point.false_positive_rate, point.recall],
                Rates::PrecisionRecall => [point.recall, point.precision],
            })
            .collect(),
        area: area(groups),
    };
    let prevalence = groups.first().map(|(_, groups)| {
        let [positive, negative] = groups.totals();
        positive as f64 / (positive + negative).max(1) as f64
    });
    Plot::Rates(RatePlot {
        title: format!("{title}{of_class}"),
        rates,
        curves: groups.iter().map(curve).collect(),
        prevalence,
    })
}

fn of_reliability(groups: &[(&String, Groups)], of_class: &str) -> Plot {
    let system = |(name, groups): &(&String, Groups)| ReliabilitySystem {
        name: (*name).clone(),
        bins: groups
            .bins(BINS)
            .into_iter()
            .filter_map(|bin| {
                let (confidence, frequency) = (bin.confidence()?, bin.frequency()?);
                Some(ReliabilityBin { range: [bin.from, bin.to], confidence, frequency, count: bin.pixels })
            })
            .collect(),
        ece: groups.calibration_error(BINS),
    };
    Plot::Reliability(ReliabilityPlot {
        title: format!("Reliability of probabilities{of_class}"),
        unit: "pixels".to_owned(),
        systems: groups.iter().map(system).collect(),
    })
}
