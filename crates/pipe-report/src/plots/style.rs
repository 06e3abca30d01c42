//! How pictures look, light, dark and on paper.
//!
//! Does not know what is drawn.

/// The rules for pictures within a page, `templates/plots.css`.
const RULES: &str = include_str!("../../templates/plots.css");
/// What a page says of its ground and its text.
const GROUND: [(&str, &str); 5] =
    [("text", "#1c2126"), ("soft", "#5c6670"), ("line", "#d9dee3"), ("card", "#ffffff"), ("back", "#ffffff")];

/// The rules for a picture that is a file: light, and without variables, which many programs do not read.
pub(super) fn alone() -> String {
    let variables = |line: &&str| line.starts_with(":root {");
    let own = RULES.lines().find(variables).unwrap_or_default();
    let own = own.split(['{', '}', ';']).filter_map(|rule| rule.trim().strip_prefix("--")?.split_once(": "));
    let plain = RULES.lines().filter(|line| !variables(line) && !line.starts_with("@media") && !line.starts_with("/*"));
    let mut rules = plain.collect::<Vec<_>>().join("\n");
    for (name, colour) in own.chain(GROUND) {
        rules = rules.replace(&format!("var(--{name})"), colour);
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_variable_is_left() {
        let rules = alone();
        assert!(!rules.contains("var(") && !rules.contains("@media") && rules.contains("fill: #0072b2"), "{rules}");
    }
}
