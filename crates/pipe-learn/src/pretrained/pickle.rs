//! Python's pickles, read without Python: values are built, nothing is imported and nothing is called.
//!
//! Of the functions that a pickle names, those that make arrays and dictionaries are known here; harmless others make a value
//! that nobody looks at, and the names of all that is not harmless are listed, so that the file can be refused.

use std::collections::{BTreeMap, BTreeSet};

use super::harmless::is_harmless;
use super::opcodes::{Argument, EXTENSIONS, argument};
use super::values::{Id, Storage, Value, Values, View, number};

/// A pickle that was read.
#[derive(Debug, Default)]
pub(super) struct Pickle {
    /// Its values.
    pub values: Values,
    /// The one that it stands for.
    pub root: Id,
    /// The number of bytes up to its end.
    pub length: usize,
    /// What Python would call that no weights need.
    pub names: BTreeSet<String>,
}

/// Why a pickle cannot be read: the byte at which it ends or is none, and what would have been called up to there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub at: usize,
    pub names: BTreeSet<String>,
}

/// Reads the pickle at the start of `bytes`.
///
/// # Errors
/// It is cut off, or no pickle.
pub(super) fn pickle(bytes: &[u8]) -> Result<Pickle, Broken> {
    let mut machine = Machine { bytes, ..Machine::default() };
    loop {
        let start = machine.at;
        match machine.step() {
            Some(false) => {}
            Some(true) => {
                let Machine { values, stack, names, at: length, .. } = machine;
                let root = stack.last().copied();
                let broken = Broken { at: start, names: names.clone() };
                return root.map(|root| Pickle { values, root, length, names }).ok_or(broken);
            }
            None => {
                let at = if machine.is_short { bytes.len() } else { start };
                return Err(Broken { at, names: machine.names });
            }
        }
    }
}

/// The most values of a pickle: weights have about ten an array; what has more wants memory alone.
const MOST_VALUES: usize = 1 << 21;

#[derive(Default)]
struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    is_short: bool,
    values: Values,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: BTreeMap<u64, Id>,
    names: BTreeSet<String>,
}

impl<'a> Machine<'a> {
    /// Does one operation, and tells whether it was the last; none where it cannot be done.
    fn step(&mut self) -> Option<bool> {
        if self.values.0.len().max(self.marks.len()) > MOST_VALUES {
            return None;
        }
        let operation = self.take(1)?[0];
        match argument(operation)? {
            Argument::None => return self.plain(operation),
            Argument::Bytes(count) => {
                let bytes = self.take(count)?;
                if EXTENSIONS.contains(&operation) {
                    self.names.insert("an extension".to_owned());
                }
                match operation {
                    // A protocol or a frame is no value.
                    0x80 | 0x95 => {}
                    b'K' | b'M' => self.push(Value::Number(little(bytes) as i64)),
                    b'J' => self.push(Value::Number(i64::from(little(bytes) as u32 as i32))),
                    _ => self.push(Value::Other),
                }
            }
            Argument::Line => {
                let line = String::from_utf8_lossy(self.line()?).into_owned();
                let number = || line.trim_end_matches('L').parse::<i64>().ok();
                match operation {
                    b'V' => self.push(Value::Text(line)),
                    b'S' => self.push(Value::Text(line.trim_matches(['\'', '"']).to_owned())),
                    b'p' => self.keep(number()? as u64)?,
                    b'g' => self.fetch(number()? as u64)?,
                    b'I' | b'L' => self.push(number().map_or(Value::Other, Value::Number)),
                    _ => self.push(Value::Other),
                }
            }
            Argument::Global => {
                let (module, name) = (self.line()?, self.line()?);
                let name = format!("{}.{}", String::from_utf8_lossy(module), String::from_utf8_lossy(name));
                self.named(name);
                if operation == b'i' {
                    self.stack.pop()?;
                    self.since_mark()?;
                    self.push(Value::Other);
                }
            }
            Argument::Counted(size) => {
                let count = little(self.take(size)?);
                let bytes = self.take(usize::try_from(count).ok()?)?;
                let is_number = matches!(operation, 0x8a | 0x8b) && bytes.len() < 8;
                self.push(if is_number { Value::Number(little(bytes) as i64) } else { Value::Other });
            }
            Argument::Text(size) => {
                let count = little(self.take(size)?);
                let text = String::from_utf8_lossy(self.take(usize::try_from(count).ok()?)?).into_owned();
                self.push(Value::Text(text));
            }
            Argument::Put(size) => {
                let number = little(self.take(size)?);
                self.keep(number)?;
            }
            Argument::Get(size) => {
                let number = little(self.take(size)?);
                self.fetch(number)?;
            }
        }
        Some(false)
    }

    /// Does an operation that nothing follows.
    fn plain(&mut self, operation: u8) -> Option<bool> {
        match operation {
            b'.' => return Some(true),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.stack.pop()?),
            b'1' => drop(self.since_mark()?),
            b'2' => self.stack.push(*self.stack.last()?),
            b')' | b']' | 0x8f => self.push(Value::List(Vec::new())),
            b'}' => self.push(Value::Dict(Vec::new())),
            b't' | b'l' | 0x91 => {
                let items = self.since_mark()?;
                self.push(Value::List(items));
            }
            0x85..=0x87 => {
                let items = self.stack.split_off(self.stack.len().checked_sub(usize::from(operation - 0x84))?);
                self.push(Value::List(items));
            }
            b'd' => {
                let items = self.since_mark()?;
                self.push(Value::Dict(pairs(&items)));
            }
            b's' => {
                let items = self.stack.split_off(self.stack.len().checked_sub(2)?);
                self.add(&items)?;
            }
            b'a' => {
                let item = self.stack.pop()?;
                self.add(&[item])?;
            }
            b'u' | b'e' | 0x90 => {
                let items = self.since_mark()?;
                self.add(&items)?;
            }
            // The state of an object: nothing that weights need.
            b'b' => drop(self.stack.pop()?),
            b'Q' => {
                let id = self.stack.pop()?;
                let storage = self.storage(id);
                self.push(storage);
            }
            b'R' | 0x81 => {
                let (arguments, function) = (self.stack.pop()?, self.stack.pop()?);
                let made = self.made(function, arguments);
                self.stack.push(made);
            }
            0x92 => {
                self.stack.truncate(self.stack.len().checked_sub(3)?);
                self.push(Value::Other);
            }
            b'o' => {
                self.since_mark()?;
                self.push(Value::Other);
            }
            0x93 => {
                let (name, module) = (self.stack.pop()?, self.stack.pop()?);
                let part = |id: Id| match &self.values.0[id] {
                    Value::Text(text) => text.clone(),
                    _ => "?".to_owned(),
                };
                self.named(format!("{}.{}", part(module), part(name)));
            }
            0x94 => self.keep(self.memo.len() as u64)?,
            b'N' | 0x88 | 0x89 => self.push(Value::Other),
            // Buffers that lie outside the pickle.
            _ => return None,
        }
        Some(false)
    }

    /// Makes what a function of a pickle would, where weights need it.
    fn made(&mut self, function: Id, arguments: Id) -> Id {
        let value = &self.values.0;
        let list = |id: Id| match &value[id] {
            Value::List(items) => items.as_slice(),
            _ => &[],
        };
        let Value::Global(name) = &value[function] else {
            return self.other();
        };
        let items = list(arguments);
        match (name.as_str(), items) {
            (
                "torch._utils._rebuild_tensor" | "torch._utils._rebuild_tensor_v2",
                [storage, offset, shape, stride, ..],
            ) => {
                let size = |id: &Id| match &value[*id] {
                    Value::Number(number) => usize::try_from(*number).ok(),
                    _ => None,
                };
                let sizes = |id: &Id| list(*id).iter().map(size).collect::<Option<Vec<_>>>();
                let view = match (&value[*storage], size(offset), sizes(shape), sizes(stride)) {
                    (Value::Storage(storage), Some(offset), Some(shape), Some(stride)) => {
                        Some(View { storage: storage.clone(), offset, shape, stride }).filter(View::fits)
                    }
                    _ => None,
                };
                self.put(view.map_or(Value::Other, Value::Array))
            }
            ("torch._utils._rebuild_parameter" | "torch._utils._rebuild_parameter_with_state", [array, ..]) => *array,
            ("torch._tensor._rebuild_from_type_v2", [function, _, arguments, ..]) if matches!(&value[*function], Value::Global(name) if name.starts_with("torch._utils.")) =>
            {
                let (function, arguments) = (*function, *arguments);
                self.made(function, arguments)
            }
            ("collections.OrderedDict", items) => {
                let pairs = items.first().map_or(&[][..], |pairs| list(*pairs)).iter();
                let pairs =
                    pairs.filter_map(|pair| <[Id; 2]>::try_from(list(*pair)).ok()).map(|[key, value]| (key, value));
                let pairs = pairs.collect();
                self.put(Value::Dict(pairs))
            }
            ("collections.defaultdict" | "builtins.dict", _) => self.put(Value::Dict(Vec::new())),
            _ => self.other(),
        }
    }

    /// Reads `('storage', class, key, place, count)`.
    fn storage(&self, id: Id) -> Value {
        let value = &self.values.0;
        let Value::List(items) = &value[id] else {
            return Value::Other;
        };
        let [_, class, key, _, count, ..] = items.as_slice() else {
            return Value::Other;
        };
        match (&value[*class], &value[*key], &value[*count]) {
            (Value::Global(class), Value::Text(key), Value::Number(count)) => {
                let (number, width) = number(class);
                let count = usize::try_from(*count).ok().filter(|count| count.checked_mul(width).is_some());
                count.map_or(Value::Other, |count| Value::Storage(Storage { key: key.clone(), number, width, count }))
            }
            _ => Value::Other,
        }
    }

    /// Adds to the list or dictionary on top.
    fn add(&mut self, items: &[Id]) -> Option<()> {
        let top = *self.stack.last().filter(|_| self.marks.last().is_none_or(|mark| *mark < self.stack.len()))?;
        match &mut self.values.0[top] {
            Value::List(list) => list.extend(items),
            Value::Dict(dict) => dict.extend(pairs(items)),
            _ => {}
        }
        Some(())
    }

    fn named(&mut self, name: String) {
        if !is_harmless(&name) {
            self.names.insert(name.clone());
        }
        self.push(Value::Global(name));
    }

    fn put(&mut self, value: Value) -> Id {
        self.values.0.push(value);
        self.values.0.len() - 1
    }

    fn other(&mut self) -> Id {
        self.put(Value::Other)
    }

    fn push(&mut self, value: Value) {
        let id = self.put(value);
        self.stack.push(id);
    }

    fn keep(&mut self, number: u64) -> Option<()> {
        self.memo.insert(number, *self.stack.last()?);
        Some(())
    }

    fn fetch(&mut self, number: u64) -> Option<()> {
        self.stack.push(*self.memo.get(&number)?);
        Some(())
    }

    fn since_mark(&mut self) -> Option<Vec<Id>> {
        let mark = self.marks.pop()?;
        (mark <= self.stack.len()).then(|| self.stack.split_off(mark))
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let part = self.at.checked_add(count).and_then(|end| self.bytes.get(self.at..end));
        self.is_short |= part.is_none();
        self.at += part?.len();
        part
    }

    fn line(&mut self) -> Option<&'a [u8]> {
        let length = self.bytes[self.at..].iter().position(|byte| *byte == b'\n');
        self.is_short |= length.is_none();
        let line = self.take(length?)?;
        self.take(1)?;
        Some(line)
    }
}

fn pairs(items: &[Id]) -> Vec<(Id, Id)> {
    items.as_chunks().0.iter().map(|[key, value]| (*key, *value)).collect()
}

/// A number of up to eight bytes, the lowest first.
fn little(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: &[&str]) {
        let found = pickle(bytes).expect("it is a pickle");
        assert_eq!(found.length, bytes.len());
        assert_eq!(found.names.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn names_are_found_in_every_protocol() {
        // pickle.dumps of an object whose __reduce__ gives (os.system, ("echo",)), protocols 0, 2 and 4.
        check(b"cposix\nsystem\np0\n(Vecho\np1\ntp2\nRp3\n.", &["posix.system"]);
        check(b"\x80\x02cposix\nsystem\nq\x00X\x04\x00\x00\x00echoq\x01\x85q\x02Rq\x03.", &["posix.system"]);
        let four =
            b"\x80\x04\x95\x1f\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x04echo\x94\x85\x94R\x94.";
        check(four, &["posix.system"]);
        // The module fetched from where an earlier name put it.
        check(b"\x80\x04\x8c\x01m\x94\x8c\x01a\x94\x93\x94h\x00\x8c\x01b\x94\x93\x94.", &["m.a", "m.b"]);
        check(b"\x80\x02}q\x00.", &[]);
        check(b"\x80\x02\x82\x07.", &["an extension"]);
    }

    #[test]
    fn what_is_no_pickle() {
        let at = |bytes: &[u8]| pickle(bytes).expect_err("it is none").at;
        assert_eq!(at(b"\x80\x02}q"), 4);
        assert_eq!(at(b"\x80\x02X\xff\xff\xff\xff"), 7);
        assert_eq!(at(b"hello"), 0);
        assert_eq!(at(b""), 0);
        assert_eq!(at(b"cposix"), 6);
        assert_eq!(at(b"\x80\x02R."), 2);
        // What would have been called is known even of a broken one.
        assert_eq!(pickle(b"cos\nsystem\n").expect_err("it has no end").names.len(), 1);
    }

    #[test]
    fn values_that_refer_to_themselves() {
        // d = {}; d["a"] = d
        let found = pickle(b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s.").expect("it is a pickle");
        assert!(found.values.arrays(found.root).is_err());
        // Twenty lists, each twice the one before: a million ends, from forty bytes.
        let mut bomb = b"\x80\x02]".to_vec();
        for _ in 0..30 {
            bomb.extend(b"2\x86");
        }
        bomb.push(b'.');
        let found = pickle(&bomb).expect("it is a pickle");
        assert!(found.values.arrays(found.root).is_err());
    }
}
