//! A page of Markdown that numbers its tables and figures.
//!
//! Does not know what stands on it.

use crate::markdown::plain;

/// A page that grows.
#[derive(Default)]
pub(super) struct Page {
    text: String,
    tables: usize,
    figures: usize,
}

impl Page {
    /// Adds a heading.
    pub(super) fn heading(&mut self, level: usize, text: &str) {
        self.text.push_str(&format!("{} {}\n\n", "#".repeat(level), plain(text)));
    }

    /// Adds a paragraph that is Markdown already.
    pub(super) fn paragraph(&mut self, markdown: &str) {
        if !markdown.is_empty() {
            self.text.push_str(&format!("{markdown}\n\n"));
        }
    }

    /// Adds what only a person can write.
    pub(super) fn gap(&mut self, what: &str) {
        self.text.push_str(&format!("> **[To be written: {what}]**\n\n"));
    }

    /// Adds a list of lines that are Markdown already.
    pub(super) fn list(&mut self, lines: &[String]) {
        lines.iter().for_each(|line| self.text.push_str(&format!("{line}\n")));
        if !lines.is_empty() {
            self.text.push('\n');
        }
    }

    /// Adds a numbered table below its caption, and gives its number; numbers stand to the right from column `numbers` on.
    pub(super) fn table(&mut self, caption: &str, head: &[&str], numbers: usize, rows: &[Vec<String>]) -> usize {
        self.tables += 1;
        let line = |cells: &[String]| {
            format!("| {} |\n", cells.iter().map(|cell| plain(cell)).collect::<Vec<_>>().join(" | "))
        };
        let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
        let rule: String = (0..head.len()).map(|at| if at < numbers { "---|" } else { "---:|" }).collect();
        self.text.push_str(&format!("**Table {}.** {}\n\n{}|{rule}\n", self.tables, plain(caption), line(&head)));
        rows.iter().for_each(|row| self.text.push_str(&line(row)));
        self.text.push('\n');
        self.tables
    }

    /// Adds a numbered figure above its caption.
    pub(super) fn figure(&mut self, file: &str, caption: &str) {
        self.figures += 1;
        let caption = plain(caption);
        self.text.push_str(&format!("![Figure {0}]({file})\n\n**Figure {0}.** {caption}\n\n", self.figures));
    }

    /// Gives the page.
    pub(super) fn text(self) -> String {
        self.text.trim_end().to_owned() + "\n"
    }
}
