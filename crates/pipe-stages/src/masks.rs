//! `masks`: probabilities to mask files for people and other programs, on the grids of the files that the images came from.
//!
//! Does not know networks or reference masks.

use std::{collections::BTreeSet, fs, path::Path};

use indexmap::IndexMap;
use pipe_engine::{Context, Input, Inputs, Output, Ports, Presence, Stage, StageFailure};
use pipe_image::{
    Entry, Image, Mask, Native, Pack,
    formats::{Voxels, write_nifti, write_png},
    number::{Probability, Size},
    prepare::Interpolation,
    resize,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    artifacts::{MASKS, PREDICTION},
    failure::Failure,
};

/// Writes the predictions of one fold as mask files.
///
/// In an experiment one line adds it: `stages: { masks: { kind: masks, needs: predict } }`. It is in no pipeline by itself, since most
/// experiments are after numbers, and masks of all folds take disk.
///
/// * Probabilities are resized to the size of the file, linearly, and only then become classes.
/// * Volumes, and all that lies somewhere in space (NIfTI, DICOM), become `<case>.nii.gz` with the affine and the distances of their file;
///   class ids as uint8. Slices that are cases of their own become one volume again; a slice that was not predicted stays background.
/// * Pictures become `<case>.png`: gray, 8 bits, the class ids as they are (so 1 looks black: they are numbers, not a picture).
/// * Classes that may overlap become one file each: `<case>_<class>`, `<case>_class1` ... where they have no names, 1 where the class is.
/// * `index.csv` says of every file which case, patient and image it is of.
pub struct Masks;

/// How probabilities become files.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MasksWith {
    /// Probabilities at or above it are foreground, if there is one map, or classes may overlap; else the likeliest class wins.
    #[serde(default = "half")]
    pub threshold: Probability,
    /// Also writes the probabilities, as `probabilities/<case>.nii.gz` of float32, the maps as fourth axis.
    #[serde(default)]
    pub probabilities: bool,
}

fn half() -> Probability {
    Probability::HALF
}

impl Stage for Masks {
    const NAME: &'static str = "masks";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "writes predicted masks as NIfTI and PNG files on the grids of their images";
    type With = MasksWith;

    fn ports(_: &MasksWith) -> Ports {
        Ports {
            inputs: Inputs::Typed(vec![Input::counted("prediction", PREDICTION, Presence::Required)]),
            outputs: vec![Output::folder("masks", MASKS)],
        }
    }

    fn run(with: MasksWith, context: &Context) -> Result<(), StageFailure> {
        masks(&with, context).map_err(StageFailure::of)
    }
}

/// Below the output: where probabilities lie.
const PROBABILITIES: &str = "probabilities";

fn masks(with: &MasksWith, context: &Context) -> Result<(), Failure> {
    /// Volumes that are in memory at a time.
    const GROUP: usize = 8;
    let predictions = Pack::open(context.input("prediction"))?;
    let folder = context.output("masks");
    let probabilities = folder.join(PROBABILITIES);
    let made = if with.probabilities { &probabilities } else { folder };
    fs::create_dir_all(made).map_err(|source| Failure::write(made, source))?;
    let subjects = subjects(predictions.entries());
    let mut rows = Vec::new();
    for group in subjects.chunks(GROUP) {
        let written: Vec<Vec<Row>> = group
            .par_iter()
            .map(|subject| Drawn::of(subject, &predictions, with)?.write(subject, predictions.classes(), folder))
            .collect::<Result<_, Failure>>()?;
        rows.extend(written.into_iter().flatten());
        context.progress((rows.len()) as u64, None, "files", "");
    }
    let path = folder.join("index.csv");
    fs::write(&path, index(&rows)).map_err(|source| Failure::write(&path, source))
}

/// What becomes one file: a case, or all slices of a volume that are cases.
struct Subject<'a> {
    /// The name of the case or of the volume.
    id: String,
    /// What its files are called: the name without what may not stand in one.
    file: String,
    entries: Vec<(usize, &'a Entry)>,
}

impl Subject<'_> {
    fn native(&self) -> &Native {
        &self.entries[0].1.native
    }
}

/// A name without what may not stand in that of a file.
fn plain(name: &str) -> String {
    let plain = |letter: char| if letter.is_alphanumeric() || "-_. ()+".contains(letter) { letter } else { '_' };
    name.trim_start_matches('.').chars().map(plain).collect()
}

fn subjects(entries: &[Entry]) -> Vec<Subject<'_>> {
    let mut by_id: IndexMap<&str, Vec<(usize, &Entry)>> = IndexMap::new();
    for (at, entry) in entries.iter().enumerate() {
        let id = entry.native.slice.as_ref().map_or(&entry.id, |slice| &slice.volume);
        by_id.entry(id).or_default().push((at, entry));
    }
    let mut taken = BTreeSet::new();
    let mut subject = |(id, entries): (&str, Vec<_>)| {
        let name = plain(id);
        // Names that differ in a sign alone must not write over each other, nor those that a file system takes for one.
        let numbered = (1..).map(|number| if number == 1 { name.clone() } else { format!("{name}-{number}") });
        let file = numbered.into_iter().find(|name| taken.insert(name.to_lowercase())).expect("numbers do not end");
        Subject { id: id.to_owned(), file, entries }
    };
    by_id.into_iter().map(&mut subject).collect()
}

/// Classes on the grid of a file, and the probabilities if they are wanted.
struct Drawn {
    mask: Mask,
    /// Slices, rows, columns, maps.
    probabilities: Option<Vec<f32>>,
}

impl Drawn {
    fn of(subject: &Subject<'_>, predictions: &Pack, with: &MasksWith) -> Result<Self, Failure> {
        let Native { slices, height, width, .. } = *subject.native();
        let (grid, area) = ([slices, height, width], height * width);
        let mut drawn: Option<Self> = None;
        for (at, entry) in &subject.entries {
            let prediction = predictions.image(*at);
            let maps = prediction.channels;
            let wrong = || {
                let found = [prediction.frames, prediction.height, prediction.width];
                Failure::Grid { case: entry.id.clone(), prediction: found, file: grid }
            };
            let same = [entry.native.slices, entry.native.height, entry.native.width] == grid;
            let first = match &entry.native.slice {
                Some(slice) if same && slice.at < slices && prediction.frames == 1 => slice.at,
                None if same && prediction.frames == slices => 0,
                _ => return Err(wrong()),
            };
            for frame in 0..prediction.frames {
                let data = prediction.frame(frame).to_vec();
                let plane =
                    Image { frames: 1, channels: maps, height: prediction.height, width: prediction.width, data };
                let plane = resize::image(plane, Size { height, width }, Interpolation::Bilinear);
                let decided = Mask::decided(&plane, entry.maps, with.threshold.get());
                let layers = decided.layers;
                let drawn = drawn.get_or_insert_with(|| Self {
                    mask: Mask { layers, depth: slices, height, width, labels: vec![0; layers * slices * area] },
                    probabilities: with.probabilities.then(|| vec![0.0; slices * area * maps]),
                });
                if drawn.mask.layers != layers {
                    return Err(wrong());
                }
                for (layer, labels) in decided.labels.chunks_exact(area.max(1)).enumerate() {
                    drawn.mask.labels[(layer * slices + first + frame) * area..][..area].copy_from_slice(labels);
                }
                if let Some(values) = &mut drawn.probabilities {
                    let slice = &mut values[(first + frame) * area * maps..][..area * maps];
                    for (map, plane) in plane.planes().enumerate() {
                        slice.iter_mut().skip(map).step_by(maps).zip(plane).for_each(|(to, value)| *to = *value);
                    }
                }
            }
        }
        Ok(drawn.expect("a subject has a case"))
    }

    fn write(self, subject: &Subject<'_>, classes: &[String], folder: &Path) -> Result<Vec<Row>, Failure> {
        let Native { slices, height, width, geometry, file: source, .. } = subject.native();
        let grid = [*slices, *height, *width];
        let in_space = geometry.is_some() || *slices > 1;
        let nifti = |voxels: Voxels<'_>, maps: usize| {
            let [slices, height, width] = grid;
            write_nifti(voxels, [slices, height, width, maps], geometry.as_ref())
                .map_err(|source| Failure::TooLong { case: subject.id.clone(), source })
        };
        let save = |name: String, bytes: Vec<u8>| {
            let path = folder.join(&name);
            fs::write(&path, bytes).map_err(|source| Failure::write(&path, source)).map(|()| name)
        };
        let probabilities = match &self.probabilities {
            None => String::new(),
            Some(values) => {
                let maps = values.len() / (slices * height * width).max(1);
                save(format!("{PROBABILITIES}/{}.nii.gz", subject.file), nifti(Voxels::Values(values), maps)?)?
            }
        };
        let layers = self.mask.layers;
        let files = self.mask.labels.chunks_exact(self.mask.size().max(1)).enumerate().map(|(layer, labels)| {
            let (class, name) = match (layers, classes.get(layer)) {
                (1, _) => (String::new(), subject.file.clone()),
                (_, Some(class)) => (class.clone(), format!("{}_{}", subject.file, plain(class))),
                (_, None) => ((layer + 1).to_string(), format!("{}_class{}", subject.file, layer + 1)),
            };
            let name = if in_space {
                save(format!("{name}.nii.gz"), nifti(Voxels::Labels(labels), 1)?)?
            } else {
                save(format!("{name}.png"), write_png(labels, *height, *width))?
            };
            let entry = subject.entries[0].1;
            Ok(Row {
                known: [
                    subject.id.clone(),
                    entry.patient.clone(),
                    entry.site.clone().unwrap_or_default(),
                    entry.part.map(|part| part.name().to_owned()).unwrap_or_default(),
                    class,
                    name,
                    probabilities.clone(),
                    source.clone().unwrap_or_default(),
                    slices.to_string(),
                    (if entry.native.slice.is_some() { subject.entries.len() } else { *slices }).to_string(),
                ],
                tags: entry.tags.clone().into_iter().collect(),
            })
        });
        files.collect()
    }
}

/// The columns of the index that every file has.
const COLUMNS: [&str; 10] =
    ["case", "patient", "site", "part", "class", "mask", "probabilities", "image", "slices", "predicted_slices"];

/// A line of the index.
struct Row {
    known: [String; COLUMNS.len()],
    tags: IndexMap<String, String>,
}

/// Gives the index; a column for each tag follows.
fn index(rows: &[Row]) -> Vec<u8> {
    let tags: BTreeSet<&str> = rows.iter().flat_map(|row| row.tags.keys().map(String::as_str)).collect();
    let column = |tag: &&str| if COLUMNS.contains(tag) { format!("{tag}_of_name") } else { (*tag).to_owned() };
    let mut table = csv::Writer::from_writer(Vec::new());
    let head = COLUMNS.iter().map(|name| (*name).to_owned()).chain(tags.iter().map(column));
    table.write_record(head).expect("writing to memory");
    for row in rows {
        let tag = |tag: &&str| row.tags.get(*tag).cloned().unwrap_or_default();
        table.write_record(row.known.iter().cloned().chain(tags.iter().map(tag))).expect("writing to memory");
    }
    table.into_inner().expect("writing to memory")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use pipe_image::{Dtype, EntryMeta, Maps, PackWriter, Slice};

    use super::*;

    const WITH: MasksWith = MasksWith { threshold: Probability::HALF, probabilities: true };

    fn meta(id: &str, native: Native, maps: Maps) -> EntryMeta {
        let (id, patient) = (id.to_owned(), "p".to_owned());
        let tags = BTreeMap::from([("slice".to_owned(), "7".to_owned()), ("class".to_owned(), "x".to_owned())]);
        EntryMeta { id, patient, site: None, part: None, label_frame: 0, spacing: None, native, tags, maps }
    }

    /// A pack of predictions, each with its shape `[slices, maps, rows, columns]` and values.
    fn pack(folder: &Path, predictions: &[(EntryMeta, [usize; 4], &[f32])]) -> Pack {
        let path = folder.join("pack");
        let mut writer = PackWriter::create(&path, &[]).expect("there is room");
        for (meta, [frames, channels, height, width], data) in predictions {
            let [frames, channels, height, width] = [*frames, *channels, *height, *width];
            let image = Image { frames, channels, height, width, data: data.to_vec() };
            writer.push(meta.clone(), &image, Dtype::F32, None).expect("the arrays fit");
        }
        writer.finish().expect("there is room");
        Pack::open(&path).expect("it was just written")
    }

    #[test]
    fn slices_stand_in_their_volume_and_classes_in_their_layers() {
        let folder = tempfile::tempdir().expect("there is room");
        let slice = |at: usize| Native { slice: Some(Slice { volume: "v".to_owned(), at }), ..Native::grid([3, 1, 2]) };
        let of = |at: usize| meta(&format!("v_s{at}"), slice(at), Maps::Overlapping);
        // Two maps of one row and two columns each; the slice between was not predicted.
        let pack = pack(
            folder.path(),
            &[(of(2), [1, 2, 1, 2], &[0.9, 0.1, 0.6, 0.7]), (of(0), [1, 2, 1, 2], &[0.2, 0.5, 0.0, 0.4])],
        );
        let subjects = subjects(pack.entries());
        assert_eq!(subjects.len(), 1);
        let drawn = Drawn::of(&subjects[0], &pack, &WITH).expect("they fit");
        assert_eq!(drawn.mask.labels, [0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1]);
        let values = [0.2, 0.0, 0.5, 0.4, 0.0, 0.0, 0.0, 0.0, 0.9, 0.6, 0.1, 0.7];
        assert_eq!(drawn.probabilities.as_deref(), Some(values.as_slice()));
        fs::create_dir(folder.path().join(PROBABILITIES)).expect("there is room");
        let rows = drawn.write(&subjects[0], &["big/small".to_owned()], folder.path()).expect("there is room");
        let text = String::from_utf8(index(&rows)).expect("a table");
        let expected = "case,patient,site,part,class,mask,probabilities,image,slices,predicted_slices,class_of_name,slice\n\
                        v,p,,,big/small,v_big_small.nii.gz,probabilities/v.nii.gz,,3,2,x,7\n\
                        v,p,,,2,v_class2.nii.gz,probabilities/v.nii.gz,,3,2,x,7\n";
        assert_eq!(text, expected);
        assert!(
            folder.path().join("v_class2.nii.gz").is_file() && folder.path().join("probabilities/v.nii.gz").is_file()
        );
    }

    #[test]
    fn probabilities_are_resized_and_not_their_classes() {
        let folder = tempfile::tempdir().expect("there is room");
        let only = meta("a", Native::grid([1, 1, 8]), Maps::Exclusive);
        let pack = pack(folder.path(), &[(only, [1, 1, 1, 2], &[0.0, 0.7])]);
        let drawn = Drawn::of(&subjects(pack.entries())[0], &pack, &WITH).expect("it fits");
        // Linear from 0 to 0.7 between the centres of the two pixels: half is reached between the fifth and the sixth of eight.
        assert_eq!(drawn.mask.labels, [0, 0, 0, 0, 0, 1, 1, 1]);
    }

    #[test]
    fn what_does_not_cover_its_file_is_told() {
        let folder = tempfile::tempdir().expect("there is room");
        let many = meta("cine", Native::grid([30, 1, 2]), Maps::Exclusive);
        let pack = pack(folder.path(), &[(many, [1, 1, 1, 2], &[0.0, 0.8])]);
        let error = Drawn::of(&subjects(pack.entries())[0], &pack, &WITH).err().map(|error| error.to_string());
        let error = error.expect("one slice is not thirty");
        assert!(error.contains("case `cine` has [1, 1, 2] slices, rows and columns, its file [30, 1, 2]"), "{error}");
    }

    #[test]
    fn names_of_cases_become_names_of_files() {
        let folder = tempfile::tempdir().expect("there is room");
        let of = |id: &str| (meta(id, Native::grid([1, 1, 1]), Maps::Exclusive), [1, 1, 1, 1], [0.5].as_slice());
        let pack = pack(folder.path(), &[of("a:b"), of("a?b"), of("A_b"), of("../x"), of("benign (1)")]);
        let files: Vec<_> = subjects(pack.entries()).into_iter().map(|subject| subject.file).collect();
        assert_eq!(files, ["a_b", "a_b-2", "A_b-3", "_x", "benign (1)"]);
    }
}
