//! Many instances of a stage in one name: `train[fold=0..4,seed=1]`.
//!
//! Does not know states; it is given instances that belong together.

use indexmap::IndexMap;

/// Instances that one name stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Folded {
    pub name: String,
    /// Their numbers, in the order given.
    pub members: Vec<usize>,
}

/// One point of axes, or a product of several: the values of each axis.
type Values = Vec<Vec<String>>;

/// Names that together stand for exactly these instances of a stage, as few as the axes allow.
///
/// Instances are folded along the last axis first, where all their other values are equal.
pub(super) fn fold(stage: &str, points: &[(usize, &IndexMap<String, String>)]) -> Vec<Folded> {
    let axes: Vec<&str> =
        points.first().map(|(_, point)| point.keys().map(String::as_str).collect()).unwrap_or_default();
    let values = |point: &IndexMap<String, String>| point.values().map(|value| vec![value.clone()]).collect::<Values>();
    let mut groups: Vec<(Values, Vec<usize>)> =
        points.iter().map(|(index, point)| (values(point), vec![*index])).collect();
    for axis in (0..axes.len()).rev() {
        let mut by_others: IndexMap<Values, (Vec<String>, Vec<usize>)> = IndexMap::new();
        for (mut values, members) in groups {
            let along = std::mem::take(&mut values[axis]);
            let (all, of) = by_others.entry(values).or_default();
            all.extend(along);
            of.extend(members);
        }
        groups = by_others
            .into_iter()
            .map(|(mut values, (along, members))| {
                values[axis] = along;
                (values, members)
            })
            .collect();
    }
    let name = |values: &Values| {
        let parts: Vec<_> = axes.iter().zip(values).map(|(axis, values)| format!("{axis}={}", range(values))).collect();
        if parts.is_empty() { stage.to_owned() } else { format!("{stage}[{}]", parts.join(",")) }
    };
    groups.into_iter().map(|(values, members)| Folded { name: name(&values), members }).collect()
}

/// `0|2..4` for whole numbers, those in a row drawn together; of many parts, the first and the last.
fn range(values: &[String]) -> String {
    const LISTED: usize = 4;
    let mut rows: Vec<Vec<&str>> = Vec::new();
    for value in values {
        let goes_on = |row: &Vec<&str>| {
            let last: Option<i64> = row.last().and_then(|last| last.parse().ok());
            last.and_then(|last| last.checked_add(1)).is_some_and(|next| next.to_string() == *value)
        };
        match rows.last_mut().filter(|row| goes_on(row)) {
            Some(row) => row.push(value),
            None => rows.push(vec![value]),
        }
    }
    let part = |row: &Vec<&str>| match row.as_slice() {
        [first, _, .., last] => format!("{first}..{last}"),
        few => few.join("|"),
    };
    let parts: Vec<_> = rows.iter().map(part).collect();
    match parts.as_slice() {
        [first, second, .., last] if parts.len() > LISTED => format!("{first}|{second}|…|{last}"),
        few => few.join("|"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(points: &[&[(&str, &str)]], expected: &[&str]) {
        let point = |axes: &&[(&str, &str)]| -> IndexMap<String, String> {
            axes.iter().map(|(axis, value)| ((*axis).to_owned(), (*value).to_owned())).collect()
        };
        let points: Vec<_> = points.iter().map(point).collect();
        let folded = fold("train", &points.iter().enumerate().collect::<Vec<_>>());
        let said: Vec<_> = folded.iter().map(|group| format!("{} x{}", group.name, group.members.len())).collect();
        assert_eq!(said, expected);
        let mut members: Vec<_> = folded.into_iter().flat_map(|group| group.members).collect();
        members.sort_unstable();
        assert_eq!(members, (0..points.len()).collect::<Vec<_>>(), "every instance once");
    }

    #[test]
    fn one_axis() {
        check(&[&[]], &["train x1"]);
        check(&[&[("fold", "3")]], &["train[fold=3] x1"]);
        check(&[&[("fold", "0")], &[("fold", "1")]], &["train[fold=0|1] x2"]);
        check(&[&[("fold", "0")], &[("fold", "1")], &[("fold", "2")]], &["train[fold=0..2] x3"]);
        check(&[&[("fold", "0")], &[("fold", "1")], &[("fold", "3")]], &["train[fold=0|1|3] x3"]);
        let folds = ["0", "2", "3", "4", "9"].map(|fold| [("fold", fold)]);
        check(&folds.iter().map(<[_; 1]>::as_slice).collect::<Vec<_>>(), &["train[fold=0|2..4|9] x5"]);
        check(
            &[&[("net", "a")], &[("net", "b")], &[("net", "c")], &[("net", "d")], &[("net", "e")]],
            &["train[net=a|b|…|e] x5"],
        );
    }

    #[test]
    fn two_axes_whole_and_with_a_hole() {
        let at = |fold, seed| [("fold", fold), ("seed", seed)];
        let all = [at("0", "1"), at("0", "2"), at("1", "1"), at("1", "2")];
        check(&all.iter().map(<[_; 2]>::as_slice).collect::<Vec<_>>(), &["train[fold=0|1,seed=1|2] x4"]);
        check(
            &all[..3].iter().map(<[_; 2]>::as_slice).collect::<Vec<_>>(),
            &["train[fold=0,seed=1|2] x2", "train[fold=1,seed=1] x1"],
        );
    }
}
