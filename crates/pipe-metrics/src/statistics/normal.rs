//! The normal distribution, and chi-squared with whole degrees of freedom.
//!
//! Does not know tests.

use libm::erfc;

/// P(Z <= z), `erfc(-z / sqrt 2) / 2`: relative error of a few units in the last place, also far below 0.
pub fn normal_below(z: f64) -> f64 {
    0.5 * erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// P(Z >= z), without the cancellation of `1 - P(Z <= z)`.
pub fn normal_above(z: f64) -> f64 {
    normal_below(-z)
}

/// The z with P(Z <= z) = `p`; infinite at 0 and 1, not a number elsewhere.
///
/// # Source
/// Wichura, *Algorithm AS 241: the percentage points of the normal distribution*, Applied Statistics 37 (1988), PPND16:
/// relative error about 1e-16.
pub fn normal_quantile(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.425 * 0.425 - q * q;
        return q * polynomial(&CENTRE[0], r) / polynomial(&CENTRE[1], r);
    }
    let tail = p.min(1.0 - p);
    if tail == 0.0 {
        return f64::INFINITY.copysign(q);
    }
    let r = (-tail.ln()).sqrt();
    let ([above, below], r) = if r <= 5.0 { (&NEAR, r - 1.6) } else { (&FAR, r - 5.0) };
    (polynomial(above, r) / polynomial(below, r)).copysign(q)
}

/// P(X >= x) of chi-squared with `freedom` degrees of freedom, by its finite sums: Abramowitz and Stegun, *Handbook of
/// mathematical functions* (1964), 26.4.4 and 26.4.5.
pub fn chi_squared_above(x: f64, freedom: usize) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let half = x / 2.0;
    // Of even degrees the terms are half^j / j!, of odd ones half^(j + 1/2) / gamma(j + 3/2).
    let (start, first, mut divisor) = if freedom.is_multiple_of(2) {
        (0.0, (-half).exp(), 1.0)
    } else {
        (erfc(half.sqrt()), (-half).exp() * half.sqrt() * std::f64::consts::FRAC_2_SQRT_PI, 1.5)
    };
    let (mut sum, mut term) = (start, first);
    for _ in 0..freedom / 2 {
        sum += term;
        term *= half / divisor;
        divisor += 1.0;
    }
    sum.min(1.0)
}

fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

#[rustfmt::skip]
const CENTRE: [[f64; 8]; 2] = [
    [3.387_132_872_796_366_5, 1.331_416_678_917_843_8e2, 1.971_590_950_306_551_3e3, 1.373_169_376_550_946e4,
     4.592_195_393_154_987e4, 6.726_577_092_700_87e4, 3.343_057_558_358_813e4, 2.509_080_928_730_122_7e3],
    [1.0, 4.231_333_070_160_091e1, 6.871_870_074_920_579e2, 5.394_196_021_424_751e3,
     2.121_379_430_158_659_7e4, 3.930_789_580_009_271e4, 2.872_908_573_572_194_3e4, 5.226_495_278_852_854e3],
];
#[rustfmt::skip]
const NEAR: [[f64; 8]; 2] = [
    [1.423_437_110_749_683_5, 4.630_337_846_156_546, 5.769_497_221_460_691, 3.647_848_324_763_204_5,
     1.270_458_252_452_368_4, 2.417_807_251_774_506e-1, 2.272_384_498_926_918_4e-2, 7.745_450_142_783_414e-4],
    [1.0, 2.053_191_626_637_759, 1.676_384_830_183_803_8, 6.897_673_349_851e-1,
     1.481_039_764_274_800_8e-1, 1.519_866_656_361_645_7e-2, 5.475_938_084_995_345e-4, 1.050_750_071_644_416_9e-9],
];
#[rustfmt::skip]
const FAR: [[f64; 8]; 2] = [
    [6.657_904_643_501_103, 5.463_784_911_164_114, 1.784_826_539_917_291_3, 2.965_605_718_285_049e-1,
     2.653_218_952_657_612_4e-2, 1.242_660_947_388_078_4e-3, 2.711_555_568_743_487_6e-5, 2.010_334_399_292_288_1e-7],
    [1.0, 5.998_322_065_558_88e-1, 1.369_298_809_227_358e-1, 1.487_536_129_085_061_5e-2,
     7.868_691_311_456_133e-4, 1.846_318_317_510_054_7e-5, 1.421_511_758_316_446e-7, 2.044_263_103_389_939_8e-15],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 1e-13, "{found:e} is not {expected:e}");
    }

    // Values: SciPy 1.17.1, scipy.special.ndtr, scipy.special.ndtri, scipy.stats.chi2.sf.
    #[test]
    fn values_of_scipy() {
        check(normal_below(1.959_963_984_540_054), 0.975);
        check(normal_below(-12.5), NDTR_LOW);
        check(normal_quantile(0.025), -1.959_963_984_540_054);
        check(normal_quantile(0.3), NDTRI[0]);
        check(normal_quantile(1e-6), NDTRI[1]);
        check(normal_quantile(1e-300), NDTRI[2]);
        check(normal_quantile(0.999_9), NDTRI[3]);
        check(chi_squared_above(3.7, 1), CHI[0]);
        check(chi_squared_above(3.7, 2), CHI[1]);
        check(chi_squared_above(40.0, 7), CHI[2]);
        check(chi_squared_above(2.0, 12), CHI[3]);
        assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
        assert_eq!(normal_quantile(1.0), f64::INFINITY);
        assert!(normal_quantile(1.5).is_nan());
        assert_eq!(chi_squared_above(0.0, 3), 1.0);
    }

    const NDTR_LOW: f64 = 3.732564298877714e-36;
    const NDTRI: [f64; 4] = [-0.5244005127080409, -4.753424308822899, -37.0470962993612, 3.719016485455709];
    const CHI: [f64; 4] = [0.054412467991601404, 0.1572371663136276, 1.258790387371308e-06, 0.9994058151824183];
}
