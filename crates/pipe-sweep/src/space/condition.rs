//! When a parameter is there.

/// A parameter is there where another is, and has one of these alternatives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Which parameter of the space; it stands above.
    pub(crate) parent: usize,
    /// Which of its alternatives, in order.
    pub(crate) alternatives: Vec<usize>,
}

impl Condition {
    /// Which parameter of the space decides.
    pub fn parent(&self) -> usize {
        self.parent
    }

    /// With which of its alternatives the parameter is there.
    pub fn alternatives(&self) -> &[usize] {
        &self.alternatives
    }
}
