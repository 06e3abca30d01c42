//! Inputs that a program itself tells of: a file in make's syntax, `target: input input`.
//!
//! Does not know the program.

/// The inputs of all rules: split at blanks, where a backslash keeps a blank, continues a line, or stands for itself.
pub(crate) fn inputs(text: &str) -> Vec<String> {
    let (mut found, mut word, mut is_target) = (Vec::new(), String::new(), true);
    let mut letters = text.chars().peekable();
    let mut flush = |word: &mut String, is_target: &mut bool| {
        if *is_target && word.ends_with(':') {
            *is_target = false;
        } else if !*is_target && !word.is_empty() && !found.contains(word) {
            found.push(word.clone());
        }
        word.clear();
    };
    while let Some(letter) = letters.next() {
        match (letter, letters.peek()) {
            ('\\', Some(' ' | '#' | '\\' | ':')) => word.extend(letters.next()),
            ('\\', Some('\n')) => {
                letters.next();
                flush(&mut word, &mut is_target);
            }
            ('\\', Some('\r')) => {
                letters.next();
                letters.next_if_eq(&'\n');
                flush(&mut word, &mut is_target);
            }
            ('$', Some('$')) => word.extend(letters.next()),
            ('\n', _) => {
                flush(&mut word, &mut is_target);
                is_target = true;
            }
            (':', None | Some(' ' | '\t' | '\n' | '\r')) if is_target => {
                word.push(':');
                flush(&mut word, &mut is_target);
            }
            (blank, _) if blank.is_whitespace() => flush(&mut word, &mut is_target),
            _ => word.push(letter),
        }
    }
    flush(&mut word, &mut is_target);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(inputs(text), expected, "{text:?}");
    }

    #[test]
    fn rules() {
        check("out: a.h b.h\n", &["a.h", "b.h"]);
        check("out : a.h \\\n  b.h\nother: a.h c.h", &["a.h", "b.h", "c.h"]);
        check("out: with\\ blank /abs/x:y $$HOME\n", &["with blank", "/abs/x:y", "$HOME"]);
        check("out:\r\n", &[]);
        check("a b: c\\\r\n d", &["c", "d"]);
        check("", &[]);
    }
}
