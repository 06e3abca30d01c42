//! `pipe completions`: what a shell needs to complete `pipe`'s command line.
//!
//! Does not install anything.

use std::process::ExitCode;

use clap::{Command, CommandFactory as _};
use clap_complete::{Shell, generate};

use crate::{args::Arguments, output};

/// Prints a shell's script.
pub(crate) fn completions(shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    generate(shell, &mut visible(&Arguments::command()), "pipe", &mut script);
    output::print(&String::from_utf8(script).expect("names and help texts are UTF-8"));
    ExitCode::SUCCESS
}

/// The commands without those that only `pipe` itself calls: scripts would offer hidden ones too.
fn visible(all: &Command) -> Command {
    Command::new("pipe")
        .version(env!("CARGO_PKG_VERSION"))
        .args(all.get_arguments())
        .subcommands(all.get_subcommands().filter(|command| !command.is_hide_set()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_commands_stay_hidden() {
        let shown = visible(&Arguments::command());
        let names: Vec<_> = shown.get_subcommands().map(Command::get_name).collect();
        assert!(names.contains(&"run") && !names.contains(&"worker"), "{names:?}");
        let network = shown.find_subcommand("network").expect("a command");
        assert!(network.find_subcommand("probe").is_some(), "commands below commands");
    }
}
