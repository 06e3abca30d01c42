//! The program itself, and what it calls.
//!
//! Does not know the machine.

use std::{env::consts, io::IsTerminal as _, path::Path, process::Command};

use super::Check;
use crate::session::Session;

pub(super) fn checks(session: &Session) -> Vec<Check> {
    vec![version(), git(&session.workspace), terminal(&|name| std::env::var(name).ok())]
}

fn version() -> Check {
    let (number, built) = (env!("CARGO_PKG_VERSION"), crate::backends::built());
    let says = format!("pipe {number} for {} on {}, built {built}", consts::ARCH, consts::OS);
    if cfg!(debug_assertions) {
        return Check::note("version", format!("{says}, not optimised"), "build it with `cargo build --release`");
    }
    Check::ok("version", says)
}

/// Whether runs can record the commit of the workspace.
fn git(workspace: &Path) -> Check {
    let ask = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(workspace).args(arguments).output().ok()?;
        let text = if output.status.success() { output.stdout } else { output.stderr };
        Some((output.status.success(), String::from_utf8_lossy(&text).trim().to_owned()))
    };
    let Some((_, version)) = ask(&["--version"]) else {
        return Check::note("git", "not installed, so runs record no commit", "install git");
    };
    match ask(&["rev-parse", "--short", "HEAD"]) {
        Some((true, commit)) => {
            let is_changed =
                ask(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|(_, list)| !list.is_empty());
            let changed = if is_changed { ", with changes that are not committed" } else { "" };
            Check::ok("git", format!("{version}, commit {commit}{changed}"))
        }
        Some((false, why)) if why.contains("dubious ownership") => {
            let remedy = format!("git config --global --add safe.directory {}", workspace.display());
            Check::note("git", "the workspace belongs to another user, so runs record no commit", remedy)
        }
        _ => Check::ok("git", format!("{version}; the workspace has no commit, so runs record none")),
    }
}

/// Whether the terminal shows letters beyond ASCII.
fn terminal(variable: &dyn Fn(&str) -> Option<String>) -> Check {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().filter_map(|name| variable(name)).find(|value| !value.is_empty());
    let is_utf8 = locale.as_ref().is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    });
    let place = if std::io::stdout().is_terminal() { "terminal" } else { "no terminal" };
    let locale = locale.unwrap_or_else(|| "not set".to_owned());
    if is_utf8 || cfg!(not(unix)) || consts::OS == "macos" {
        return Check::ok("locale", format!("{locale}, {place}"));
    }
    let says = format!("{locale}, {place}: names beyond ASCII may be shown wrong; results do not depend on it");
    Check::note("locale", says, "export LC_ALL=C.UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::Verdict;

    #[test]
    fn the_first_variable_that_is_set_counts() {
        let check = |set: &[(&str, &str)], expected| {
            let find = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(terminal(&find).verdict, expected, "{set:?}");
        };
        check(&[("LANG", "de_DE.UTF-8")], Verdict::Ok);
        check(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8")], Verdict::Ok);
        if consts::OS == "linux" {
            check(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")], Verdict::Note);
            check(&[], Verdict::Note);
        }
    }
}
