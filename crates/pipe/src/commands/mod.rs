//! The commands: one file each, one line in `command`.

mod accept;
mod cache;
mod completions;
mod data;
mod doctor;
mod estimate;
mod get;
mod graph;
mod metrics;
mod network;
mod plan;
mod reasons;
mod report;
mod run;
mod runs;
mod schema;
mod state;
mod status;
mod sweep;
mod table;
mod track;
mod waiting;
mod why;

pub(crate) use plan::lines as planned_lines;

use std::process::ExitCode;

use crate::{
    args::{Arguments, Command},
    failure::Failure,
    output,
    session::Session,
};

/// Runs the command, prints why it failed, and gives the exit code.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    if let Command::Worker { job } = &arguments.command {
        return pipe_engine::worker(pipe_stages::STAGES, job);
    }
    log(&arguments.log);
    match command(arguments) {
        Ok(code) => code,
        Err(failure) => {
            output::complain(&failure.words(output::colour()));
            ExitCode::from(failure.code())
        }
    }
}

fn command(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let session = Session::new(arguments.workspace.as_deref())?;
    let done = |()| ExitCode::SUCCESS;
    match &arguments.command {
        Command::Run(run) => run::run(&session, run),
        Command::Plan(plan) => plan::plan(&session, plan).map(done),
        Command::Accept(accept) => accept::accept(&session, accept).map(done),
        Command::Why(why) => why::why(&session, why).map(done),
        Command::Graph(graph) => graph::graph(&session, graph).map(done),
        Command::Status(chosen) => status::status(&session, chosen).map(done),
        Command::Get(get) => get::get(&session, get).map(done),
        Command::Runs(runs) => runs::runs(&session, runs).map(done),
        Command::Cache(cache) => cache::cache(&session, cache),
        Command::Report(typed) => report::report(&session, typed).map(done),
        Command::Table(typed) => table::table(&session, typed),
        Command::Sweep(typed) => sweep::sweep(&session, typed).map(done),
        Command::Metrics(typed) => metrics::metrics(typed).map(done),
        Command::Network(network) => network::network(&session, network),
        Command::Data(data) => data::data(&session, data),
        Command::Track(typed) => track::track(&session, typed),
        Command::Schema(schema) => schema::schema(schema).map(done),
        Command::Doctor(doctor) => Ok(doctor::doctor(&session, doctor)),
        Command::Completions { shell } => Ok(completions::completions(*shell)),
        Command::Worker { .. } => Ok(ExitCode::FAILURE),
    }
}

/// The program's own log goes to standard error.
fn log(level: &str) {
    let filter = tracing_subscriber::EnvFilter::try_new(level).unwrap_or_default();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().init();
}
