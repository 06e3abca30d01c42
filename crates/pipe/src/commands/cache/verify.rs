//! `pipe cache verify`: every object read again, rotten ones put aside, and the results they belonged to named.
//!
//! Does not make anything again; the next run does, where it needs the bytes.

use std::{
    io::{self, IsTerminal as _},
    process::ExitCode,
    time::Instant,
};

use indicatif::{ProgressBar, ProgressStyle};
use pipe_store::{Bytes, Missing, Owner, Rotten, Store, Verified};

use crate::{
    args::Format,
    failure::Failure,
    output::{self, Align},
    session::Session,
};

pub(crate) fn verify(session: &Session, store: &Store, strict: bool, format: Format) -> Result<ExitCode, Failure> {
    let begun = Instant::now();
    let bar = if io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    let style = ProgressStyle::with_template("{wide_bar} {bytes} of {total_bytes}, {eta} left");
    bar.set_style(style.expect("the template is fixed"));
    let verified = store.verify_all(&|look| {
        bar.set_length(look.of);
        bar.set_position(look.bytes);
    })?;
    bar.finish_and_clear();
    let is_bad = !verified.rotten.is_empty() || (strict && !verified.missing.is_empty());
    let code = if is_bad { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    if format == Format::Json {
        output::json(&verified);
        return Ok(code);
    }
    let mut text = rotten(session, &verified);
    text.push_str(&missing(&verified.missing));
    let objects = output::count(verified.objects, "object", "objects");
    let (bytes, took) = (Bytes::from(verified.bytes), output::seconds(begun.elapsed().as_secs_f64()));
    let verdict = if verified.rotten.is_empty() { ", all as they were stored" } else { "" };
    text.push_str(&format!("read {objects}, {bytes}, in {took}{verdict}\n"));
    output::print(&text);
    Ok(code)
}

fn rotten(session: &Session, verified: &Verified) -> String {
    let Some(first) = verified.rotten.first() else { return String::new() };
    let nobody = vec!["(no result)".to_owned(), String::new(), String::new(), String::new()];
    let lines = |rotten: &Rotten| {
        let mut owners: Vec<_> = rotten.owners.iter().map(owner).collect();
        if owners.is_empty() {
            owners.push(nobody.clone());
        }
        let line = |mut cells: Vec<String>| {
            cells.extend([Bytes::from(rotten.bytes).to_string(), rotten.digest.short()]);
            cells
        };
        owners.into_iter().map(line).collect::<Vec<_>>()
    };
    let rows: Vec<_> = verified.rotten.iter().flat_map(lines).collect();
    let mut head = OWNER.to_vec();
    head.extend([("size", Align::Right), ("object", Align::Left)]);
    let folder = first.path.parent().unwrap_or(&first.path);
    format!(
        "{} altered on the disk, now in {}; the next `pipe run` that needs them makes them again\n\n{}\n",
        output::count(verified.rotten.len() as u64, "object was", "objects were"),
        session.shown(folder),
        output::columns(&head, &rows),
    )
}

fn missing(missing: &[Missing]) -> String {
    if missing.is_empty() {
        return String::new();
    }
    let line = |missing: &Missing| {
        let mut cells = owner(&missing.owner);
        cells.push(output::thousands(missing.files));
        cells.push(match &missing.collected {
            Some(at) => format!("collected {}", output::moment(at)),
            None => "missing".to_owned(),
        });
        cells
    };
    let mut head = OWNER.to_vec();
    head.extend([("files", Align::Right), ("bytes are", Align::Left)]);
    format!(
        "{} without bytes\n\n{}\n",
        output::count(missing.len() as u64, "output of a current result is", "outputs of current results are"),
        output::columns(&head, &missing.iter().map(line).collect::<Vec<_>>()),
    )
}

const OWNER: [(&str, Align); 4] =
    [("stage", Align::Left), ("output", Align::Left), ("experiment", Align::Left), ("run", Align::Right)];

fn owner(owner: &Owner) -> Vec<String> {
    vec![owner.stage.clone(), owner.port.clone(), owner.experiment.clone(), owner.run.to_string()]
}
