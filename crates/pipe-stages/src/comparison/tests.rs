//! Files as other programs leave them.

use std::fs;

use pipe_image::formats::{Voxels, write_nifti, write_png};
use pipe_metrics::Score;

use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("there is room"))
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn png(&self, name: &str, values: &[u8]) -> &Self {
        let path = self.at(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("there is room");
        fs::write(path, write_png(values, 1, values.len())).expect("there is room");
        self
    }

    fn nifti(&self, name: &str, voxels: Voxels<'_>, spacing: Option<f64>) -> &Self {
        let slices = match voxels {
            Voxels::Labels(labels) => labels.len(),
            Voxels::Values(values) => values.len(),
        };
        let geometry = spacing.map(|side| Geometry::new([side, 1.0, 1.0], None));
        let bytes = write_nifti(voxels, [slices / 2, 1, 2, 1], geometry.as_ref()).expect("the sides are short");
        fs::write(self.at(name), bytes).expect("there is room");
        self
    }

    fn compare(&self, prediction: &str, reference: &str, how: &Comparing) -> Result<Evaluation, String> {
        let said = |error: ComparisonError| error.to_string().replace(&format!("{}/", self.0.path().display()), "");
        compare(&self.at(prediction), &self.at(reference), how).map_err(said)
    }
}

#[track_caller]
fn score(evaluation: &Evaluation, class: usize, key: &str) -> Vec<Score> {
    let metric = evaluation.metric(key).unwrap_or_else(|| panic!("{key} was measured"));
    evaluation.cases.iter().map(|case| case.scores[class][metric]).collect()
}

#[test]
fn folders_of_pictures() {
    let folder = Folder::new();
    folder.png("p/a.png", &[0, 1, 1, 0]).png("r/a.png", &[0, 255, 0, 0]);
    folder.png("p/deep/b.png", &[0, 0, 0, 0]).png("r/deep/b.png", &[255, 255, 0, 0]);
    fs::write(folder.at("p/summary.json"), "{}").expect("there is room");
    let found = folder.compare("p", "r", &Comparing::default()).expect("they fit");
    assert_eq!((found.classes.clone(), found.unit), (vec!["foreground".to_owned()], LengthUnit::Pixel));
    let names: Vec<_> = found.cases.iter().map(|case| case.case.as_str()).collect();
    assert_eq!(names, ["a", "deep/b"]);
    assert_eq!(score(&found, 0, "dice"), [Score::Known(2.0 / 3.0), Score::Known(0.0)]);
    assert_eq!(score(&found, 0, "hd95")[1], Score::Imputed(17_f64.sqrt()));
    folder.png("r/c.png", &[0, 0, 0, 0]);
    let said = folder.compare("p", "r", &Comparing::default()).expect_err("a prediction is missing");
    assert_eq!(said, "1 reference has no prediction: r/c.png; `--common` leaves them out");
    let common = Comparing { common: true, ..Comparing::default() };
    assert_eq!(folder.compare("p", "r", &common).expect("two have partners").cases.len(), 2);
}

#[test]
fn classes_by_their_values() {
    let folder = Folder::new();
    folder.png("p.png", &[0, 1, 4, 4]).png("r.png", &[0, 1, 4, 0]);
    let found = folder.compare("p.png", "r.png", &Comparing::default()).expect("they fit");
    assert_eq!(found.classes, ["1", "4", "any class"]);
    assert_eq!(score(&found, 1, "dice"), [Score::Known(2.0 / 3.0)]);
    folder.png("r.png", &[0, 85, 170, 0]);
    let said = folder.compare("p.png", "r.png", &Comparing::default()).expect_err("other values");
    assert!(said.starts_with("predictions have the values 1, 4, references 85, 170: classes must have"), "{said}");
    let foreground = Comparing { foreground: true, ..Comparing::default() };
    let found = folder.compare("p.png", "r.png", &foreground).expect("all is one class");
    assert_eq!(score(&found, 0, "dice"), [Score::Known(0.8)]);
    let many: Vec<u8> = (0..200).collect();
    folder.png("p.png", &many).png("r.png", &many);
    let said = folder.compare("p.png", "r.png", &Comparing::default()).expect_err("no classes");
    assert!(said.starts_with("files have more than 64 values"), "{said}");
    folder.png("p.png", &[0, 2, 2, 0]).png("r.png", &[0, 3, 3, 0]);
    let said = folder.compare("p.png", "r.png", &Comparing::default()).expect_err("another class");
    assert!(said.starts_with("predictions have the values 2, references 3"), "{said}");
}

#[test]
fn volumes_in_space() {
    let folder = Folder::new();
    let labels = Voxels::Labels(&[0, 1, 0, 1]);
    folder.nifti("p.nii.gz", Voxels::Labels(&[0, 0, 0, 1]), Some(3.0)).nifti("r.nii.gz", labels, Some(3.0));
    let found = folder.compare("p.nii.gz", "r.nii.gz", &Comparing::default()).expect("they fit");
    assert_eq!((found.unit, score(&found, 0, "hd")), (LengthUnit::Millimetre, vec![Score::Known(3.0)]));
    let spaced = Comparing { spacing: Some([7.0, 1.0, 1.0]), ..Comparing::default() };
    let found = folder.compare("p.nii.gz", "r.nii.gz", &spaced).expect("they fit");
    assert_eq!(score(&found, 0, "hd"), [Score::Known(7.0)]);
    folder.nifti("p.nii.gz", Voxels::Values(&[0.1, 0.7, 0.2, 0.9]), Some(3.0));
    let found = folder.compare("p.nii.gz", "r.nii.gz", &Comparing::default()).expect("they fit");
    assert_eq!((found.threshold, score(&found, 0, "roc_auc")), (Some(0.5), vec![Score::Known(1.0)]));
    let said = folder.compare("r.nii.gz", "p.nii.gz", &Comparing::default()).expect_err("swapped");
    assert!(said.contains("are the two swapped?"), "{said}");
    folder.nifti("p.nii.gz", labels, Some(2.5));
    let said = folder.compare("p.nii.gz", "r.nii.gz", &Comparing::default()).expect_err("elsewhere");
    assert!(said.starts_with("p.nii.gz: its voxels are 1 x 1 x 2.5 mm, expected 1 x 1 x 3, by r.nii.gz"), "{said}");
    let anywhere = Comparing { anywhere: true, ..Comparing::default() };
    assert_eq!(folder.compare("p.nii.gz", "r.nii.gz", &anywhere).expect("as told").cases.len(), 1);
    // The same voxels from the other end.
    let affine = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 3.0, 0.0]];
    let grid = Geometry::new([3.0, 1.0, 1.0], Some(affine));
    for (name, values, geometry) in
        [("r", [0, 1, 0, 0], grid), ("p", [0, 0, 1, 0], grid.reversed([true, false, true], [2, 1, 2]))]
    {
        let bytes = write_nifti(Voxels::Labels(&values), [2, 1, 2, 1], Some(&geometry)).expect("the sides are short");
        fs::write(folder.at(&format!("{name}.nii.gz")), bytes).expect("there is room");
    }
    let found = folder.compare("p.nii.gz", "r.nii.gz", &Comparing::default()).expect("they lie in one place");
    assert_eq!(score(&found, 0, "dice"), [Score::Known(1.0)]);
    folder.nifti("p.nii.gz", Voxels::Labels(&[0, 1]), Some(3.0));
    let said = folder.compare("p.nii.gz", "r.nii.gz", &Comparing::default()).expect_err("a slice");
    assert_eq!(said, "p.nii.gz: it is 2x1 (columns, rows, slices), but r.nii.gz is 2x1x2");
    // Seen in the headers: what is behind them is not read, for it is not there.
    folder.png("long.png", &[0, 1, 1, 0]).png("short.png", &[0, 1, 1]);
    let bytes = fs::read(folder.at("long.png")).expect("just written");
    fs::write(folder.at("cut.png"), &bytes[..40]).expect("there is room");
    let said = folder.compare("cut.png", "short.png", &Comparing::default()).expect_err("other sizes");
    assert_eq!(said, "cut.png: it is 4x1 (columns, rows, slices), but short.png is 3x1");
    let said = folder.compare("cut.png", "long.png", &Comparing::default()).expect_err("it is cut");
    assert!(said.starts_with("cut.png: the file ends after 40 bytes"), "{said}");
    folder.nifti("p.nii.gz", Voxels::Values(&[0.1, 0.7, 2.0, 0.9]), Some(3.0));
    let said = folder.compare("p.nii.gz", "r.nii.gz", &Comparing::default()).expect_err("no probability");
    assert_eq!(said, "p.nii.gz: it has the value 2, which is no class and no probability");
    assert!(folder.compare("none", "r.nii.gz", &Comparing::default()).is_err());
}
