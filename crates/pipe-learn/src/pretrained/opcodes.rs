//! The operations of Python's pickles, as far as needed to walk past them.
//! Nothing is built and nothing is called.

/// What follows an operation's byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Argument {
    /// Nothing.
    None,
    /// So many bytes.
    Bytes(usize),
    /// A line of text.
    Line,
    /// Two lines: a module and a name in it.
    Global,
    /// A number of so many bytes, then as many bytes as it says.
    Counted(usize),
    /// The same, and the bytes are a text.
    Text(usize),
    /// A number of so many bytes by which a value is kept.
    Put(usize),
    /// A number of so many bytes by which a value is fetched.
    Get(usize),
}

/// Gives what follows an operation; none where the byte is no operation of protocols 0 to 5.
pub(super) fn argument(operation: u8) -> Option<Argument> {
    Some(match operation {
        b'(' | b'.' | b'0' | b'1' | b'2' | b'N' | b'Q' | b'R' | b'b' | b'd' | b'l' | b't' | b's' | b'a' | b')'
        | b']' | b'}' | b'e' | b'u' | b'o' => Argument::None,
        0x81 | 0x85..=0x89 | 0x8f..=0x94 | 0x97 | 0x98 => Argument::None,
        b'K' | 0x80 | 0x82 => Argument::Bytes(1),
        b'M' | 0x83 => Argument::Bytes(2),
        b'J' | 0x84 => Argument::Bytes(4),
        b'G' | 0x95 => Argument::Bytes(8),
        b'I' | b'L' | b'F' | b'P' | b'S' | b'V' | b'p' | b'g' => Argument::Line,
        b'c' | b'i' => Argument::Global,
        b'C' | 0x8a => Argument::Counted(1),
        b'B' | 0x8b => Argument::Counted(4),
        0x8e | 0x96 => Argument::Counted(8),
        b'U' | 0x8c => Argument::Text(1),
        b'T' | b'X' => Argument::Text(4),
        0x8d => Argument::Text(8),
        b'q' => Argument::Put(1),
        b'r' => Argument::Put(4),
        b'h' => Argument::Get(1),
        b'j' => Argument::Get(4),
        _ => return None,
    })
}

/// Fetch what a program has registered under a number.
pub(super) const EXTENSIONS: [u8; 3] = [0x82, 0x83, 0x84];
