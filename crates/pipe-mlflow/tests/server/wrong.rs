//! Servers that are down, slow, closed, or none; and messages that are refused.

use std::{collections::BTreeMap, fs};

use pipe_mlflow::sync;
use serde_json::json;

use crate::{
    case::{Case, at},
    mlflow::{Mood, Proxy, read, run_of, server},
};

#[test]
fn what_a_server_missed_is_delivered_once_and_later() {
    let Some(uri) = server() else { return };
    let case = Case::new("later");
    let proxy = Proxy::new(&uri, Mood::HangUp);
    let tracking = case.begin(&proxy.uri, &[]);
    case.tell(&tracking, 10);
    let ended = case.end(tracking);
    assert!(ended.left > 10 && ended.delivered.delivered == 0, "{ended:?}");
    assert_eq!(ended.warnings.len(), 1, "{:?}", ended.warnings);
    assert!(
        ended.warnings[0].contains("cannot be reached") && ended.warnings[0].contains("pipe track sync"),
        "{:?}",
        ended.warnings
    );
    assert_eq!(case.waiting(), ended.left);

    let server = at(&proxy.uri, &[]);
    let synced = sync(&case.store, &server).expect("writable");
    assert!(synced.trouble.is_some() && case.waiting() == ended.left);
    proxy.set(Mood::Forward);
    let synced = sync(&case.store, &server).expect("writable");
    assert_eq!((synced.delivered.delivered, synced.delivered.refused, &synced.trouble), (ended.left, 0, &None));
    case.check_whole(&uri, 10);
    assert_eq!(sync(&case.store, &server).expect("writable").delivered.delivered, 0);
}

#[test]
fn lost_answers_make_nothing_double() {
    let Some(uri) = server() else { return };
    let case = Case::new("lost");
    let proxy = Proxy::new(&uri, Mood::HangUp);
    let tracking = case.begin(&proxy.uri, &[]);
    case.tell(&tracking, 1500);
    case.end(tracking);
    // Each delivery gets a little further, and loses the answer of what it did last.
    proxy.set(Mood::LoseEvery(13));
    let server = at(&proxy.uri, &[]);
    let tries = (0..200).take_while(|_| sync(&case.store, &server).expect("writable").trouble.is_some()).count();
    assert!((3..200).contains(&tries), "{tries}");
    let read = case.check_whole(&uri, 1500);
    let counts = ["models", "versions"].map(|what| read[what].as_array().map(Vec::len));
    assert_eq!(counts, [Some(2), Some(2)], "{read:#}");
    let deleted: Vec<_> = proxy.requests().into_iter().filter(|request| request.contains("runs/delete")).collect();
    assert!(deleted.is_empty(), "a run was made twice: {deleted:?}");
}

#[test]
fn a_server_that_never_answers_keeps_nobody() {
    let Some(uri) = server() else { return };
    let case = Case::new("silent");
    let proxy = Proxy::new(&uri, Mood::Silent);
    let tracking = case.begin(&proxy.uri, &[("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")]);
    case.tell(&tracking, 10);
    let ended = case.end(tracking);
    assert!(
        ended.left > 10 && ended.warnings.iter().any(|warning| warning.contains("does not answer within 1 s")),
        "{ended:?}"
    );
    proxy.set(Mood::Forward);
    assert_eq!(sync(&case.store, &at(&proxy.uri, &[])).expect("writable").delivered.delivered, ended.left);
    case.check_whole(&uri, 10);
}

#[track_caller]
fn check_warning(mood: Mood, variables: &[(&str, &str)], says: &[&str]) {
    let case = Case::new("wrong");
    // Nothing is handed on, so that no server need be there.
    let proxy = Proxy::new("http://127.0.0.1:9", mood);
    let tracking = case.begin(&proxy.uri, variables);
    case.tell(&tracking, 5);
    let ended = case.end(tracking);
    assert_eq!(ended.warnings.len(), 1, "{:?}", ended.warnings);
    says.iter().for_each(|part| assert!(ended.warnings[0].contains(part), "{:?} lacks {part}", ended.warnings));
    assert!(!ended.warnings[0].contains("secret"));
    assert_eq!(ended.left, case.waiting());
    let ledger = fs::read(case.root().join("ledger.sqlite")).expect("readable");
    let log = fs::read(case.root().join("ledger.sqlite-wal")).unwrap_or_default();
    for kept in [ledger, log] {
        assert!(!kept.windows(6).any(|part| part == b"secret"), "a secret is in the ledger");
    }
}

#[test]
fn who_is_not_let_in_is_told_what_to_do() {
    let denied =
        Mood::Say("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"mlflow\"", "You are not authenticated.");
    check_warning(denied.clone(), &[], &["401", "MLFLOW_TRACKING_USERNAME"]);
    let known = [("MLFLOW_TRACKING_USERNAME", "me"), ("MLFLOW_TRACKING_PASSWORD", "secret")];
    check_warning(denied, &known, &["401", "those that are set are wrong"]);
    check_warning(
        Mood::Say("403 Forbidden", "Permission denied"),
        &[("MLFLOW_TRACKING_TOKEN", "secret")],
        &["403", "tracking.mlflow.experiment"],
    );
}

#[test]
fn what_is_no_mlflow_is_told_so() {
    check_warning(
        Mood::Say("200 OK", "<!DOCTYPE html><html>a page</html>"),
        &[],
        &["no MLflow server", "a page of HTML"],
    );
    check_warning(Mood::Say("404 Not Found", "<html>nothing here</html>"), &[], &["404", "give the address"]);
}

#[test]
fn a_server_without_time_is_asked_again_when_it_says() {
    let Some(uri) = server() else { return };
    let case = Case::new("busy");
    let proxy = Proxy::new(&uri, Mood::SayOnce("429 Too Many Requests\r\nRetry-After: 1", "slow down"));
    let tracking = case.begin(&proxy.uri, &[]);
    case.tell(&tracking, 5);
    // It is asked again before the run's end.
    let before = proxy.requests().len();
    while proxy.requests().len() < before.max(1) + 10 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let ended = case.end(tracking);
    assert_eq!(ended.warnings, Vec::<String>::new());
    // On a machine that has other things to do, the run may not have waited for all of it.
    assert_eq!(sync(&case.store, &at(&proxy.uri, &[])).expect("writable").delivered.delivered, ended.left);
    case.check_whole(&uri, 5);
}

#[test]
fn a_message_that_is_refused_takes_no_other_with_it() {
    let Some(uri) = server() else { return };
    let case = Case::new("refused");
    let tracking = case.begin(&uri, &[]);
    case.tell(&tracking, 3);
    case.end(tracking);
    // A parameter never changes at the server; whoever says it otherwise is refused, and all else arrives.
    let params: BTreeMap<String, String> = [("train.p1", "other"), ("new.a", "1"), ("new.b", "2")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let text = json!({ "params": params }).to_string();
    let message = pipe_store::NewMessage { destination: uri.clone(), part: "fold=0".into(), text };
    case.store.spool(case.run, &[message], 0).expect("writable");
    let synced = sync(&case.store, &at(&uri, &[])).expect("writable");
    assert_eq!((synced.trouble, synced.warnings.len(), case.waiting()), (None, 1, 0));
    assert!(synced.warnings[0].contains("refuses a message"), "{:?}", synced.warnings);
    let read = read(&uri, &case.experiment);
    let params = &run_of(&read, Some("fold=0"))["params"];
    assert_eq!([&params["train.p1"], &params["new.a"], &params["new.b"]], ["1", "1", "2"]);
}
