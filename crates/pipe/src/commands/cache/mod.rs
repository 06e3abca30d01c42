//! `pipe cache`: how large the store is, what may go, what rotted. One question a file.
//!
//! Does not run stages; what is removed or rotten is made again by the next run that needs it.

mod gc;
mod size;
mod verify;

use std::process::ExitCode;

use crate::{args::Cache, failure::Failure, session::Session};

pub(crate) fn cache(session: &Session, cache: &Cache) -> Result<ExitCode, Failure> {
    let store = session.store()?;
    match cache {
        Cache::Size { format } => size::size(&store, *format).map(|()| ExitCode::SUCCESS),
        Cache::Gc(gc) => gc::gc(session, &store, gc).map(|()| ExitCode::SUCCESS),
        Cache::Verify { strict, format } => verify::verify(session, &store, *strict, *format),
    }
}
