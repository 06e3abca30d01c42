//! Points as vectors, in which a kernel measures distances.
//!
//! Does not know kernels.

use crate::{Domain, Space, Value, samplers::random::at_share, space::Scale};

/// What stands for an alternative that is not there.
const ABSENT: f64 = -1.0;
/// Ranges with so few values are searched value by value.
const FEW: u64 = 16;

/// How the parameters of a space are laid out in a vector.
pub(super) struct Encoding<'a> {
    space: &'a Space,
    dimensions: Vec<Dimension>,
}

/// A parameter as a coordinate.
pub(super) enum Dimension {
    /// It has one value.
    Single,
    /// The number of its alternative, or -1.
    Choice(usize),
    /// Its place in the range, from 0 to 1; in the middle where it is not there.
    Number(Scale),
}

impl<'a> Encoding<'a> {
    pub(super) fn new(space: &'a Space) -> Self {
        let dimension = |domain: &Domain| match (domain, Scale::of(domain)) {
            (_, Some(scale)) => Dimension::Number(scale),
            (Domain::Choice(choice), None) if choice.count() > 1 => Dimension::Choice(choice.count()),
            (_, None) => Dimension::Single,
        };
        Self { space, dimensions: space.parameters().map(|(_, parameter)| dimension(&parameter.domain)).collect() }
    }

    pub(super) fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// Whether there is nothing to choose.
    pub(super) fn is_single(&self) -> bool {
        self.dimensions.iter().all(|dimension| matches!(dimension, Dimension::Single))
    }

    pub(super) fn encode(&self, values: &[Option<Value>]) -> Vec<f64> {
        let coordinate = |(dimension, value): (&Dimension, &Option<Value>)| match (dimension, value) {
            (Dimension::Single, _) => 0.0,
            (Dimension::Choice(_), None) => ABSENT,
            (Dimension::Choice(_), Some(value)) => value.number(),
            (Dimension::Number(_), None) => 0.5,
            (Dimension::Number(scale), Some(value)) => (scale.position(value.number()) - scale.low) / scale.width(),
        };
        self.dimensions.iter().zip(values).map(coordinate).collect()
    }

    /// The nearest point of the space; what is not there by its alternatives has no value.
    pub(super) fn decode(&self, vector: &[f64]) -> Vec<Option<Value>> {
        let value = |at: usize, domain: &Domain| match &self.dimensions[at] {
            Dimension::Single => domain.level(0),
            Dimension::Choice(_) => domain.level(vector[at].max(0.0) as u64),
            Dimension::Number(scale) => scale.value(scale.low + vector[at] * scale.width()),
        };
        self.space.filled(value).values().to_vec()
    }

    /// The vector of the nearest point of the space.
    pub(super) fn snapped(&self, vector: &[f64]) -> Vec<f64> {
        self.encode(&self.decode(vector))
    }

    /// The vector of the point with these shares of each parameter's values below it.
    pub(super) fn at_shares(&self, share: impl Fn(usize) -> f64) -> Vec<f64> {
        self.encode(self.space.filled(|at, domain| at_share(domain, share(at))).values())
    }

    /// Whether a coordinate can be moved a little: a number that is there and has more than a few values.
    pub(super) fn is_smooth(&self, at: usize, values: &[Option<Value>]) -> bool {
        let many = |scale: &Scale| scale.levels().is_none_or(|levels| levels > FEW);
        values[at].is_some() && matches!(&self.dimensions[at], Dimension::Number(scale) if many(scale))
    }

    /// Other coordinates to try, of a value that is there: all where they are few, else the next ones to both sides, if there are steps.
    pub(super) fn others(&self, at: usize, coordinate: f64) -> Vec<f64> {
        match &self.dimensions[at] {
            Dimension::Single => Vec::new(),
            Dimension::Choice(count) => (0..*count).map(|at| at as f64).filter(|other| *other != coordinate).collect(),
            Dimension::Number(scale) => {
                let Some(levels) = scale.levels() else { return Vec::new() };
                let domain = &self.space.parameter(at).1.domain;
                let place = |value: Value| (scale.position(value.number()) - scale.low) / scale.width();
                let own = scale.value(scale.low + coordinate * scale.width());
                let lowest = domain.level(0).number();
                let step = domain.level(1).number() - lowest;
                let own = ((own.number() - lowest) / step).round() as u64;
                let near = if levels <= FEW { 0..levels } else { own.saturating_sub(2)..(own + 3).min(levels) };
                near.filter(|other| *other != own).map(|other| place(domain.level(other))).collect()
            }
        }
    }
}
