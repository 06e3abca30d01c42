//! What other code gives for our networks, and the formula that both are filled by. The README tells how it was made.

pub(crate) mod cases;
pub(crate) mod formula;
