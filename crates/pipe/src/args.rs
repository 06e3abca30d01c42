//! The command line as typed.
//!
//! Does not know what a command means; [`crate::commands`] does.

mod housekeeping;
mod network;
mod results;
mod sweep;
mod tracking;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use pipe_engine::{Choice, NotAPattern, Pattern};

pub(crate) use housekeeping::{Cache, Gc, List, Runs, RunsCommand, State, Which};
pub(crate) use network::{Check, Machine, Network, Time, Work};
pub(crate) use results::{Metrics, Table, TableFormat};
pub(crate) use sweep::{Sweep, SweepCommand, TrialOrder};
pub(crate) use tracking::{Track, TrackFormat};

/// Runs medical-image-segmentation experiments written as YAML.
#[derive(Debug, Parser)]
#[command(name = "pipe", version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// Workspace folder [default: the nearest parent folder that has `runs/`, else the current one].
    #[arg(long, global = true, value_name = "FOLDER")]
    pub workspace: Option<PathBuf>,
    /// What is shown of the program's own log on stderr, e.g. `debug`.
    #[arg(long, global = true, value_name = "LEVEL", default_value = "warn")]
    pub log: String,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// A subcommand, with what was typed after it.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run an experiment: answer from the cache what is cached, do the rest, write the report.
    Run(Run),
    /// Show what `run` would do: which stages are cached, which would run and why.
    Plan(Plan),
    /// Explain why a stage would run, or why it is cached.
    Why(Why),
    /// Take the last results of stages as those of their present recipes; all they feed is marked.
    Accept(Accept),
    /// Show the graph of stages, coloured by state.
    Graph(Graph),
    /// Show the state of every stage after the last run.
    Status(Chosen),
    /// Copy what stages made out of the store: masks, tables, weights.
    Get(Get),
    /// List past runs, show or compare them, or read their logs.
    Runs(Runs),
    /// Show how large the store is, remove what is not needed, or look for damage.
    #[command(subcommand)]
    Cache(Cache),
    /// Show the results of an experiment from its cached stages, and render its report.
    Report(Report),
    /// Show a search: how far it is, its best trial, all trials, which settings matter; write the best as an experiment.
    Sweep(Sweep),
    /// Make tables of papers from cached results: Markdown, LaTeX, CSV, HTML.
    Table(Table),
    /// Compare masks with masks, whoever predicted them: two files or two folders; prints all metrics as JSON.
    Metrics(Metrics),
    /// List networks, show one's layers, or probe one with a fixed filling.
    #[command(subcommand)]
    Network(Network),
    /// List, check, measure, preview or generate data sets.
    #[command(subcommand)]
    Data(Data),
    /// Deliver what is kept for tracking servers, or show what is.
    #[command(subcommand)]
    Track(Track),
    /// Print or write the JSON Schemas of the YAML files and of each stage kind.
    Schema(Schema),
    /// Tell what this machine offers, what is wrong with it, and how to mend that.
    Doctor(Doctor),
    /// Print a script that completes this program's commands in a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Run one stage attempt (started by `pipe run`).
    #[command(hide = true)]
    Worker {
        /// The attempt's job file.
        job: PathBuf,
    },
}

/// How data is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// An experiment and what is laid over it.
#[derive(Clone, Debug, Args)]
pub(crate) struct Chosen {
    /// The experiment file.
    #[arg(value_name = "EXPERIMENT")]
    pub file: PathBuf,
    /// Lay a profile of the file over it; may be repeated.
    #[arg(long = "profile", short = 'p', value_name = "NAME")]
    pub profiles: Vec<String>,
    /// Override one value: `a.b=1`; `+a.b=1` adds, `++a.b=1` adds or sets, `~a.b` deletes; may be repeated.
    #[arg(long = "set", short = 's', value_name = "PATH=VALUE")]
    pub overrides: Vec<String>,
    /// Search as this file says, instead of by the `sweep:` of the experiment.
    #[arg(long, value_name = "FILE")]
    pub sweep: Option<PathBuf>,
    /// How data is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// `pipe run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub chosen: Chosen,
    #[command(flatten)]
    pub part: Part,
    /// Slots: as many stages run at once, or fewer if they take more than one by `resources: { cpu: N }` [default: one a core].
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<std::num::NonZeroU32>,
    /// Ids of the GPUs that stages may get, numbers as in `nvidia-smi` or UUIDs, divided by commas; `all`, `none` [default:
    /// CUDA_VISIBLE_DEVICES, else all].
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    pub gpus: Option<Vec<String>>,
    /// Run this stage even if it is cached; its new result becomes current; may be repeated.
    #[arg(long, value_name = "STAGE")]
    pub force: Vec<String>,
    /// Go on with everything that does not depend on a failed stage.
    #[arg(long, short)]
    pub keep_going: bool,
    /// Try trials of a search again that have failed before.
    #[arg(long)]
    pub retry_failed: bool,
}

/// A part of an experiment. STAGE is `train`, `train[fold=2]`, or a part of a name with `*`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Part {
    /// These stages and all they need [default: all].
    #[arg(value_name = "STAGE")]
    pub targets: Vec<String>,
    /// These stages and all they need, as an option; may be repeated.
    #[arg(long, value_name = "STAGE")]
    pub until: Vec<String>,
    /// This stage and all that needs it; what stands above must be cached; may be repeated.
    #[arg(long, value_name = "STAGE")]
    pub from: Vec<String>,
    /// This stage alone; what it needs must be cached; may be repeated.
    #[arg(long, value_name = "STAGE")]
    pub only: Vec<String>,
}

impl Part {
    /// What was asked for.
    pub(crate) fn choice(&self) -> Result<Choice, NotAPattern> {
        let parse = |texts: &[String]| texts.iter().map(|text| text.parse()).collect::<Result<Vec<Pattern>, _>>();
        let targets = [parse(&self.targets)?, parse(&self.until)?].concat();
        Ok(Choice { targets, from: parse(&self.from)?, only: parse(&self.only)? })
    }
}

/// `pipe report`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Report {
    #[command(subcommand)]
    pub command: Option<ReportCommand>,
    #[command(flatten)]
    pub chosen: Option<Chosen>,
    /// Write a paper beside the report, `paper.md`: what the run knows, and marked gaps for what only a person knows.
    #[arg(long)]
    pub paper: bool,
}

/// What else can be reported.
#[derive(Debug, Subcommand)]
pub(crate) enum ReportCommand {
    /// Set two runs side by side: what differs between their recipes, numbers, tests, and the cases that changed most.
    Compare {
        /// The run before and the run after: numbers, `last`, `last~2`.
        #[arg(value_name = "RUN", num_args = 2, required = true)]
        runs: Vec<Which>,
        /// How data is printed.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
}

/// `pipe plan`.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub chosen: Chosen,
    #[command(flatten)]
    pub part: Part,
}

/// `pipe accept`.
#[derive(Debug, Args)]
pub(crate) struct Accept {
    #[command(flatten)]
    pub chosen: Chosen,
    /// The stages: `train` for all its instances, `train[fold=1]` for one.
    #[arg(required = true, value_name = "STAGE")]
    pub stages: Vec<String>,
}

/// `pipe get`.
#[derive(Debug, Args)]
pub(crate) struct Get {
    #[command(flatten)]
    pub chosen: Chosen,
    /// The stages: `masks` for all its instances, `masks[fold=1]` for one.
    #[arg(required = true, value_name = "STAGE")]
    pub stages: Vec<String>,
    /// The folder that gets a folder for each stage and, below, for each point of its axes: `masks/fold=1`.
    #[arg(long, short, value_name = "FOLDER", default_value = ".")]
    pub output: PathBuf,
}

/// `pipe why`.
#[derive(Debug, Args)]
pub(crate) struct Why {
    #[command(flatten)]
    pub chosen: Chosen,
    /// The stage: `train` for all its instances, `train[fold=1]` for one.
    pub stage: String,
    /// Say what the stage waits for in a run that goes on.
    #[arg(long)]
    pub waiting: bool,
}

/// `pipe graph`.
#[derive(Debug, Args)]
pub(crate) struct Graph {
    #[command(flatten)]
    pub chosen: Chosen,
    /// How it is drawn; all but `text` go to a file: `--as svg > graph.svg`.
    #[arg(long = "as", value_enum, default_value_t = Rendering::Text, conflicts_with = "format")]
    pub rendering: Rendering,
    /// A line for each instance in the list, instead of one for all that are alike.
    #[arg(long)]
    pub all: bool,
}

/// How a graph is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rendering {
    /// A list, moved in by depth.
    Text,
    /// Graphviz.
    Dot,
    /// A Mermaid flow chart.
    Mermaid,
    /// A drawing.
    Svg,
}

/// `pipe data`.
#[derive(Debug, Subcommand)]
pub(crate) enum Data {
    /// List the declared data sets: those of the workspace and the built-in ones.
    List {
        /// How data is printed.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Show what a declared data set is, and how its files are read.
    Show {
        /// Its name.
        name: String,
        /// How data is printed.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Check every case of a data set: all problems at once, what would mend them, what is worth a look; of an experiment its folds,
    /// too. Instead of an experiment it takes the name or the file of a declared data set.
    Check {
        #[command(flatten)]
        chosen: Chosen,
        /// The folder that holds the data, over the experiment's `data.root`.
        #[arg(long, value_name = "FOLDER")]
        root: Option<PathBuf>,
        /// Where `report.html` and `data.json` go [default: `data` beside the experiment's reports].
        #[arg(long, value_name = "FOLDER")]
        report: Option<PathBuf>,
    },
    /// Count and measure a data set: cases, sizes, spacing, values, classes and their components.
    Stats {
        #[command(flatten)]
        chosen: Chosen,
        /// The folder that holds the data, over the experiment's `data.root`.
        #[arg(long, value_name = "FOLDER")]
        root: Option<PathBuf>,
    },
    /// Write a contact sheet of cases with their masks; of an experiment, or of a declared data set by its name or file.
    Preview {
        #[command(flatten)]
        chosen: Chosen,
        /// The folder that holds the data, over the experiment's `data.root`.
        #[arg(long, value_name = "FOLDER")]
        root: Option<PathBuf>,
        /// Where the PNG goes [default: `preview.png` beside the experiment's reports].
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// How many cases.
        #[arg(long, default_value = "16")]
        cases: std::num::NonZeroUsize,
    },
    /// Write the files of a data set that makes its own data into a folder.
    Generate {
        #[command(flatten)]
        chosen: Chosen,
        /// The folder; must not exist, or be empty.
        #[arg(long, short, value_name = "FOLDER")]
        output: PathBuf,
    },
}

/// `pipe schema`.
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Which: `experiment`, `pipeline`, `network`, or the name of a stage kind.
    pub name: Option<String>,
    /// Write all committed schemas into this folder.
    #[arg(long, value_name = "FOLDER", conflicts_with = "name")]
    pub write: Option<PathBuf>,
    /// JSON is all there is; the option is here because every command has it.
    #[arg(long, value_enum, default_value_t = Format::Json, hide = true)]
    pub format: Format,
}

/// `pipe doctor`.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// How data is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// The command line, parsed; `clap` prints usage errors and ends with code 2.
pub(crate) fn parse() -> Arguments {
    Arguments::parse()
}
