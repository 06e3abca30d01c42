//! What pickles of weights are made of, and where in them arrays lie.
//! It does not know the operations of a pickle.

use std::collections::BTreeMap;

use super::file::Number;

/// The number of a value among all of a pickle.
pub(super) type Id = usize;

/// A value of a pickle, as far as weights need it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// Anything that no weight is in.
    Other,
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
    /// A list, tuple or set.
    List(Vec<Id>),
    /// A dictionary.
    Dict(Vec<(Id, Id)>),
    /// A class or function, by its name.
    Global(String),
    /// The bytes of arrays.
    Storage(Storage),
    /// A view of a storage.
    Array(View),
}

/// The bytes of arrays.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Storage {
    /// Its name in the file.
    pub key: String,
    /// What it holds; where that is no float, what it is instead.
    pub number: Result<Number, String>,
    /// The bytes of one.
    pub width: usize,
    /// How many.
    pub count: usize,
}

/// A view of a storage.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct View {
    /// The storage.
    pub storage: Storage,
    /// The number of values before the first.
    pub offset: usize,
    /// The size of each dimension.
    pub shape: Vec<usize>,
    /// The number of values from one to the next of each dimension.
    pub stride: Vec<usize>,
}

impl View {
    /// Checks that the view lies in its storage.
    pub(super) fn fits(&self) -> bool {
        let reach = self.shape.iter().zip(&self.stride).try_fold(self.offset, |reach, (side, stride)| {
            reach.checked_add(side.checked_sub(1)?.checked_mul(*stride)?)
        });
        let is_empty = self.shape.contains(&0);
        let values = self.shape.iter().try_fold(1_usize, |values, side| values.checked_mul(*side));
        self.shape.len() == self.stride.len()
            && values.is_some()
            && (is_empty || reach.is_some_and(|reach| reach < self.storage.count))
    }

    /// Gathers the bytes of the view, in C order, from those of its storage.
    pub(super) fn gathered(&self, storage: &[u8]) -> Vec<u8> {
        let (width, values) = (self.storage.width, self.shape.iter().product::<usize>());
        let mut bytes = Vec::with_capacity(values * width);
        let mut index = vec![0; self.shape.len()];
        for _ in 0..values {
            let at = self.offset + index.iter().zip(&self.stride).map(|(index, stride)| index * stride).sum::<usize>();
            bytes.extend_from_slice(&storage[at * width..][..width]);
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                if index[axis] < self.shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        bytes
    }
}

/// Gives what a storage's class holds, and the bytes of one.
pub(super) fn number(class: &str) -> (Result<Number, String>, usize) {
    match class.rsplit('.').next().unwrap_or(class) {
        "FloatStorage" => (Ok(Number::F32), 4),
        "DoubleStorage" => (Ok(Number::F64), 8),
        "HalfStorage" => (Ok(Number::F16), 2),
        "BFloat16Storage" => (Ok(Number::Bf16), 2),
        "LongStorage" => (Err("I64".to_owned()), 8),
        "IntStorage" => (Err("I32".to_owned()), 4),
        "ShortStorage" => (Err("I16".to_owned()), 2),
        other => (Err(other.to_owned()), 1),
    }
}

/// The values of a pickle.
#[derive(Debug, Default)]
pub(super) struct Values(pub Vec<Value>);

/// The most values that are looked at, and the deepest: what refers to itself, or to one thing a thousand times, ends here.
const MOST: usize = 1 << 20;
const DEEPEST: usize = 32;

impl Values {
    /// Gives the entry of a dictionary.
    pub(super) fn entry(&self, dict: Id, key: &str) -> Option<Id> {
        let Value::Dict(pairs) = &self.0[dict] else {
            return None;
        };
        let found = pairs.iter().rev().find(|(found, _)| matches!(&self.0[*found], Value::Text(text) if text == key));
        found.map(|(_, value)| *value)
    }

    /// Lists the arrays below a value by their dotted names.
    ///
    /// # Errors
    /// There is no end to them.
    pub(super) fn arrays(&self, root: Id) -> Result<BTreeMap<String, View>, String> {
        let (mut arrays, mut left) = (BTreeMap::new(), vec![(String::new(), root, 0)]);
        let mut seen = 0;
        while let Some((name, id, depth)) = left.pop() {
            seen += 1;
            if seen > MOST || depth > DEEPEST {
                return Err("its pickle refers to itself without an end".to_owned());
            }
            let below = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") };
            match &self.0[id] {
                Value::Array(view) => drop(arrays.insert(name, view.clone())),
                Value::List(items) => {
                    let items = items.iter().enumerate();
                    left.extend(items.map(|(index, item)| (below(&index.to_string()), *item, depth + 1)));
                }
                Value::Dict(pairs) => {
                    for (key, value) in pairs {
                        match &self.0[*key] {
                            Value::Text(text) => left.push((below(text), *value, depth + 1)),
                            Value::Number(number) => left.push((below(&number.to_string()), *value, depth + 1)),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(arrays)
    }
}
