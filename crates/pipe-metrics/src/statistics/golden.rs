//! Tests and intervals against values of SciPy 1.17.1; `tests/compare/statistics.py` tries many more.
//!
//! Does not know how they were found here.

use super::{
    Alternative::{Greater, Less, TwoSided},
    *,
};
use crate::Direction;
use crate::Score;

/// Values with ties, and four pairs that do not differ.
const ONE: [f64; 15] = [52.0, 48.0, 59.0, 42.0, 45.0, 56.0, 51.0, 60.0, 54.0, 49.0, 52.0, 58.0, 44.0, 47.0, 55.0];
const OTHER: [f64; 15] = [51.0, 48.0, 57.0, 38.0, 46.0, 54.0, 52.0, 60.0, 51.0, 49.0, 50.0, 55.0, 45.0, 45.0, 51.0];

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found:?} is not {expected:?}");
}

#[test]
fn wilcoxon_by_zeros_and_continuity() {
    use Continuity::{Corrected, Uncorrected};
    #[track_caller]
    fn check(zeros: Zeros, continuity: Continuity, statistic: f64, p: [f64; 3]) {
        for (alternative, p) in [TwoSided, Less, Greater].into_iter().zip(p) {
            for method in [Method::Normal, Method::Auto] {
                let options = WilcoxonOptions { zeros, alternative, method, continuity };
                let found = wilcoxon(&ONE, &OTHER, options).expect("pairs");
                close(found.test.p, p);
                assert_eq!((found.n, found.zeros, found.test.null), (15, 3, Null::Normal));
            }
        }
        let found = wilcoxon(&ONE, &OTHER, WilcoxonOptions { zeros, ..WilcoxonOptions::default() }).expect("pairs");
        close(found.test.statistic, statistic);
    }
    check(Zeros::Pratt, Uncorrected, 16.5, [0.02013675155034634, 0.9899316242248268, 0.01006837577517317]);
    check(Zeros::Pratt, Corrected, 16.5, [0.021727322917892807, 0.9906756229386539, 0.010863661458946404]);
    check(Zeros::Wilcox, Uncorrected, 7.5, [0.012693970055273044, 0.9936530149723635, 0.006346985027636522]);
    check(Zeros::Wilcox, Corrected, 7.5, [0.014179559171564616, 0.9943260792329011, 0.007089779585782308]);
    check(Zeros::Zsplit, Uncorrected, 19.5, [0.02075571579644574, 0.9896221421017771, 0.01037785789822287]);
    check(Zeros::Zsplit, Corrected, 19.5, [0.02238030812454972, 0.9903825498656544, 0.01119015406227486]);
}

#[test]
fn wilcoxon_exact_with_and_without_ties() {
    let differences = [1.0, -2.0, 3.0, 4.0, 5.0, -6.0, 7.0, 8.0, 9.0, 10.0];
    for (alternative, nine, ten, statistics) in [
        (TwoSided, 0.15625, 0.048828125, [8.0, 8.0]),
        (Less, 0.953125, 0.9814453125, [34.0, 47.0]),
        (Greater, 0.078125, 0.0244140625, [34.0, 47.0]),
    ] {
        let options = WilcoxonOptions { alternative, ..WilcoxonOptions::default() };
        let tied = wilcoxon(&ONE[..9], &OTHER[..9], options).expect("pairs");
        let plain = wilcoxon(&differences, &[0.0; 10], options).expect("pairs");
        assert_eq!([tied.test.statistic, plain.test.statistic], statistics);
        assert_eq!((tied.test.null, plain.test.null), (Null::Exact, Null::Exact));
        close(tied.test.p, nine);
        close(plain.test.p, ten);
    }
    let equal = wilcoxon(&ONE, &ONE, WilcoxonOptions::default()).expect("pairs");
    assert_eq!((equal.test.p, equal.zeros), (1.0, 15));
}

#[test]
fn permutations_exact_and_random() {
    let differences = [1.0, -2.0, 3.0, 4.0, 5.0, -6.0, 7.0, 8.0, 9.0, 10.0];
    for (alternative, p) in [(TwoSided, 0.048828125), (Less, 0.9814453125), (Greater, 0.0244140625)] {
        let plan = Permutations { alternative, ..Permutations::default() };
        let found = paired_permutation(&differences, &[0.0; 10], plan).expect("pairs");
        assert_eq!((found.null, found.statistic), (Null::Exact, 3.9));
        close(found.p, p);
        let drawn =
            paired_permutation(&differences, &[0.0; 10], Permutations { resamples: 1000, ..plan }).expect("pairs");
        assert_eq!(drawn.null, Null::Resampled(1000));
        // Four standard errors of a share among 1,000, doubled for two-sided.
        assert!((drawn.p - p).abs() < 0.04, "{} is not near {p}", drawn.p);
        assert_eq!(paired_permutation(&differences, &[0.0; 10], Permutations { resamples: 1000, ..plan }), Ok(drawn));
    }
    // Nothing is as far out as the values themselves, and p is still not 0.
    let far = [1.0; 100];
    let found = paired_permutation(&far, &[0.0; 100], Permutations { alternative: Greater, ..Permutations::default() });
    assert_eq!(found.expect("pairs").p, 1.0 / 10_000.0);
}

#[test]
fn mann_whitney_exact_and_normal() {
    let (x, y) = ([3.1, 4.2, 5.9, 2.2, 8.0], [1.0, 2.5, 2.0, 3.0, 0.5, 6.0]);
    for (alternative, exact, corrected, plain) in [
        (TwoSided, 0.12554112554112554, 0.5604425348281095, 0.5465242456918911),
        (Less, 0.9588744588744589, 0.7336103208107116, 0.7267378771540545),
        (Greater, 0.06277056277056277, 0.28022126741405473, 0.27326212284594553),
    ] {
        let of = |one: &[f64], other: &[f64], continuity| {
            mann_whitney(one, other, alternative, Method::Auto, continuity).expect("values")
        };
        close(of(&x, &y, Continuity::Corrected).test.p, exact);
        close(of(&ONE, &OTHER, Continuity::Corrected).test.p, corrected);
        close(of(&ONE, &OTHER, Continuity::Uncorrected).test.p, plain);
        assert_eq!(of(&x, &y, Continuity::Corrected).chance, 0.8);
        assert_eq!(of(&ONE, &OTHER, Continuity::Corrected).test.statistic, 127.0);
    }
    let ties = mann_whitney(&ONE, &OTHER, TwoSided, Method::Exact, Continuity::Corrected);
    assert_eq!(ties, Err(StatisticsError::TiesInExact));
    let equal = mann_whitney(&[1.0; 3], &[1.0; 9], Less, Method::Auto, Continuity::Corrected);
    assert_eq!(equal.expect("values").test.p, 1.0);
}

#[test]
fn friedman_and_nemenyi() {
    let table =
        [[0.8, 0.7, 0.6], [0.9, 0.9, 0.5], [0.7, 0.65, 0.6], [0.85, 0.8, 0.82], [0.6, 0.7, 0.5], [0.9, 0.8, 0.7]];
    let table: Vec<Vec<f64>> = table.iter().map(|row| row.to_vec()).collect();
    let found = friedman(&table, Direction::Higher).expect("a table");
    close(found.statistic, 7.913043478260865);
    close(found.p, 0.019129536225545064);
    assert_eq!(found.average_ranks, [1.25, 11.5 / 6.0, 17.0 / 6.0]);
    let p = nemenyi(&found).expect("three systems");
    close(p[0][1], 0.48043257546814533);
    close(p[2][0], 0.016790597949103425);
    assert_eq!(p[1][1], 1.0);
    close(nemenyi_critical_difference(3, 6, 0.05).expect("three systems"), 1.353136164445458);
    let tied = friedman(&vec![vec![1.0; 4]; 5], Direction::Lower).expect("a table");
    assert_eq!((tied.statistic, tied.p), (0.0, 1.0));
    assert_eq!(
        friedman(&[vec![1.0, 2.0]], Direction::Lower),
        Err(StatisticsError::TooFewSystems { found: 2, least: 3 })
    );
    assert!(friedman(&[vec![1.0, 2.0, 3.0], vec![1.0]], Direction::Lower).is_err());
}

#[test]
fn intervals_from_given_resamples() {
    let values = [2.0, -1.0, 5.0, 3.0, 0.0, 8.0, 1.0, 13.0].map(|value| value / 16.0);
    let of = |indices: &[usize]| mean(&indices.iter().map(|at| values[*at]).collect::<Vec<_>>()).expect("values");
    let resample = |k: usize| (0..8).map(|j| (k * k * 7 + j * j * (k + 3) + k * j * 5) % 11 % 8).collect::<Vec<_>>();
    let drawn: Vec<f64> = (0..60).map(|k| of(&resample(k))).collect();
    let jackknife: Vec<f64> = (0..8).map(|out| of(&(0..8).filter(|at| *at != out).collect::<Vec<_>>())).collect();
    let of = |method| interval(of(&[0, 1, 2, 3, 4, 5, 6, 7]), &drawn, &jackknife, 0.95, method).expect("resamples");
    assert_eq!(of(IntervalMethod::Bca), Interval::Bounds(0.078125, 0.3359375));
    assert_eq!(of(IntervalMethod::Percentile), Interval::Bounds(0.078125, 0.40625));
}

#[test]
fn intervals_without_an_answer_say_why() {
    let of = |values: &[f64], method| {
        let plan = Bootstrap { method, resamples: 200, ..Bootstrap::default() };
        let found = bootstrap(
            values.len(),
            |indices| mean(&indices.iter().map(|at| values[*at]).collect::<Vec<_>>()).expect("values"),
            &plan,
        );
        found.expect("values").interval
    };
    for method in [IntervalMethod::Bca, IntervalMethod::Percentile] {
        assert_eq!(of(&[0.5], method), Interval::Undefined(Undefined::TooFew));
        assert_eq!(of(&[0.1; 7], method), Interval::Undefined(Undefined::AllEqual));
        assert!(of(&[0.1, 0.2, 0.3], method).bounds().is_some());
    }
    // The smallest value has resamples above it alone.
    let smallest = |indices: &[usize]| indices.iter().map(|at| [3.0, 1.0, 2.0, 5.0][*at]).fold(f64::INFINITY, f64::min);
    let found = interval(0.5, &[1.0, 2.0], &[1.0, 2.0], 0.95, IntervalMethod::Bca);
    assert_eq!(found, Ok(Interval::Undefined(Undefined::OneSided)));
    assert!(bootstrap(4, smallest, &Bootstrap::default()).is_ok());
    let flat = interval(1.5, &[1.0, 2.0], &[1.0, 1.0], 0.95, IntervalMethod::Bca);
    assert_eq!(flat, Ok(Interval::Undefined(Undefined::NoAcceleration)));
    let plan = Bootstrap { level: 95.0, ..Bootstrap::default() };
    assert!(matches!(bootstrap(4, smallest, &plan), Err(StatisticsError::NotAProbability { .. })));
    let plan = Bootstrap { resamples: 0, ..Bootstrap::default() };
    assert_eq!(bootstrap(4, smallest, &plan), Err(StatisticsError::NoResamples));
}

#[test]
fn sizes_of_effects() {
    let differences = [2.0, -1.0, 5.0, 3.0, 0.0, 8.0, 1.0, 13.0].map(|value| value / 16.0);
    let of = |kind| effect(kind, &differences, &[0.0; 8]).expect("pairs");
    assert_eq!(of(EffectSize::HodgesLehmann), 0.203125);
    assert_eq!(of(EffectSize::MedianDifference), 2.5 / 16.0);
    assert_eq!(of(EffectSize::MeanDifference), 31.0 / 128.0);
    // Ranks of sizes: 0 has 1, both of 1 have 2.5, then 4 to 8.
    assert_eq!(of(EffectSize::RankBiserial), (32.5 - 2.5) / 35.0);
    assert_eq!(rank_biserial(&differences, Zeros::Wilcox), (26.5 - 1.5) / 28.0);
    assert_eq!(rank_biserial(&differences, Zeros::Zsplit), 30.0 / 36.0);
    assert_eq!(of(EffectSize::CliffsDelta), (6.0 - 1.0) / 8.0);
    assert_eq!(rank_biserial(&[0.0; 4], Zeros::Pratt), 0.0);
    assert_eq!(cliffs_delta(&[], &[1.0]), None);
}

#[test]
fn a_comparison_says_everything_and_repeats() {
    let names = |values: &[f64]| {
        let names: Vec<String> = (0..values.len()).map(|at| format!("p{at:02}")).collect();
        per_patient(names.iter().zip(values).map(|(name, value)| (name.as_str(), Score::Known(*value))))
            .expect("finite")
    };
    let pairs = pair(&names(&ONE), &names(&OTHER[..14])).expect("pairs");
    let plan = ComparisonPlan::default();
    let found = compare(&pairs, &plan).expect("pairs");
    assert_eq!((found.n, found.unpaired.len(), found.size.value), (14, 1, 1.5));
    assert_eq!(compare(&pairs, &plan), Ok(found.clone()));
    let [low, high] = found.size.interval.bounds().expect("values differ");
    assert!(low <= 1.5 && high >= 1.5 && low < high);
    let other =
        ComparisonPlan { interval: Bootstrap { seed: 1, ..plan.interval }, effect: EffectSize::MeanDifference, ..plan };
    assert_ne!(compare(&pairs, &other).expect("pairs").size.interval, found.size.interval);
}

#[test]
fn wrong_values_are_errors() {
    let options = WilcoxonOptions::default();
    assert_eq!(wilcoxon(&[1.0], &[1.0, 2.0], options), Err(StatisticsError::Lengths { one: 1, other: 2 }));
    assert_eq!(wilcoxon(&[], &[], options), Err(StatisticsError::Empty));
    let infinite = wilcoxon(&[0.0, f64::INFINITY], &[1.0, 2.0], options);
    assert_eq!(infinite, Err(StatisticsError::NotFinite { position: 1, value: f64::INFINITY }));
    assert!(paired_permutation(&[f64::NAN], &[0.0], Permutations::default()).is_err());
    assert!(effect(EffectSize::CliffsDelta, &[1.0], &[]).is_err());
    let many = vec![1.0; 1001];
    let exact = WilcoxonOptions { method: Method::Exact, ..options };
    let found = wilcoxon(&many, &vec![0.0; 1001], exact);
    assert_eq!(found, Err(StatisticsError::TooManyForExact { n: 1001, most: 1000 }));
    let none = Permutations { resamples: 0, ..Permutations::default() };
    assert_eq!(paired_permutation(&[1.0], &[0.0], none), Err(StatisticsError::NoResamples));
}
