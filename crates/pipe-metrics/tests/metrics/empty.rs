//! What every metric says of empty masks.

use pipe_metrics::{Emptiness, EmptyMasks, LengthUnit, Metric, Pair, Score, Spacing};

use crate::{every_metric, millimetres};

use Score::{Excluded, Imputed, Known};

const SHAPE: [usize; 3] = [1, 30, 40];

/// Scores where both masks are empty, only the prediction, and only the reference.
fn scores(metric: &Metric, convention: &str) -> [Score; 3] {
    let empty: EmptyMasks = convention.parse().expect("a convention");
    let (none, mut some) = ([0_u8; 1200], [0_u8; 1200]);
    some[615..618].fill(1);
    let masks =
        [(&none, &none, Emptiness::Both), (&none, &some, Emptiness::Prediction), (&some, &none, Emptiness::Reference)];
    masks.map(|(prediction, reference, emptiness)| {
        let pair = Pair::new(prediction, reference, SHAPE, millimetres([0.0, 0.5, 0.5])).expect("masks");
        assert_eq!(pair.emptiness(), emptiness);
        metric.score(&pair, empty).expect("masks")
    })
}

/// 30 x 40 pixels of 0.5 mm.
const DIAGONAL: f64 = 25.0;

#[test]
fn by_default() {
    let all = 1200.0;
    for metric in every_metric() {
        let expected = match metric.name() {
            "hd" | "hd95" | "assd" | "masd" => [Excluded, Imputed(DIAGONAL), Imputed(DIAGONAL)],
            "precision" => [Excluded, Imputed(0.0), Known(0.0)],
            "recall" => [Excluded, Known(0.0), Imputed(0.0)],
            "specificity" => [Known(1.0), Known(1.0), Known((all - 3.0) / all)],
            "accuracy" => [Known(1.0), Known((all - 3.0) / all), Known((all - 3.0) / all)],
            "balanced_accuracy" => [Excluded, Known(0.5), Imputed((all - 3.0) / all / 2.0)],
            "mcc" | "cldice" | "lesion_precision" | "lesion_recall" | "lesion_f1" => {
                [Excluded, Imputed(0.0), Imputed(0.0)]
            }
            "relative_volume_difference" => [Excluded, Known(1.0), Excluded],
            "betti_0_error" => [Excluded, Known(1.0), Known(1.0)],
            // No loops on either side.
            "betti_1_error" => [Excluded, Known(0.0), Known(0.0)],
            _ => [Excluded, Known(0.0), Known(0.0)],
        };
        assert_eq!(scores(&metric, ""), expected, "{}", metric.description(LengthUnit::Millimetre).key);
    }
}

#[test]
fn by_other_conventions() {
    for metric in every_metric() {
        let described = metric.description(LengthUnit::Millimetre);
        let name = metric.name();
        if ["specificity", "accuracy"].contains(&name) {
            continue;
        }
        let best = if described.direction == pipe_metrics::Direction::Higher { 1.0 } else { 0.0 };
        let [both, ..] = scores(&metric, "both=one");
        assert_eq!(both, Imputed(if name == "balanced_accuracy" { 1.0 } else { best }), "{}", described.key);
        // Where the reference has foreground, recall and specificity are there.
        let [both, prediction, reference] = scores(&metric, "one=excluded");
        assert_eq!([both, prediction, reference], [Excluded; 3], "{}", described.key);
        let [_, prediction, reference] = scores(&metric, "one=excluded_without_reference");
        assert_eq!((reference, prediction), (Excluded, scores(&metric, "")[1]), "{}", described.key);
    }
}

/// Full masks: nothing to be specific about.
#[test]
fn no_background() {
    let (full, mut half) = ([1_u8; 16], [1_u8; 16]);
    half[..8].fill(0);
    let of = |prediction, reference| Pair::new(prediction, reference, [1, 4, 4], Spacing::PIXELS).expect("masks");
    let score = |name: &str, pair: &Pair<'_>| {
        Metric::named(name).expect("known").score(pair, EmptyMasks::default()).expect("masks")
    };
    let both = of(&full, &full);
    for (name, expected) in
        [("specificity", Excluded), ("balanced_accuracy", Excluded), ("mcc", Excluded), ("dice", Known(1.0))]
    {
        assert_eq!(score(name, &both), expected, "{name}");
    }
    assert_eq!(score("mcc", &of(&full, &half)), Imputed(0.0));
    assert_eq!(score("specificity", &of(&full, &half)), Known(0.0));
    // The edge of the image is border: eight pixels more, at most two away.
    assert_eq!(score("hd", &of(&full, &half)), Known(2.0));
}

/// A volume's diagonal goes through its depth; a field of view does not shorten it.
#[test]
fn diagonals() {
    let (none, some) = ([0_u8; 24], [1_u8; 24]);
    let hd = Metric::named("hd").expect("known");
    let pair = Pair::new(&none, &some, [2, 3, 4], millimetres([6.0, 1.0, 4.0])).expect("masks");
    let diagonal = (12.0_f64.powi(2) + 9.0 + 256.0).sqrt();
    assert_eq!(hd.score(&pair, EmptyMasks::default()), Ok(Imputed(diagonal)));
    let mut field = [0_u8; 24];
    field[..5].fill(1);
    let pair = pair.within(&field).expect("a field");
    assert_eq!(hd.score(&pair, EmptyMasks::default()), Ok(Imputed(diagonal)));
    let pair = Pair::new(&some, &some, [2, 3, 4], Spacing::PIXELS).expect("masks").within(&none).expect("a field");
    assert_eq!(pair.emptiness(), Emptiness::Both);
    assert_eq!(hd.score(&pair, EmptyMasks::default()), Ok(Excluded));
    let accuracy = Metric::named("accuracy").expect("known");
    assert_eq!(accuracy.score(&pair, EmptyMasks::default()), Ok(Excluded), "no pixel at all");
}
