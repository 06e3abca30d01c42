//! What arrives when nothing goes wrong.

use serde_json::json;

use crate::{
    case::Case,
    mlflow::{Mood, Proxy, run_of, server},
};

#[test]
fn everything_arrives_as_its_users_expect() {
    let Some(uri) = server() else { return };
    let case = Case::new("whole");
    let tracking = case.begin(&uri, &[]);
    // More than a batch takes.
    case.tell(&tracking, 2300);
    let ended = case.end(tracking);
    assert_eq!((ended.left, &ended.warnings), (0, &Vec::new()));
    let read = case.check_whole(&uri, 2300);

    let whole = run_of(&read, None);
    let tags = &whole["tags"];
    assert_eq!(
        [&tags["team"], &tags["pipe.run"], &tags["pipe.stage.prepare"], &tags["mlflow.source.name"]],
        ["x", "1", "done", "e.yaml"]
    );
    assert_eq!(tags["pipe.fingerprint.prepare"].as_str().map(str::len), Some(64));
    assert_eq!(whole["datasets"][0][0], "phantom");
    let files = whole["files"].as_object().expect("files by name");
    assert_eq!(
        files.keys().map(String::as_str).collect::<Vec<_>>(),
        ["prepare/below/card.json", "prepare/weights.bin", "report/report 1%.html"]
    );
    assert_eq!(files["prepare/weights.bin"], 300_000);

    let fold = run_of(&read, Some("fold=1"));
    let params = fold["params"].as_object().expect("parameters");
    assert_eq!([&params["train.network.unet.width"], &params["train.p249"], &params["axis.fold"]], ["8", "249", "1"]);
    assert_eq!(params.len(), 2 + 250 + 2 + 1);
    let long = params["train.long"].as_str().expect("a text");
    assert!(long.len() == 6000 && long.ends_with(" ... (cut, 7000 characters)"), "{}", &long[5900..]);
    assert_eq!(fold["metrics"]["export/hd95"][0][1], "nan");

    // The model: logged, with the numbers of its fold, and in the registry under its alias.
    let model =
        read["models"].as_array().expect("a list").iter().find(|model| model["run"] == fold["id"]).expect("one a fold");
    assert_eq!((&model["status"], &model["metrics"]["train/dice"]), (&json!("READY"), &json!(0.75)));
    assert_eq!((&fold["models"], &model["files"]), (&json!([model["id"]]), &json!(["below", "weights.bin"])));
    let version = read["versions"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|version| version["run"] == fold["id"])
        .expect("one a fold");
    assert_eq!(
        (&version["aliases"], &version["source"]),
        (&json!(["fold-1"]), &json!(format!("models:/{}", model["id"].as_str().expect("an id"))))
    );
}

#[test]
fn an_older_server_gets_models_as_files_of_runs() {
    let Some(uri) = server() else { return };
    let case = Case::new("older");
    let proxy = Proxy::new(&uri, Mood::Lack("logged-models"));
    let tracking = case.begin(&proxy.uri, &[]);
    case.tell(&tracking, 3);
    let ended = case.end(tracking);
    assert_eq!((ended.left, &ended.warnings), (0, &Vec::new()));
    let read = case.check_whole(&uri, 3);
    let fold = run_of(&read, Some("fold=0"));
    assert_eq!(fold["files"]["model/weights.bin"], 300_000);
    let version = read["versions"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|version| version["run"] == fold["id"])
        .expect("one a fold");
    assert_eq!(version["aliases"], json!(["fold-0"]));
    assert_eq!(read["models"], json!([]));
}

#[test]
fn a_token_and_a_password_go_where_they_belong() {
    let Some(uri) = server() else { return };
    let proxy = Proxy::new(&uri, Mood::Forward);
    let asked = |variables: &[(&str, &str)]| {
        let case = Case::new("token");
        let tracking = case.begin(&proxy.uri, variables);
        case.end(tracking);
        proxy.requests().last().expect("it was asked").to_ascii_lowercase()
    };
    assert!(asked(&[("MLFLOW_TRACKING_TOKEN", "tok")]).contains("authorization: bearer tok\r\n"));
    let both =
        [("MLFLOW_TRACKING_USERNAME", "me"), ("MLFLOW_TRACKING_PASSWORD", "secret"), ("MLFLOW_TRACKING_TOKEN", "tok")];
    // `me:secret` in base 64.
    assert!(asked(&both).contains("authorization: basic bwu6c2vjcmv0\r\n"));
    assert!(!asked(&[]).contains("authorization"));
}
