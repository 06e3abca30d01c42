//! The colours of states, on a light ground; told apart by people who see red and green alike, and named in words beside.
//!
//! Does not know any renderer.

use crate::commands::state::State;

/// Colours of a box.
pub(super) struct Paint {
    pub fill: &'static str,
    pub stroke: &'static str,
    /// Dashed where it is not sure.
    pub is_dashed: bool,
}

/// Colour of names.
pub(super) const INK: &str = "#1b1f24";
/// Colour of arrows and small print.
pub(super) const GREY: &str = "#5c6570";

pub(super) fn paint(state: Option<State>) -> Paint {
    let (fill, stroke) = match state {
        Some(State::Cached) => ("#d8f0e4", "#1d7a52"),
        Some(State::Run) => ("#d9e8fc", "#1f5fb4"),
        Some(State::Perhaps) => ("#fdf3d3", "#a07400"),
        Some(State::Failed) => ("#fbdcd9", "#b3261e"),
        Some(State::Interrupted) => ("#f9e3d2", "#b1560f"),
        Some(State::Running) => ("#e7dcfa", "#6b3fb0"),
        Some(State::Open) => ("#f7f7f2", "#7a7560"),
        None => ("#f2f4f6", GREY),
    };
    Paint { fill, stroke, is_dashed: matches!(state, Some(State::Perhaps | State::Open)) }
}

/// The escape sequence of a state on a terminal.
pub(super) fn terminal(state: State) -> &'static str {
    match state {
        State::Cached => "\u{1b}[32m",
        State::Run => "\u{1b}[34m",
        State::Perhaps => "\u{1b}[33m",
        State::Failed => "\u{1b}[31m",
        State::Interrupted => "\u{1b}[91m",
        State::Running => "\u{1b}[35m",
        State::Open => "\u{1b}[36m",
    }
}
