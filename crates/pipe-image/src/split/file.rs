//! Files of splits: JSON, nnU-Net's, CSV.
//! It does not know whether a split leaks.

use std::collections::BTreeMap;

use super::{Fold, SplitError};
use tree::Tree;

mod tree;

/// What a JSON file of splits looks like.
const JSON_FORM: &str =
    r#"`[{"train": ["a", ..], "validation": ["b", ..], "test": ["c", ..]}, ..]`, a fold after the other"#;

/// Reads a split: JSON (a fold `{train, validation, test}` or a list of folds), or CSV with the columns `case`, `part` and, for several
/// folds, `fold`.
///
/// One rule tells what `val` is, in both forms: beside a `test` it is the validation part, by another word. Without one it is what a fold
/// holds out and reports on, as in nnU-Net's `splits_final.json`, and so is the test part. A fold that has both `val` and `validation`, and
/// a file of which some folds have a `test` and others a `val` alone, are refused.
///
/// # Errors
/// If the text is neither, or does not say which part each case is of; the fold or the line is named.
pub fn from_text(text: &str) -> Result<Vec<Fold>, SplitError> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let folds = match text.chars().next() {
        None => Err("the file is empty".to_owned()),
        Some('[' | '{') => from_json(text),
        Some(_) => from_csv(text),
    };
    folds.and_then(told).map_err(|reason| SplitError::File { reason })
}

/// The words for parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    Train,
    Val,
    Validation,
    Test,
}

impl Word {
    fn of(text: &str) -> Option<Self> {
        match text {
            "train" => Some(Self::Train),
            "val" => Some(Self::Val),
            "validation" => Some(Self::Validation),
            "test" => Some(Self::Test),
            _ => None,
        }
    }
}

/// A fold in the words of its file.
type Worded = BTreeMap<Word, Vec<String>>;

/// Says what `val` is in each fold.
fn told(folds: Vec<Worded>) -> Result<Vec<Fold>, String> {
    let tests = folds.iter().position(|fold| fold.contains_key(&Word::Test));
    let fold = |(at, mut fold): (usize, Worded)| {
        if fold.contains_key(&Word::Val) && fold.contains_key(&Word::Validation) {
            return Err(format!(
                "fold {at} has both `val` and `validation`: write `validation` for what checkpoints are chosen by, and `test` for what \
                 numbers are reported on"
            ));
        }
        let has_test = fold.contains_key(&Word::Test);
        if let (true, false, Some(tests)) = (fold.contains_key(&Word::Val), has_test, tests) {
            return Err(format!(
                "fold {at} has `val` and no `test`, but fold {tests} has a `test`: write `validation` or `test` instead of `val`"
            ));
        }
        let mut of = |word| fold.remove(&word).unwrap_or_default();
        let [train, val, validation, test] = [Word::Train, Word::Val, Word::Validation, Word::Test].map(&mut of);
        Ok(match has_test {
            true if validation.is_empty() => Fold { train, validation: val, test },
            true => Fold { train, validation, test },
            false => Fold { train, validation, test: val },
        })
    };
    folds.into_iter().enumerate().map(fold).collect()
}

fn from_json(text: &str) -> Result<Vec<Worded>, String> {
    let folds = match Tree::of(text)? {
        Tree::List(folds) => folds,
        fold => vec![fold],
    };
    folds.into_iter().enumerate().map(|(at, fold)| of_json(at, fold)).collect()
}

fn of_json(at: usize, fold: Tree) -> Result<Worded, String> {
    let Tree::Map(entries) = fold else {
        return Err(format!("fold {at} is {}; write {JSON_FORM}", fold.kind()));
    };
    let mut worded = Worded::new();
    for (key, cases) in entries {
        let word = Word::of(&key).ok_or_else(|| {
            format!("fold {at}: `{key}` is no part; a fold has `train`, `validation` (or `val`) and `test`")
        })?;
        let Tree::List(cases) = cases else {
            return Err(format!("fold {at}: `{key}` is {}; write a list of cases, [\"a\", \"b\"]", cases.kind()));
        };
        let case = |(place, case): (usize, Tree)| match case {
            Tree::Text(case) => Ok(case),
            other => Err(format!("fold {at}: in `{key}`, case {place} is {}; write its name, in quotes", other.kind())),
        };
        let cases = cases.into_iter().enumerate().map(case).collect::<Result<_, _>>()?;
        if worded.insert(word, cases).is_some() {
            return Err(format!("fold {at} has `{key}` twice: put all its cases into one list"));
        }
    }
    if !worded.contains_key(&Word::Train) {
        return Err(format!("fold {at} has no `train`; write {JSON_FORM}"));
    }
    Ok(worded)
}

fn from_csv(text: &str) -> Result<Vec<Worded>, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(text.as_bytes());
    let unreadable = |error: csv::Error| format!("it is no table: {error}");
    let head = reader.headers().map_err(unreadable)?.clone();
    let column = |name: &str| head.iter().position(|known| known == name);
    let (Some(case), Some(part)) = (column("case"), column("part")) else {
        let first: String = text.lines().next().unwrap_or_default().chars().take(80).collect();
        return Err(format!(
            "its first line is `{first}`: a table of a split has the columns `case`, `part` and, for several folds, `fold`; JSON is \
             {JSON_FORM}"
        ));
    };
    let fold = column("fold");
    let mut folds: BTreeMap<usize, Worded> = BTreeMap::new();
    for row in reader.records() {
        let row = row.map_err(unreadable)?;
        let line = row.position().map_or(0, csv::Position::line);
        let cell = |at: usize, name: &str| match row.get(at) {
            None | Some("") => Err(format!("line {line} has no `{name}`")),
            Some(cell) => Ok(cell),
        };
        let (case, part) = (cell(case, "case")?, cell(part, "part")?);
        let word = Word::of(part)
            .ok_or_else(|| format!("line {line}: `{part}` is no part; write train, validation (or val) or test"))?;
        let fold = fold.map(|at| cell(at, "fold")).transpose()?.unwrap_or("0");
        let fold = fold.parse().map_err(|_| format!("line {line}: `{fold}` is no fold; folds count 0, 1, 2 .."))?;
        let fold: &mut Worded = folds.entry(fold).or_default();
        fold.entry(word).or_default().push(case.to_owned());
    }
    // Folds are asked for by their number, so the numbers must be the places.
    if let Some((place, number)) = folds.keys().enumerate().find(|(place, number)| place != *number) {
        return Err(format!("folds must count 0, 1, 2 ..; instead of {place} there is {number}"));
    }
    Ok(folds.into_values().collect())
}

#[cfg(test)]
mod tests;
