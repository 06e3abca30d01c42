//! A data set read once, and all that commands tell of it.
//! It does not print.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pipe_image::{
    CaseFiles, Census, Channelled, DataProblem, DataProblems, Finding, Layout, Look, Mask, Measured, Preparation,
    Proposal, Survey, Tile, findings, hinted, prepare, prepare::Channels, proposals, thumbnail, unequal_channels,
};

/// A data set that was read.
pub(super) struct Inspected {
    /// What was counted and measured, of the cases that are good.
    pub census: Census,
    /// What is worth a look.
    pub findings: Vec<Finding>,
    /// Everything that is wrong.
    pub problems: Vec<DataProblem>,
    /// What would mend it, or may be meant.
    pub proposals: Vec<Proposal>,
    /// The files of the cases that are complete.
    pub files: Vec<CaseFiles>,
    /// Layers and labels of each case's mask after preparation, where that was asked for.
    pub prepared: BTreeMap<String, BTreeSet<(usize, u8)>>,
}

/// Reads all cases, of which `channels` are kept; prepares their masks too where `preparation` is given.
pub(super) fn inspect(
    layout: &Layout,
    root: &Path,
    channels: Channels,
    preparation: Option<&Preparation>,
) -> Inspected {
    let survey = layout.survey(root);
    let (files, remarks) = (survey.cases.clone(), survey.remarks.clone());
    let (mut census, mut looks, mut prepared) = (Census::default(), Vec::new(), BTreeMap::new());
    let mut channelled = BTreeMap::new();
    let problems = layout.read_all(
        root,
        survey,
        |case| {
            let (measured, look) = (Measured::of(&case), Look::at(&case));
            let colours = (case.image.channels, case.colour);
            let classes = preparation.map(|preparation| {
                let mask = prepare(case, preparation).mask;
                mask.iter().flat_map(Mask::classes).collect::<BTreeSet<_>>()
            });
            (measured, look, classes, colours)
        },
        |files, result| {
            if let Ok((measured, look, classes, colours)) = result {
                channelled.insert(files.id.clone(), colours);
                census.add(measured);
                looks.push(look);
                prepared.extend(classes.map(|classes| (files.id.clone(), classes)));
            }
        },
    );
    let with_channels: Vec<Channelled<'_>> = files
        .iter()
        .filter_map(|files| {
            let (channels, colour) = *channelled.get(&files.id)?;
            Some(Channelled { files, channels, colour })
        })
        .collect();
    let (unequal, alike) = unequal_channels(&with_channels, channels);
    let mut problems = DataProblems::sorted(problems.into_iter().chain(unequal).collect()).list;
    let mut proposals = proposals(layout, root, &files, &problems);
    proposals.extend(alike);
    hinted(&mut problems, &proposals);
    Inspected { census, findings: findings(&looks, remarks), problems, proposals, files, prepared }
}

/// Side of a picture of a case in pixels: sharp on screens of twice the density.
const SIDE: usize = 300;

impl Inspected {
    /// Gives JPEGs of some cases with their masks drawn in; of cases that cannot be read, none.
    pub(super) fn pictures(
        &self,
        layout: &Layout,
        root: &Path,
        wanted: &BTreeSet<String>,
    ) -> BTreeMap<String, Vec<u8>> {
        let cases: Vec<CaseFiles> = self.files.iter().filter(|files| wanted.contains(&files.id)).cloned().collect();
        let mut pictures = BTreeMap::new();
        let picture = |case: pipe_image::Case| {
            let frame = case.label_frame.min(case.image.frames.saturating_sub(1));
            thumbnail(&Tile { image: &case.image, frame, mask: case.mask.as_ref() }, SIDE).jpeg()
        };
        layout.read_all(root, Survey { cases, ..Survey::default() }, picture, |files, result| {
            pictures.extend(result.ok().map(|jpeg| (files.id.clone(), jpeg)));
        });
        pictures
    }
}
