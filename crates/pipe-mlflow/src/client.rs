//! Sends requests to one server, and sorts its answers.
//!
//! Does not know what is told, nor when something is sent again.

use std::{
    error::Error as _,
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
    thread,
    time::Duration,
};

use reqwest::{
    Certificate, Identity, StatusCode,
    blocking::{Body, Client as Http, RequestBuilder, Response},
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    settings::{Credentials, Server, Trust},
    trouble::Trouble,
    wire::Failure,
};

/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(5);
/// The slowest way on which files still arrive, in bytes a second.
const SLOW: u64 = 256 * 1024;
/// The longest wait that a server may ask for.
const LONGEST: Duration = Duration::from_secs(300);

/// How often a request is sent again that met itself at the server, and after how long.
const CLASHES: u32 = 3;
const CLASH: Duration = Duration::from_millis(250);

/// What servers say to clients whose certificate is missing, or is none that they trust.
const ALERTS: [&str; 5] = ["Certificate", "UnknownCA", "DecryptError", "AccessDenied", "HandshakeFailure"];

/// One server.
pub(crate) struct Client {
    http: Http,
    server: Server,
}

impl Client {
    pub(crate) fn new(server: &Server) -> Result<Self, Trouble> {
        static PROVIDER: OnceLock<()> = OnceLock::new();
        // Fails only where another part of the process has set one, which is as good.
        PROVIDER.get_or_init(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let failed = |why: String| Trouble::Settings { uri: server.uri.clone(), why };
        let mut builder = Http::builder()
            .user_agent(concat!("pipe/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT.min(server.patience))
            .timeout(server.patience)
            .pool_max_idle_per_host(1);
        match &server.trust {
            Trust::System => {}
            Trust::Everybody => builder = builder.tls_danger_accept_invalid_certs(true),
            Trust::Named(path) => {
                let certificates = authorities(path)
                    .map_err(|why| failed(format!("MLFLOW_TRACKING_SERVER_CERT_PATH={}: {why}", path.display())))?;
                builder = builder.tls_certs_merge(certificates);
            }
        }
        if let Some(path) = &server.identity {
            let read = fs::read(path).map_err(|error| error.to_string());
            let identity = read.and_then(|text| Identity::from_pem(&text).map_err(|error| chain(&error)));
            let named = |why: String| failed(format!("MLFLOW_TRACKING_CLIENT_CERT_PATH={}: {why}", path.display()));
            builder = builder.identity(identity.map_err(named)?);
        }
        let http = builder.build().map_err(|error| failed(chain(&error)))?;
        Ok(Self { http, server: server.clone() })
    }

    pub(crate) fn uri(&self) -> &str {
        &self.server.uri
    }

    /// Asks a method of the interface, e.g. `runs/create`.
    pub(crate) fn post<T: DeserializeOwned>(&self, method: &str, request: &impl Serialize) -> Result<T, Trouble> {
        self.json(self.http.post(self.method(method)), request)
    }

    pub(crate) fn patch<T: DeserializeOwned>(&self, method: &str, request: &impl Serialize) -> Result<T, Trouble> {
        self.json(self.http.patch(self.method(method)), request)
    }

    /// Asks with one argument.
    pub(crate) fn get<T: DeserializeOwned>(&self, method: &str, name: &str, value: &str) -> Result<T, Trouble> {
        let mut url = reqwest::Url::parse(&self.method(method)).expect("the address was read when it was set");
        url.query_pairs_mut().append_pair(name, value);
        self.answer(self.http.get(url))
    }

    /// Puts a file to where artifacts are kept.
    pub(crate) fn put(&self, place: &str, file: &Path) -> Result<(), Trouble> {
        let unreadable = |error: std::io::Error| Trouble::Refused {
            uri: self.server.uri.clone(),
            status: 0,
            code: "FILE".to_owned(),
            why: format!("{} cannot be read: {error}", file.display()),
        };
        let open = fs::File::open(file).map_err(unreadable)?;
        let bytes = open.metadata().map_err(unreadable)?.len();
        let mut url = reqwest::Url::parse(&self.server.uri).expect("the address was read when it was set");
        let parts = ["api", "2.0", "mlflow-artifacts", "artifacts"].into_iter().chain(place.split('/'));
        url.path_segments_mut().expect("an http address has a path").pop_if_empty().extend(parts);
        let patience = self.server.patience + Duration::from_secs(bytes / SLOW);
        let request = self.http.put(url).timeout(patience).header(CONTENT_TYPE, "application/octet-stream");
        let body = Body::sized(open, bytes);
        self.send(request.body(body)).map(drop)
    }

    fn method(&self, method: &str) -> String {
        format!("{}/api/2.0/mlflow/{method}", self.server.uri)
    }

    fn json<T: DeserializeOwned>(&self, builder: RequestBuilder, request: &impl Serialize) -> Result<T, Trouble> {
        let text = serde_json::to_vec(request).expect("requests are plain data");
        self.answer(builder.header(CONTENT_TYPE, "application/json").body(text))
    }

    fn answer<T: DeserializeOwned>(&self, builder: RequestBuilder) -> Result<T, Trouble> {
        let answer = self.send(builder)?;
        let status = answer.status().as_u16();
        let text = answer.bytes().map_err(|error| self.failed(&error))?;
        serde_json::from_slice(&text).map_err(|_| self.not_mlflow(status, &text))
    }

    fn send(&self, builder: RequestBuilder) -> Result<Response, Trouble> {
        let builder = match &self.server.credentials {
            Credentials::None => builder,
            Credentials::Basic { user, password } => builder.basic_auth(user, Some(password)),
            Credentials::Token(token) => builder.bearer_auth(token),
        };
        let mut builder = builder;
        for _ in 0..CLASHES {
            let again = builder.try_clone();
            match (self.sent(builder), again) {
                (Err(trouble), Some(again)) if trouble.is_clash() => {
                    thread::sleep(CLASH);
                    builder = again;
                }
                (answer, _) => return answer,
            }
        }
        self.sent(builder)
    }

    fn sent(&self, builder: RequestBuilder) -> Result<Response, Trouble> {
        let answer = builder.send().map_err(|error| self.failed(&error))?;
        let status = answer.status();
        if status.is_success() { Ok(answer) } else { Err(self.refusal(answer, status)) }
    }

    fn refusal(&self, answer: Response, status: StatusCode) -> Trouble {
        let uri = self.server.uri.clone();
        let after = answer.headers().get(RETRY_AFTER).and_then(|value| waiting(value.to_str().ok()?));
        let text = answer.bytes().unwrap_or_default();
        let failure = serde_json::from_slice::<Failure>(&text).ok().filter(|failure| !failure.error_code.is_empty());
        let why = failure.as_ref().map(|failure| first_line(&failure.message)).unwrap_or_default();
        match (status.as_u16(), failure) {
            (401, _) => Trouble::Unknown { uri, told: self.server.credentials != Credentials::None },
            (403, _) => Trouble::Forbidden { uri, why },
            (408 | 429 | 500 | 502..=599, _) => Trouble::Busy { uri, status: status.as_u16(), why, after },
            (status, Some(Failure { error_code: code, .. })) => Trouble::Refused { uri, status, code, why },
            (status, None) => self.not_mlflow(status, &text),
        }
    }

    fn not_mlflow(&self, status: u16, text: &[u8]) -> Trouble {
        let start = String::from_utf8_lossy(&text[..text.len().min(200)]).trim_start().to_ascii_lowercase();
        let is_page = start.starts_with("<!doctype") || start.starts_with("<html");
        let what = if is_page { "a page of HTML" } else { "no JSON that MLflow would send" };
        Trouble::NotMlflow { uri: self.server.uri.clone(), why: format!("{status}, {what}") }
    }

    fn failed(&self, error: &reqwest::Error) -> Trouble {
        let (uri, why) = (self.server.uri.clone(), chain(error));
        if error.is_timeout() && !error.is_connect() {
            return Trouble::Silent { uri, seconds: self.server.patience.as_secs() };
        }
        // An alert is what the server says of us; what we say of it has other words.
        if why.contains("received fatal alert") && ALERTS.iter().any(|alert| why.contains(alert)) {
            return Trouble::Stranger { uri, why, named: self.server.identity.is_some() };
        }
        if why.to_ascii_lowercase().contains("certificate") {
            return Trouble::Certificate { uri, why };
        }
        Trouble::Unreachable { uri, why }
    }
}

/// Certificates of authorities: those of a file, or of all files of a folder.
fn authorities(path: &Path) -> Result<Vec<Certificate>, String> {
    let said = |error: std::io::Error| error.to_string();
    let files: Vec<PathBuf> = if path.is_dir() {
        let entries: Vec<_> = fs::read_dir(path).and_then(Iterator::collect).map_err(said)?;
        entries.into_iter().map(|entry: fs::DirEntry| entry.path()).filter(|path| path.is_file()).collect()
    } else {
        vec![path.to_owned()]
    };
    let mut found = Vec::new();
    for file in files {
        let text = fs::read(file).map_err(said)?;
        found.extend(Certificate::from_pem_bundle(&text).map_err(|error| chain(&error))?);
    }
    if found.is_empty() { Err("there is no certificate in PEM form".to_owned()) } else { Ok(found) }
}

/// The causes of an error, without the address, which may hold what nobody should read.
fn chain(error: &reqwest::Error) -> String {
    let mut last = String::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        last = error.to_string();
        cause = error.source();
    }
    if !last.is_empty() {
        return last;
    }
    if error.is_timeout() { "no connection in time".to_owned() } else { "the connection broke".to_owned() }
}

/// Seconds that a server asks us to wait; a date is as good as nothing, for clocks differ.
fn waiting(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(|seconds| Duration::from_secs(seconds).min(LONGEST))
}

/// The first line of what a server says, short enough to be shown.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}
