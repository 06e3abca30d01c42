//! What tracking costs a run: CPU seconds of its threads, and the time for which hearing an event keeps the run.
//!
//! `cost URI EVENTS EVENTS_A_SECOND`; a URI of a server that accepts and never answers shows the same times of hearing.

#![expect(clippy::print_stdout, reason = "it is a measurement")]

use std::{
    collections::BTreeMap,
    fs,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use pipe_engine::Event;
use pipe_mlflow::{About, Ending, Interrupted, Keep, Server, Stage, Targets, Tracking};
use pipe_store::{NewRun, Store};

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let [_, uri, events, rate] = arguments.as_slice() else { panic!("cost URI EVENTS EVENTS_A_SECOND") };
    let (events, rate): (u64, f64) = (events.parse().expect("a count"), rate.parse().expect("a rate"));
    let folder = std::env::temp_dir().join(format!("cost-{}", std::process::id()));
    let store = Store::open(&folder).expect("a new store");
    let new = NewRun { experiment: "cost", file: "cost.yaml", command: "cost", commit: None };
    let run = store.begin_run(&new).expect("writable");
    let server = Server::at(uri, &|name| std::env::var(name).ok()).expect("an address");
    let about = About {
        run: run.0,
        experiment: "cost".into(),
        titles: BTreeMap::new(),
        at: pipe_mlflow::now(),
        tags: BTreeMap::new(),
        own_tags: BTreeMap::new(),
        axes: Vec::new(),
        datasets: BTreeMap::new(),
        keep: BTreeMap::new(),
        goal: None,
    };
    let recipe = Arc::new(serde_json::json!({ "epochs": events }));
    let (id, axes, keep) = ("train".to_owned(), indexmap::IndexMap::new(), Keep::Nothing);
    let stages = [Stage { id: id.clone(), stage: id, axes, recipe, answer: None, keep }];
    let tracking =
        Tracking::begin(&folder, Targets { server: Some(server), files: None }, &about, &stages).expect("writable");
    let begun = Instant::now();
    let mut longest = Duration::ZERO;
    let mut all = Duration::ZERO;
    for step in 0..events {
        let event =
            Event::Metric { stage: "train".into(), name: "loss".into(), step, value: Some(1.0 / (step + 1) as f64) };
        let before = Instant::now();
        tracking.hear(&event);
        let took = before.elapsed();
        longest = longest.max(took);
        all += took;
        let due = begun + Duration::from_secs_f64((step + 1) as f64 / rate);
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    let told = begun.elapsed();
    let threads = threads();
    let ending =
        Ending { at: pipe_mlflow::now(), interrupted: Interrupted::No, records: Vec::new(), files: Vec::new() };
    let ended = tracking.end(ending, &folder);
    println!(
        "{events} events in {:.2} s; hearing one: mean {:?}, longest {longest:?}",
        told.as_secs_f64(),
        all / u32::try_from(events).unwrap_or(1)
    );
    for (name, seconds) in &threads {
        println!("{name:16} {seconds:.2} CPU s, {:.2} % of the time", 100.0 * seconds / told.as_secs_f64());
    }
    println!("{ended:?}");
    drop(store);
    drop(fs::remove_dir_all(folder));
}

/// CPU seconds of each thread of this process, in ticks of 10 ms.
fn threads() -> Vec<(String, f64)> {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let of = |task: fs::DirEntry| {
        let text = fs::read_to_string(task.path().join("stat")).ok()?;
        let (head, rest) = text.rsplit_once(')')?;
        let ticks: Vec<f64> = rest.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse().ok()).collect();
        Some((head.split_once('(')?.1.to_owned(), ticks.iter().sum::<f64>() / 100.0))
    };
    tasks.filter_map(of).collect()
}
