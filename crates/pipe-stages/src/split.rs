//! `split`: one fold's cases, by patient, as one selection for each consumer.
//!
//! Ids, patients and digests come from the pack's index; pixels are read where folds are to have equal shares of classes, and there
//! of masks alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use pipe_engine::{Context, Input, Inputs, Output, Ports, Presence, Stage, StageFailure};
use pipe_image::{
    Entry, Mask, Pack,
    number::Probability,
    split::{self, Fold, Leak, Member, SplitError},
};
use pipe_spec::Location;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    artifacts::{DATASET, IMAGES, TRAINING, TRUTH},
    failure::Failure,
    selection::{Selected, Selection},
};

/// Divides the cases of a data set, patient by patient.
pub struct Split;

/// How the cases are divided, and which fold this is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SplitWith {
    /// How the cases are divided.
    pub method: Method,
    /// The fold, counted from 0.
    #[serde(default)]
    pub fold: usize,
    /// The inner fold of this fold, counted from 0: its cases are those that the fold does not test, dealt anew as `nested` of the
    /// method says. Without it, the fold itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inner: Option<usize>,
}

/// Folds within each fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nested {
    /// Number of inner folds of each fold.
    #[schemars(range(min = 2))]
    pub folds: usize,
}

/// How the cases are divided.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Method {
    /// Every patient is tested in exactly one fold.
    KFold {
        /// Number of folds.
        #[schemars(range(min = 2))]
        folds: usize,
        /// Share of a fold's other patients that chooses the checkpoint.
        #[serde(default = "fifth")]
        validation: Probability,
        /// Seed of the shuffle.
        #[serde(default)]
        seed: u64,
        /// How often all folds are dealt anew; fold `folds * r + k` is fold `k` of repetition `r`.
        #[serde(default = "once", skip_serializing_if = "is_once")]
        #[schemars(range(min = 1, max = 1000))]
        repeats: usize,
        /// What folds get equal shares of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stratify: Option<Stratify>,
        /// Folds within each fold, for choices that must not see its test cases; a stage of the kind `split` takes one of them by
        /// `inner`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nested: Option<Nested>,
        /// Deals images instead of patients, so that images of one patient are on both sides; every result that comes of it says so.
        #[serde(default, skip_serializing_if = "is_false")]
        leaky: bool,
    },
    /// Each fold holds one site out; the sites in the order of their names.
    LeaveOneSiteOut {
        /// Share of a fold's other patients that chooses the checkpoint.
        #[serde(default = "fifth")]
        validation: Probability,
        /// Seed of the shuffle.
        #[serde(default)]
        seed: u64,
    },
    /// One fold, whose test part is a share of the patients.
    HoldOut {
        /// Share of the patients that numbers are reported on.
        #[serde(default = "fifth")]
        test: Probability,
        /// Share of the other patients that chooses the checkpoint.
        #[serde(default = "fifth")]
        validation: Probability,
        /// Seed of the shuffle.
        #[serde(default)]
        seed: u64,
        /// Deals images instead of patients, so that images of one patient are on both sides; every result that comes of it says so.
        #[serde(default, skip_serializing_if = "is_false")]
        leaky: bool,
    },
    /// The parts that the data set comes with; a missing validation part is carved from the training part.
    Official {
        /// Share of the training patients that chooses the checkpoint, where the data set has no such part.
        #[serde(default = "fifth")]
        validation: Probability,
        /// Seed of the shuffle.
        #[serde(default)]
        seed: u64,
    },
    /// Folds from a file: a JSON list of `{train, validation, test}` with case ids, nnU-Net's `splits_final.json`, or CSV
    /// `fold,part,case`. Beside a `test`, `val` is the validation part; without one it is what a fold tests, as in nnU-Net's.
    File {
        /// The file.
        path: Location,
        /// Share of a fold's training patients that chooses the checkpoint, where the file names none for it, as nnU-Net's never does;
        /// 0 for none.
        #[serde(default = "fifth")]
        validation: Probability,
    },
}

/// What folds get equal shares of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stratify {
    /// Sites.
    Site,
    /// Classes that a patient's masks have.
    Classes,
    /// What a name of paths or tables says: `tag: group`.
    Tag(String),
}

fn once() -> usize {
    1
}

// The form in which serde asks.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_once(repeats: &usize) -> bool {
    *repeats == 1
}

// The form in which serde asks.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

fn fifth() -> Probability {
    serde_json::from_str("0.2").expect("0.2 is a probability")
}

impl Stage for Split {
    const NAME: &'static str = "split";
    const VERSION: u32 = 2;
    const ABOUT: &'static str = "divides cases by patient into train, validation and test";
    type With = SplitWith;

    fn ports(_: &SplitWith) -> Ports {
        Ports {
            inputs: Inputs::Typed(vec![Input::counted("dataset", DATASET, Presence::Required)]),
            outputs: vec![
                Output::file("training", TRAINING),
                Output::file("images", IMAGES),
                Output::file("truth", TRUTH),
            ],
        }
    }

    fn check(with: &SplitWith) -> Result<(), (String, String)> {
        let nested = match &with.method {
            Method::KFold { folds, repeats, .. } if with.fold >= folds * repeats => {
                let failure = Failure::NoFold { fold: with.fold, folds: folds * repeats };
                return Err(("fold".to_owned(), failure.to_string()));
            }
            Method::KFold { nested, .. } => *nested,
            _ => None,
        };
        match (with.inner, nested) {
            (Some(_), None) => Err(("inner".to_owned(), Failure::NotNested.to_string())),
            (Some(inner), Some(Nested { folds })) if inner >= folds => {
                Err(("inner".to_owned(), Failure::NoFold { fold: inner, folds }.to_string()))
            }
            _ => Ok(()),
        }
    }

    fn run(with: SplitWith, context: &Context) -> Result<(), StageFailure> {
        let written = Pack::open(context.input("dataset")).map_err(Failure::from).and_then(|pack| {
            let members = members(&pack, &with)?;
            let cut = with.cut(&members, &|location| context.resolve(location))?;
            let Fold { train, validation, test } = &cut.fold;
            let (all, dealt) = (pack.entries().len(), train.len() + validation.len() + test.len());
            if members.len() < all {
                context
                    .warn(format!("{} of {all} cases have no mask and are in no part of a fold", all - members.len()));
            } else if dealt < all && matches!(with.method, Method::File { .. }) {
                context.warn(format!("the file of folds leaves {} of {all} cases out of this fold", all - dealt));
            }
            write(&cut, &pack, context)
        });
        written.map_err(StageFailure::of)
    }
}

/// The cases, with what folds are to have equal shares of.
fn members(pack: &Pack, with: &SplitWith) -> Result<Vec<Member>, Failure> {
    let has_masks = pack.entries().iter().any(|entry| entry.mask_digest.is_some());
    let is_dealt = |(_, entry): &(usize, &Entry)| !has_masks || with.deals(entry.mask_digest.is_some());
    let stratify = with.stratify();
    let member = |(at, entry): (usize, &Entry)| {
        let Entry { id, patient, part, site, tags, .. } = entry;
        let member =
            Member { id: id.clone(), patient: patient.clone(), part: *part, site: site.clone(), stratum: None };
        Stratify::member(stratify, member, tags, || pack.mask(at).iter().flat_map(Mask::classes).collect())
    };
    pack.entries().iter().enumerate().filter(is_dealt).map(member).collect()
}

impl Stratify {
    /// A case with what it counts as; `tags` are what names and tables say of it, `classes` tells the layers and labels of its prepared mask.
    ///
    /// # Errors
    /// A site or a tag is asked for, and the case has none.
    pub fn member(
        stratify: Option<&Self>,
        member: Member,
        tags: &BTreeMap<String, String>,
        classes: impl FnOnce() -> BTreeSet<(usize, u8)>,
    ) -> Result<Member, Failure> {
        let stratum = match stratify {
            None => None,
            Some(Self::Site) => {
                let site = member.site.clone();
                Some(site.ok_or_else(|| Failure::Split(vec![SplitError::NoSite { case: member.id.clone() }]))?)
            }
            Some(Self::Classes) => Some(format!("{:?}", classes())),
            Some(Self::Tag(tag)) => {
                let missing = || {
                    let has = tags.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                    Failure::Split(vec![SplitError::NoTag { case: member.id.clone(), tag: tag.clone(), has }])
                };
                Some(tags.get(tag).ok_or_else(missing)?.clone())
            }
        };
        Ok(Member { stratum, ..member })
    }
}

/// A fold, and how far it leaks.
#[derive(Clone, Debug)]
pub struct Cut {
    /// The cases of each part.
    pub fold: Fold,
    /// How far it leaks, if images were dealt and not patients.
    pub leak: Option<Leak>,
}

impl SplitWith {
    /// What the folds are to have equal shares of.
    pub fn stratify(&self) -> Option<&Stratify> {
        if let Method::KFold { stratify, .. } = &self.method { stratify.as_ref() } else { None }
    }

    /// Whether a case is dealt: one without a mask can be neither learned from nor tested, and is named by nobody but a file.
    pub fn deals(&self, has_mask: bool) -> bool {
        has_mask || matches!(self.method, Method::File { .. })
    }

    /// Cuts the fold out of the cases; `resolve` says where a location lies.
    ///
    /// # Errors
    /// The cases cannot be split like that, or a file of folds cannot be read.
    pub fn cut(&self, members: &[Member], resolve: &dyn Fn(&Location) -> PathBuf) -> Result<Cut, Failure> {
        let one = |error| Failure::Split(vec![error]);
        let (Method::KFold { leaky, .. } | Method::HoldOut { leaky, .. }) = self.method else {
            return Ok(Cut { fold: self.fold(members, resolve)?, leak: None });
        };
        let images;
        let dealt = if leaky {
            images = split::by_image(members);
            &images
        } else {
            members
        };
        let mut fold = self.fold(dealt, resolve)?;
        if let (Some(inner), Method::KFold { nested: Some(Nested { folds }), seed, validation, .. }) =
            (self.inner, &self.method)
        {
            let mut inner_folds = split::nested(dealt, (self.fold, &fold), *folds, *seed, *validation).map_err(one)?;
            if inner >= inner_folds.len() {
                return Err(Failure::NoFold { fold: inner, folds: inner_folds.len() });
            }
            fold = inner_folds.swap_remove(inner);
        }
        let leak = leaky.then(|| Leak::of(&fold, members));
        Ok(Cut { fold, leak })
    }

    fn fold(&self, members: &[Member], resolve: &dyn Fn(&Location) -> PathBuf) -> Result<Fold, Failure> {
        let one = |error| Failure::Split(vec![error]);
        let mut folds = match &self.method {
            Method::KFold { folds, validation, seed, repeats, .. } => {
                let repetition = |repetition: usize| {
                    // The first is what there was before there were repetitions.
                    let seed = seed ^ (repetition as u64).wrapping_mul(0xd1b5_4a32_d192_ed03);
                    split::kfold_by_patient(members, *folds, seed, *validation)
                };
                let dealt: Result<Vec<_>, _> = (0..*repeats).map(repetition).collect();
                dealt.map_err(one)?.concat()
            }
            Method::LeaveOneSiteOut { validation, seed } => {
                split::leave_one_site_out(members, *seed, *validation).map_err(one)?
            }
            Method::HoldOut { test, validation, seed, .. } => {
                vec![split::hold_out(members, *seed, *test, *validation).map_err(one)?]
            }
            Method::Official { validation, seed } => {
                vec![split::official(members, *seed, *validation).map_err(Failure::Split)?]
            }
            Method::File { path, validation } => given(&resolve(path), members, *validation)?,
        };
        let count = folds.len();
        if self.fold >= count {
            return Err(Failure::NoFold { fold: self.fold, folds: count });
        }
        Ok(folds.swap_remove(self.fold))
    }
}

fn given(path: &Path, members: &[Member], validation: Probability) -> Result<Vec<Fold>, Failure> {
    let text = fs::read_to_string(path).map_err(|source| Failure::read(path, source))?;
    let told = |errors: Vec<SplitError>| Failure::Split(errors.into_iter().map(|error| error.in_file(path)).collect());
    let mut folds = split::from_text(&text).map_err(|error| told(vec![error]))?;
    split::check_given(&folds, members).map_err(told)?;
    if validation.get() > 0.0 {
        split::carve_validation(&mut folds, members, 0, validation).map_err(|error| told(vec![error]))?;
    }
    Ok(folds)
}

/// What a consumer reads of a case, and therefore depends on.
#[derive(Clone, Copy)]
enum Reads {
    Image,
    Mask,
    Both,
}

fn write(Cut { fold, leak }: &Cut, pack: &Pack, context: &Context) -> Result<(), Failure> {
    let select = |ids: &[String], reads: Reads| -> Result<Vec<Selected>, Failure> {
        ids.iter()
            .map(|id| {
                let position = pack.find(id).ok_or_else(|| Failure::CaseMissing { case: id.clone() })?;
                let entry = &pack.entries()[position];
                let Entry { patient, image_digest, mask_digest, .. } = entry;
                if mask_digest.is_none() {
                    return Err(Failure::NoMask { case: id.clone() });
                }
                Ok(Selected {
                    id: id.clone(),
                    patient: patient.clone(),
                    image: matches!(reads, Reads::Image | Reads::Both).then(|| image_digest.clone()),
                    mask: mask_digest.clone().filter(|_| matches!(reads, Reads::Mask | Reads::Both)),
                    // Where voxels lie changes a written prediction and distances in millimetres, but no training.
                    about: matches!(reads, Reads::Image | Reads::Mask).then(|| entry.about()),
                })
            })
            .collect()
    };
    if fold.test.is_empty() {
        return Err(Failure::EmptyPart { part: "test" });
    }
    let training = Selection {
        train: select(&fold.train, Reads::Both)?,
        validation: select(&fold.validation, Reads::Both)?,
        ..Selection::default()
    };
    training.write(context.output("training"))?;
    let classes = pack.classes().to_vec();
    let images =
        Selection { test: select(&fold.test, Reads::Image)?, classes: classes.clone(), ..Selection::default() };
    images.write(context.output("images"))?;
    let truth = Selection { test: select(&fold.test, Reads::Mask)?, classes, leak: *leak, ..Selection::default() };
    truth.write(context.output("truth"))
}

#[cfg(test)]
mod tests;
