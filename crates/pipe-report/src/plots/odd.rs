//! No picture breaks, whatever the numbers and names.
//!
//! Does not know how pictures should look.

use std::sync::Arc;

use pipe_metrics::Direction;

use super::*;
use crate::{Search, SearchGoal, SearchScale, SearchState, SearchValue, search::made_up};

const NUMBERS: [f64; 12] =
    [0.0, -0.0, 1.0, -3.5, 1e-300, 1e300, -1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.1 + 0.2, 1e9 + 0.5];

/// Every kind of plot of some numbers and names.
fn plots(numbers: &[f64], names: &[&str]) -> Vec<Plot> {
    let name = |at: usize| names[at % names.len()].to_owned();
    let axis = || Axis::new(&name(0), &name(1));
    let other = |at: usize| numbers.get((at * 7 + 3) % numbers.len().max(1)).copied().unwrap_or(0.0);
    let each = || numbers.iter().copied().enumerate();
    let rate = |rates| {
        let points = each().map(|(at, x)| [x, other(at)]).collect();
        let curve = RateCurve { name: name(1), points, area: numbers.first().copied() };
        Plot::Rates(RatePlot { title: name(0), rates, curves: vec![curve], prevalence: numbers.last().copied() })
    };
    let paired = |view, direction| {
        let patients = each().map(|(at, value)| (name(at), value, other(at))).collect();
        Plot::Paired(PairedPlot {
            title: name(0),
            view,
            value: axis(),
            direction,
            systems: [name(0), name(1)],
            patients,
        })
    };
    let clouds = |steps| {
        let dots = each().map(|(at, x)| Dot { x, y: other(at), name: Some(name(at)) }).collect();
        Plot::Clouds(Clouds {
            title: name(0),
            x: axis(),
            steps,
            y: axis(),
            clouds: vec![Cloud { name: name(1), dots }],
        })
    };
    let bin = |(at, value): (usize, f64)| ReliabilityBin {
        range: [at as f64 / 12.0, (at + 1) as f64 / 12.0],
        confidence: value,
        frequency: other(at),
        count: value.abs() as u64,
    };
    let row = |(at, value): (usize, f64)| ForestRow {
        name: name(at),
        estimate: value,
        interval: (at % 3 > 0).then(|| [other(at), value]),
        note: name(at + 1),
    };
    let panel = |range| Panel {
        y: axis(),
        range,
        bands: vec![Band { name: name(0), runs: vec![numbers.to_vec(), Vec::new()] }],
    };
    let mut plots = vec![
        Plot::Histogram { title: name(0), values: numbers.to_vec() },
        Plot::Lines { title: name(0), range: [other(0), other(1)], lines: vec![(name(1), numbers.to_vec())] },
        Plot::Scatter {
            title: name(0),
            axes: [name(0), name(1)],
            points: each().map(|(at, x)| [x, other(at)]).collect(),
        },
        Plot::Bars { title: name(0), bars: each().map(|(at, share)| (name(at), share, name(at + 1))).collect() },
        Plot::Curves(Curves {
            title: name(0),
            x: axis(),
            panels: vec![panel(None), panel(Some([0.0, 1.0]))],
            best: vec![1],
        }),
        Plot::Boxes(BoxPlot {
            title: name(0),
            x: axis(),
            groups: vec![Group { name: name(1), values: numbers.to_vec() }],
        }),
        clouds(Steps::Linear),
        clouds(Steps::Log),
        rate(Rates::Roc),
        rate(Rates::PrecisionRecall),
        Plot::Reliability(ReliabilityPlot {
            title: name(0),
            unit: name(1),
            systems: vec![ReliabilitySystem {
                name: name(1),
                bins: each().map(bin).collect(),
                ece: numbers.first().copied(),
            }],
        }),
        Plot::Confusion(ConfusionMatrix {
            title: name(0),
            unit: name(1),
            classes: each().map(|(at, _)| name(at)).collect(),
            counts: each().map(|(_, value)| vec![value.abs() as u64; numbers.len()]).collect(),
        }),
        paired(PairedView::Slopes, Direction::Higher),
        paired(PairedView::Differences, Direction::Lower),
        Plot::Forest(Forest { title: name(0), x: axis(), level: 0.95, sides: None, rows: each().map(row).collect() }),
    ];
    for goal in [SearchGoal::Maximise, SearchGoal::Minimise] {
        let search = Arc::new(search(goal, numbers, names));
        plots.extend(SearchView::ALL.map(|(view, _)| Plot::Search(SearchPlot::new(view, &search))));
    }
    plots
}

/// A search whose values, parameters and curves are some numbers, and whose trials are in all states.
fn search(goal: SearchGoal, numbers: &[f64], names: &[&str]) -> Search {
    let mut search = made_up::search(goal, numbers);
    let name = |at: usize| names[at % names.len()].to_owned();
    (search.name, search.metric, search.unit, search.step) = (name(0), name(1), name(2), name(3));
    search.parameters.iter_mut().enumerate().for_each(|(at, parameter)| {
        parameter.path = format!("{}.{at}", name(at));
        parameter.importance = numbers.get(at).copied();
    });
    search.parameters[2].scale = SearchScale::Labels((0..numbers.len().min(40)).map(name).collect());
    for (at, trial) in search.trials.iter_mut().enumerate() {
        let other = numbers[(at * 5 + 1) % numbers.len()];
        trial.values = vec![Some(SearchValue::Number(other)), None, Some(SearchValue::Label(name(at)))];
        trial.values[1] = (at % 3 > 0).then_some(SearchValue::Number(numbers[at]));
        trial.curve = numbers.iter().enumerate().map(|(step, value)| (step as u64 * 3, *value)).collect();
        trial.state = match at % 5 {
            3 => SearchState::Pruned { step: u64::MAX, why: String::new() },
            4 => SearchState::Failed { why: name(0) },
            2 => SearchState::Running,
            _ => SearchState::Complete,
        };
    }
    search
}

#[track_caller]
fn check(numbers: &[f64], names: &[&str]) {
    for plot in plots(numbers, names) {
        let svg = plot.svg();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && svg.contains("<desc>"), "{svg}");
        // Numbers that are none may stand in texts, never in places.
        let places = svg.split('"').skip(1).step_by(2).collect::<Vec<_>>();
        assert!(places.iter().all(|place| !place.contains("NaN") && !place.contains("inf")), "{numbers:?}: {svg}");
        // No place is farther out than the picture is large.
        let numbers = places.iter().flat_map(|place| place.split(['M', 'L', ' ', 'h', 'z']));
        let far =
            numbers.filter_map(|part| part.parse::<f64>().ok()).fold(0.0, |far: f64, number| far.max(number.abs()));
        assert!(far < 4000.0, "{far}: {svg}");
        assert!(!svg.contains("<b>") && !svg.contains("& "), "{svg}");
    }
}

#[test]
fn odd_numbers_and_names() {
    let names = [
        "<b>bold</b> & \"quoted\"",
        "",
        "ünïcödé 心臓 🫀",
        "a name that goes on and on, much longer than there is room for it",
    ];
    check(&[], &names);
    for number in NUMBERS {
        check(&[number], &names);
        check(&[number; 5], &names);
        for other in NUMBERS {
            check(&[number, other, 0.5], &names[1..]);
        }
    }
    check(&NUMBERS, &names);
    check(&NUMBERS.repeat(3), &names);
    check(&(0..700).map(|at| f64::from(at % 91) * 0.013 - 0.2).collect::<Vec<_>>(), &names);
}
