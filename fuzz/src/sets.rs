//! Readers of what lies beside images: annotations, tables, outlines, splits, and patterns of paths.
//! They do not know picture formats; the images are four small PGM files.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pipe_image::pattern::Pattern;
use pipe_image::{Layout, split};
use tempfile::TempDir;

use super::Target;

/// The names of the targets, which are those of their corpora.
pub const TARGETS: &[Target] = &[
    ("coco", coco),
    ("runs", runs),
    ("crops", crops),
    ("links", links),
    ("contours", contours),
    ("yolo", yolo),
    ("pattern", pattern),
    ("split", split),
];

/// The names of the images of every data set.
const IMAGES: [&str; 4] = ["case1_s1", "case1_s2", "case2_s1", "case2_s02"];

/// A COCO annotation file.
pub fn coco(bytes: &[u8]) {
    for categories in [r#""any""#, r#"{"union":["a"]}"#, r#"{"classes":["a","b"]}"#, r#"{"layers":["a","b"]}"#] {
        let settings = format!(
            r#"{{"coco":{{"images":"images","annotations":"data.txt","categories":{categories},"presence":"optional"}}}}"#
        );
        read("coco", &settings, bytes);
    }
}

/// A table of runs.
pub fn runs(bytes: &[u8]) {
    for [order, class] in [["rows", ""], ["columns", r#","class":"class","classes":["a","b"]"#]] {
        let masks = format!(
            r#"{{"runs":{{"table":"data.txt","image":"id","pattern":"case{{case}}_s{{slice}}","runs":"runs","order":"{order}"{class}}}}}"#
        );
        read("runs", &files(&masks, ""), bytes);
    }
}

/// A table of crops; there are mask files `m1.pgm` and `m2.pgm`.
pub fn crops(bytes: &[u8]) {
    for class in ["", r#","class":"class","classes":["a","b"]"#] {
        let masks = format!(
            r#"{{"crops":{{"table":"data.txt","image":"id","pattern":"case{{case}}_s{{slice}}","mask":"mask","top":"top","left":"left"{class}}}}}"#
        );
        read("crops", &files(&masks, ""), bytes);
    }
}

/// A table that says patient, part, site and spacing.
pub fn links(bytes: &[u8]) {
    let more = r#","tables":[{"table":"data.txt","columns":{"case":"id","patient":"patient","part":"part","site":"site","sx":"sx"}}],"spacing":["{sx}","{sx}"]"#;
    read("links", &files("null", more), bytes);
}

/// A text file of one outline.
pub fn contours(bytes: &[u8]) {
    let masks = r#"{"contours":{"classes":[{"name":"a","paths":["data.txt"]}]}}"#;
    let masks = masks.replace("data.txt", "images/case{case}_s{slice}.txt");
    read("contours", &files(&masks, ""), bytes);
}

/// A pattern in the first line, a path in the second.
pub fn pattern(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split('\n');
    let (pattern, path) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let Ok(pattern) = Pattern::new(pattern) else { return };
    assert_eq!(Pattern::new(&pattern.to_string()).as_ref(), Ok(&pattern), "a pattern is what it prints");
    if let Some(found) = pattern.find(path) {
        let names: BTreeMap<String, String> = found.into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
        assert!(names.keys().all(|name| pattern.has(name)), "only names of the pattern are found");
        assert_eq!(pattern.fill(&names).as_deref(), Ok(path), "what is found fills the pattern");
    }
    let _ = pattern.find_file(path);
}

/// A file of splits.
pub fn split(bytes: &[u8]) {
    match split::from_text(&String::from_utf8_lossy(bytes)) {
        Ok(folds) => {
            let text = serde_json::to_string(&folds).expect("folds are plain data");
            assert_eq!(split::from_text(&text), Ok(folds), "a split is what it writes");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// The `files` layout with all images, and masks from `data.txt`.
fn files(masks: &str, more: &str) -> String {
    format!(
        r#"{{"files":{{"images":["images/case{{case}}_s{{slice}}.pgm"],"masks":{masks},"presence":"optional"{more}}}}}"#
    )
}

/// A text file of outlines in shares of the image.
pub fn yolo(bytes: &[u8]) {
    for classes in ["", r#","classes":["a","b"]"#] {
        let masks = format!(r#"{{"yolo":{{"paths":["images/case{{case}}_s{{slice}}.txt"]{classes}}}}}"#);
        read("yolo", &files(&masks, ""), bytes);
    }
}

/// Reads a data set whose file in question has these bytes.
fn read(name: &'static str, layout: &str, bytes: &[u8]) {
    let layout: Layout = serde_json::from_str(layout).expect("the layout is right");
    let root = folder(name);
    let target = if matches!(name, "contours" | "yolo") { "images/case1_s1.txt" } else { "data.txt" };
    std::fs::write(root.join(target), bytes).expect("there is room");
    let survey = layout.survey(&root);
    for problem in survey.problems {
        assert!(!problem.reason.is_empty() && !problem.file.is_empty(), "{problem:?}");
    }
    for files in survey.cases {
        let [height, width] = [files.height, files.width];
        let spacing = files.spacing.unwrap_or([1.0; 3]);
        let known = spacing.iter().all(|side| side.is_finite() && *side >= 0.0);
        assert!(known && spacing[1] > 0.0 && spacing[2] > 0.0, "a spacing of {spacing:?}");
        match layout.read(&root, &files) {
            Ok(case) => {
                assert_eq!([case.image.height, case.image.width], [height, width]);
                if let Some(mask) = case.mask {
                    assert_eq!([mask.height, mask.width], [height, width]);
                    assert_eq!(mask.labels.len(), mask.layers * mask.size());
                }
            }
            Err(problem) => assert!(!problem.reason.is_empty() && !problem.file.is_empty(), "{problem:?}"),
        }
    }
}

thread_local! {
    /// The data sets, which are written once a thread.
    static FOLDERS: RefCell<BTreeMap<&'static str, TempDir>> = const { RefCell::new(BTreeMap::new()) };
}

fn folder(name: &'static str) -> PathBuf {
    FOLDERS.with_borrow_mut(|folders| {
        let made = || {
            let folder = tempfile::tempdir().expect("there is room");
            fill(folder.path());
            folder
        };
        folders.entry(name).or_insert_with(made).path().to_path_buf()
    })
}

fn fill(root: &Path) {
    std::fs::create_dir(root.join("images")).expect("there is room");
    let picture = |path: String, width: u8, height: u8| {
        let mut bytes = format!("P5 {width} {height} 255\n").into_bytes();
        bytes.extend((0..width * height).map(|at| if at % 3 == 0 { 255 } else { 0 }));
        std::fs::write(root.join(path), bytes).expect("there is room");
    };
    IMAGES.iter().for_each(|name| picture(format!("images/{name}.pgm"), 8, 6));
    picture("m1.pgm".to_owned(), 3, 2);
    picture("m2.pgm".to_owned(), 8, 6);
}
