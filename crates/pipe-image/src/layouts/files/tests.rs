//! Tests of `files`.
//! They do not know more than its public functions give.

mod known;
mod space;
mod stacks;

use super::*;
use crate::fixture::{DataFolder, real_data};
use crate::{Layout, Native};

fn layout(text: &str) -> Layout {
    Layout::Files(serde_json::from_str(text).expect("the layout is good"))
}

/// Gives `file: reason` of every problem.
fn problems(text: &str, data: &DataFolder) -> Vec<String> {
    let problems = layout(text).check(data.path()).expect_err("the data set is wrong").list;
    let line = |problem: &DataProblem| format!("{}: {}: {}", problem.file, problem.what, problem.reason);
    let mut lines: Vec<_> = problems.iter().map(line).collect();
    lines.sort();
    lines
}

/// Reads all cases.
#[track_caller]
fn cases(text: &str, root: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    layout(text)
        .load(root, |case| case, |_, case| cases.push(case))
        .unwrap_or_else(|problems| panic!("the data set is good: {problems}"));
    cases
}

fn labels(case: &Case) -> &[u8] {
    &case.mask.as_ref().expect("it has a mask").labels
}

#[test]
fn names_join_images_and_masks_of_official_parts() {
    let data = DataFolder::new();
    for (part, number) in [("Training", 1), ("Training", 10), ("Test", 2)] {
        data.row(&format!("{part}_Data/ISIC_{number:03}.png"), &[1, 2])
            .row(&format!("{part}_GroundTruth/ISIC_{number}_Segmentation.png"), &[0, 255]);
    }
    data.row("Training_Data/ISIC_001_superpixels.png", &[1, 2]).row("Extra_Data/ISIC_001.png", &[1, 2]);
    data.row("Extra_GroundTruth/ISIC_001_Segmentation.png", &[1, 2]);
    let text = r#"{
        "images": ["{part}_Data/ISIC_{case}.png"], "ignore": ["{any1}/{any2}_superpixels.png"],
        "masks": {"files": {"paths": ["{part}_GroundTruth/ISIC_{case}_Segmentation.png"]}},
        "parts": {"train": "Training", "test": "Test"}
    }"#;
    let found = cases(text, data.path());
    let named: Vec<_> = found.iter().map(|case| (case.id.as_str(), case.part)).collect();
    assert_eq!(
        named,
        [("test_002", Some(Part::Test)), ("train_001", Some(Part::Train)), ("train_010", Some(Part::Train))]
    );
    assert!(found.iter().all(|case| labels(case) == [0, 1]));
}

#[test]
fn parts_have_their_usual_words() {
    let data = DataFolder::new();
    for part in ["Train", "val", "testing"] {
        data.row(&format!("{part}/a.png"), &[1]);
    }
    let text = r#"{"images": ["{part}/{case}.png"]}"#;
    let found: Vec<_> = cases(text, data.path()).iter().map(|case| (case.id.clone(), case.part)).collect();
    let expected = [("test_a", Part::Test), ("train_a", Part::Train), ("validation_a", Part::Validation)];
    assert_eq!(found, expected.map(|(id, part)| (id.to_owned(), Some(part))));
    data.row("extra/a.png", &[1]).row("extra/b.png", &[1]);
    let strange = ["extra/a.png: annotations: `extra` stands where `{part}` is, and is no part that is known"];
    assert_eq!(problems(text, &data), strange);
}

#[test]
fn frames_and_channels_become_one_image() {
    let data = DataFolder::new();
    for frame in [2, 10, 1] {
        for channel in ["ed", "t1"] {
            let value = frame as u8 * 2 + u8::from(channel == "t1");
            data.row(&format!("p7/s1_f{frame}_{channel}.png"), &[value, 0]);
        }
    }
    data.row("p7/s1_f2_label.png", &[255, 0]);
    let text = r#"{"images": ["p{patient}/{case}_f{frame}_{channel}.png"],
        "masks": {"files": {"paths": ["p{patient}/{case}_f{frame}_label.png"]}}}"#;
    let found = cases(text, data.path());
    let [case] = found.as_slice() else { panic!("one sequence: {found:?}") };
    assert_eq!((case.image.shape(), case.label_frame, case.patient.as_str()), ([3, 2, 1, 2], 1, "7"));
    assert_eq!(case.image.data, [2.0, 0.0, 3.0, 0.0, 4.0, 0.0, 5.0, 0.0, 20.0, 0.0, 21.0, 0.0]);
    data.row("p7/s1_f11_ed.png", &[1, 1]);
    let missing = ["p7/s1_f11_ed.png: missing frame: its channels are ed, those of others ed, t1"];
    assert_eq!(problems(text, &data), missing);
}

#[test]
fn objects_are_united_and_classes_may_overlap() {
    let data = DataFolder::new();
    data.row("a/images/a.png", &[9, 9, 9]).row("a/masks/x1.png", &[255, 0, 0]).row("a/masks/x2.png", &[0, 0, 255]);
    let text =
        r#"{"images": ["{case}/images/{any}.png"], "masks": {"files": {"paths": ["{case}/masks/{object}.png"]}}}"#;
    assert_eq!(labels(&cases(text, data.path())[0]), [1, 0, 1]);
    let twice = problems(&text.replace("{object}", "{any1}"), &data);
    assert_eq!(twice, ["a/masks/x2.png: duplicate case: `a/masks/x1.png` labels the same image"]);
    let hint = &layout(&text.replace("{object}", "{any1}")).survey(data.path()).problems[0].hint;
    assert!(hint.contains("`{object}`, which unites them") && hint.contains("`masks: { classes: "), "{hint}");

    let data = DataFolder::new();
    data.row("img/a.png", &[9, 9]).row("left/a.png", &[255, 255]).row("right/a.png", &[0, 255]);
    data.row("img/b.png", &[9, 9]).row("left/b.png", &[0, 255]);
    let text = r#"{"images": ["img/{case}.png"], "masks": {"classes": {"classes": [
        {"name": "left", "paths": ["left/{case}.png"]}, {"name": "right", "paths": ["right/{case}.png"]}]}}}"#;
    let found = cases(text, data.path());
    assert_eq!((labels(&found[0]), labels(&found[1])), (&[1, 1, 0, 1][..], &[0, 1, 0, 0][..]));
    assert_eq!(found[0].mask.as_ref().map(|mask| mask.layers), Some(2));
}

#[test]
fn runs_go_by_rows_or_by_columns() {
    let data = DataFolder::new();
    data.flat("scan/c1_s1.png", 3, 2, 9).flat("scan/c1_s02.png", 3, 2, 9);
    data.file("train.csv", b"id,class,runs\nc1_s1,a,1 2\nc1_s1,b,2 2 6 1\nc1_s2,a,\nc1_s2,b,\n");
    let text = |order: &str| {
        format!(
            r#"{{"images": ["scan/c{{case}}_s{{slice}}.png"], "patient": "{{case}}", "masks": {{"runs": {{"table": "train.csv",
            "image": "id", "pattern": "c{{case}}_s{{slice}}", "runs": "runs", "order": "{order}", "class": "class",
            "classes": ["a", "b"]}}}}}}"#
        )
    };
    let found = cases(&text("rows"), data.path());
    let second = &found[1];
    assert_eq!((second.id.as_str(), second.patient.as_str(), labels(second)), ("1_02", "1", &[0; 12][..]));
    assert_eq!(labels(&found[0]), [1, 1, 0, 0, 0, 0, 0, 1, 1, 0, 0, 1]);
    assert_eq!(labels(&cases(&text("columns"), data.path())[0]), [1, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 1]);
    data.file("train.csv", b"id,class,runs\nc1_s1,a,1 2 3\nc1_s1,c,\nx,a,\nc1_s2,a,6 2\n");
    assert_eq!(
        problems(&text("rows"), &data),
        [
            "train.csv: annotations: line 2: 3 numbers are no pairs of start and length",
            "train.csv: annotations: line 3: its class is none of a, b",
            "train.csv: annotations: line 4: `x` does not match `c{case}_s{slice}`",
            "train.csv: annotations: line 5: run 1 (`6 2`) lies outside of 6 pixels of 3x2",
        ]
    );
    assert_eq!(problems(&text("rows").replace("\"runs\": \"runs\"", "\"runs\": \"rle\""), &data).len(), 3);
}

#[test]
fn two_cases_never_become_one() {
    let data = DataFolder::new();
    // By frames they would be one sequence.
    data.row("a_b/c-1.png", &[1]).row("a/b_c-2.png", &[2]);
    let text = r#"{"images": ["{patient}/{case}-{frame}.png"]}"#;
    let expected = "a_b/c-1.png: duplicate case: `a/b_c-2.png` is of another case, and both would be called `a_b_c`";
    assert_eq!(problems(text, &data), [expected]);
    let by_case = r#"{"images": ["{patient}/{case}-{frame}.png"], "case": "{patient}_{case}"}"#;
    assert_eq!(problems(by_case, &data), [expected]);
    assert_eq!(cases(&by_case.replace("}_{", "}-{"), data.path()).len(), 2);
}

#[test]
fn frames_are_numbers() {
    let data = DataFolder::new();
    data.row("a_10.png", &[1]).row("a_9.png", &[2]);
    let text = r#"{"images": ["{case}_{frame}.png"]}"#;
    assert_eq!(cases(text, data.path())[0].image.data, [2.0, 1.0]);
    data.row("b_1.png", &[1]).row("b_ed.png", &[2]);
    let expected =
        "b_ed.png: missing frame: `{frame}` is `ed`, and frames are numbers, in whose order they follow each other";
    assert_eq!(problems(text, &data), [expected]);
}

#[test]
fn rows_of_images_that_are_not_there_are_remarked() {
    let data = DataFolder::new();
    data.flat("scan/c1_s1.png", 3, 2, 9).file("sites.csv", b"c,site\n1,x\n02,y\n");
    data.file("train.csv", b"id,runs\nc1_s1,1 2\nc1_s2,\nc2_s1,1 1\nc2_s2,1 1\nc2_s3,1 1\n");
    let text = r#"{"images": ["scan/c{case}_s{slice}.png"], "tables": [{"table": "sites.csv", "columns": {"case": "c", "site": "site"}}],
        "masks": {"runs": {"table": "train.csv", "image": "id", "pattern": "c{case}_s{slice}", "runs": "runs", "order": "rows"}}}"#;
    let survey = layout(text).survey(data.path());
    assert_eq!((survey.cases.len(), survey.problems), (1, vec![]));
    let remarks: Vec<String> = survey.remarks.into_iter().map(|finding| finding.text).collect();
    let expected = [
        "no image belongs to 1 row of `sites.csv` (line 3: case 02, site y)",
        "no image belongs to 4 rows of `train.csv` (line 3: case 1, slice 2; line 4: case 2, slice 1; line 5: case 2, slice 2; ..)",
    ];
    assert_eq!(remarks, expected);
    let both = data.flat("scan/c2_s1.png", 3, 2, 9).flat("scan/c2_s2.png", 3, 2, 9).flat("scan/c2_s3.png", 3, 2, 9);
    assert_eq!(layout(text).survey(both.flat("scan/c1_s2.png", 3, 2, 9).path()).remarks, []);
}

#[test]
fn crops_lie_where_the_table_says() {
    let data = DataFolder::new();
    data.flat("images/x.png", 4, 3, 9).flat("masks/1.png", 2, 1, 255).flat("masks/2.png", 1, 2, 255);
    let head = "Class,Image,Mask,Top,Left\n";
    let text = r#"{"images": ["images/{case}.png"], "masks": {"crops": {"table": "t.csv", "image": "Image",
        "pattern": "images/{case}.png", "mask": "Mask", "top": "Top", "left": "Left", "class": "Class", "classes": ["l", "r"]}}}"#;
    data.file(
        "t.csv",
        format!("{head}r,images/x.png,masks/2.png,1,3\nl,images/x.png,masks/1.png,0,1\nm,images/x.png,,0,0\n")
            .as_bytes(),
    );
    assert_eq!(labels(&cases(text, data.path())[0]), [0, 1, 1, 0, 0, 0, 0, 2, 0, 0, 0, 2]);
    data.file(
        "t.csv",
        format!("{head}l,images/x.png,masks/1.png,0,3\nl,images/x.png,masks/1.png,-1,3\nl,images/x.png,../1.png,0,0\n")
            .as_bytes(),
    );
    assert_eq!(
        problems(text, &data),
        [
            "t.csv: annotations: line 2: `masks/1.png`, 2x1, does not fit into an image of 4x3 at row 0, column 3",
            "t.csv: annotations: line 3: `-1` is no place in an image",
            "t.csv: annotations: line 4: `../1.png` lies outside of the data set"
        ]
    );
}

#[test]
fn contours_and_tables_of_ids() {
    let data = DataFolder::new();
    data.flat("dicoms/SCD01/48.png", 6, 6, 9).file("link.csv", b"patient_id,original_id\nSCD01,HF-1\n");
    data.file("contours/HF-01/o-48.txt", b"1 1\n5 1\n5 5\n1 5\n")
        .file("contours/HF-01/i-0048.txt", b"2 2\n4 2\n4 4\n2 4\n");
    let text = r#"{"images": ["dicoms/{patient}/{slice}.png"],
        "tables": [{"table": "link.csv", "columns": {"patient": "patient_id", "original": "original_id"}}],
        "masks": {"contours": {"classes": [{"name": "epicardium", "paths": ["contours/{original}/o-{slice}.txt"]},
            {"name": "endocardium", "paths": ["contours/{original}/i-{slice}.txt"]}]}}}"#;
    let found = cases(text, data.path());
    let mask = found[0].mask.as_ref().expect("it has a mask");
    assert_eq!((found[0].patient.as_str(), mask.labels[21], mask.labels[14], mask.labels[0]), ("SCD01", 2, 1, 0));
    data.file("contours/HF-01/i-0048.txt", b"2 2\nx y\n");
    assert_eq!(problems(text, &data), ["contours/HF-01/i-0048.txt: annotations: line 2: `x y` is no corner `x y`"]);
}

#[test]
fn tables_that_miss_or_contradict_are_problems() {
    let data = DataFolder::new();
    data.row("0.png", &[1]).row("1.png", &[1]).row("2.png", &[1]);
    let text = r#"{"images": ["{case}.png"], "tables": [{"table": "t.csv", "columns": {"case": "image", "patient": "patient"}}]}"#;
    data.file("t.csv", b"image,patient\n00,A\n1,B\n2,B\n");
    assert_eq!(cases(text, data.path()).iter().map(|case| case.patient.as_str()).collect::<Vec<_>>(), ["A", "B", "B"]);
    data.file("t.csv", b"image,patient\n0,A\n1,\nimg_2,C\n0,D\n");
    assert_eq!(
        problems(text, &data),
        [
            "2.png: annotations: no row of `t.csv` has `case` 2",
            "t.csv: annotations: line 3 does not say the patient of 1.png",
            "t.csv: annotations: line 5 says that `patient` is `D`, line 2 of t.csv `A`",
        ]
    );
    data.file("t.csv", b"image,patient\n0,A\n");
    let partial = text.replace("\"table\":", "\"partial\": true, \"table\":");
    assert_eq!(
        cases(&partial, data.path()).iter().map(|case| case.patient.as_str()).collect::<Vec<_>>(),
        ["A", "1", "2"]
    );
}

#[test]
fn what_only_looks_alike_is_not_joined() {
    let data = DataFolder::new();
    // Patient 1 has two acquisitions, and one folder writes a zero in front.
    data.row("cine/patient1.png", &[1]).row("late/patient01.png", &[1]);
    let found = cases(r#"{"images": ["{kind}/patient{patient}.png"]}"#, data.path());
    assert_eq!(found.iter().map(|case| case.patient.as_str()).collect::<Vec<_>>(), ["1", "1"]);
    let data = DataFolder::new();
    data.row("i/a_t1.png", &[1]).row("i/a_t2.png", &[1]).row("i/b_t1.png", &[1]).row("i/b_t2.png", &[1]);
    data.row("i/c_t2.png", &[1]).row("i/c_flair.png", &[1]);
    let text = r#"{"images": ["i/{case}_{channel}.png"]}"#;
    assert_eq!(
        problems(text, &data),
        ["i/c_flair.png: missing frame: its channels are flair, t2, those of 2 other cases t1, t2"]
    );
    let data = DataFolder::new();
    data.row("i/a_1.png", &[1]).row("i/a_2.png", &[1]).row("m/a_5.png", &[1]);
    let text = r#"{"images": ["i/{case}_{frame}.png"], "masks": {"files": {"paths": ["m/{case}_{frame}.png"]}}}"#;
    assert_eq!(problems(text, &data), ["m/a_5.png: missing frame: it is of frame 5, and the images are of 1, 2"]);
}

#[test]
fn a_file_of_keys_for_each_patient() {
    let data = DataFolder::new();
    data.row("training/patient001/f01.png", &[1]).row("training/patient002/f01.png", &[1]);
    data.file("training/patient001/Info.cfg", b"ED: 1\n\nGroup: DCM \nHeight=184.0\n");
    data.file("training/patient002/Info.cfg", b"# by hand\nGroup: NOR\nHeight: \nED: 1\n");
    let text = r#"{"images": ["{part}/patient{patient}/f{phase}.png"], "case": "{patient}", "parts": {"train": "training"},
        "tables": [{"table": "{part}/patient{patient}/Info.cfg", "form": "pairs", "columns": {"group": "Group", "height": "Height"}}]}"#;
    let found = cases(text, data.path());
    let tags = |at: usize| found[at].tags.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>();
    assert_eq!(tags(0), ["group DCM", "height 184.0", "phase 01"]);
    assert_eq!(tags(1), ["group NOR", "phase 01"]);
    data.file("training/patient002/Info.cfg", b"Group NOR\n");
    let wrong = "training/patient002/Info.cfg: annotations: line 1: `Group NOR` is no `key: value`";
    assert_eq!(problems(text, &data), [wrong]);
    let none = text.replace("Info.cfg", "Other.cfg");
    assert_eq!(
        problems(&none, &data),
        ["{part}/patient{patient}/Other.cfg: annotations: no file matches this pattern"]
    );
}

#[test]
fn what_is_missing_or_twice_is_named() {
    let data = DataFolder::new();
    let text = r#"{"images": ["{case}/i_{any}.png"], "masks": {"files": {"paths": ["{case}/m.png"]}}}"#;
    data.row("a/other.png", &[1]);
    let found = problems(text, &data);
    assert_eq!(found, [".: no cases: none of 1 files matches `{case}/i_{any}.png`"]);
    data.row("a/i_1.png", &[1]).row("b/m.png", &[1]);
    let missing = [
        "a/i_1.png: image without mask: no mask has its names",
        "b/m.png: mask without image: no image has the names of this mask",
    ];
    assert_eq!(problems(text, &data), missing);
    data.row("a/m.png", &[1]).row("a/i_2.png", &[1]).row("b/i_1.png", &[1, 2]);
    let found = problems(text, &data);
    assert_eq!(found[0], "a/i_2.png: duplicate case: `a/i_1.png` is the same case by its names");
    assert_eq!(found[1], "b/m.png: sizes differ: it is 1x1, but the image is 2x1");
}

#[test]
fn real_data_of_four_layouts() {
    let Some(root) = real_data("uwmgi/derived_official_layout/uw-madison-gi-tract-image-segmentation") else { return };
    let text = r#"{"images": ["train/{any1}/case{case}_day{day}/scans/slice_{slice}_{any2}_{any3}_{sx}_{sy}.png"],
        "case": "case{case}_day{day}_slice_{slice}", "patient": "case{case}", "spacing": ["{sy}", "{sx}"],
        "masks": {"runs": {"table": "train.csv", "image": "id", "pattern": "case{case}_day{day}_slice_{slice}",
            "runs": "segmentation", "order": "rows", "class": "class",
            "classes": ["large_bowel", "small_bowel", "stomach"]}}}"#;
    let found = cases(text, &root);
    assert_eq!((found.len(), found[0].spacing, found[0].full_scale), (14, Some([0.0, 1.5, 1.5]), Some(65535.0)));
    // The sum of all lengths in the rows of these slices.
    let lengths = |case: &Case| {
        let table = std::fs::read_to_string(root.join("train.csv")).expect("the table is there");
        let rows = table.lines().filter(|line| line.starts_with(&format!("{},", case.id)));
        let runs = rows.filter_map(|line| line.rsplit(',').next().map(str::to_owned));
        runs.flat_map(|runs| runs.split(' ').skip(1).step_by(2).filter_map(|n| n.parse().ok()).collect::<Vec<usize>>())
            .sum::<usize>()
    };
    for case in &found {
        assert_eq!(case.mask.as_ref().map(crate::Mask::foreground), Some(lengths(case)), "{}", case.id);
    }

    let Some(root) = real_data("nuclei/dsb2018_sample") else { return };
    let text = r#"{"images": ["stage1_train/{case}/images/{any}.png"],
        "masks": {"files": {"paths": ["stage1_train/{case}/masks/{object}.png"]}}}"#;
    let found = cases(text, &root);
    assert!(found.len() == 20 && found.iter().all(|case| case.mask.as_ref().is_some_and(|mask| mask.foreground() > 0)));

    let Some(root) = real_data("lung/covid19_cxr_segmentations") else { return };
    let text = r#"{"images": ["images/{case}.{any}"], "presence": "optional", "masks": {"crops": {"table": "structure.csv",
        "image": "Image", "pattern": "images/{case}.{any}", "mask": "Mask", "top": "Top", "left": "Left", "class": "Class",
        "classes": ["COVID-19 Left Lung", "COVID-19 Right Lung"]}}}"#;
    let found = layout(text).survey(&root);
    assert!(found.cases.len() > 30, "{:?}", found.problems);
}
