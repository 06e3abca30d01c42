//! Reads experiments written as YAML: the only crate that knows YAML.
