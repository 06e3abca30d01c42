//! Cases with other channels than most, which a network cannot take together.
//! It does not read files.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Proposal;
use crate::case::CaseFiles;
use crate::prepare::Channels;
use crate::problem::{DataProblem, What};

/// The channels of a case as its files have them.
#[derive(Debug, Clone, Copy)]
pub struct Channelled<'a> {
    /// The case.
    pub files: &'a CaseFiles,
    /// Channels of each frame.
    pub channels: usize,
    /// Whether three of them are red, green and blue.
    pub colour: bool,
}

/// Finds the cases that do not keep as many channels as most, and what would make them alike.
pub fn unequal_channels(cases: &[Channelled<'_>], kept: Channels) -> (Vec<DataProblem>, Option<Proposal>) {
    let of = |kept: Channels| {
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        for case in cases {
            *counts.entry(kept.kept(case.channels, case.colour)).or_default() += 1;
        }
        counts
    };
    let counts = of(kept);
    let Some((usual, most)) = counts.iter().max_by_key(|(_, cases)| **cases).filter(|_| counts.len() > 1) else {
        return (Vec::new(), None);
    };
    let plural = |count: usize| if count == 1 { "1 channel".to_owned() } else { format!("{count} channels") };
    let problem = |case: &Channelled<'_>| {
        let own = kept.kept(case.channels, case.colour);
        let reason = format!("the case has {}, {most} of {} cases have {usual}", plural(own), cases.len());
        let hint = "add what it lacks, take out what is too much, or list its files under `ignore`";
        let file = case.files.frames.first().cloned().unwrap_or_default();
        (own != *usual)
            .then(|| DataProblem::new(What::ChannelsDiffer, file, reason).of(case.files.id.clone()).hint(hint))
    };
    let alike = [(Channels::Rgb, "rgb"), (Channels::Gray, "gray")].into_iter().find(|(kept, _)| of(*kept).len() == 1);
    let proposal = alike.map(|(_, name)| {
        let why = "some images are gray and others in colour".to_owned();
        Proposal::new(Some(What::ChannelsDiffer), why, vec![("data.channels".to_owned(), Value::from(name))])
    });
    (cases.iter().filter_map(problem).collect(), proposal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::Header;

    fn files(id: &str) -> CaseFiles {
        let frames = vec![format!("{id}.png")];
        CaseFiles { frames, ..CaseFiles::new(id.to_owned(), id.to_owned(), None, Header::picture(1, 1)) }
    }

    #[test]
    fn cases_with_other_channels_are_named() {
        let files: Vec<CaseFiles> = ["a", "b", "c"].map(files).into();
        let told = |counts: [(usize, bool); 3], kept| {
            let cases: Vec<_> = files
                .iter()
                .zip(counts)
                .map(|(files, (channels, colour))| Channelled { files, channels, colour })
                .collect();
            let (problems, proposal) = unequal_channels(&cases, kept);
            let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
            (problems.join("\n"), proposal.map(|proposal| proposal.yaml))
        };
        let nothing = (String::new(), None);
        let mixed = [(3, true), (1, false), (3, true)];
        assert_eq!([told(mixed, Channels::Gray), told(mixed, Channels::Rgb)], [nothing.clone(), nothing.clone()]);
        let (problems, proposal) = told(mixed, Channels::All);
        let expected = "b: b.png: channels differ: the case has 1 channel, 2 of 3 cases have 3 (add what it lacks";
        assert!(problems.starts_with(expected) && problems.lines().count() == 1, "{problems}");
        assert_eq!(proposal.as_deref(), Some(r#"data: { channels: "rgb" }"#));
        // Modalities are not colours: nothing makes them alike.
        let (problems, proposal) = told([(4, false), (4, false), (3, false)], Channels::Gray);
        assert!(problems.starts_with("c: c.png: channels differ: the case has 3 channels, 2 of 3"), "{problems}");
        assert_eq!(proposal, None);
        assert_eq!(unequal_channels(&[], Channels::All), (Vec::new(), None));
    }
}
