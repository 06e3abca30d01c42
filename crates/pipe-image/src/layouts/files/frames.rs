//! The files of a case as frames and channels, and whether all cases have the same channels.
//! It does not know masks.

use std::collections::BTreeMap;

use super::Group;
use super::join::{Found, plain};
use crate::layouts::survey::natural;
use crate::problem::{DataProblem, What};

/// Sorts the files of a case frame by frame, by number, the channels of a frame side by side, and gives how many channels there are.
pub(super) fn frames(files: &[Found]) -> Result<(Vec<&Found>, usize), DataProblem> {
    let is_number = |frame: &String| !frame.is_empty() && frame.bytes().all(|byte| byte.is_ascii_digit());
    let mut named = files.iter().filter_map(|found| Some((found, found.names.get("frame")?)));
    if let Some((found, frame)) = named.find(|(_, frame)| !is_number(frame)) {
        let reason = format!("`{{frame}}` is `{frame}`, and frames are numbers, in whose order they follow each other");
        return Err(DataProblem::new(What::MissingFrame, found.file.clone(), reason).hint(
            "write `{frame:#}` where digits stand; what is no number is `{channel}` (of one image), or any other name (of cases of their own)",
        ));
    }
    let key = |found: &Found| {
        let of = |name: &str| found.names.get(name).map_or("", String::as_str).to_owned();
        (of("frame"), of("channel"))
    };
    let mut sorted: Vec<&Found> = files.iter().collect();
    sorted.sort_by(|a, b| {
        let ((a_frame, a_channel), (b_frame, b_channel)) = (key(a), key(b));
        natural(&a_frame).cmp(&natural(&b_frame)).then_with(|| natural(&a_channel).cmp(&natural(&b_channel)))
    });
    if let Some(pair) = sorted.windows(2).find(|pair| key(pair[0]) == key(pair[1])) {
        let reason = format!("`{}` is the same case by its names", pair[0].file);
        return Err(DataProblem::new(What::DuplicateCase, pair[1].file.clone(), reason)
            .hint("name what tells them apart in the pattern, or list one of them under `ignore`"));
    }
    let (first_frame, _) = key(sorted[0]);
    let channels = sorted.iter().take_while(|found| key(found).0 == first_frame).count();
    let wanted: Vec<String> = sorted[..channels].iter().map(|found| key(found).1).collect();
    for frame in sorted.chunks(channels) {
        let there: Vec<String> = frame.iter().map(|found| key(found).1).collect();
        if there != wanted {
            let reason = format!("its channels are {}, those of others {}", there.join(", "), wanted.join(", "));
            return Err(DataProblem::new(What::MissingFrame, frame[0].file.clone(), reason));
        }
    }
    Ok((sorted, channels))
}

/// Two cases whose ids are the same text.
pub(super) fn one_id(id: &str, file: &str, other: &str) -> DataProblem {
    let reason = format!("`{other}` is of another case, and both would be called `{id}`");
    let hint = "join the names of cases by another sign, for instance `case: \"{patient}-{case}\"`";
    DataProblem::new(What::DuplicateCase, file, reason).of(id).hint(hint)
}

/// The cases whose channels are others than those of most, where channels have names: by their place alone they would be taken for
/// each other.
pub(super) fn of_one_kind(groups: &BTreeMap<String, Group>) -> Vec<DataProblem> {
    let channels = |group: &Group| {
        let mut names: Vec<&String> = group.files.iter().filter_map(|found| found.names.get("channel")).collect();
        names.sort_by_key(|name| natural(name));
        names.dedup();
        names.into_iter().map(|name| plain(name)).collect::<Vec<_>>()
    };
    let mut kinds: BTreeMap<Vec<String>, Vec<(&String, &Group)>> = BTreeMap::new();
    for (id, group) in groups {
        kinds.entry(channels(group)).or_default().push((id, group));
    }
    let Some((usual, count)) =
        kinds.iter().map(|(kind, of)| (kind.clone(), of.len())).max_by_key(|(kind, count)| (*count, kind.len()))
    else {
        return Vec::new();
    };
    let others = kinds.iter().filter(|(kind, _)| **kind != usual);
    let problem = |(kind, id, group): (&Vec<String>, &String, &Group)| {
        let shown = |kind: &[String]| if kind.is_empty() { "none".to_owned() } else { kind.join(", ") };
        let reason = format!("its channels are {}, those of {count} other cases {}", shown(kind), shown(&usual));
        DataProblem::new(What::MissingFrame, group.files[0].file.clone(), reason)
            .of(id.clone())
            .hint("add the channel that is missing, or list the files of the case under `ignore`")
    };
    others.flat_map(|(kind, of)| of.iter().map(move |(id, group)| (kind, *id, *group))).map(problem).collect()
}
