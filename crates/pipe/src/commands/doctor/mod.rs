//! `pipe doctor`: what this machine offers, what is wrong with it, how to mend it; a group of checks a file.
//!
//! Changes nothing, but for a temporary file by which it sees what can be written. Every fact is optional: what a system
//! does not tell is left out.

mod cuda;
mod gpu;
mod machine;
mod program;
mod store;
mod workspace;

use std::process::ExitCode;

use serde::Serialize;

use crate::{
    args::{Doctor, Format},
    output,
    session::Session,
};

/// The checks of a group.
type Checks = fn(&Session) -> Vec<Check>;

/// All groups, in the order in which they are shown.
const GROUPS: &[(&str, Checks)] = &[
    ("program", program::checks),
    ("machine", machine::checks),
    ("gpu", gpu::checks),
    ("workspace", workspace::checks),
    ("store", store::checks),
];

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// As it should be.
    Ok,
    /// It works, but not as well as it could.
    Note,
    /// Something that `pipe` is there for does not work.
    Problem,
}

/// One line of the answer.
#[derive(Clone, Debug, Serialize)]
struct Check {
    name: &'static str,
    verdict: Verdict,
    says: String,
    /// What to do.
    remedy: Option<String>,
}

impl Check {
    fn ok(name: &'static str, says: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Ok, says: says.into(), remedy: None }
    }

    fn note(name: &'static str, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Note, says: says.into(), remedy: Some(remedy.into()) }
    }

    fn problem(name: &'static str, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Problem, says: says.into(), remedy: Some(remedy.into()) }
    }
}

/// Success unless there is a problem.
pub(crate) fn doctor(session: &Session, doctor: &Doctor) -> ExitCode {
    let groups: Vec<_> = GROUPS.iter().map(|(name, checks)| (*name, checks(session))).collect();
    let count = |verdict| groups.iter().flat_map(|(_, checks)| checks).filter(|check| check.verdict == verdict).count();
    let (notes, problems) = (count(Verdict::Note), count(Verdict::Problem));
    if doctor.format == Format::Json {
        let groups: serde_json::Map<_, _> =
            groups.iter().map(|(name, checks)| ((*name).to_owned(), serde_json::json!(checks))).collect();
        output::json(&serde_json::json!({ "groups": groups, "notes": notes, "problems": problems }));
    } else {
        let mut text = groups.iter().map(|(name, checks)| group(name, checks)).collect::<String>();
        let s = |count| if count == 1 { "" } else { "s" };
        text.push_str(&format!("{notes} note{}, {problems} problem{}\n", s(notes), s(problems)));
        output::print(&text);
    }
    if problems > 0 { ExitCode::from(3) } else { ExitCode::SUCCESS }
}

fn group(name: &str, checks: &[Check]) -> String {
    let line = |Check { name, verdict, says, remedy }: &Check| {
        let verdict = match verdict {
            Verdict::Ok => "ok",
            Verdict::Note => "note",
            Verdict::Problem => "PROBLEM",
        };
        let remedy = remedy.iter().map(|remedy| format!("{:24}> {remedy}\n", "")).collect::<String>();
        format!("  {verdict:<7}  {name:<13}  {}\n{remedy}", says.replace('\n', " "))
    };
    format!("{name}\n{}", checks.iter().map(line).collect::<String>())
}

/// Bytes as people say them.
fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let step = (0..UNITS.len() - 1).find(|step| bytes < 1 << (10 * (step + 1))).unwrap_or(UNITS.len() - 1);
    match step {
        0 => format!("{bytes} B"),
        _ => format!(
            "{:.1} {}",
            bytes as f64 / f64::from(1_u32 << (10 * step.min(3))) / if step == 4 { 1024.0 } else { 1.0 },
            UNITS[step]
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_bytes() {
        let checks = [Check::ok("clock", "right"), Check::problem("disk", "full", "remove files")];
        let expected = "machine\n  ok       clock          right\n  PROBLEM  disk           full\n                        > remove files\n";
        assert_eq!(group("machine", &checks), expected);
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(3 << 20), "3.0 MiB");
        assert_eq!(bytes(24 << 30), "24.0 GiB");
        assert_eq!(bytes(5 << 40), "5.0 TiB");
    }
}
