//! A report as one HTML page that needs no other file.
//!
//! Does not compute.

use std::fmt::Write as _;

use crate::{
    LEAKY, Plot, Report, Row, folds, markdown::point, mean_and_sd, overlay_png, plots::PLOT_STYLE, table, value,
};

/// What all pages have.
pub(crate) const STYLE: &str = "
:root { color-scheme: light dark; --text: #1c2126; --soft: #5c6670; --line: #d9dee3; --back: #ffffff; --card: #f6f8fa; --accent: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ec; --soft: #9aa5af; --line: #343c44; --back: #14181c; --card: #1c2228; --accent: #56b4e9; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1120px; padding: 2.2rem 1.4rem 4rem; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .2rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .7rem; }
p.lead { color: var(--soft); margin: 0 0 1.2rem; max-width: 60rem; }
.missing { border-left: 4px solid #d55e00; padding: .5rem .9rem; background: var(--card); }
.figure { display: inline-block; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .6rem 1.1rem; margin: 0 .6rem .6rem 0; }
.figure b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; } .figure span { color: var(--soft); font-size: .85rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: .35rem .7rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { color: var(--soft); font-weight: 600; font-size: .85rem; } th.l, td.l { text-align: left; }
.grid-of { display: grid; align-items: start; grid-template-columns: repeat(auto-fill, minmax(min(340px, 100%), 1fr)); gap: 1rem; }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .6rem; }
figure img { width: 100%; image-rendering: pixelated; border-radius: 4px; display: block; }
figcaption { font-size: .85rem; color: var(--soft); margin-top: .4rem; } figcaption b { color: var(--text); }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin: 0 .3em 0 .9em; }
details { margin-top: 1rem; } summary { cursor: pointer; color: var(--accent); } code { font-size: .85em; }
li { margin: .2rem 0; color: var(--soft); }
@media (max-width: 560px) { body { padding: 1.2rem .9rem 3rem; } h1 { font-size: 1.4rem; } }
@media print { :root { color-scheme: light; --text: #000; --soft: #444; --line: #bbb; --back: #fff; --card: #fff; --accent: #0072b2; } body { max-width: none; padding: 0; font-size: 10.5pt; } .wide { overflow: visible; } td, th { white-space: normal; } figure, .figure, tr { break-inside: avoid; } h2, h3 { break-after: avoid; } }
";

/// Text without markup.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Plots as a page.
pub fn plots_html(title: &str, plots: &[Plot]) -> String {
    let title = escape(title);
    let figures: String = plots.iter().map(figure).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}{PLOT_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<div class=\"grid-of\">\n{figures}</div>\n</body>\n</html>\n"
    )
}

/// A plot with its title above.
pub(crate) fn figure(plot: &Plot) -> String {
    format!("<figure><figcaption><b>{}</b></figcaption>{}</figure>\n", escape(plot.title()), plot.svg())
}

/// The report as a page.
pub fn html(report: &Report) -> String {
    let mut page = String::new();
    let title = escape(&report.title);
    let mut add = |text: &str| page.push_str(text);
    add(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
    );
    add(&format!("<title>{title}</title>\n<style>{STYLE}{PLOT_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"));
    let description = report.description.as_deref().unwrap_or_default();
    add(&format!("<p class=\"lead\">{}</p>\n", escape(description)));
    if !report.missing.is_empty() {
        add(&format!(
            "<p class=\"missing\">Incomplete: no result yet for {}.</p>\n",
            escape(&report.missing.join(", "))
        ));
    }
    if !report.leaks.is_empty() {
        let leaks = report.leaks.iter().map(|leak| format!("<br>{}", escape(leak)));
        let leaks = leaks.collect::<String>();
        add(&format!("<p class=\"missing\"><b>{LEAKY}</b>{leaks}</p>\n"));
    }
    for mark in &report.marks {
        add(&format!("<p class=\"missing\"><b>Not made by the present recipe:</b> {}.</p>\n", escape(mark)));
    }
    add(&results(report));
    add(&curves(report));
    add(&cases(report));
    add(&conventions(report));
    add(&provenance(report));
    add("</body>\n</html>\n");
    page
}

fn results(report: &Report) -> String {
    let rows = table(&report.metrics, &report.cases);
    let mut text = String::new();
    let Some(first) = rows.first() else {
        return text;
    };
    let mut add = |part: String| text.push_str(&part);
    add("<h2>Test results</h2>\n".to_owned());
    // Of several classes their mean, which comes first.
    let is_shown = |row: &&Row| {
        row.class == first.class && matches!(row.metric.as_str(), "dice" | "cldice" | "precision" | "recall")
    };
    for row in rows.iter().filter(is_shown) {
        let system = if rows.iter().any(|other| other.system != first.system) {
            format!("{} · ", escape(&row.system))
        } else {
            String::new()
        };
        add(format!(
            "<div class=\"figure\"><b>{}</b><span>{system}{}, mean of {} cases</span></div>\n",
            value(row.mean),
            escape(&row.label),
            row.n
        ));
    }
    add("<div class=\"wide\"><table>\n<tr><th class=\"l\">System</th><th class=\"l\">Metric</th><th>mean ± SD over cases</th><th>median</th><th>n</th><th>mean ± SD over folds</th>".to_owned());
    let folds = folds(&rows);
    folds.iter().for_each(|fold| add(format!("<th>{}</th>", escape(&point(fold)))));
    add("</tr>\n".to_owned());
    for row in &rows {
        let n = row.cases();
        add(format!(
            "<tr><td class=\"l\">{}</td><td class=\"l\">{}</td><td>{}</td><td>{}</td><td>{n}</td><td>{}</td>",
            escape(&row.system),
            escape(&row.label),
            mean_and_sd(row.mean, row.sd),
            value(row.median),
            mean_and_sd(row.mean_over_folds, row.sd_over_folds)
        ));
        folds.iter().for_each(|fold| add(format!("<td>{}</td>", value(row.fold(fold)))));
        add("</tr>\n".to_owned());
    }
    add("</table></div>\n".to_owned());
    text
}

fn curves(report: &Report) -> String {
    if report.curves.is_empty() {
        return String::new();
    }
    let figures = report.curves.iter().map(|curve| {
        format!("<figure>{}<figcaption><b>{}</b></figcaption></figure>\n", curve.svg(), escape(&curve.name))
    });
    format!("<h2>Training</h2>\n<div class=\"grid-of\">\n{}</div>\n", figures.collect::<String>())
}

fn cases(report: &Report) -> String {
    if report.overlays.is_empty() {
        return String::new();
    }
    let mut text =
        "<h2>Cases</h2>\n<p class=\"lead\">Best, median and worst test case of each fold, image beside overlay:\
        <i class=\"key\" style=\"background:#009e73\"></i>in both\
        <i class=\"key\" style=\"background:#d55e00\"></i>in the prediction alone\
        <i class=\"key\" style=\"background:#56b4e9\"></i>in the reference alone</p>\n<div class=\"grid-of\">\n"
            .to_owned();
    for overlay in &report.overlays {
        let caption = format!(
            "<b>{}</b> · {} · {} · Dice {}",
            overlay.rank.label(),
            escape(&overlay.case),
            escape(&overlay.stage),
            value(Some(overlay.dice))
        );
        let data = base64(&overlay_png(overlay));
        let alt = format!("{} over its image", escape(&overlay.case));
        writeln!(text, "<figure><img alt=\"{alt}\" src=\"data:image/png;base64,{data}\"><figcaption>{caption}</figcaption></figure>").expect("writing to a text");
    }
    text.push_str("</div>\n");
    text
}

fn conventions(report: &Report) -> String {
    if report.notes.is_empty() {
        return String::new();
    }
    let notes = report.notes.iter().map(|note| format!("<li>{}</li>\n", escape(note)));
    format!("<h2>Conventions</h2>\n<ul>\n{}</ul>\n", notes.collect::<String>())
}

fn provenance(report: &Report) -> String {
    if report.provenance.is_empty() {
        return String::new();
    }
    let rows = report.provenance.iter().map(|row| {
        let commit = row.commit.as_deref().map_or("–".to_owned(), |commit| escape(&commit.chars().take(12).collect::<String>()));
        format!(
            "<tr><td class=\"l\">{}</td><td class=\"l\"><code title=\"{}\">{}</code></td><td class=\"l\">{}</td><td>{}</td><td class=\"l\">{commit}</td><td class=\"l\">{}</td><td>{}</td><td>{:.1}</td><td class=\"l\"><code>{}</code></td></tr>\n",
            escape(&row.stage),
            row.fingerprint,
            &row.fingerprint[..row.fingerprint.len().min(12)],
            escape(row.made_at.split('.').next().unwrap_or_default()),
            row.run,
            escape(&row.device),
            row.seed.map_or("–".to_owned(), |seed| seed.to_string()),
            row.seconds,
            escape(&row.facts.to_string())
        )
    });
    format!(
        "<h2>Provenance</h2>\n<details><summary>{} results: recipes, times, devices, versions</summary>\n<div class=\"wide\"><table>\n<tr><th class=\"l\">stage</th><th class=\"l\">fingerprint</th><th class=\"l\">made</th><th>run</th><th class=\"l\">commit</th><th class=\"l\">device</th><th>seed</th><th>seconds</th><th class=\"l\">facts</th></tr>\n{}</table></div></details>\n",
        report.provenance.len(),
        rows.collect::<String>()
    )
}

/// Bytes as base64 (RFC 4648, section 4).
pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().enumerate().fold(0_u32, |bits, (at, byte)| bits | u32::from(*byte) << (16 - 8 * at));
        for digit in 0..4 {
            let used = digit <= chunk.len();
            text.push(if used { char::from(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_the_rfc() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn markup_in_names_is_text() {
        let report = Report {
            title: "<script>".into(),
            experiment: "e".into(),
            description: Some("a & b".into()),
            metrics: Vec::new(),
            cases: Vec::new(),
            curves: Vec::new(),
            overlays: Vec::new(),
            provenance: Vec::new(),
            notes: vec!["x < y".into()],
            missing: vec!["train".into()],
            leaks: vec!["evaluate: 1 < 2".into()],
            marks: vec!["train is frozen > 1".into()],
        };
        let page = html(&report);
        assert!(
            page.contains("&lt;script&gt;")
                && page.contains("a &amp; b")
                && page.contains("x &lt; y")
                && page.contains("frozen &gt; 1")
                && page.contains("frames of one patient are on both sides")
                && page.contains("1 &lt; 2")
                && !page.contains("<script>")
        );
    }
}
