//! Which run a name means.
//!
//! Does not show anything.

use pipe_store::{RunRow, Store};

use crate::{args::Which, failure::Failure};

/// The run of that name.
///
/// # Errors
/// There is none; the message says which there are.
pub(crate) fn find(store: &Store, which: Which) -> Result<RunRow, Failure> {
    let (id, name) = match which {
        Which::Number(number) => (Some(pipe_store::RunId(number)), number.to_string()),
        Which::Back(0) => (store.run_back(0)?, "last".to_owned()),
        Which::Back(back) => (store.run_back(back)?, format!("last~{back}")),
    };
    if let Some(id) = id
        && let Some(row) = store.past_run(id)?
    {
        return Ok(row);
    }
    let there = match (store.first_run()?, store.run_back(0)?) {
        (Some(first), Some(last)) if first == last => format!("there is run {first} alone"),
        (Some(first), Some(last)) => format!("there are runs {first} to {last}; `pipe runs list` shows them"),
        _ => "nothing has run in this workspace yet".to_owned(),
    };
    Err(Failure::Argument(format!("there is no run `{name}`; {there}")))
}
