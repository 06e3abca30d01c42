//! Numbers as people and files read them. What is not finite is no number: it is written as what is missing.
//!
//! Does not know what they measure.

/// What stands for a number that there is not.
pub(crate) const NONE: &str = "–";

/// A number with so many digits behind the point; `–` where there is none, or none that is finite.
///
/// Rounded from the number as it is stored, and from the middle to the even digit (0.0625 to 0.062), as C and Python do. A zero
/// has no sign, also where rounding makes it.
pub(crate) fn fixed(number: Option<f64>, digits: usize) -> String {
    let Some(number) = number.filter(|number| number.is_finite()) else { return NONE.to_owned() };
    let text = format!("{number:.digits$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|letter| matches!(letter, '0' | '.')) => rest.to_owned(),
        _ => text,
    }
}

/// The shortest text that reads back as the number, for files: `0.1`, `3`, `1e-300`; empty where there is none that is finite.
pub(crate) fn exact(number: Option<f64>) -> String {
    match number.filter(|number| number.is_finite()) {
        None => String::new(),
        // Without the sign that it may have.
        Some(0.0) => "0".to_owned(),
        Some(number) if (1e-6..1e16).contains(&number.abs()) => number.to_string(),
        Some(number) => format!("{number:e}"),
    }
}

/// How many there are of what: `1 case`, `2 cases`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// A value with four decimals; `–` where there is none.
pub fn value(number: Option<f64>) -> String {
    fixed(number, 4)
}

/// Mean and standard deviation as `0.8123 ± 0.0456`.
pub fn mean_and_sd(mean: Option<f64>, sd: Option<f64>) -> String {
    match (mean.filter(|mean| mean.is_finite()), sd) {
        (Some(_), Some(_)) => format!("{} ± {}", value(mean), value(sd)),
        (Some(_), None) => value(mean),
        _ => value(None),
    }
}

/// A p-value as people write it: `p = 0.012`, `p < 0.001`; below 0.05 is never written as 0.050.
pub fn p_value(p: f64) -> String {
    match p {
        p if !p.is_finite() => format!("p = {NONE}"),
        p if p < 0.001 => "p < 0.001".to_owned(),
        p if (0.0495..0.05).contains(&p) => format!("p = {p:.4}").replace("0.0500", "0.0499"),
        p if p < 0.1 => format!("p = {p:.3}"),
        p => format!("p = {p:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(value(Some(0.81234)), "0.8123");
        assert_eq!(value(Some(-0.00001)), "0.0000");
        assert_eq!(mean_and_sd(Some(0.5), Some(0.1)), "0.5000 ± 0.1000");
        assert_eq!(mean_and_sd(Some(0.5), None), "0.5000");
        assert_eq!(mean_and_sd(None, None), "–");
        assert_eq!(mean_and_sd(Some(f64::NAN), Some(0.1)), "–");
        assert_eq!(counted(1, "fold") + ", " + &counted(0, "case"), "1 fold, 0 cases");
        let written = [0.0, 1e-300, 0.0009, 0.001, 0.0123, 0.04997, 0.049_999_9, 0.05, 0.2345, 1.0].map(p_value);
        let expected = [
            "p < 0.001",
            "p < 0.001",
            "p < 0.001",
            "p = 0.001",
            "p = 0.012",
            "p = 0.0499",
            "p = 0.0499",
            "p = 0.050",
            "p = 0.23",
            "p = 1.00",
        ];
        assert_eq!(written, expected);
        assert_eq!([f64::NAN, f64::INFINITY].map(p_value), ["p = –"; 2]);
    }

    #[track_caller]
    fn check(number: f64, digits: usize, written: &str, in_files: &str) {
        assert_eq!((fixed(Some(number), digits).as_str(), exact(Some(number)).as_str()), (written, in_files));
    }

    #[test]
    fn odd_numbers() {
        check(f64::NAN, 3, "–", "");
        check(f64::INFINITY, 3, "–", "");
        check(f64::NEG_INFINITY, 3, "–", "");
        check(0.0, 3, "0.000", "0");
        check(-0.0, 3, "0.000", "0");
        check(-0.000_4, 3, "0.000", "-0.0004");
        check(-0.000_6, 3, "-0.001", "-0.0006");
        // In the middle, as stored: to the even digit. 0.0005 is stored above its middle, 1.005 below.
        check(0.0625, 3, "0.062", "0.0625");
        check(0.1875, 3, "0.188", "0.1875");
        check(0.0005, 3, "0.001", "0.0005");
        check(1.005, 2, "1.00", "1.005");
        check(0.5, 0, "0", "0.5");
        check(0.999_96, 4, "1.0000", "0.99996");
        check(1e-300, 3, "0.000", "1e-300");
        check(-2.5e-7, 8, "-0.00000025", "-2.5e-7");
        check(1e20, 1, "100000000000000000000.0", "1e20");
        check(3.0, 2, "3.00", "3");
        let numbers = [0.1, 1.0 / 3.0, 1e-7, 123_456.789, f64::MIN_POSITIVE, f64::MAX];
        assert!(numbers.iter().all(|number| exact(Some(*number)).parse() == Ok(*number)), "they read back");
    }
}
