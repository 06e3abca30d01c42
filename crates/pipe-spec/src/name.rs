//! What an experiment may be called: its reports lie in a folder of that name.
//!
//! Does not know where that folder lies.

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
    }
}
