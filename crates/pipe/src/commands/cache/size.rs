//! `pipe cache size`: how many bytes lie in the store, and what for.
//!
//! Does not remove anything.

use pipe_store::{Bytes, Part, Store};

use crate::{
    args::Format,
    failure::Failure,
    output::{self, Align},
};

pub(crate) fn size(store: &Store, format: Format) -> Result<(), Failure> {
    let sizes = store.sizes()?;
    if format == Format::Json {
        output::json(&sizes);
        return Ok(());
    }
    let line = |what: String, results: Option<u64>, part: Part| {
        let results = results.map(output::thousands).unwrap_or_default();
        vec![what, results, output::thousands(part.files), Bytes::from(part.bytes).to_string()]
    };
    let mut kinds: Vec<_> = sizes.kinds.iter().collect();
    kinds.sort_by_key(|(name, kind)| (std::cmp::Reverse(kind.bytes), name.as_str()));
    let mut rows: Vec<_> = kinds
        .iter()
        .map(|(name, kind)| {
            let part = Part { files: kind.files, bytes: kind.bytes };
            line(format!("{name} results"), Some(kind.results), part)
        })
        .collect();
    let parts = [
        ("objects that no result names", sizes.unnamed),
        ("checkpoints", sizes.checkpoints),
        ("logs, plans and events", sizes.logs),
        ("working folders of attempts", sizes.scratch),
        ("reports", sizes.reports),
        ("quarantine", sizes.quarantine),
        ("ledger and digests", sizes.ledger),
        ("other", sizes.other),
    ];
    rows.extend(parts.iter().filter(|(_, part)| part.files > 0).map(|(what, part)| line((*what).into(), None, *part)));
    let results = sizes.kinds.values().map(|kind| kind.results).sum();
    rows.push(line("together".into(), Some(results), sizes.total));
    let head = [("what", Align::Left), ("results", Align::Right), ("files", Align::Right), ("size", Align::Right)];
    let mut text = output::columns(&head, &rows);
    let without: u64 = sizes.kinds.values().map(|kind| kind.without_bytes).sum();
    if without > 0 {
        let results = output::count(without, "result is", "results are");
        text.push_str(&format!(
            "\n{results} a record without bytes: still cached, and made again if their bytes are needed\n"
        ));
    }
    if let Some(free) = sizes.free {
        text.push_str(&format!("\n{} are free on this disk\n", Bytes::from(free)));
    }
    output::print(&text);
    Ok(())
}
