//! PBM, PGM, PPM and PAM: P1 to P7, as text and as bytes, up to 16 bits.
//! It does not know files, only bytes.
//!
//! The full scale is what the file declares. PBM has 1 for black, which is inverted, so that 0 is black.

use super::raster::Raster;
use super::read::{FormatError, Header};

const FORMAT: &str = "PNM";

/// What stands before the samples.
#[derive(Debug)]
struct Head {
    /// The digit behind the `P`.
    kind: u8,
    height: usize,
    width: usize,
    channels: usize,
    largest: u32,
    alpha: bool,
    /// Where the samples begin.
    samples: usize,
}

/// Gives the size from the text before the samples.
pub(super) fn header(bytes: &[u8]) -> Result<Header, FormatError> {
    let Head { height, width, .. } = Head::of(bytes)?;
    Ok(Header::picture(height, width))
}

/// Decodes the picture.
pub(super) fn decode(bytes: &[u8]) -> Result<Raster, FormatError> {
    let head = Head::of(bytes)?;
    let row = head.width.checked_mul(head.channels).ok_or_else(|| truncated(bytes))?;
    let count = row.checked_mul(head.height).ok_or_else(|| truncated(bytes))?;
    let values = match head.kind {
        b'1'..=b'3' => text(bytes, &head, count)?,
        _ => binary(bytes, &head, row)?,
    };
    if let Some(value) = values.iter().find(|value| **value > head.largest) {
        return Err(damaged(format!("a sample is {value}, above the declared largest value {}", head.largest)));
    }
    let inverted = matches!(head.kind, b'1' | b'4');
    let sample = |value: u32| (if inverted { 1 - value } else { value }) as f32;
    Ok(Raster {
        slices: 1,
        height: head.height,
        width: head.width,
        channels: head.channels,
        samples: values.into_iter().map(sample).collect(),
        full_scale: Some(head.largest as f32),
        alpha: head.alpha,
        ..Raster::default()
    })
}

impl Head {
    fn of(bytes: &[u8]) -> Result<Self, FormatError> {
        let kind = bytes[1];
        let mut words = Words { bytes, at: 2 };
        let head = if kind == b'7' {
            Self::of_pam(&mut words)?
        } else {
            let (width, height) = (words.number()?, words.number()?);
            let largest = if matches!(kind, b'1' | b'4') { 1 } else { words.number()? };
            let channels = if matches!(kind, b'3' | b'6') { 3 } else { 1 };
            // One white space ends the header; more may be samples.
            Self { kind, height, width, channels, largest: largest as u32, alpha: false, samples: words.at + 1 }
        };
        if head.height == 0 || head.width == 0 || head.channels == 0 || !(1..=0xffff).contains(&head.largest) {
            return Err(damaged("its size or its largest value is nonsense"));
        }
        if bytes.get(head.samples - 1) == Some(&b'#') {
            return Err(damaged("a comment where its samples should begin"));
        }
        Ok(head)
    }

    fn of_pam(words: &mut Words<'_>) -> Result<Self, FormatError> {
        let mut head =
            Self { kind: b'7', height: 0, width: 0, channels: 0, largest: 0, alpha: false, samples: usize::MAX };
        let mut tuple: &[u8] = b"";
        loop {
            match words.word()? {
                b"WIDTH" => head.width = words.number()?,
                b"HEIGHT" => head.height = words.number()?,
                b"DEPTH" => head.channels = words.number()?,
                b"MAXVAL" => head.largest = words.number()? as u32,
                b"TUPLTYPE" => tuple = words.word()?,
                b"ENDHDR" => {
                    head.alpha = tuple.ends_with(b"_ALPHA");
                    let colours = match tuple.strip_suffix(b"_ALPHA").unwrap_or(tuple) {
                        b"BLACKANDWHITE" | b"GRAYSCALE" => Some(1),
                        b"RGB" => Some(3),
                        // Of a type of somebody's own: at least one besides opacity.
                        _ if head.alpha => Some(head.channels.saturating_sub(1).max(1)),
                        _ => None,
                    };
                    if colours.is_some_and(|colours| head.channels != colours + usize::from(head.alpha)) {
                        let tuple = String::from_utf8_lossy(&tuple[..tuple.len().min(20)]);
                        return Err(damaged(format!("it has {} channels, which is not `{tuple}`", head.channels)));
                    }
                    head.samples = words.at + 1;
                    return Ok(head);
                }
                word => return Err(damaged(format!("`{}` in its header", String::from_utf8_lossy(word)))),
            }
        }
    }
}

/// Words of text between white space and comments.
struct Words<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Words<'a> {
    /// Goes to where the next word begins.
    fn skip(&mut self) {
        let mut comment = false;
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'#' => comment = true,
                b'\n' | b'\r' => comment = false,
                _ if comment || byte.is_ascii_whitespace() => {}
                _ => return,
            }
            self.at += 1;
        }
    }

    /// Gives the next word; one that touches the end of the file may be cut.
    fn word(&mut self) -> Result<&'a [u8], FormatError> {
        self.skip();
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'#');
        let word = &rest[..end.ok_or_else(|| truncated(self.bytes))?];
        self.at += word.len();
        Ok(word)
    }

    fn number(&mut self) -> Result<usize, FormatError> {
        number(self.word()?)
    }
}

/// Reads up to nine digits: no header and no sample has more.
fn number(word: &[u8]) -> Result<usize, FormatError> {
    let good = (1..=9).contains(&word.len()) && word.iter().all(u8::is_ascii_digit);
    let digits = word.iter().take(20);
    if good {
        Ok(digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0')))
    } else {
        let word: Vec<u8> = digits.copied().collect();
        Err(damaged(format!("`{}` instead of a number", String::from_utf8_lossy(&word))))
    }
}

/// Gives the samples of P1, P2 and P3.
fn text(bytes: &[u8], head: &Head, count: usize) -> Result<Vec<u32>, FormatError> {
    // Each sample has at least a digit, so a header that says more is cut or lies.
    if count > bytes.len() {
        return Err(truncated(bytes));
    }
    let mut words = Words { bytes, at: head.samples - 1 };
    let mut values = Vec::with_capacity(count);
    while values.len() < count {
        words.skip();
        let rest = &bytes[words.at.min(bytes.len())..];
        let end = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        // Digits of P1 need no space between them. The last word may touch the end of the file.
        let end = if head.kind == b'1' { end.min(1) } else { end };
        match end {
            0 if rest.is_empty() => return Err(truncated(bytes)),
            0 => return Err(damaged("something else than digits among its samples")),
            _ => values.push(number(&rest[..end])? as u32),
        }
        words.at += end;
    }
    Ok(values)
}

/// Gives the samples of P4 to P7.
fn binary(bytes: &[u8], head: &Head, row: usize) -> Result<Vec<u32>, FormatError> {
    let length = match (head.kind, head.largest) {
        (b'4', _) => row.div_ceil(8),
        (_, 0..=255) => row,
        _ => row.checked_mul(2).ok_or_else(|| truncated(bytes))?,
    };
    let end = length.checked_mul(head.height).and_then(|length| head.samples.checked_add(length));
    let data = end.and_then(|end| bytes.get(head.samples..end)).ok_or_else(|| truncated(bytes))?;
    if matches!(bytes[head.samples + data.len()..], [b'P', b'1'..=b'7', ..]) {
        let reason = "several pictures in one file; save them as files of their own".to_owned();
        return Err(FormatError::UnsupportedKind { format: FORMAT, reason });
    }
    let bit = |row: &[u8], at: usize| u32::from(row[at / 8] >> (7 - at % 8) & 1);
    Ok(match (head.kind, head.largest) {
        (b'4', _) => data.chunks_exact(length).flat_map(|line| (0..row).map(move |at| bit(line, at))).collect(),
        (_, 0..=255) => data.iter().copied().map(u32::from).collect(),
        _ => data.chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).collect(),
    })
}

fn truncated(bytes: &[u8]) -> FormatError {
    FormatError::Truncated { format: FORMAT, bytes: bytes.len() }
}

fn damaged(reason: impl std::fmt::Display) -> FormatError {
    FormatError::Damaged { format: FORMAT, reason: reason.to_string() }
}

#[cfg(test)]
mod tests;
