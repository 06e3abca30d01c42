//! What experiments, stages and values of axes may be called: reports and attempts lie in folders of these names.
//!
//! Does not know where those folders lie.

/// Whether a name can be that of one folder, on any file system.
pub(crate) fn check(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.starts_with('.') {
        return Err("expected a name that does not start with a dot");
    }
    if name.chars().any(|c| c.is_control() || "/\\:*?\"<>|".contains(c)) {
        return Err("expected a name without / \\ : * ? \" < > | and control characters");
    }
    if name.len() > 120 {
        return Err("expected at most 120 bytes");
    }
    Ok(())
}

/// Whether a name can be that of a stage: instances and outputs are named after it.
pub(crate) fn stage(name: &str) -> Result<(), &'static str> {
    check(name)?;
    if name.chars().any(|c| "[].,=${}".contains(c) || c.is_whitespace()) {
        return Err("expected a name without blanks and [ ] . , = $ { }");
    }
    Ok(())
}

/// Whether a text can be the value of an axis: instances are named after it.
///
/// # Errors
/// What is wrong with it.
pub fn axis_value(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("expected a value that is not empty");
    }
    if text.chars().any(|c| c.is_control() || "[],=/".contains(c)) {
        return Err("expected a value without `[ ] , = /` and control characters, which names of instances need");
    }
    if text.len() > 200 {
        return Err("expected at most 200 bytes");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["svsnet_xca", "U-Net, 512", "Gefäße"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", ".hidden", "a/b", "a\\b", "a\nb", &"x".repeat(121)] {
            assert!(check(bad).is_err(), "{bad}");
        }
        for bad in ["a b", "a[1]", "a.b", "a=b", "${a}", "a\nb", "a/b", &"x".repeat(300)] {
            assert!(stage(bad).is_err(), "{bad}");
        }
        assert!(stage("train-2_a").is_ok());
        assert!(axis_value("a b").is_ok() && axis_value("1e-3").is_ok());
        for bad in ["", "a/b", "a\nb", "a=b", &"x".repeat(300)] {
            assert!(axis_value(bad).is_err(), "{bad}");
        }
    }
}
