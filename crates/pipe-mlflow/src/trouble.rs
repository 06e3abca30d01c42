//! Why a server did not take a message, by what can be done about it.
//!
//! Does not decide when it is asked again; the courier does.

use std::time::Duration;

use thiserror::Error;

/// A request that was not answered as hoped.
#[derive(Clone, Debug, Error)]
pub(crate) enum Trouble {
    /// It cannot be reached.
    #[error("{uri} cannot be reached ({why}); is the server running, and the address right?")]
    Unreachable { uri: String, why: String },
    /// It does not answer.
    #[error("{uri} does not answer within {seconds} s; MLFLOW_HTTP_REQUEST_TIMEOUT sets another limit")]
    Silent { uri: String, seconds: u64 },
    /// Its certificate is not trusted.
    #[error(
        "the certificate of {uri} is not trusted ({why}); name the file of its authority in MLFLOW_TRACKING_SERVER_CERT_PATH, or set \
         MLFLOW_TRACKING_INSECURE_TLS=true"
    )]
    Certificate { uri: String, why: String },
    /// It trusts only those who have a certificate.
    #[error(
        "{uri} wants a certificate of who asks ({why}); name a file with one and its key in MLFLOW_TRACKING_CLIENT_CERT_PATH{}",
        if *named { ": it does not trust the one of that which is set" } else { "" }
    )]
    Stranger { uri: String, why: String, named: bool },
    /// It wants to know who asks.
    #[error(
        "{uri} wants to know who asks (401); set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN{}",
        if *told { ": those that are set are wrong" } else { "" }
    )]
    Unknown { uri: String, told: bool },
    /// It knows, and does not let us.
    #[error(
        "{uri} forbids it (403{}); ask for the permission to edit the experiment, or name another one in `tracking.mlflow.experiment` or \
         MLFLOW_EXPERIMENT_NAME",
        brackets(why)
    )]
    Forbidden { uri: String, why: String },
    /// Something else answers there.
    #[error(
        "what answers at {uri} is no MLflow server ({why}); give the address that `mlflow server` printed, without the path of a page"
    )]
    NotMlflow { uri: String, why: String },
    /// It has no time, or an error.
    #[error("{uri} cannot take it now ({status}{})", brackets(why))]
    Busy { uri: String, status: u16, why: String, after: Option<Duration> },
    /// It will never take this one.
    #[error("{uri} refuses a message ({status}{})", brackets(why))]
    Refused { uri: String, status: u16, code: String, why: String },
    /// The experiment was deleted there.
    #[error(
        "the experiment `{name}` was deleted at {uri}; restore it (`mlflow experiments restore`), or name another one in \
         `tracking.mlflow.experiment` or MLFLOW_EXPERIMENT_NAME"
    )]
    Deleted { uri: String, name: String },
    /// What was kept cannot be read or noted.
    #[error("what is kept for {uri} cannot be read ({why})")]
    Spool { uri: String, why: String },
    /// The settings cannot be used.
    #[error("{uri} cannot be asked ({why})")]
    Settings { uri: String, why: String },
}

impl Trouble {
    /// A refusal with this code of MLflow.
    pub(crate) fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted)
    }

    /// Whether the server's data base met the same rows twice at one time: a request whose sender did not live to hear of it is still being
    /// noted. A moment later the same is known there, and taken.
    pub(crate) fn is_clash(&self) -> bool {
        matches!(self, Self::Refused { why, .. } if why.contains("IntegrityError"))
    }

    /// Whether the server has no such method: an older one.
    pub(crate) fn is_unknown_method(&self) -> bool {
        match self {
            Self::NotMlflow { why, .. } => why.starts_with("404") || why.starts_with("405"),
            Self::Refused { status, code, .. } => {
                matches!(status, 404 | 405) && code == "ENDPOINT_NOT_FOUND" || *status == 501
            }
            _ => false,
        }
    }

    /// Which kind it is: each is said once.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Silent { .. } => "silent",
            Self::Certificate { .. } => "certificate",
            Self::Stranger { .. } => "stranger",
            Self::Unknown { .. } => "unknown",
            Self::Forbidden { .. } => "forbidden",
            Self::NotMlflow { .. } => "not_mlflow",
            Self::Busy { .. } => "busy",
            Self::Refused { .. } => "refused",
            Self::Deleted { .. } => "deleted",
            Self::Spool { .. } => "spool",
            Self::Settings { .. } => "settings",
        }
    }
}

fn brackets(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(": {why}") }
}
