//! A real MLflow server, what its own Python client reads there, and a proxy in front of it that goes wrong on purpose.
//!
//! Does not start the server: `tests/run` starts one for all tests, and says where it is in PIPE_TEST_MLFLOW. Tests skip without.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::Value;

/// The server, as `http://127.0.0.1:PORT`.
pub(crate) fn server() -> Option<String> {
    let found = std::env::var("PIPE_TEST_MLFLOW").ok().filter(|uri| !uri.is_empty());
    if found.is_none() {
        eprintln!("skipped: PIPE_TEST_MLFLOW names no MLflow server; tests/run starts one");
    }
    found
}

/// A name that no other test and no other test run has.
pub(crate) fn unique(name: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_nanos();
    format!("{name}-{}-{}-{now}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// All that MLflow's Python client reads of an experiment.
#[track_caller]
pub(crate) fn read(uri: &str, experiment: &str) -> Value {
    read_as(uri, experiment, &[])
}

/// As [`read`], with these variables.
#[track_caller]
pub(crate) fn read_as(uri: &str, experiment: &str, variables: &[(&str, &str)]) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/mlflow_read.py");
    let output = Command::new(python())
        .arg(script)
        .args([uri, experiment])
        .env("MLFLOW_DISABLE_TELEMETRY", "true")
        .envs(variables.iter().copied())
        .output()
        .expect("python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the script prints JSON")
}

/// A server that speaks TLS in front of one that does not, with an authority that nobody knows.
pub(crate) struct Tls {
    pub uri: String,
    /// The authority's certificate, and those of a client with its key.
    pub authority: String,
    pub client: String,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Tls {
    /// In front of a server, for everybody or for those that the authority knows.
    #[track_caller]
    pub(crate) fn new(server: &str, mood: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/mlflow_tls.py");
        let mut child = Command::new(python())
            .arg(script)
            .arg(folder.path())
            .args([server.trim_start_matches("http://"), mood])
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts");
        let mut uri = String::new();
        BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut uri).expect("it says where it is");
        assert!(uri.starts_with("https://"), "{uri}");
        let file = |name: &str| folder.path().join(name).display().to_string();
        let (authority, client) = (file("ca.pem"), file("client.pem"));
        Self { uri: uri.trim().to_owned(), authority, client, child, _folder: folder }
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The Python that has MLflow.
fn python() -> PathBuf {
    Path::new(&std::env::var_os("PIPE_MLFLOW").expect("tests/setup sets it")).join("bin/python")
}

/// The run of a part; the run itself has no part.
#[track_caller]
pub(crate) fn run_of<'v>(read: &'v Value, part: Option<&str>) -> &'v Value {
    let runs = read["runs"].as_array().expect("a list");
    let found: Vec<_> =
        runs.iter().filter(|run| run["tags"].get("pipe.part").and_then(Value::as_str) == part).collect();
    assert_eq!(found.len(), 1, "{part:?} in {read:#}");
    found[0]
}

/// What a proxy does with requests.
#[derive(Clone, Debug)]
pub(crate) enum Mood {
    /// It hands them on.
    Forward,
    /// It hands them on, and loses the answers.
    LoseAnswers,
    /// It hands them on, and loses the answer of every n-th.
    LoseEvery(u64),
    /// It closes each connection.
    HangUp,
    /// It never answers.
    Silent,
    /// It answers this itself: status line and headers, body.
    Say(&'static str, &'static str),
    /// It says this once, then hands on.
    SayOnce(&'static str, &'static str),
    /// It knows no method whose path contains this.
    Lack(&'static str),
}

/// A proxy on loopback.
pub(crate) struct Proxy {
    pub uri: String,
    mood: Arc<Mutex<Mood>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// A proxy in front of a server.
    pub(crate) fn new(server: &str, mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let uri = format!("http://{}", listener.local_addr().expect("bound"));
        let (mood, requests) = (Arc::new(Mutex::new(mood)), Arc::new(Mutex::new(Vec::new())));
        let proxy = Self { uri, mood: Arc::clone(&mood), requests: Arc::clone(&requests) };
        let server = server.trim_start_matches("http://").to_owned();
        thread::spawn(move || {
            for (number, client) in listener.incoming().flatten().enumerate() {
                let (server, mood, requests) = (server.clone(), Arc::clone(&mood), Arc::clone(&requests));
                thread::spawn(move || serve(client, number as u64 + 1, &server, &mood, &requests));
            }
        });
        proxy
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().expect("no holder panics") = mood;
    }

    /// The requests so far: method, path and headers.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no holder panics").clone()
    }
}

fn serve(
    mut client: TcpStream,
    number: u64,
    server: &str,
    mood: &Mutex<Mood>,
    requests: &Mutex<Vec<String>>,
) -> Option<()> {
    let now = mood.lock().expect("no holder panics").clone();
    if let Mood::HangUp = now {
        return None;
    }
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line == "\r\n" {
            break;
        }
        // The server behind knows itself by its own name, and one request is all a connection has.
        if !lower.starts_with("host:") && !lower.starts_with("connection:") {
            head.push_str(&line);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    requests.lock().expect("no holder panics").push(head.clone());
    let says = |client: &mut TcpStream, head: &str, body: &str| {
        let text = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        client.write_all(text.as_bytes()).ok()
    };
    match &now {
        Mood::Silent => {
            thread::sleep(Duration::from_secs(600));
            return None;
        }
        Mood::Say(head, text) => return says(&mut client, head, text),
        Mood::SayOnce(head, text) => {
            *mood.lock().expect("no holder panics") = Mood::Forward;
            return says(&mut client, head, text);
        }
        Mood::Lack(path) if head.lines().next().is_some_and(|first| first.contains(path)) => {
            return says(&mut client, "404 Not Found", "<!doctype html><title>404 Not Found</title>");
        }
        _ => {}
    }
    let mut to = TcpStream::connect(server).ok()?;
    to.write_all(format!("{head}Host: {server}\r\nConnection: close\r\n\r\n").as_bytes()).ok()?;
    to.write_all(&body).ok()?;
    let mut answer = Vec::new();
    to.read_to_end(&mut answer).ok()?;
    match now {
        Mood::LoseAnswers => None,
        Mood::LoseEvery(n) if number.is_multiple_of(n) => None,
        _ => client.write_all(&answer).ok(),
    }
}
