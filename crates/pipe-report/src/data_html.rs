//! A report about a data set as one HTML page that needs no other file.
//!
//! Does not compute.

use std::collections::BTreeMap;

use crate::{
    DataIssue, DataReport, DataTable, Fix, FoldReport, Shown, Sight,
    html::{STYLE, base64, escape},
    plots::PLOT_STYLE,
};

/// What this page needs beyond what all pages have.
const OWN: &str = "
header p { margin: .2rem 0; } dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: .15rem .9rem; font-size: .88rem; color: var(--soft); margin: .6rem 0 1rem; overflow-wrap: anywhere; }
dl.facts dt { font-weight: 600; } dl.facts dd { margin: 0; }
.verdict { border-radius: 8px; padding: .6rem 1rem; margin: 1rem 0; border: 1px solid var(--line); border-left-width: 5px; background: var(--card); }
.verdict.good { border-left-color: #009e73; } .verdict.look { border-left-color: #e69f00; } .verdict.bad { border-left-color: #d55e00; }
.figures { display: flex; flex-wrap: wrap; gap: .6rem; } .figures .figure { margin: 0; }
h3 { font-size: .98rem; margin: 1.3rem 0 .5rem; } h3 small { font-weight: 400; color: var(--soft); }
.fix { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .6rem .9rem; margin: .6rem 0; }
.fix p { margin: 0 0 .4rem; } .fix pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem; }
td.wrap { white-space: normal; min-width: 12rem; } td.file { white-space: normal; overflow-wrap: anywhere; min-width: 9rem; }
.pairs { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: .8rem; }
.sight { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .6rem .7rem; break-inside: avoid; }
.sight p { margin: 0 0 .45rem; font-size: .9rem; } .sight .row { display: grid; grid-template-columns: repeat(auto-fill, minmax(120px, 1fr)); gap: .5rem; }
.sight.pair .row { grid-template-columns: 1fr 1fr; } .sight.wide-sight { grid-column: 1 / -1; }
.shown { margin: 0; padding: 0; border: 0; background: none; min-width: 0; } .shown img, .shown .none { width: 100%; aspect-ratio: 1; object-fit: contain; background: #000; border-radius: 5px; image-rendering: auto; }
.shown .none { display: grid; place-items: center; color: #9aa5af; font-size: .8rem; } .shown figcaption { font-size: .76rem; line-height: 1.3; margin-top: .25rem; overflow-wrap: anywhere; }
.sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: .7rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: .9rem; } .plots figure { break-inside: avoid; }
.plots figcaption { margin: 0 0 .3rem; }
.warn, li.warn { color: #b34700; } @media (prefers-color-scheme: dark) { .warn, li.warn { color: #ff9d5c; } }
.stack { display: flex; height: .9rem; border-radius: 4px; overflow: hidden; min-width: 7rem; background: var(--line); } .stack i { display: block; } .p0 { background: #0072b2; } .p1 { background: #e69f00; } .p2 { background: #009e73; }
.legend { color: var(--soft); font-size: .88rem; margin: .2rem 0 .7rem; } .legend .key:first-child { margin-left: 0; }
@media (max-width: 560px) { .pairs, .plots { grid-template-columns: 1fr; } .sheet { grid-template-columns: repeat(2, 1fr); } .figures .figure { flex: 1 1 40%; }
  table.stacked tr:first-child { display: none; } table.stacked, table.stacked tbody, table.stacked tr, table.stacked td { display: block; width: 100%; min-width: 0; white-space: normal; text-align: left; } table.stacked tr { border-bottom: 1px solid var(--line); padding: .4rem 0; } table.stacked td { border: 0; padding: .1rem 0; } table.stacked td[data-name]::before { content: attr(data-name) ': '; color: var(--soft); } }
@media print { .sheet { grid-template-columns: repeat(5, 1fr); } .verdict, .fix { break-inside: avoid; } .shown img { print-color-adjust: exact; } .stack { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
";

/// Problems of a kind that are seen at once.
const SHOWN: usize = 8;
/// Problems of a kind that the page lists; all of them are in the data beside it.
const LISTED: usize = 300;
/// Folds that the page lists.
const FOLDS: usize = 100;

/// The report as a page.
pub fn data_html(report: &DataReport) -> String {
    let name = escape(&report.name);
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
    );
    let mut add = |text: &str| page.push_str(text);
    // An icon of its own: without one a browser asks the network for it.
    add(&format!(
        "<title>Data: {name}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}{PLOT_STYLE}{OWN}</style>\n</head>\n<body>\n"
    ));
    add(&head(report));
    add(&fixes(&report.proposals));
    add(&problems(&report.problems));
    add(&folds(&report.folds));
    add(&sights(&report.findings));
    add(&plots(report));
    report.tables.iter().for_each(|table| add(&self::table(table)));
    add(&sheet(report));
    if !report.notes.is_empty() {
        let notes: String = report.notes.iter().map(|note| format!("<li>{}</li>\n", escape(note))).collect();
        add(&format!("<h2>Conventions</h2>\n<ul>\n{notes}</ul>\n"));
    }
    add("</body>\n</html>\n");
    page
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn head(report: &DataReport) -> String {
    let mut text = format!("<header>\n<h1>{}</h1>\n", escape(&report.name));
    if let Some(about) = &report.about {
        text.push_str(&format!("<p class=\"lead\">{}</p>\n", escape(about)));
    }
    if !report.facts.is_empty() {
        let fact = |(name, value): &(String, String)| format!("<dt>{}</dt><dd>{}</dd>\n", escape(name), escape(value));
        text.push_str(&format!("<dl class=\"facts\">\n{}</dl>\n", report.facts.iter().map(fact).collect::<String>()));
    }
    let wrong = report.folds.iter().flat_map(|fold| &fold.warnings).filter(|(wrong, _)| *wrong).count();
    let looks = report.findings.len() + report.folds.iter().map(|fold| fold.warnings.len()).sum::<usize>() - wrong;
    let thoughts = report.proposals.iter().filter(|fix| !fix.mends).count();
    let leaky = report.folds.iter().filter(|fold| fold.leaks).count();
    let (class, words) = match (report.problems.len() + wrong, looks + thoughts) {
        (0, looks) if leaky > 0 => {
            let folds = format!("{leaky} of {}", counted(report.folds.len(), "fold", "folds"));
            let looks = counted(looks, "thing is", "things are");
            let sides = "patients or images are, or seem to be, on two sides, so that its numbers say too much";
            ("look", format!("No file is wrong, but in {folds} {sides}; {looks} worth a look."))
        }
        (0, 0) => ("good", "Nothing is wrong, and nothing stands out.".to_owned()),
        (0, looks) => ("look", format!("Nothing is wrong; {} worth a look.", counted(looks, "thing is", "things are"))),
        (problems, looks) => {
            let they = if problems == 1 { "it is" } else { "they are" };
            let more = format!(" {} worth a look.", counted(looks, "thing is", "things are"));
            let problems = counted(problems, "problem", "problems");
            let more = if looks == 0 { "" } else { &more };
            ("bad", format!("{problems}: nothing can be trained on this before {they} mended.{more}"))
        }
    };
    text.push_str(&format!("<p class=\"verdict {class}\"><b>{words}</b></p>\n<div class=\"figures\">\n"));
    for (value, name) in &report.figures {
        text.push_str(&format!("<div class=\"figure\"><b>{}</b><span>{}</span></div>\n", escape(value), escape(name)));
    }
    text + "</div>\n</header>\n"
}

fn problems(problems: &[DataIssue]) -> String {
    let mut kinds: BTreeMap<&str, Vec<&DataIssue>> = BTreeMap::new();
    problems.iter().for_each(|problem| kinds.entry(&problem.what).or_default().push(problem));
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    // Few of a kind are easily lost beside hundreds of another.
    kinds.sort_by_key(|(_, list)| list.len());
    let mut text = String::new();
    for (what, list) in kinds {
        let (first, rest) = list.split_at(list.len().min(SHOWN));
        text.push_str(&format!("<h3>{} <small>{}</small></h3>\n{}", escape(what), list.len(), issues(first)));
        if !rest.is_empty() {
            let listed = &rest[..rest.len().min(LISTED)];
            let more = match rest.len() - listed.len() {
                0 => String::new(),
                more => format!("<p class=\"lead\">and {more} more; <code>data.json</code> lists all.</p>\n"),
            };
            text.push_str(&format!(
                "<details><summary>{} more</summary>\n{}{more}</details>\n",
                rest.len(),
                issues(listed)
            ));
        }
    }
    if text.is_empty() { text } else { format!("<h2>Problems</h2>\n{text}") }
}

fn issues(list: &[&DataIssue]) -> String {
    let row = |DataIssue { case, file, reason, hint, .. }: &DataIssue| {
        // Most names of cases are in those of their files.
        let case = case.as_deref().filter(|case| !file.contains(case));
        let case = case.map_or(String::new(), |case| format!("<br><small>case {}</small>", escape(case)));
        format!(
            "<tr><td class=\"l file\"><code>{}</code>{case}</td><td class=\"l wrap\">{}</td><td class=\"l wrap\" data-name=\"what to do\">{}</td></tr>\n",
            escape(file),
            code(reason),
            code(hint)
        )
    };
    let rows: String = list.iter().map(|issue| row(issue)).collect();
    format!(
        "<div class=\"wide\"><table class=\"stacked\">\n<tr><th class=\"l\">file</th><th class=\"l\">why</th><th class=\"l\">what to do</th></tr>\n{rows}</table></div>\n"
    )
}

/// Text whose parts between backticks are code.
fn code(text: &str) -> String {
    let piece = |(at, piece): (usize, &str)| {
        if at % 2 == 1 { format!("<code>{}</code>", escape(piece)) } else { escape(piece) }
    };
    text.split('`').enumerate().map(piece).collect()
}

fn fixes(fixes: &[Fix]) -> String {
    let block =
        |fix: &Fix| format!("<div class=\"fix\"><p>{}</p><pre>{}</pre></div>\n", code(&fix.why), escape(&fix.yaml));
    let of = |mends: bool, title: &str| {
        let all: String = fixes.iter().filter(|fix| fix.mends == mends).map(block).collect();
        if all.is_empty() { all } else { format!("<h2>{title}</h2>\n{all}") }
    };
    of(true, "What would mend them") + &of(false, "What may be meant")
}

fn folds(folds: &[FoldReport]) -> String {
    let Some(whole) = folds.iter().find(|fold| !fold.parts.is_empty()).or(folds.first()) else {
        return String::new();
    };
    let mut text = "<h2>Folds</h2>\n".to_owned();
    if !whole.parts.is_empty() {
        let keys = whole.parts.iter().enumerate();
        let keys = keys.map(|(at, part)| format!("<i class=\"key p{at}\"></i>{}", escape(&part.part)));
        let heads = whole.parts.iter().map(|part| format!("<th>{}</th>", escape(&part.part)));
        let classes = whole.parts[0].classes.iter().map(|(name, _)| format!("<th>with {}</th>", escape(name)));
        text.push_str(&format!(
            "<p class=\"legend\">{} · cases, and patients in brackets; of each class the cases that have it, part by part</p>\n<div class=\"wide\"><table>\n<tr><th class=\"l\">fold</th><th class=\"l\"></th>{}{}</tr>\n",
            keys.collect::<String>(),
            heads.collect::<String>(),
            classes.collect::<String>()
        ));
        folds.iter().take(FOLDS).for_each(|fold| text.push_str(&fold_row(fold, whole.parts.len())));
        text.push_str("</table></div>\n");
        if folds.len() > FOLDS {
            text.push_str(&format!(
                "<p class=\"lead\">and {} more; <code>data.json</code> lists all.</p>\n",
                folds.len() - FOLDS
            ));
        }
    }
    let warnings = folds.iter().flat_map(|fold| fold.warnings.iter().map(move |(_, words)| (fold, words)));
    let warning = |(fold, words): (&FoldReport, &String)| {
        format!("<li class=\"warn\">{}: {}</li>\n", escape(&fold.stage), code(words))
    };
    let warnings: Vec<String> = warnings.map(warning).collect();
    if !warnings.is_empty() {
        text.push_str(&format!("<ul>\n{}</ul>\n", warnings.iter().take(LISTED).cloned().collect::<String>()));
    }
    text
}

fn fold_row(fold: &FoldReport, columns: usize) -> String {
    let all = fold.parts.iter().map(|part| part.cases).sum::<usize>().max(1) as f64;
    let slice = |(at, part): (usize, &crate::FoldPart)| {
        format!("<i class=\"p{at}\" style=\"width:{:.2}%\"></i>", part.cases as f64 / all * 100.0)
    };
    let slices: String = fold.parts.iter().enumerate().map(slice).collect();
    let mut row = format!(
        "<tr><td class=\"l\">{}</td><td class=\"l\"><div class=\"stack\">{slices}</div></td>",
        escape(&fold.stage)
    );
    if fold.parts.is_empty() {
        return row + &format!("<td colspan=\"{columns}\" class=\"warn\">cannot be cut</td></tr>\n");
    }
    fold.parts.iter().for_each(|part| row.push_str(&format!("<td>{} ({})</td>", part.cases, part.patients)));
    for class in 0..fold.parts[0].classes.len() {
        let counts: Vec<_> = fold.parts.iter().map(|part| part.classes[class].1.to_string()).collect();
        row.push_str(&format!("<td>{}</td>", counts.join(" / ")));
    }
    row + "</tr>\n"
}

fn figure(shown: &Shown) -> String {
    let picture = match &shown.jpeg {
        Some(jpeg) => format!(
            "<img loading=\"lazy\" alt=\"{}\" src=\"data:image/jpeg;base64,{}\">",
            escape(&shown.case),
            base64(jpeg)
        ),
        None => "<div class=\"none\">no picture</div>".to_owned(),
    };
    let caption = if shown.caption.is_empty() { String::new() } else { format!("<br>{}", escape(&shown.caption)) };
    format!(
        "<figure class=\"shown\">{picture}<figcaption><b>{}</b>{caption}</figcaption></figure>\n",
        escape(&shown.case)
    )
}

fn sights(sights: &[Sight]) -> String {
    if sights.is_empty() {
        return String::new();
    }
    let mut text = "<h2>Worth a look</h2>\n".to_owned();
    for group in sights.chunk_by(|one, other| one.kind == other.kind) {
        text.push_str(&format!("<h3>{}</h3>\n<div class=\"pairs\">\n", escape(&group[0].kind)));
        for sight in group {
            let more =
                if sight.more > 0 { format!("<p class=\"more\">and {} more</p>", sight.more) } else { String::new() };
            let class = match sight.cases.len() {
                2 => "sight pair",
                0 | 1 => "sight",
                _ => "sight wide-sight",
            };
            text.push_str(&format!(
                "<div class=\"{class}\"><p>{}</p><div class=\"row\">\n{}</div>{more}</div>\n",
                code(&sight.text),
                sight.cases.iter().map(figure).collect::<String>()
            ));
        }
        text.push_str("</div>\n");
    }
    text
}

fn plots(report: &DataReport) -> String {
    if report.plots.is_empty() {
        return String::new();
    }
    let figure = |plot: &crate::Plot| {
        format!("<figure><figcaption><b>{}</b></figcaption>{}</figure>\n", escape(plot.title()), plot.svg())
    };
    format!(
        "<h2>Distributions</h2>\n<div class=\"plots\">\n{}</div>\n",
        report.plots.iter().map(figure).collect::<String>()
    )
}

fn table(table: &DataTable) -> String {
    let cells = |tag: &str, cells: &[String]| {
        let cell = |(at, cell): (usize, &String)| {
            let class = if at == 0 { " class=\"l\"" } else { "" };
            format!("<{tag}{class}>{}</{tag}>", escape(cell))
        };
        format!("<tr>{}</tr>\n", cells.iter().enumerate().map(cell).collect::<String>())
    };
    let rows: String = table.rows.iter().map(|row| cells("td", row)).collect();
    format!(
        "<h2>{}</h2>\n<div class=\"wide\"><table>\n{}{rows}</table></div>\n",
        escape(&table.title),
        cells("th", &table.head)
    )
}

fn sheet(report: &DataReport) -> String {
    if report.sheet.is_empty() {
        return String::new();
    }
    let key = |(colour, name): &(String, String)| {
        format!("<i class=\"key\" style=\"background:{colour}\"></i>{}", escape(name))
    };
    let legend: String = report.legend.iter().map(key).collect();
    let legend = if legend.is_empty() { legend } else { format!("<p class=\"legend\">{legend}</p>\n") };
    let figures: String = report.sheet.iter().map(figure).collect();
    format!("<h2>Cases</h2>\n{legend}<div class=\"sheet\">\n{figures}</div>\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FoldPart, Plot};

    #[test]
    fn a_page_says_all_and_asks_for_nothing() {
        let shown = |case: &str| Shown { case: case.into(), caption: "a & b".into(), jpeg: Some(vec![1, 2, 3]) };
        let part = |part: &str, cases| FoldPart {
            part: part.into(),
            cases,
            patients: cases,
            classes: vec![("<organ>".into(), 1)],
        };
        let report = DataReport {
            name: "<set>".into(),
            problems: vec![DataIssue {
                what: "mask values".into(),
                case: None,
                file: "masks/<1>.png".into(),
                reason: "3 < 4".into(),
                hint: "write `encoding: { labels: { values: [0, 255], classes: 2 } }`".into(),
            }],
            proposals: vec![Fix { why: "because".into(), yaml: "data: { a: 1 }".into(), mends: true }],
            findings: vec![Sight {
                kind: "The same image".into(),
                text: "twins".into(),
                cases: vec![shown("x"), shown("y")],
                more: 3,
            }],
            folds: vec![FoldReport {
                stage: "split[fold=0]".into(),
                parts: vec![part("train", 3), part("test", 1)],
                warnings: vec![(false, "`x` and `y` are one".into())],
                leaks: true,
            }],
            plots: vec![Plot::Histogram { title: "rows".into(), values: vec![1.0, 2.0] }],
            tables: vec![DataTable {
                title: "Sizes".into(),
                head: vec!["".into(), "min".into()],
                rows: vec![vec!["rows".into(), "1".into()]],
            }],
            sheet: vec![shown("z"), Shown { jpeg: None, ..shown("gone") }],
            legend: vec![("#e69f00".into(), "class 1".into())],
            ..DataReport::default()
        };
        let page = data_html(&report);
        for part in [
            "&lt;set&gt;",
            "masks/&lt;1&gt;.png",
            "<code>encoding: { labels: { values: [0, 255], classes: 2 } }</code>",
            "1 problem: nothing can be trained",
            "data: { a: 1 }",
            "and 3 more",
            "with &lt;organ&gt;",
            "<td>3 (3)</td><td>1 (1)</td><td>1 / 1</td>",
            "width:75.00%",
            "<code>x</code> and <code>y</code> are one",
            "data:image/jpeg;base64,AQID",
            "no picture",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        assert!(
            !page.contains("http") && !page.contains("<script") && !page.contains("url("),
            "nothing from elsewhere"
        );
        let leaky =
            data_html(&DataReport { problems: Vec::new(), findings: Vec::new(), proposals: Vec::new(), ..report });
        let said = "No file is wrong, but in 1 of 1 fold patients or images are, or seem to be, on two sides";
        assert!(leaky.contains(said) && leaky.contains("1 thing is worth a look."), "{leaky}");
        assert!(!leaky.contains("Nothing is wrong"), "{leaky}");
        let good = data_html(&DataReport::default());
        assert!(good.contains("Nothing is wrong, and nothing stands out.") && !good.contains("<h2>"), "{good}");
    }
}
