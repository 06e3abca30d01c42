//! Where a server is and how it lets us in, from an experiment and the usual variables.
//!
//! Does not talk to it. Names and passwords stay in this process: what is kept elsewhere is [`Server::destination`], which has none.

use std::{fmt, path::PathBuf, time::Duration};

use reqwest::Url;

/// Seconds until a request is given up, where `MLFLOW_HTTP_REQUEST_TIMEOUT` does not say it.
const PATIENCE: u64 = 30;

/// A server that can be asked.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its address, without a slash at the end, without user and password.
    pub(crate) uri: String,
    pub(crate) credentials: Credentials,
    pub(crate) trust: Trust,
    /// A file with our own certificate and its key, for servers that ask for one.
    pub(crate) identity: Option<PathBuf>,
    pub(crate) patience: Duration,
}

/// Who we are.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credentials {
    None,
    Basic { user: String, password: String },
    Token(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Basic { .. } => "user and password",
            Self::Token(_) => "token",
        })
    }
}

/// Whose certificates count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    System,
    /// Those of a file, or of all files of a folder, beside the system's.
    Named(PathBuf),
    /// Everybody's.
    Everybody,
}

/// Why an address is none of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It is no address.
    #[error("`{uri}` is not the address of an MLflow server ({why}); write it as http://HOST:5000")]
    NotAUri {
        /// What was written.
        uri: String,
        /// What is wrong.
        why: String,
    },
    /// MLflow knows it, but it names a folder, a database or a service.
    #[error(
        "`{uri}` names no MLflow server that speaks http; start one on it (`mlflow server --backend-store-uri {uri}`) and give its address, \
         or write files by `tracking: {{ file: {{}} }}`"
    )]
    NotHttp {
        /// What was written.
        uri: String,
    },
}

impl Server {
    /// The server at an address, with what the environment says about it.
    ///
    /// # Errors
    /// It is no address that can be asked.
    pub fn at(uri: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, Unusable> {
        let variable = |name: &str| environment(name).filter(|value| !value.is_empty());
        let typed = uri.trim();
        let scheme = typed.split_once("://").map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
        if !matches!(scheme.as_str(), "http" | "https") {
            return Err(match (scheme.as_str(), Url::parse(&format!("http://{typed}"))) {
                // `localhost:5000` and `server/path`: the scheme was forgotten.
                ("", Ok(url)) if url.port().is_some() && !typed.starts_with(['.', '/']) => {
                    let shown = without_password(typed);
                    Unusable::NotAUri { why: format!("did you mean http://{shown}?"), uri: shown }
                }
                _ => Unusable::NotHttp { uri: without_password(typed) },
            });
        }
        let mut url = Url::parse(typed)
            .map_err(|error| Unusable::NotAUri { uri: without_password(typed), why: error.to_string() })?;
        let credentials = match (variable("MLFLOW_TRACKING_USERNAME"), variable("MLFLOW_TRACKING_PASSWORD")) {
            (Some(user), Some(password)) => Credentials::Basic { user, password },
            _ => match (variable("MLFLOW_TRACKING_TOKEN"), url.password()) {
                (Some(token), _) => Credentials::Token(token),
                (None, Some(password)) => {
                    Credentials::Basic { user: decoded(url.username()), password: decoded(password) }
                }
                (None, None) => Credentials::None,
            },
        };
        // Whatever of it is kept or shown, this is not.
        url.set_username("").and_then(|()| url.set_password(None)).expect("an http address may have both");
        url.set_query(None);
        url.set_fragment(None);
        let trust = match (variable("MLFLOW_TRACKING_INSECURE_TLS"), variable("MLFLOW_TRACKING_SERVER_CERT_PATH")) {
            (Some(yes), _) if matches!(yes.to_ascii_lowercase().as_str(), "true" | "1") => Trust::Everybody,
            (_, Some(path)) => Trust::Named(path.into()),
            _ => Trust::System,
        };
        let seconds = variable("MLFLOW_HTTP_REQUEST_TIMEOUT").and_then(|text| text.parse().ok());
        Ok(Self {
            uri: url.as_str().trim_end_matches('/').to_owned(),
            credentials,
            trust,
            identity: variable("MLFLOW_TRACKING_CLIENT_CERT_PATH").map(PathBuf::from),
            patience: Duration::from_secs(seconds.filter(|seconds| *seconds > 0).unwrap_or(PATIENCE)),
        })
    }

    /// The name under which the ledger keeps what is to be sent there.
    pub fn destination(&self) -> &str {
        &self.uri
    }
}

/// `%40` in a user or a password is an `@`.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex =
            text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        plain.push(hex.unwrap_or(bytes[at]));
        at += if hex.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// An address that may be shown although it is none.
fn without_password(uri: &str) -> String {
    match (uri.find("://"), uri.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 <= at => format!("{}{}", &uri[..scheme + 3], &uri[at + 1..]),
        (None, Some(at)) => uri[at + 1..].to_owned(),
        _ => uri.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(uri: &str, variables: &[(&str, &str)]) -> Result<Server, Unusable> {
        let find =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Server::at(uri, &find)
    }

    #[test]
    fn user_and_password_win_over_a_token() {
        let both =
            [("MLFLOW_TRACKING_TOKEN", "t"), ("MLFLOW_TRACKING_USERNAME", "u"), ("MLFLOW_TRACKING_PASSWORD", "p")];
        let basic = |user: &str, password: &str| Credentials::Basic { user: user.into(), password: password.into() };
        let of = |uri, variables: &[(&str, &str)]| server(uri, variables).expect("an address").credentials;
        assert_eq!(of("http://h:5000", &both), basic("u", "p"));
        assert_eq!(of("http://h:5000", &both[..2]), Credentials::Token("t".into()));
        assert_eq!(of("http://a%40b:p%25@h", &[]), basic("a@b", "p%"));
        assert_eq!(of("http://h", &[("MLFLOW_TRACKING_TOKEN", "")]), Credentials::None);
    }

    #[test]
    fn no_secret_is_kept_or_shown() {
        let found = server("https://me:secret@host:8443/mlflow/?key=secret", &[("MLFLOW_TRACKING_TOKEN", "secret")]);
        let found = found.expect("an address");
        assert_eq!(found.destination(), "https://host:8443/mlflow");
        assert!(!format!("{found:?}").contains("secret"), "{found:?}");
        for wrong in ["ftp://me:secret@host", "me:secret@host:5000", "http://me:secret@"] {
            let error = server(wrong, &[]).expect_err("no server");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_is_no_server_says_what_to_do() {
        let says = |uri: &str| server(uri, &[]).expect_err("no server").to_string();
        assert!(says("./mlruns").contains("tracking: { file: {} }"), "{}", says("./mlruns"));
        assert!(says("sqlite:///mlflow.db").contains("mlflow server --backend-store-uri sqlite:///mlflow.db"));
        assert!(says("localhost:5000").contains("did you mean http://localhost:5000?"), "{}", says("localhost:5000"));
        assert!(says("http://").contains("http://HOST:5000"), "{}", says("http://"));
    }

    #[test]
    fn trust_and_patience_come_from_variables() {
        let file = [("MLFLOW_TRACKING_SERVER_CERT_PATH", "/ca.pem"), ("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")];
        let found = server("https://h", &file).expect("an address");
        assert_eq!((found.trust, found.patience), (Trust::Named("/ca.pem".into()), Duration::from_secs(2)));
        let all = [file[0], ("MLFLOW_TRACKING_INSECURE_TLS", "true")];
        assert_eq!(server("https://h", &all).expect("an address").trust, Trust::Everybody);
        let odd = [("MLFLOW_HTTP_REQUEST_TIMEOUT", "soon"), ("MLFLOW_TRACKING_INSECURE_TLS", "false")];
        let found = server("https://h", &odd).expect("an address");
        assert_eq!((found.trust, found.patience), (Trust::System, Duration::from_secs(30)));
    }
}
