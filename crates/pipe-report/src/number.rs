//! Numbers as people read them.
//!
//! Does not know what they measure.

/// A value with four decimals; `–` where there is none.
pub fn value(number: Option<f64>) -> String {
    match number {
        Some(number) if number.is_finite() => {
            let text = format!("{number:.4}");
            // Rounding may leave a zero with a sign.
            if text.trim_start_matches('-').chars().all(|c| matches!(c, '0' | '.')) {
                text.trim_start_matches('-').to_owned()
            } else {
                text
            }
        }
        _ => "–".to_owned(),
    }
}

/// Mean and standard deviation as `0.8123 ± 0.0456`.
pub fn mean_and_sd(mean: Option<f64>, sd: Option<f64>) -> String {
    match (mean, sd) {
        (Some(_), Some(_)) => format!("{} ± {}", value(mean), value(sd)),
        (Some(_), None) => value(mean),
        _ => value(None),
    }
}

/// A p-value as people write it: `p = 0.012`, `p < 0.001`; below 0.05 is never written as 0.050.
pub fn p_value(p: f64) -> String {
    match p {
        p if p.is_nan() => "p = –".to_owned(),
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
        assert_eq!(value(Some(f64::NAN)), "–");
        assert_eq!(mean_and_sd(Some(0.5), Some(0.1)), "0.5000 ± 0.1000");
        assert_eq!(mean_and_sd(Some(0.5), None), "0.5000");
        assert_eq!(mean_and_sd(None, None), "–");
        let written = [0.0, 0.0123, 0.04997, 0.049_999_9, 0.05, 0.2345, 1.0].map(p_value);
        let expected = ["p < 0.001", "p = 0.012", "p = 0.0499", "p = 0.0499", "p = 0.050", "p = 0.23", "p = 1.00"];
        assert_eq!(written, expected);
    }
}
