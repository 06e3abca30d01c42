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
    }
}
