//! Tracking over TLS: the variables by which MLflow's own client is let in let `pipe` in, and who is not let in is told why.

use serde_json::Value;

use crate::{
    harness::{Answer, Workspace},
    mlflow::{Tls, read_as, server, unique},
};

const ONE: &str = "\
tracking: { mlflow: { uri: '${env:SERVER}', experiment: '${parameters.name}' } }
stages: { a: { kind: command, with: { shell: 'true' } } }
";

fn run(workspace: &Workspace, variables: &[(&str, &str)]) -> Answer {
    let output = workspace.command(&["run", "e.yaml"]).envs(variables.iter().copied()).output();
    let answer = Answer::of(output.expect("pipe starts"));
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    answer
}

/// A run that tells, and arrives.
#[track_caller]
fn check(tls: &Tls, variables: &[(&str, &str)]) {
    let (workspace, name) = (Workspace::new(), unique("tls"));
    workspace.write("e.yaml", format!("parameters: {{ name: {name} }}\n{ONE}"));
    let answer = run(&workspace, &[&[("SERVER", tls.uri.as_str())], variables].concat());
    assert!(!answer.stderr.contains("warning"), "{}", answer.stderr);
    let output = workspace.command(&["track", "sync"]).envs(variables.iter().copied()).output().expect("pipe starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = read_as(&tls.uri, &name, variables);
    assert_eq!(read["runs"].as_array().map(Vec::len), Some(1), "{read:#}");
    assert_eq!(read["runs"][0]["status"], Value::from("FINISHED"), "{read:#}");
}

/// A run that is told once what keeps it from telling.
#[track_caller]
fn refused(tls: &Tls, variables: &[(&str, &str)], says: &[&str]) {
    let workspace = Workspace::new();
    workspace.write("e.yaml", format!("parameters: {{ name: nobody }}\n{ONE}"));
    let answer = run(&workspace, &[&[("SERVER", tls.uri.as_str())], variables].concat());
    assert_eq!(answer.stderr.matches("warning:").count(), 1, "{}", answer.stderr);
    says.iter().for_each(|says| assert!(answer.stderr.contains(says), "{says} is not in {}", answer.stderr));
}

#[test]
fn who_trusts_the_authority_or_everybody_is_let_in() {
    let Some(plain) = server() else { return };
    let tls = Tls::new(&plain, "welcome");
    check(&tls, &[("MLFLOW_TRACKING_SERVER_CERT_PATH", &tls.authority)]);
    check(&tls, &[("MLFLOW_TRACKING_INSECURE_TLS", "true")]);
    refused(&tls, &[], &["is not trusted", "MLFLOW_TRACKING_SERVER_CERT_PATH"]);
    let missing = [("MLFLOW_TRACKING_SERVER_CERT_PATH", "/nowhere/ca.pem")];
    refused(&tls, &missing, &["MLFLOW_TRACKING_SERVER_CERT_PATH=/nowhere/ca.pem", "No such file"]);
    let empty = Workspace::new();
    empty.write("e.yaml", "{}");
    let folder = empty.path("e.yaml").display().to_string();
    refused(&tls, &[("MLFLOW_TRACKING_SERVER_CERT_PATH", &folder)], &["no certificate in PEM form"]);
}

#[test]
fn a_server_that_asks_for_a_certificate_gets_it() {
    let Some(plain) = server() else { return };
    let tls = Tls::new(&plain, "ask");
    let trust = ("MLFLOW_TRACKING_SERVER_CERT_PATH", tls.authority.as_str());
    check(&tls, &[trust, ("MLFLOW_TRACKING_CLIENT_CERT_PATH", &tls.client)]);
    refused(&tls, &[trust], &["wants a certificate of who asks", "MLFLOW_TRACKING_CLIENT_CERT_PATH"]);
    let other = Tls::new(&plain, "ask");
    refused(&tls, &[trust, ("MLFLOW_TRACKING_CLIENT_CERT_PATH", &other.client)], &["it does not trust the one"]);
    let none = ("MLFLOW_TRACKING_CLIENT_CERT_PATH", tls.authority.as_str());
    refused(&tls, &[trust, none], &["MLFLOW_TRACKING_CLIENT_CERT_PATH="]);
}

#[test]
fn an_address_from_a_variable_that_is_not_set_is_a_warning() {
    let workspace = Workspace::new();
    workspace
        .write("e.yaml", ONE.replace("${env:SERVER}", "${env:PIPE_NO_SUCH_SERVER}").replace("${parameters.name}", "x"));
    let answer = run(&workspace, &[]);
    assert_eq!(answer.stderr.matches("warning:").count(), 1, "{}", answer.stderr);
    assert!(answer.stderr.contains("`PIPE_NO_SUCH_SERVER` is not set"), "{}", answer.stderr);
    assert!(answer.stderr.contains("the run goes on without it"), "{}", answer.stderr);
}
