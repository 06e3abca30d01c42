//! What is wrong with an experiment: many problems at once, each with its place and what to type instead.
//!
//! Does not print; `render` gives the text.

use std::fmt;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Severity};

use crate::{Sources, Span};

/// One problem.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Stable name, e.g. `pipe::spec::unknown_key`.
    pub code: &'static str,
    /// One sentence without full stop.
    pub message: String,
    /// Path in the tree, e.g. `stages.train.with.training.epochs`; may be empty.
    pub path: String,
    /// Where it stands.
    pub span: Option<Span>,
    /// What is said at the place.
    pub label: String,
    /// Other places that belong to it, e.g. the first of two equal keys.
    pub more: Vec<(Span, String)>,
    /// What to do instead.
    pub help: Option<String>,
}

impl Problem {
    /// A problem at a place.
    pub fn new(code: &'static str, span: Option<Span>, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            path: String::new(),
            span,
            label: String::new(),
            more: Vec::new(),
            help: None,
        }
    }

    /// Says what is said at the place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds the path in the tree.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn and(mut self, span: Span, label: impl Into<String>) -> Self {
        self.more.push((span, label.into()));
        self
    }

    /// Adds what to do instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Problems with the texts they stand in.
#[derive(Clone, Debug)]
pub struct Problems {
    /// The texts.
    pub sources: Sources,
    /// The problems, never empty.
    pub list: Vec<Problem>,
}

impl Problems {
    /// All problems as text, with the lines they stand in and a caret.
    ///
    /// Colours are added where `colour` is given.
    pub fn render(&self, colour: Colour) -> String {
        let theme = match colour {
            Colour::Never => GraphicalTheme::unicode_nocolor(),
            Colour::Always => GraphicalTheme::unicode(),
        };
        let handler = GraphicalReportHandler::new_themed(theme).with_width(110).with_links(false);
        let mut text = String::new();
        for problem in &self.list {
            let head = if problem.path.is_empty() || problem.message.contains(&problem.path) {
                format!("error[{}]: {}\n", problem.code, problem.message)
            } else {
                format!("error[{}]: {} (at `{}`)\n", problem.code, problem.message, problem.path)
            };
            text.push_str(&head);
            text.push_str(&self.picture(problem, &handler));
            if let Some(help) = &problem.help {
                text.push_str(&format!("  help: {help}\n"));
            }
            text.push('\n');
        }
        text
    }

    /// The lines of a problem, with its labels; one picture a text.
    fn picture(&self, problem: &Problem, handler: &GraphicalReportHandler) -> String {
        let mut text = String::new();
        let labels =
            problem.span.map(|span| (span, problem.label.clone())).into_iter().chain(problem.more.iter().cloned());
        let mut by_file: Vec<(crate::FileId, Vec<LabeledSpan>)> = Vec::new();
        for (span, label) in labels {
            // A place that goes over lines is shown by its first one.
            let rest = self.sources.text(span.file).get(span.start..span.start + span.length).unwrap_or_default();
            let span = Span { length: rest.find(['\n', '\r']).unwrap_or(span.length), ..span };
            let labelled =
                LabeledSpan::new(Some(label).filter(|label| !label.is_empty()), span.start, span.length.max(1));
            match by_file.iter_mut().find(|(file, _)| *file == span.file) {
                Some((_, labels)) => labels.push(labelled),
                None => by_file.push((span.file, vec![labelled])),
            }
        }
        for (file, labels) in by_file {
            // An empty message: the first line above says it already.
            let diagnostic = MietteDiagnostic::new("").with_severity(Severity::Error).with_labels(labels);
            let source = NamedSource::new(self.sources.name(file), self.sources.text(file).to_string());
            let report = miette::Report::new(diagnostic).with_source_code(source);
            let mut picture = String::new();
            if handler.render_report(&mut picture, report.as_ref()).is_ok() {
                let lines = picture.lines().skip_while(|line| !line.contains('['));
                text.extend(lines.map(|line| format!("{}\n", cut(line.trim_end()))));
            }
        }
        text
    }
}

/// A line that fits a screen: a generated file may have one of a megabyte.
fn cut(line: &str) -> String {
    const WIDEST: usize = 200;
    match line.char_indices().nth(WIDEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// Whether text gets colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    Never,
    /// For a terminal.
    Always,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(Colour::Never).trim_end())
    }
}

impl std::error::Error for Problems {}
