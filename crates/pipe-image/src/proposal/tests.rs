//! Tests of `proposal`: what is proposed is taken, and the problems are gone.
//! They do not know how it is found.

use super::*;
use crate::fixture::{DataFolder, encoded, gray, jpeg};

/// What the layout becomes when a proposal is followed.
fn followed(layout: &Layout, proposal: &Proposal) -> Layout {
    let mut tree = serde_json::to_value(layout).expect("a layout is plain data");
    for Change { path, value } in &proposal.changes {
        let path = path.strip_prefix("data.layout.").expect("all are of the layout");
        let place = path.split('.').fold(&mut tree, |tree, key| &mut tree[key]);
        place.clone_from(value);
    }
    serde_json::from_value(tree).expect("the schema takes what is proposed")
}

/// Reads a folder; gives what is proposed.
fn checked(layout: &Layout, folder: &DataFolder) -> (Vec<DataProblem>, Vec<Proposal>) {
    let survey = layout.survey(folder.path());
    let cases = survey.cases.clone();
    let mut problems = layout.read_all(folder.path(), survey, |_| (), |_, _| ());
    let proposals = proposals(layout, folder.path(), &cases, &problems);
    hinted(&mut problems, &proposals);
    (problems, proposals)
}

fn folder(settings: &str) -> Layout {
    serde_json::from_str(&format!("{{\"folder\": {settings}}}")).expect("a layout")
}

/// Masks of some contents, each with its image.
fn masks(contents: &[Vec<u8>]) -> DataFolder {
    let folder = DataFolder::new();
    for (at, bytes) in contents.iter().enumerate() {
        let header = crate::formats::decode(bytes).expect("the picture is good");
        folder
            .flat(&format!("images/x{at}.png"), header.width, header.height, 90)
            .file(&format!("masks/x{at}.png"), bytes);
    }
    folder
}

#[track_caller]
fn mends(settings: &str, contents: &[Vec<u8>], expected: &str) {
    let (layout, data) = (folder(settings), masks(contents));
    let (problems, proposals) = checked(&layout, &data);
    assert!(!problems.is_empty() && problems.iter().all(|problem| problem.what == What::MaskValues), "{problems:?}");
    assert_eq!(proposals.iter().map(Proposal::short).collect::<Vec<_>>(), [expected]);
    assert_eq!(problems[0].hint, format!("write `{expected}`"));
    let (left, _) = checked(&followed(&layout, &proposals[0]), &data);
    assert_eq!(left, []);
}

#[test]
fn encodings_that_fit_all_masks_are_proposed() {
    let row = |values: &[u8]| gray(values.len(), 1, values);
    // One file alone would mislead: only together they show all values.
    mends(
        r#"{"encoding": {"labels": {"classes": 2}}}"#,
        &[row(&[0, 255]), row(&[0, 0])],
        "encoding: { labels: { values: [0, 255], classes: 2 } }",
    );
    mends(
        r#"{"encoding": {"labels": {"classes": 2}}}"#,
        &[row(&[0, 255]), row(&[0, 128])],
        "encoding: { labels: { values: [0, 128, 255], classes: 3 } }",
    );
    mends(
        r#"{"encoding": {"labels": {"classes": 2}}}"#,
        &[row(&[0, 1, 2]), row(&[3, 1])],
        "encoding: { labels: { classes: 4 } }",
    );
    mends("{}", &[row(&[0, 1, 2]), row(&[0, 1])], "encoding: { labels: { classes: 3 } }");
    mends("{}", &[row(&[0, 100]), row(&[0, 50])], "encoding: { labels: { values: [0, 50, 100], classes: 3 } }");
    let shades: Vec<u8> = (0..=100).collect();
    mends("{}", &[row(&shades)], "encoding: { binary: { threshold: 0.1961, foreground: \"bright\" } }");
    let noisy: Vec<u8> = (0..256).map(|at| if at % 16 < 8 { 255 } else { 0 }).collect();
    mends(
        r#"{"encoding": {"labels": {"classes": 2}}}"#,
        &[jpeg(16, 16, &noisy, 90)],
        "encoding: { binary: { foreground: \"bright\" } }",
    );
    let colour = |pixels: &[u8]| encoded(pixels.len() / 3, 1, png::ColorType::Rgb, png::BitDepth::Eight, None, pixels);
    mends(
        r#"{"encoding": {"labels": {"classes": 3}}}"#,
        &[colour(&[0, 0, 0, 255, 0, 0]), colour(&[0, 255, 0, 0, 0, 0]), colour(&[0, 0, 0])],
        "encoding: { colours: [[0, 0, 0], [0, 255, 0], [255, 0, 0]] }",
    );
}

/// Objects of 8 x 2 pixels beside each other, counted from 1, above a row without one.
fn objects(count: u8) -> Vec<u8> {
    let row: Vec<u8> = (1..=count).flat_map(|object| [object; 8]).collect();
    gray(row.len(), 3, &[&vec![0; row.len()][..], &row, &row].concat())
}

#[test]
fn noise_and_numbers_of_objects_are_no_classes() {
    let labels = r#"{"encoding": {"labels": {"classes": 2}}}"#;
    let noisy: Vec<u8> = (0..256_u32).map(|at| ((at / 128) * 255) as u8 ^ (at % 5) as u8).collect();
    let half = "encoding: { binary: { threshold: 0.5, foreground: \"bright\" } }";
    mends(labels, &[gray(16, 16, &noisy), gray(2, 1, &[0, 255])], half);
    // Nothing but the noise of a dark image looks like labels to `binary`.
    mends("{}", &[gray(16, 16, &noisy), gray(5, 1, &[0, 0, 1, 2, 2])], half);
    assert_eq!(checked(&folder("{}"), &masks(&[gray(16, 16, &noisy)])).1, []);
    let one_of_another_scale = [gray(2, 1, &[0, 1]), gray(2, 1, &[0, 255]), gray(2, 1, &[0, 0])];
    mends(labels, &one_of_another_scale, "encoding: { binary: { foreground: \"bright\" } }");
    // Void beside classes is no noise.
    let void = [gray(4, 1, &[0, 1, 2, 255]), gray(2, 1, &[0, 1])];
    mends(labels, &void, "encoding: { labels: { classes: 3, ignore: 255 } }");
    let class = [gray(4, 1, &[0, 1, 2, 255]), gray(2, 1, &[0, 255])];
    mends(labels, &class, "encoding: { labels: { values: [0, 1, 2, 255], classes: 4 } }");

    let above = "encoding: { binary: { threshold: 0.0, foreground: \"bright\" } }";
    mends("{}", &[objects(14), objects(9), objects(1), objects(12)], above);
    mends(labels, &[objects(70)], above);
    // Fifteen organs in every file are classes.
    mends("{}", &[objects(15), objects(15), objects(15)], "encoding: { labels: { classes: 16 } }");
    mends("{}", &[objects(13), objects(12), objects(13), objects(11)], "encoding: { labels: { classes: 14 } }");
    // `binary` takes the first half of so many for background.
    let data = masks(&[objects(200), objects(3), objects(90)]);
    let (problems, proposals) = checked(&folder(r#"{"encoding": {"binary": {"foreground": "bright"}}}"#), &data);
    assert!(problems.len() == 2 && proposals[0].why.contains("numbers of objects"), "{problems:?} {proposals:?}");
    let (problems, proposals) = checked(&folder("{}"), &masks(&[objects(200)]));
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!((proposals[0].mends, proposals[0].short().as_str()), (None, above));
}

#[test]
fn what_binary_takes_for_foreground_is_told() {
    let data = masks(&[gray(3, 1, &[0, 128, 255]), gray(3, 1, &[0, 255, 0])]);
    let layout = folder("{}");
    let (problems, proposals) = checked(&layout, &data);
    assert!(problems.is_empty() && proposals.len() == 1, "{problems:?}, {proposals:?}");
    assert_eq!(
        (proposals[0].mends, proposals[0].yaml.as_str()),
        (None, "data: { layout: { folder: { encoding: { labels: { values: [0, 128, 255], classes: 3 } } } } }")
    );
    checked(&followed(&layout, &proposals[0]), &data);
    // Plain masks, and soft borders, are what `binary` is for.
    assert_eq!(checked(&layout, &masks(&[gray(2, 1, &[0, 255])])).1, []);
    let soft: Vec<u8> = (0..=255).collect();
    assert_eq!(checked(&layout, &masks(&[gray(256, 1, &soft)])).1, []);
}

/// Empty files of these names.
fn named(names: &[&str]) -> DataFolder {
    let folder = DataFolder::new();
    for name in names {
        folder.flat(name, 4, 4, 0);
    }
    folder
}

#[track_caller]
fn pairs(names: &[&str], expected: &[&str]) {
    proposes(&folder("{}"), names, expected);
}

/// What is proposed for these files; the first of it mends them.
#[track_caller]
fn proposes(layout: &Layout, names: &[&str], expected: &[&str]) {
    let data = named(names);
    let (_, proposals) = checked(layout, &data);
    assert_eq!(proposals.iter().map(Proposal::short).collect::<Vec<_>>(), expected);
    if let Some(proposal) = proposals.first() {
        let (left, _) = checked(&followed(layout, proposal), &data);
        assert_eq!(left, []);
    }
}

#[test]
fn suffixes_and_folders_that_bring_pairs_together_are_proposed() {
    pairs(
        &["images/1.png", "images/10.png", "images/2.png", "masks/1_mask.png", "masks/10_mask.png", "masks/2_mask.png"],
        &["mask_suffix: \"_mask\""],
    );
    pairs(
        &["images/a_img.png", "images/b_img.png", "masks/a_gt.png", "masks/b_gt.png"],
        &["image_suffix: \"_img\", mask_suffix: \"_gt\""],
    );
    pairs(&["images/a.png", "images/b.png", "labels/a.png", "labels/b.png"], &["masks: \"labels\""]);
    // One pair proves nothing, and names without a rule have none.
    pairs(&["images/a.png", "masks/a_mask.png"], &[]);
    pairs(&["images/a.png", "images/b.png", "masks/c.png", "masks/d.png"], &[]);
}

#[track_caller]
fn patients(layout: &str, names: &[&str], expected: &[&str]) {
    let layout: Layout = serde_json::from_str(layout).expect("a layout");
    let both: Vec<String> =
        names.iter().flat_map(|name| [format!("images/{name}.png"), format!("masks/{name}.png")]).collect();
    let data = named(&both.iter().map(String::as_str).collect::<Vec<_>>());
    let (problems, proposals) = checked(&layout, &data);
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(proposals.iter().map(Proposal::short).collect::<Vec<_>>(), expected);
    if let Some(proposal) = proposals.first() {
        let cases = followed(&layout, proposal).scan(data.path()).expect("nothing is wrong");
        let patients: std::collections::BTreeSet<_> = cases.iter().map(|case| &case.patient).collect();
        assert!(cases.len() == names.len() && patients.len() < names.len(), "{patients:?}");
    }
}

#[test]
fn names_that_look_like_patients_are_told() {
    let folder = r#"{"folder": {}}"#;
    let of_two = ["p01_1", "p01_2", "p02_1", "p02_2"];
    patients(folder, &of_two, &["patient: \"{patient}_{rest}\""]);
    patients(
        folder,
        &["patient-7-1", "patient-7-2", "patient-9-1", "patient-9-2"],
        &["patient: \"patient-{patient}-{rest}\""],
    );
    let files = r#"{"files": {"images": ["images/{case}.png"], "masks": {"files": {"paths": ["masks/{case}.png"]}}}}"#;
    let proposed = r#"images: ["images/{patient}_{rest}.png"], paths: ["masks/{patient}_{rest}.png"]"#;
    patients(files, &of_two, &[proposed]);
    // A number a case; sites; nothing that repeats.
    patients(folder, &["img_1", "img_2", "img_3"], &[]);
    patients(folder, &["CHNCXR_0001_0", "CHNCXR_0002_1", "MCUCXR_0003_0"], &[]);
    patients(folder, &["p1_1", "p2_1", "p3_1"], &[]);
    patients(r#"{"folder": {"patient": "{patient}_{rest}"}}"#, &of_two, &[]);
}

#[test]
fn a_mask_that_was_turned_is_told_from_one_of_another_size() {
    let data = DataFolder::new();
    data.flat("images/a.png", 6, 4, 9).flat("masks/a.png", 4, 6, 0);
    data.flat("images/b.png", 6, 4, 9).flat("masks/b.png", 4, 5, 0);
    let (problems, _) = checked(&folder("{}"), &data);
    let hints: Vec<_> =
        problems.iter().map(|problem| (problem.what, problem.hint.contains("sides are swapped"))).collect();
    assert_eq!(hints, [(What::SizesDiffer, true), (What::SizesDiffer, false)]);
}

#[track_caller]
fn finds(images: &str, masks: &str, names: &[&str], expected: &[&str]) {
    let layout = format!(r#"{{"files": {{"images": ["{images}"], "masks": {{"files": {{"paths": ["{masks}"]}}}}}}}}"#);
    proposes(&serde_json::from_str(&layout).expect("a layout"), names, expected);
}

#[test]
fn patterns_that_find_masks_are_proposed() {
    let flat = ["1.png", "10.png", "11.png", "1_seg.png", "10_seg.png", "11_seg.png", "notes.txt"];
    finds("{case:#}.png", "{case}_mask.png", &flat, &[r#"paths: ["{case}_seg.png"]"#]);
    let deep = [
        "train/img/p1_f2.png",
        "train/img/p2_f1.png",
        "test/img/p1_f1.png",
        "train/gt/p1_f2.png",
        "train/gt/p2_f1.png",
        "test/gt/p1_f1.png",
    ];
    let expected = r#"paths: ["{part}/gt/p{patient}_f{number}.png"]"#;
    finds("{part}/img/p{patient}_f{number}.png", "{part}/masks/p{patient}_f{number}.png", &deep, &[expected]);
    // Some masks were found, and stay so.
    let mixed = ["i/a.png", "i/b.png", "i/c.png", "m/a_mask.png", "m/b.png", "m/c.png"];
    finds("i/{case}.png", "m/{case}_mask.png", &mixed, &[r#"paths: ["m/{case}_mask.png", "m/{case}.png"]"#]);
    finds("i/{case}.png", "m/{case}.png", &["i/a.png", "i/b.png", "m/c.png", "m/d.png"], &[]);
}
