//! Text to tree.
//!
//! Does not know which keys are allowed. There is one YAML reader, the event parser of `saphyr`, and scalars are typed
//! here, by the YAML 1.2 core schema as the serde_yaml family reads it. A typed reader beside a span reader would have to
//! agree with it on every scalar (`no`, `017`, `1_000`, duplicate keys, merge keys), and the known pairs do not; one
//! reader cannot disagree with itself, and gives every scalar its place.
//!
//! Bounds: depth [`DEPTH`], and [`NODES`] values after aliases are expanded, so that no text costs unbounded time or memory.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};

use crate::{FileId, Key, Map, Node, Problem, Sources, Span, Value};

/// Deepest nesting; an experiment has about ten levels.
const DEPTH: usize = 64;
/// Most values in one text, each use of an alias counted anew.
const NODES: usize = 1_000_000;

/// Reads one document.
///
/// # Errors
/// All duplicate keys at once, or the first place where the text is no YAML.
pub fn parse(sources: &mut Sources, name: &str, bytes: &[u8]) -> Result<Node, Vec<Problem>> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
            let span = Span { start: valid.len().saturating_sub(1), length: 1, file: sources.add(name, valid) };
            let message = format!("{name} is not UTF-8: byte {} is not valid", error.valid_up_to());
            return Err(vec![Problem::new("pipe::spec::not_utf8", Some(span), message).label("valid up to here")]);
        }
    };
    let file = sources.add(name, text);
    parse_at(file, text)
}

/// Reads one document whose places count from the start of a text that is known already.
pub(crate) fn parse_at(file: FileId, text: &str) -> Result<Node, Vec<Problem>> {
    let mut reader =
        Reader { file, text, bytes: byte_offsets(text), anchors: BTreeMap::new(), nodes: 0, problems: Vec::new() };
    let mut parser = Parser::new_from_str(text);
    let mut root = None;
    let outcome = loop {
        match parser.next_event() {
            None => break Ok(()),
            Some(Err(error)) => break Err(reader.syntax(&error)),
            Some(Ok((
                Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing,
                _,
            ))) => {}
            Some(Ok((_, span))) if root.is_some() => {
                let message = "several documents in one file; only one is read";
                break Err(Problem::new("pipe::spec::several_documents", Some(reader.span(span)), message)
                    .label("a second document starts here"));
            }
            Some(Ok((event, span))) => match reader.value(&mut parser, event, span, 0) {
                Ok(node) => root = Some(node),
                Err(problem) => break Err(*problem),
            },
        }
    };
    let mut problems = reader.problems;
    problems.extend(outcome.err());
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(root.unwrap_or_else(|| Node::new(Value::Null, Span { file, start: 0, length: 0 })))
}

struct Reader<'t> {
    file: FileId,
    text: &'t str,
    /// Byte of each character, where that differs; none for plain ASCII.
    bytes: Option<Vec<usize>>,
    /// Anchored values, with how many values they hold.
    anchors: BTreeMap<usize, (Node, usize)>,
    nodes: usize,
    problems: Vec<Problem>,
}

/// The parser counts characters, spans count bytes.
fn byte_offsets(text: &str) -> Option<Vec<usize>> {
    (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at).chain([text.len()]).collect())
}

type Read<T> = Result<T, Box<Problem>>;

impl Reader<'_> {
    fn byte(&self, character: usize) -> usize {
        self.bytes.as_ref().map_or(character, |bytes| bytes.get(character).or(bytes.last()).copied().unwrap_or(0))
    }

    fn span(&self, span: saphyr_parser::Span) -> Span {
        let start = self.byte(span.start.index());
        Span { file: self.file, start, length: self.byte(span.end.index()).saturating_sub(start) }
    }

    fn syntax(&self, error: &ScanError) -> Problem {
        let start = self.byte(error.marker().index());
        let span = Span { file: self.file, start, length: 1 };
        if error.info().contains("recursion limit") {
            return Problem::new("pipe::spec::too_deep", Some(span), "nested too deep").label("here");
        }
        let problem = Problem::new("pipe::spec::syntax", Some(span), format!("this is not YAML: {}", error.info()));
        // `{ fold: ${axis.fold} }` opens a second map: the most common slip.
        let before = self.text.get(..start).unwrap_or(self.text);
        let line = before.rfind('\n').map_or(0, |end| end + 1);
        let problem = problem.label("here");
        if self.text[line..].lines().next().is_some_and(|line| line.contains("${")) {
            return problem.help("inside `{ }` and `[ ]`, quote references: '${data.root}'");
        }
        problem
    }

    fn count(&mut self, more: usize, span: Span) -> Read<()> {
        self.nodes += more;
        if self.nodes <= NODES {
            return Ok(());
        }
        let message = format!("more than {NODES} values, aliases expanded");
        Err(Box::new(Problem::new("pipe::spec::too_large", Some(span), message).label("the limit is reached here")))
    }

    fn value<'t>(
        &mut self,
        parser: &mut Parser<'t, saphyr_parser::StrInput<'t>>,
        event: Event<'t>,
        at: saphyr_parser::Span,
        depth: usize,
    ) -> Read<Node> {
        let span = self.span(at);
        self.count(1, span)?;
        if depth > DEPTH {
            let message = format!("nested more than {DEPTH} deep");
            return Err(Box::new(Problem::new("pipe::spec::too_deep", Some(span), message).label("here")));
        }
        let before = self.nodes;
        let (node, anchor) = match event {
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    let message = "an alias to a value that contains it";
                    return Err(Box::new(Problem::new("pipe::spec::alias", Some(span), message).label("here")));
                };
                self.count(size, span)?;
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value = if style == ScalarStyle::Plain { plain(&text) } else { Value::Text(text.into_owned()) };
                if let Some(tag) = tag.as_deref() {
                    self.tagged(tag, span);
                }
                (Node::new(value, span), anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                if let Some(tag) = tag.as_deref() {
                    self.tagged(tag, span);
                }
                let mut list = Vec::new();
                let end = loop {
                    match self.next(parser)? {
                        (Event::SequenceEnd, end) => break end,
                        (event, at) => list.push(self.value(parser, event, at, depth + 1)?),
                    }
                };
                (Node::new(Value::List(list), self.over(span, end)), anchor)
            }
            Event::MappingStart(anchor, tag) => {
                if let Some(tag) = tag.as_deref() {
                    self.tagged(tag, span);
                }
                let (map, end) = self.map(parser, depth)?;
                (Node::new(Value::Map(map), self.over(span, end)), anchor)
            }
            other => unreachable!("the parser balances its events: {other:?}"),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), self.nodes - before));
        }
        Ok(node)
    }

    fn over(&self, start: Span, end: saphyr_parser::Span) -> Span {
        let end = self.byte(end.end.index()).max(start.start);
        Span { length: end - start.start, ..start }
    }

    fn next<'t>(&self, parser: &mut Parser<'t, saphyr_parser::StrInput<'t>>) -> Read<(Event<'t>, saphyr_parser::Span)> {
        match parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(Box::new(self.syntax(&error))),
            None => Err(Box::new(Problem::new("pipe::spec::syntax", None, "the text ends too early"))),
        }
    }

    fn map<'t>(
        &mut self,
        parser: &mut Parser<'t, saphyr_parser::StrInput<'t>>,
        depth: usize,
    ) -> Read<(Map, saphyr_parser::Span)> {
        let mut map = Map::new();
        loop {
            let (event, at) = self.next(parser)?;
            let span = self.span(at);
            let name = match event {
                Event::MappingEnd => return Ok((map, at)),
                Event::Scalar(text, ..) => text.into_owned(),
                other => {
                    self.value(parser, other, at, depth + 1)?;
                    let (event, at) = self.next(parser)?;
                    self.value(parser, event, at, depth + 1)?;
                    let message = "a key must be a plain word, not a list, a map or an alias";
                    self.problems.push(Problem::new("pipe::spec::key", Some(span), message).label("this key"));
                    continue;
                }
            };
            let (event, at) = self.next(parser)?;
            let node = self.value(parser, event, at, depth + 1)?;
            if name == "<<" {
                let problem = Problem::new("pipe::spec::merge_key", Some(span), "merge keys `<<` are not read");
                self.problems.push(
                    problem
                        .label("here")
                        .help("lay files over each other with `extends`, or refer to a value with `${path}`"),
                );
                continue;
            }
            if let Some((first, _)) = map.get(&name) {
                let problem =
                    Problem::new("pipe::spec::duplicate_key", Some(span), format!("the key `{name}` stands twice"));
                self.problems.push(problem.label("again here").and(first.span, "first here"));
                continue;
            }
            map.insert(name, (Key { span }, node));
        }
    }

    fn tagged(&mut self, tag: &saphyr_parser::Tag, span: Span) {
        let message =
            format!("the tag `{}{}` is not read; values are typed by how they are written", tag.handle, tag.suffix);
        self.problems.push(Problem::new("pipe::spec::tag", Some(span), message).label("tagged here"));
    }
}

/// Types an unquoted scalar: `no`, `on`, `017` and `1_000` stay text, `1e-3` and `.5` are numbers.
pub(crate) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        _ => {}
    }
    let (sign, unsigned) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (if text.starts_with('-') { -1.0 } else { 1.0 }, rest),
        None => (1.0, text),
    };
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Value::Float(sign * f64::INFINITY);
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(number) = unsigned.strip_prefix(prefix).and_then(|digits| i64::from_str_radix(digits, radix).ok()) {
            return Value::Int(if sign < 0.0 { -number } else { number });
        }
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // A leading zero is a padded name such as `007`, not a number.
    let padded = unsigned.len() > 1 && unsigned.starts_with('0') && unsigned.as_bytes()[1].is_ascii_digit();
    if padded {
        return Value::Text(text.to_owned());
    }
    if digits(unsigned) {
        return text.parse().map_or_else(|_| Value::Text(text.to_owned()), Value::Int);
    }
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_mantissa = (digits(whole) || whole.is_empty())
        && (digits(fraction) || fraction.is_empty())
        && whole.len() + fraction.len() > 0;
    let is_exponent = exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)));
    if is_mantissa
        && is_exponent
        && let Ok(number) = text.parse()
    {
        return Value::Float(number);
    }
    Value::Text(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn json(text: &[u8]) -> String {
        let mut sources = Sources::default();
        parse(&mut sources, "a.yaml", text).expect("right YAML").to_json().to_string()
    }

    #[track_caller]
    fn wrong(text: &[u8], code: &str) -> Vec<Problem> {
        let problems = parse(&mut Sources::default(), "a.yaml", text).expect_err("wrong YAML");
        assert_eq!(problems[0].code, code, "{problems:?}");
        problems
    }

    #[test]
    fn scalars() {
        let text = b"[no, on, off, yes, y, 017, 08, 1_000, 1e-3, 1e5, .5, 5., 0x1F, 0o17, -3, +4, ~, null, true, '3', \"x\", 12:30, 1.2.3, .]";
        let expected = r#"["no","on","off","yes","y","017","08","1_000",0.001,100000.0,0.5,5.0,31,15,-3,4,null,null,true,"3","x","12:30","1.2.3","."]"#;
        assert_eq!(json(text), expected);
        assert!(matches!(plain("-.inf"), Value::Float(value) if value == f64::NEG_INFINITY));
        assert!(matches!(plain("99999999999999999999"), Value::Text(_)), "no digit is lost");
    }

    #[test]
    fn byte_order_mark_and_carriage_returns() {
        assert_eq!(json(b"\xef\xbb\xbfa: 1\r\nb:\r\n  - x\r\n"), r#"{"a":1,"b":["x"]}"#);
    }

    #[test]
    fn duplicate_keys_name_both_places() {
        let problems = wrong(b"a: 1\nb: 2\na: 3\nb: 4\n", "pipe::spec::duplicate_key");
        assert_eq!(problems.len(), 2, "all at once");
        assert_eq!((problems[0].span.expect("a place").start, problems[0].more[0].0.start), (10, 0));
    }

    #[test]
    fn refused_texts() {
        wrong(b"a: 1\n---\nb: 2\n", "pipe::spec::several_documents");
        wrong(b"a: \xff\xfe", "pipe::spec::not_utf8");
        wrong(b"a: [1, 2", "pipe::spec::syntax");
        wrong(b"a: !!python/object x", "pipe::spec::tag");
        wrong(b"? [1]\n: 2\n", "pipe::spec::key");
        wrong(b"a: &a {x: 1}\nb: { <<: *a }\n", "pipe::spec::merge_key");
    }

    #[test]
    fn bombs_are_bounded() {
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        wrong(deep.as_bytes(), "pipe::spec::too_deep");
        let deeper = "[".repeat(200_000);
        assert!(parse(&mut Sources::default(), "a.yaml", deeper.as_bytes()).is_err());
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..20 {
            let below = format!("*a{}", level - 1);
            bomb.push_str(&format!("a{level}: &a{level} [{}]\n", [below.as_str(); 10].join(", ")));
        }
        wrong(bomb.as_bytes(), "pipe::spec::too_large");
    }
}
