//! A report as Markdown.
//!
//! Does not compute.

use std::fmt::Write as _;

use crate::{LEAKY, Report, Row, folds, mean_and_sd, search::prose, table, value};

/// What the colours of overlays say.
pub(crate) const OVERLAY_COLOURS: &str = "Left: the image; right, over it: foreground of both masks (green), of the prediction alone (orange), of the reference alone (blue).";

/// Text of people that Markdown shows as it is, on one line: nothing in it is markup, HTML, mathematics or the end of a cell.
///
/// What some renderers leave a backslash before (`$`, `~`, `^`, `@`) is written as its number.
pub(crate) fn plain(text: &str) -> String {
    let text: Vec<char> = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().collect();
    let mut found = String::with_capacity(text.len());
    // A number and a point begin a list.
    let digits = text.iter().take_while(|letter| letter.is_ascii_digit()).count();
    let is_word = |at: usize| text.get(at).is_some_and(|letter| letter.is_alphanumeric());
    for (at, letter) in text.iter().copied().enumerate() {
        let before = at.checked_sub(1);
        match letter {
            '\\' | '`' | '*' | '{' | '}' | '|' => found.extend(['\\', letter]),
            '[' | ']' if !is_unit(&text, at) => found.extend(['\\', letter]),
            // Within a word it is one of its letters.
            '_' if !(before.is_some_and(is_word) && is_word(at + 1)) => found.push_str("\\_"),
            '<' if is_word(at + 1) || text.get(at + 1).is_some_and(|next| "/!?".contains(*next)) => {
                found.push_str("&lt;");
            }
            '>' if at == 0 => found.push_str("&gt;"),
            '&' if is_word(at + 1) || text.get(at + 1) == Some(&'#') => found.push_str("&amp;"),
            '$' | '~' | '^' | '@' => found.push_str(&format!("&#{};", u32::from(letter))),
            // The first begins a heading or a list, the second is a dash or an ellipsis of typographers.
            '#' | '+' if at == 0 => found.extend(['\\', letter]),
            '-' if at == 0 || text[at - 1] == '-' => found.extend(['\\', letter]),
            '.' if at > 0 && (text[at - 1] == '.' || (at == digits && text.get(at + 1) == Some(&' '))) => {
                found.extend(['\\', letter]);
            }
            ')' if at > 0 && at == digits && text.get(at + 1) == Some(&' ') => found.extend(['\\', letter]),
            _ => found.push(letter),
        }
    }
    found
}

/// Whether a bracket is one of two around a word, as a unit has them, that make no link.
fn is_unit(text: &[char], at: usize) -> bool {
    let is_bracket = |letter: &char| matches!(letter, '[' | ']');
    let (open, close) = match text[at] {
        '[' => (Some(at), text[at + 1..].iter().position(is_bracket).map(|far| at + 1 + far)),
        _ => (text[..at].iter().rposition(is_bracket), Some(at)),
    };
    let (Some(open), Some(close)) = (open, close) else { return false };
    let is_pair = (text[open], text[close]) == ('[', ']') && close - open > 1;
    let inside = text[open + 1..close].iter().all(|letter| letter.is_alphanumeric() || " /%².=,-".contains(*letter));
    is_pair && inside && text.get(close + 1).is_none_or(|next| !"([:{".contains(*next))
}

/// The table of means.
pub(crate) fn results(rows: &[Row]) -> String {
    let columns = folds(rows);
    let folds: Vec<String> = columns.iter().map(|fold| plain(&point(fold))).collect();
    let mut text = format!(
        "| system | metric | mean ± SD over cases | median | n | mean ± SD over folds | {} |\n|---|---|---:|---:|---:|---:|{}\n",
        folds.join(" | "),
        "---:|".repeat(folds.len())
    );
    for row in rows {
        let n = row.cases();
        let per_fold: Vec<_> = columns.iter().map(|fold| value(row.fold(fold))).collect();
        let line = format!(
            "| {} | {} | {} | {} | {n} | {} | {} |\n",
            plain(&row.system),
            plain(&row.label),
            mean_and_sd(row.mean, row.sd),
            value(row.median),
            mean_and_sd(row.mean_over_folds, row.sd_over_folds),
            per_fold.join(" | ")
        );
        text.push_str(&line);
    }
    text + "\n"
}

/// The report as Markdown; `picture` gives the file of an overlay by its position.
pub fn markdown(report: &Report, picture: &dyn Fn(usize) -> String) -> String {
    let mut text = format!("# {}\n\n", plain(&report.title));
    let mut add = |line: String| writeln!(text, "{line}").expect("writing to a text");
    if let Some(description) = &report.description {
        add(format!("{}\n", plain(description)));
    }
    if !report.missing.is_empty() {
        add(format!("**Incomplete**: no result yet for {}.\n", plain(&report.missing.join(", "))));
    }
    if !report.leaks.is_empty() {
        add(format!("**{LEAKY}**\n"));
        report.leaks.iter().for_each(|leak| add(format!("* {}", plain(leak))));
        add(String::new());
    }
    for mark in &report.marks {
        add(format!("**Not made by the present recipe**: {}.\n", plain(mark)));
    }
    let rows = table(&report.metrics, &report.cases);
    if !rows.is_empty() {
        add(format!("## Test results\n\n{}", results(&rows)));
    }
    if !report.searches.is_empty() {
        add(format!("## Search\n\n{}", prose::markdown(&report.searches)));
    }
    if !report.notes.is_empty() {
        add("## Conventions\n".to_owned());
        report.notes.iter().for_each(|note| add(format!("* {}", plain(note))));
        add(String::new());
    }
    if !report.overlays.is_empty() {
        add(format!("## Cases\n\n{OVERLAY_COLOURS}\n"));
        for (position, overlay) in report.overlays.iter().enumerate() {
            let caption = plain(&format!("{}: {}", overlay.rank.label(), overlay.caption()));
            add(format!("![{caption}]({})\n*{caption}*\n", picture(position)));
        }
    }
    if !report.provenance.is_empty() {
        add("## Provenance\n".to_owned());
        add("| stage | fingerprint | made | run | commit | device | seed | seconds |\n|---|---|---|---:|---|---|---:|---:|".to_owned());
        for row in &report.provenance {
            let commit = row.commit.as_deref().map_or("–", |commit| &commit[..commit.len().min(12)]);
            let seed = row.seed.map_or("–".to_owned(), |seed| seed.to_string());
            add(format!(
                "| {} | `{}` | {} | {} | {commit} | {} | {seed} | {:.1} |",
                plain(&row.stage),
                &row.fingerprint[..row.fingerprint.len().min(12)],
                row.made_at.split('.').next().unwrap_or_default(),
                row.run,
                plain(&row.device),
                row.seconds
            ));
        }
    }
    text
}

/// `fold 1`, or `fold 1, seed 2`.
pub(crate) fn point(axes: &indexmap::IndexMap<String, String>) -> String {
    let values: Vec<_> = axes.iter().map(|(axis, value)| format!("{axis} {value}")).collect();
    if values.is_empty() { "all".to_owned() } else { values.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, written: &str) {
        assert_eq!(plain(text), written);
    }

    #[test]
    fn names_are_no_markup() {
        check("U-Net, width 32 (SVS_net) + 2.5 %", "U-Net, width 32 (SVS_net) + 2.5 %");
        check("*a* _b_ `c` a|b \\d", "\\*a\\* \\_b\\_ \\`c\\` a\\|b \\\\d");
        check("$x_1$ ~y~ z^2 me@here", "&#36;x_1&#36; &#126;y&#126; z&#94;2 me&#64;here");
        check("<b>x</b> &lt; R & D {#id} [1](u)", "&lt;b>x&lt;/b> &amp;lt; R & D \\{#id\\} \\[1\\](u)");
        check("HD [px], p < 0.05 [a] [b][c] [d", "HD [px], p < 0.05 [a] \\[b\\][c] \\[d");
        check("> one", "&gt; one");
        check("# one", "\\# one");
        check("+ ASPP", "\\+ ASPP");
        check("- ASPP -- more...", "\\- ASPP -\\- more.\\.\\.");
        check("1. first", "1\\. first");
        check("12) first", "12\\) first");
        check("  two\n\n lines ", "two lines");
    }
}
