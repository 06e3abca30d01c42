//! Lines out of a stream of bytes, with bounds.
//!
//! Does not read.

/// Longer lines are cut: a program that never ends its line must not fill the memory.
pub(super) const LONGEST: usize = 64 * 1024;

/// The line that is not ended yet.
#[derive(Default)]
pub(super) struct Lines {
    pending: Vec<u8>,
    /// The line was given in part; its rest is dropped.
    is_cut: bool,
}

impl Lines {
    /// Takes bytes, and gives each line that ends in them or gets too long.
    pub(super) fn push(&mut self, mut bytes: &[u8], give: &mut dyn FnMut(String)) {
        while !bytes.is_empty() {
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let line = &bytes[..end.unwrap_or(bytes.len())];
            if !self.is_cut {
                self.pending.extend(&line[..line.len().min(LONGEST - self.pending.len())]);
                if end.is_some() || self.pending.len() == LONGEST {
                    self.give(give);
                    self.is_cut = true;
                }
            }
            self.is_cut &= end.is_none();
            bytes = end.map_or(&[], |end| &bytes[end + 1..]);
        }
    }

    /// Gives what is left at the end of the stream.
    pub(super) fn finish(&mut self, give: &mut dyn FnMut(String)) {
        if !self.pending.is_empty() {
            self.give(give);
        }
    }

    fn give(&mut self, give: &mut dyn FnMut(String)) {
        let line = self.pending.strip_suffix(b"\r").unwrap_or(&self.pending);
        give(String::from_utf8_lossy(line).into_owned());
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pieces: &[&[u8]], expected: &[&str]) {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for piece in pieces {
            lines.push(piece, &mut |line| found.push(line));
        }
        lines.finish(&mut |line| found.push(line));
        assert_eq!(found, expected);
    }

    #[test]
    fn lines_are_found_across_pieces() {
        check(&[b"a\nb", b"c\r\n", b"\nd"], &["a", "bc", "", "d"]);
        check(&[b"a\xffb\nc\n"], &["a\u{fffd}b", "c"]);
    }

    #[test]
    fn long_lines_are_cut() {
        let long = "x".repeat(LONGEST);
        check(&[long.as_bytes(), b"y", b"z\nnext\n"], &[&long, "next"]);
        check(&[long.as_bytes(), b"\nnext\n"], &[&long, "next"]);
        check(&[&long.as_bytes()[1..], b"\nnext"], &[&long[1..], "next"]);
    }
}
