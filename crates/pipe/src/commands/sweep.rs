//! `pipe sweep`: what a search has found, from the ledger alone.

use std::{fs, path::Path};

use pipe_report::{
    Search as Shown,
    search::{self, Order, View},
};
use pipe_store::RunId;
use pipe_sweep::{Search, State};
use serde_json::{Value as Json, json};

use crate::{
    args::{Chosen, Format, Sweep, SweepCommand, TrialOrder},
    failure::Failure,
    output::{self, Align},
    search::{Searching, shown},
    session::Session,
};

/// How a file begins that a search has written.
const FOUND: &str = "# The best of the search in";

pub(crate) fn sweep(session: &Session, typed: &Sweep) -> Result<(), Failure> {
    match &typed.command {
        SweepCommand::Status { chosen } => view(session, chosen, View::Status),
        SweepCommand::Best { chosen, write } => best(session, chosen, write.as_deref()),
        SweepCommand::Trials { chosen, by, csv } => {
            let view_of = match by {
                TrialOrder::Number => View::Trials(Order::Number),
                TrialOrder::Value => View::Trials(Order::Value),
            };
            if *csv {
                let searches = searches(session, chosen)?;
                searches.iter().for_each(|one| output::print(&search::csv(one, view_of)));
                return Ok(());
            }
            view(session, chosen, view_of)
        }
        SweepCommand::Importance { chosen } => view(session, chosen, View::Importance),
        SweepCommand::Plot { chosen, output } => plot(session, chosen, output.as_deref()),
    }
}

/// How far each study of a search is, a line each.
pub(crate) fn standing(search: &Search<'_>) -> Vec<String> {
    let line = |(part, standing): (String, pipe_sweep::Standing<'_>)| {
        let begun: Vec<_> =
            standing.trials.iter().zip(standing.rows).filter(|(_, row)| row.run != RunId::default()).collect();
        let count = |is: fn(&State) -> bool| begun.iter().filter(|(trial, _)| is(&trial.state)).count();
        let complete = count(|state| matches!(state, State::Complete { .. }));
        let pruned = count(|state| matches!(state, State::Pruned { .. }));
        let failed = count(|state| matches!(state, State::Failed));
        let of = if part.is_empty() { "the search".to_owned() } else { format!("the search of {part}") };
        let best = standing.study.best(standing.trials).map(|(trial, value)| {
            format!("; the best is trial {} with {}", trial.number, pipe_report::value(Some(value.get())))
        });
        // Fewer may be wanted now than there are.
        let of_wanted =
            if begun.len() as u64 > standing.wanted { String::new() } else { format!(" of {}", standing.wanted) };
        format!(
            "{of} has {}{of_wanted} trials: {complete} complete, {pruned} pruned, {failed} failed{}",
            begun.len(),
            best.unwrap_or_default()
        )
    };
    search.standings().map(line).collect()
}

/// The search of an experiment.
fn opened(session: &Session, chosen: &Chosen) -> Result<Search<'static>, Failure> {
    let composed = session.composed(chosen)?;
    let store = session.store()?;
    session.search(&composed, &store, Searching::default())?.ok_or_else(|| {
        let file = chosen.file.display();
        Failure::Argument(format!("{file} has no `sweep:`; add one, or name a file that has it: `--sweep FILE`"))
    })
}

fn searches(session: &Session, chosen: &Chosen) -> Result<Vec<Shown>, Failure> {
    Ok(shown(&opened(session, chosen)?))
}

fn view(session: &Session, chosen: &Chosen, view: View) -> Result<(), Failure> {
    let searches = searches(session, chosen)?;
    if chosen.format == Format::Json {
        output::json(&all(&searches, view));
        return Ok(());
    }
    for one in &searches {
        heading(&searches, one);
        let table = search::text(one, view);
        let align = |align: &search::Align| if *align == search::Align::Right { Align::Right } else { Align::Left };
        let head: Vec<_> =
            table.head.iter().zip(&table.align).map(|(name, side)| (name.as_str(), align(side))).collect();
        output::print(&output::columns(&head, &table.rows));
    }
    Ok(())
}

/// One study as it is, several by their parts.
fn all(searches: &[Shown], view: View) -> Json {
    match searches {
        [one] if one.name.is_empty() => search::json(one, view),
        several => several.iter().map(|one| (one.name.clone(), search::json(one, view))).collect(),
    }
}

fn heading(searches: &[Shown], one: &Shown) {
    if searches.len() > 1 {
        output::print(&format!("{}\n", one.name));
    }
}

fn best(session: &Session, chosen: &Chosen, write: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = write else { return view(session, chosen, View::Best) };
    let search = opened(session, chosen)?;
    let Some(best) = search.best()? else {
        let file = chosen.file.display();
        return Err(Failure::Argument(format!("no trial of {file} is complete, so there is no best one yet")));
    };
    let mut head = format!("{FOUND} {}", chosen.file.display());
    let profiles = chosen.profiles.iter().map(|profile| format!(" -p {profile}"));
    let overrides = chosen.overrides.iter().map(|set| format!(" -s {set}"));
    // A comment ends with its line.
    let breaks = |c: char| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c };
    head.extend(profiles.chain(overrides).flat_map(|word| word.chars().map(breaks).collect::<Vec<_>>()));
    head.push_str(", as a whole experiment of its own.\n");
    for line in standing(&search) {
        head.push_str(&format!("# {line}.\n"));
    }
    let text = format!("{head}{}", best.written());
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|source| Failure::file("create", folder, source))?;
    }
    let is_foreign = fs::read_to_string(path).is_ok_and(|there| !there.starts_with(FOUND));
    if is_foreign {
        return Err(Failure::Argument(format!(
            "{} is there already and was not written by a search; give another name",
            path.display()
        )));
    }
    session.store()?.write(path, text.as_bytes())?;
    if chosen.format == Format::Json {
        output::json(&json!({ "written": path }));
    } else {
        output::print(&format!("written: {}\n", session.shown(path)));
    }
    Ok(())
}

fn plot(session: &Session, chosen: &Chosen, to: Option<&Path>) -> Result<(), Failure> {
    let composed = session.composed(chosen)?;
    let searches = searches(session, chosen)?;
    let name = composed.name();
    let folder = to.map_or_else(|| session.reports(&name).join("sweep"), Path::to_path_buf);
    let store = session.store()?;
    fs::create_dir_all(&folder).map_err(|source| Failure::file("create", &folder, source))?;
    let page = folder.join("sweep.html");
    store.write(&page, search::search_page(&name, &searches).as_bytes())?;
    let mut files = vec![page.clone()];
    for one in &searches {
        for (name, svg) in search::search_figures(one) {
            let path = folder.join(name);
            store.write(&path, svg.as_bytes())?;
            files.push(path);
        }
    }
    if chosen.format == Format::Json {
        output::json(&json!({ "files": files }));
    } else {
        files.iter().for_each(|file| output::print(&format!("{}\n", session.shown(file))));
    }
    Ok(())
}
