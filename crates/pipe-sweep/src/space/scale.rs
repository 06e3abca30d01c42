//! A range as samplers see it: a stretch of the real line on which equal distances mean the same.
//!
//! Does not know alternatives, between which there is no distance.

use super::{
    domain::Domain,
    range::{FloatRange, IntRange, Scaling},
};
use crate::Value;

/// A range with more than one value. Values of a stepped range are the middles of cells, so that the first and the last are as likely
/// as the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    range: Range,
    /// Where the first cell begins, on the scale.
    pub(crate) low: f64,
    /// Where the last cell ends, on the scale.
    pub(crate) high: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Range {
    Int(IntRange),
    Float(FloatRange),
}

impl Scale {
    /// The scale of a domain; none of a choice and of a single value.
    pub(crate) fn of(domain: &Domain) -> Option<Self> {
        if domain.levels() == Some(1) {
            return None;
        }
        let range = match domain {
            Domain::Choice(_) => return None,
            Domain::Int(range) => Range::Int(*range),
            Domain::Float(range) => Range::Float(*range),
        };
        let (low, high) = match range {
            Range::Int(range) => (range.low() as f64, range.high() as f64),
            Range::Float(range) => (range.low(), range.high()),
        };
        let mut scale = Self { range, low, high };
        let half = scale.step().unwrap_or(0.0) / 2.0;
        (scale.low, scale.high) = (scale.laid(low - half), scale.laid(high + half));
        Some(scale)
    }

    /// The width of the whole.
    pub(crate) fn width(&self) -> f64 {
        self.high - self.low
    }

    /// How many values there are; none where they cannot be counted.
    pub(crate) fn levels(&self) -> Option<u64> {
        match self.range {
            Range::Int(range) => Some(range.levels()),
            Range::Float(range) => range.levels(),
        }
    }

    /// Where a number lies on the scale.
    pub(crate) fn position(&self, number: f64) -> f64 {
        self.laid(number)
    }

    /// The cell of a number on the scale; none where all numbers in between are meant.
    pub(crate) fn cell(&self, number: f64) -> Option<(f64, f64)> {
        let half = self.step()? / 2.0;
        Some((self.laid(number - half), self.laid(number + half)))
    }

    /// The value of the domain that lies there, or nearest.
    pub(crate) fn value(&self, position: f64) -> Value {
        let number = match self.scaling() {
            Scaling::Linear => position,
            Scaling::Log => position.exp(),
        };
        match self.range {
            Range::Int(range) => {
                let at = ((number - range.low() as f64) / range.step() as f64).round().max(0.0);
                Value::Int(range.level(at as u64))
            }
            Range::Float(range) => Value::Float(match range.step() {
                Some(step) => {
                    let last = range.levels().expect("a stepped range can be counted") - 1;
                    range.level((((number - range.low()) / step).round().max(0.0) as u64).min(last))
                }
                None => number.clamp(range.low(), range.high()),
            }),
        }
    }

    fn step(&self) -> Option<f64> {
        match self.range {
            Range::Int(range) => Some(range.step() as f64),
            Range::Float(range) => range.step(),
        }
    }

    fn scaling(&self) -> Scaling {
        match self.range {
            Range::Int(range) => range.scale(),
            Range::Float(range) => range.scale(),
        }
    }

    fn laid(&self, number: f64) -> f64 {
        match self.scaling() {
            Scaling::Linear => number,
            Scaling::Log => number.ln(),
        }
    }
}
