//! Names and sentences of people in LaTeX, so that they come out as themselves.
//!
//! Does not know tables. Markdown's counterpart is `plain` in `markdown.rs`.

/// What LaTeX prints for letters that it has no other way to print in text.
const LETTERS: &[(char, &str)] = &[
    ('\\', "\\textbackslash{}"),
    ('~', "\\textasciitilde{}"),
    ('^', "\\textasciicircum{}"),
    ('`', "\\textasciigrave{}"),
    ('"', "\\char34{}"),
    ('±', "$\\pm$"),
    ('–', "--"),
    ('—', "---"),
    ('†', "$^\\dagger$"),
    ('‡', "$^\\ddagger$"),
    ('↑', "$\\uparrow$"),
    ('↓', "$\\downarrow$"),
    ('→', "$\\rightarrow$"),
    ('←', "$\\leftarrow$"),
    ('<', "$<$"),
    ('>', "$>$"),
    ('|', "$|$"),
    ('≥', "$\\geq$"),
    ('≤', "$\\leq$"),
    ('≈', "$\\approx$"),
    ('≠', "$\\neq$"),
    ('×', "$\\times$"),
    ('−', "$-$"),
    ('·', "$\\cdot$"),
    ('∞', "$\\infty$"),
    ('°', "$^\\circ$"),
    ('²', "$^2$"),
    ('³', "$^3$"),
    ('α', "$\\alpha$"),
    ('β', "$\\beta$"),
    ('γ', "$\\gamma$"),
    ('δ', "$\\delta$"),
    ('ε', "$\\varepsilon$"),
    ('θ', "$\\theta$"),
    ('κ', "$\\kappa$"),
    ('λ', "$\\lambda$"),
    ('µ', "$\\mu$"),
    ('μ', "$\\mu$"),
    ('π', "$\\pi$"),
    ('ρ', "$\\rho$"),
    ('σ', "$\\sigma$"),
    ('τ', "$\\tau$"),
    ('φ', "$\\varphi$"),
    ('χ', "$\\chi$"),
    ('ψ', "$\\psi$"),
    ('ω', "$\\omega$"),
    ('Γ', "$\\Gamma$"),
    ('Δ', "$\\Delta$"),
    ('Σ', "$\\Sigma$"),
    ('Φ', "$\\Phi$"),
    ('Ω', "$\\Omega$"),
];

/// Text as LaTeX prints it; on one line, for an empty one would end a caption.
pub(crate) fn tex(text: &str) -> String {
    let mut found = String::with_capacity(text.len());
    for letter in text.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
        match letter {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => found.extend(['\\', letter]),
            // At the beginning of a row they would belong to the end of the row before.
            '[' | '*' if found.is_empty() => found.extend(['{', letter, '}']),
            // Two would be a dash.
            '-' if found.ends_with('-') => found.push_str("{}-"),
            _ => match LETTERS.iter().find(|(known, _)| *known == letter) {
                Some((_, written)) => found.push_str(written),
                None => found.push(letter),
            },
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_special_letter() {
        let written = tex("a\\b & 100% $x$ #1 {x_1} ~y^2 `q` \"r\" [z]* --- <i> | − µm²\n\nend");
        assert_eq!(
            written,
            "a\\textbackslash{}b \\& 100\\% \\$x\\$ \\#1 \\{x\\_1\\} \\textasciitilde{}y\\textasciicircum{}2 \\textasciigrave{}q\\textasciigrave{} \\char34{}r\\char34{} [z]* -{}-{}- $<$i$>$ $|$ $-$ $\\mu$m$^2$ end"
        );
        assert_eq!([tex("[a]"), tex("* b")], ["{[}a]", "{*} b"]);
    }
}
