//! A report about a data set as one HTML page that needs no other file.
//!
//! Does not compute. Markup is in `templates/data.html`, which `askama` compiles; it escapes whatever is put in.

use std::collections::BTreeMap;

use askama::Template;

use crate::{DataIssue, DataReport, Fix, FoldReport, Sight, html::escape};

/// Problems of a kind that are seen at once.
const SHOWN: usize = 8;
/// Problems of a kind that the page lists; all of them are in the data beside it.
const LISTED: usize = 300;
/// Folds that the page lists.
const FOLDS: usize = 100;

#[derive(Template)]
#[template(path = "data.html")]
struct DataPage<'r> {
    report: &'r DataReport,
    verdict: Verdict,
    /// What would mend problems, and what may be meant.
    fixes: Vec<(&'static str, Vec<&'r Fix>)>,
    problems: Vec<Kind<'r>>,
    /// A fold that names parts and classes, if there are folds.
    whole: Option<&'r FoldReport>,
    folds: Vec<FoldRow<'r>>,
    /// Stage and words.
    warnings: Vec<(&'r str, &'r str)>,
}

/// What the page says first.
struct Verdict {
    class: &'static str,
    words: String,
}

/// Problems of one kind.
struct Kind<'r> {
    what: &'r str,
    count: usize,
    /// Those that are seen at once.
    first: Vec<&'r DataIssue>,
    /// Those that are unfolded.
    rest: Vec<&'r DataIssue>,
    /// How many are only counted.
    more: usize,
}

struct FoldRow<'r> {
    stage: &'r str,
    /// Shares of the parts in percent.
    wide: Vec<String>,
    /// Cases and patients of each part, then cases by class; none where the fold cannot be cut.
    numbers: Vec<String>,
}

/// The report as a page.
pub fn data_html(report: &DataReport) -> String {
    let fixes = [(true, "What would mend them"), (false, "What may be meant")];
    let fixes = fixes.map(|(mends, title)| (title, report.proposals.iter().filter(|fix| fix.mends == mends).collect()));
    let warnings = report
        .folds
        .iter()
        .flat_map(|fold| fold.warnings.iter().map(move |(_, words)| (fold.stage.as_str(), words.as_str())));
    let page = DataPage {
        report,
        verdict: verdict(report),
        fixes: fixes.into_iter().filter(|(_, fixes): &(_, Vec<_>)| !fixes.is_empty()).collect(),
        problems: problems(&report.problems),
        whole: report.folds.iter().find(|fold| !fold.parts.is_empty()).or(report.folds.first()),
        folds: report.folds.iter().take(FOLDS).map(fold_row).collect(),
        warnings: warnings.take(LISTED).collect(),
    };
    page.render().expect("writing to a text")
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn verdict(report: &DataReport) -> Verdict {
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
    Verdict { class, words }
}

fn problems(problems: &[DataIssue]) -> Vec<Kind<'_>> {
    let mut kinds: BTreeMap<&str, Vec<&DataIssue>> = BTreeMap::new();
    problems.iter().for_each(|problem| kinds.entry(&problem.what).or_default().push(problem));
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    // Few of a kind are easily lost beside hundreds of another.
    kinds.sort_by_key(|(_, list)| list.len());
    let kind = |(what, list): (_, Vec<_>)| {
        let (first, rest) = list.split_at(list.len().min(SHOWN));
        let listed = &rest[..rest.len().min(LISTED)];
        Kind { what, count: list.len(), first: first.to_vec(), rest: listed.to_vec(), more: rest.len() - listed.len() }
    };
    kinds.into_iter().map(kind).collect()
}

/// The case of a problem, unless the name of the file says it already, as most do.
fn unsaid<'r>(issue: &&'r DataIssue) -> Option<&'r str> {
    issue.case.as_deref().filter(|case| !issue.file.contains(case))
}

/// Text whose parts between backticks are code, as markup.
fn code(text: &str) -> String {
    let piece = |(at, piece): (usize, &str)| {
        if at % 2 == 1 { format!("<code>{}</code>", escape(piece)) } else { escape(piece) }
    };
    text.split('`').enumerate().map(piece).collect()
}

fn alike(one: &Sight, other: &Sight) -> bool {
    one.kind == other.kind
}

fn fold_row(fold: &FoldReport) -> FoldRow<'_> {
    let all = fold.parts.iter().map(|part| part.cases).sum::<usize>().max(1) as f64;
    let wide = fold.parts.iter().map(|part| format!("{:.2}", part.cases as f64 / all * 100.0)).collect();
    let parts = fold.parts.iter().map(|part| format!("{} ({})", part.cases, part.patients));
    let classes = fold.parts.first().map_or(0, |part| part.classes.len());
    let class =
        |class: usize| fold.parts.iter().map(|part| part.classes[class].1.to_string()).collect::<Vec<_>>().join(" / ");
    FoldRow { stage: &fold.stage, wide, numbers: parts.chain((0..classes).map(class)).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DataTable, FoldPart, Plot, Shown};

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
            "&#60;set&#62;",
            "masks/&#60;1&#62;.png",
            "<code>encoding: { labels: { values: [0, 255], classes: 2 } }</code>",
            "1 problem: nothing can be trained",
            "data: { a: 1 }",
            "and 3 more",
            "with &#60;organ&#62;",
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
