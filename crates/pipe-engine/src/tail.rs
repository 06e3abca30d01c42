//! Lines that a running program appends to a file.
//!
//! Does not know what they say.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

/// More than this of one line is no line.
const LONGEST: usize = 64 * 1024;
/// Most that is read at once, so that a program that writes without end stops nobody else.
const PORTION: u64 = 4 * 1024 * 1024;

/// A file that grows.
pub(crate) struct Tail {
    file: File,
    rest: Vec<u8>,
}

impl Tail {
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, rest: Vec::new() })
    }

    /// The whole lines that came since the last call; and whether there may be more at once.
    pub(crate) fn lines(&mut self) -> (Vec<String>, bool) {
        let before = self.rest.len();
        let read = (&mut self.file).take(PORTION).read_to_end(&mut self.rest);
        // A file that cannot be read has nothing to say.
        if read.is_err() || self.rest.len() == before {
            return (Vec::new(), false);
        }
        let is_more = read.is_ok_and(|count| count as u64 == PORTION);
        let end = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines =
            self.rest[..end].split(|byte| *byte == b'\n').filter(|line| !line.is_empty() && line.len() <= LONGEST);
        let lines = lines.map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        self.rest.drain(..end);
        if self.rest.len() > LONGEST {
            self.rest.clear();
        }
        (lines, is_more)
    }

    /// What a program that has ended left, its last line without an end too.
    pub(crate) fn remaining(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let (more, is_more) = self.lines();
            lines.extend(more);
            if !is_more {
                break;
            }
        }
        if !self.rest.is_empty() {
            lines.push(String::from_utf8_lossy(&std::mem::take(&mut self.rest)).into_owned());
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _};

    use super::*;

    #[test]
    fn lines_come_whole() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("events");
        let mut file = File::options().create(true).append(true).open(&path).expect("ours");
        let mut tail = Tail::new(&path).expect("it exists");
        file.write_all(b"one\ntw").expect("writable");
        assert_eq!(tail.lines().0, ["one"]);
        assert!(tail.lines().0.is_empty());
        file.write_all(b"o\n\nthree").expect("writable");
        assert_eq!(tail.lines().0, ["two"]);
        assert_eq!(tail.remaining(), ["three"]);
        fs::write(&path, "").expect("ours");
        assert!(tail.remaining().is_empty());
    }
}
