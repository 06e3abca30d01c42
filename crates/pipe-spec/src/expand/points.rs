//! Axes and the points they span: fixed lists of values, and lists that a stage makes.
//!
//! Does not know what happens at a point.

use std::sync::Arc;

use indexmap::IndexMap;

use super::needs::Need;
use crate::{Lists, Node, Problem, Value, name};

/// Where the values of an axis come from.
pub(super) enum Axis {
    /// The file.
    Fixed(Vec<Coordinate>),
    /// An output of a stage; its values may differ from one instance of that stage to the next.
    Listed { maker: String, output: String, node: Node },
}

impl Axis {
    /// Whether the axis is known to have the value; of a list nothing is known.
    pub(super) fn may_have(&self, value: &str) -> bool {
        match self {
            Self::Fixed(values) => values.iter().any(|coordinate| &*coordinate.text == value),
            Self::Listed { .. } => true,
        }
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        let values = match self {
            Self::Fixed(values) => values.as_slice(),
            Self::Listed { .. } => &[],
        };
        values.iter().map(|coordinate| &*coordinate.text)
    }
}

/// One value of one axis.
#[derive(Clone)]
pub(super) struct Coordinate {
    pub axis: Arc<str>,
    pub text: Arc<str>,
    pub value: Node,
}

/// One value of each of some axes, in the order of the axes.
#[derive(Clone, Default)]
pub(crate) struct Point(Vec<Coordinate>);

impl Point {
    pub(super) fn text(&self, axis: &str) -> Option<&str> {
        self.0.iter().find(|coordinate| &*coordinate.axis == axis).map(|coordinate| &*coordinate.text)
    }

    /// The value of an axis, with its place.
    pub(crate) fn value(&self, axis: &str) -> Option<&Node> {
        self.0.iter().find(|coordinate| &*coordinate.axis == axis).map(|coordinate| &coordinate.value)
    }

    /// The axes.
    pub(crate) fn axes(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|coordinate| &*coordinate.axis)
    }

    pub(super) fn values(&self) -> IndexMap<String, String> {
        self.0.iter().map(|coordinate| (coordinate.axis.to_string(), coordinate.text.to_string())).collect()
    }

    /// A point from values as they stand.
    #[cfg(test)]
    pub(crate) fn of(values: &[(&str, Node)]) -> Self {
        let coordinate = |(axis, value): &(&str, Node)| Coordinate {
            axis: (*axis).into(),
            text: value.scalar().unwrap_or_default().into(),
            value: value.clone(),
        };
        Self(values.iter().map(coordinate).collect())
    }

    /// Whether a need of a stage at `here` means this point, as far as it is known.
    pub(super) fn fits(&self, need: &Need, here: &Self) -> bool {
        self.0.iter().all(|Coordinate { axis, text, .. }| {
            match need.fixed.iter().find(|(fixed, _)| **fixed == **axis) {
                Some((_, value)) => **value == **text,
                None => need.gathers(axis) || here.text(axis) == Some(text),
            }
        })
    }

    /// `train[fold=1,seed=2]`: the name of a stage's instance at the point of these axes.
    pub(super) fn id<'a>(&self, stage: &str, axes: impl Iterator<Item = &'a str>) -> String {
        let mut id = stage.to_owned();
        for (axis, text) in axes.filter_map(|axis| Some((axis, self.text(axis)?))) {
            id.push(if id.len() == stage.len() { '[' } else { ',' });
            id.push_str(axis);
            id.push('=');
            id.push_str(text);
        }
        if id.len() > stage.len() {
            id.push(']');
        }
        id
    }
}

/// A point at which the next axis is not known: the instance and the output that will tell.
#[derive(Clone)]
pub(super) struct Open {
    pub point: Point,
    pub maker: String,
    pub output: String,
}

/// All points of some axes, the last axis fastest, and those at which a list is missing; nothing where there are more than `most`.
pub(super) fn points<'a>(
    axes: impl Iterator<Item = (&'a str, &'a Axis)>,
    maker_axes: &dyn Fn(&str) -> Vec<String>,
    lists: &Lists,
    most: usize,
) -> Option<(Vec<Point>, Vec<Open>)> {
    let (mut points, mut open) = (vec![Point::default()], Vec::new());
    for (name, axis) in axes {
        let mut longer = Vec::with_capacity(points.len());
        match axis {
            Axis::Fixed(values) => {
                if points.len().saturating_mul(values.len()) > most {
                    return None;
                }
                for point in &points {
                    longer.extend(values.iter().map(|value| point.and(value.clone())));
                }
            }
            Axis::Listed { maker, output, node } => {
                let axes = maker_axes(maker);
                for point in points {
                    let id = point.id(maker, axes.iter().map(String::as_str));
                    match lists.get(&(id.clone(), output.clone())) {
                        Some(items) => longer.extend(items.iter().map(|text| {
                            let value = Node::new(Value::Text(text.clone()), node.span());
                            point.and(Coordinate { axis: name.into(), text: text.as_str().into(), value })
                        })),
                        None => open.push(Open { point, maker: id, output: output.clone() }),
                    }
                }
            }
        }
        points = longer;
        if points.len() + open.len() > most {
            return None;
        }
    }
    Some((points, open))
}

impl Point {
    fn and(&self, coordinate: Coordinate) -> Self {
        let mut coordinates = Vec::with_capacity(self.0.len() + 1);
        coordinates.extend_from_slice(&self.0);
        coordinates.push(coordinate);
        Self(coordinates)
    }
}

/// The values of an axis that the file lists.
pub(super) fn fixed(axis: &str, list: &[Node], problems: &mut Vec<Problem>) -> Axis {
    let name: Arc<str> = axis.into();
    let mut values: IndexMap<Arc<str>, Coordinate> = IndexMap::with_capacity(list.len());
    for value in list {
        let text: Arc<str> = value.scalar().unwrap_or_default().into();
        if let Err(reason) = name::axis_value(&text) {
            let message = format!("the value `{text}` of the axis `{axis}` cannot name instances: {reason}");
            problems.push(
                Problem::new("pipe::spec::axis", Some(value.span()), message).label("choose a short word or a number"),
            );
        }
        let coordinate = Coordinate { axis: name.clone(), text: text.clone(), value: value.clone() };
        if values.insert(text.clone(), coordinate).is_some() {
            let message = format!("the axis `{axis}` has the value `{text}` twice");
            problems.push(Problem::new("pipe::spec::axis", Some(value.span()), message).label("again here"));
        }
    }
    Axis::Fixed(values.into_values().collect())
}
