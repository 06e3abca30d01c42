//! The committed pipelines and data-set layouts, embedded in the program.
//!
//! A file of the same name in the workspace wins; `pipe-spec` sees to that.

/// Name and text of every embedded file.
pub(crate) const EMBEDDED: &[(&str, &str)] =
    &[("pipelines/segmentation.yaml", include_str!("../../../pipelines/segmentation.yaml"))];
