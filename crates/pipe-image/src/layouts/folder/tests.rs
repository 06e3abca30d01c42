//! Tests of `folder`.
//! They do not know more than its public functions give.

use super::*;
use crate::Layout;
use crate::Part;
use crate::fixture::{DataFolder, jpeg, real_data};

fn folder(folder: Folder) -> Layout {
    Layout::Folder(folder)
}

/// Gives `file: kind` of every problem.
fn problems(layout: &Layout, data: &DataFolder) -> Vec<String> {
    let problems = layout.check(data.path()).expect_err("the data set is wrong").list;
    problems.iter().map(|problem| format!("{}: {}", problem.file, problem.what)).collect()
}

#[test]
fn pairs_by_stem_and_ignores_strays() {
    let data = DataFolder::new();
    data.flat("images/b (2).png", 4, 3, 9).row("masks/b (2).png", &[0]);
    data.flat("masks/b (2).png", 4, 3, 255).file("images/a.JPG", &jpeg(8, 8, &[50; 64], 90)).flat(
        "masks/a.png",
        8,
        8,
        1,
    );
    data.file("images/.DS_Store", b"x")
        .file("images/._a.png", b"x")
        .file("masks/Thumbs.db", b"x")
        .file("images/notes.txt", b"x");
    let cases = folder(Folder::default()).check(data.path()).expect("strays do no harm");
    let ids: Vec<&str> = cases.iter().map(|case| case.id.as_str()).collect();
    assert_eq!(ids, ["a", "b (2)"]);
    let case = folder(Folder::default()).read(data.path(), &cases[0]).expect("the case is good");
    assert_eq!((case.patient.as_str(), case.mask.expect("it has a mask").foreground()), ("a", 64));
}

#[test]
fn formats_can_differ_within_a_case() {
    let data = DataFolder::new();
    data.file("images/a.ppm", b"P6 2 1 255\n\x01\x02\x03\x04\x05\x06").file("masks/a.pbm", b"P1 2 1\n01");
    data.file("images/b.PGM", b"P5 2 1 255\n\x01\x02").flat("masks/b.png", 2, 1, 255);
    let cases = folder(Folder::default()).check(data.path()).expect("the data set is good");
    let case = |at: usize| folder(Folder::default()).read(data.path(), &cases[at]).expect("the case is good");
    let mask = |at: usize| case(at).mask.expect("it has a mask").foreground();
    assert_eq!((case(0).image.channels, mask(0), case(1).image.channels, mask(1)), (3, 1, 1, 2));
}

#[test]
fn names_lose_both_extensions_of_a_compressed_volume() {
    let stems = ["a.b/c.nii.gz", "C.NII.GZ", "c.v2.tif", "a.b/c", "c.tar.gz"].map(listing::stem);
    assert_eq!(stems, ["a.b/c", "C", "c.v2", "a.b/c", "c.tar"]);
    let kinds = ["c.nii.gz", "c.nii", "c.TIFF", "c.gz", "c.txt"].map(listing::kind);
    assert_eq!(kinds, [Kind::Picture, Kind::Picture, Kind::Picture, Kind::Unsupported, Kind::Other]);
}

#[test]
fn official_parts_suffixes_and_patients() {
    let data = DataFolder::new();
    for (part, name) in [("train", "p1_a"), ("val", "p2_a"), ("test", "p1_b")] {
        data.flat(&format!("{part}/images/{name}_Image.png"), 2, 2, 9).flat(
            &format!("{part}/masks/{name}_Mask.png"),
            2,
            2,
            0,
        );
    }
    data.flat("train/images/p1_a_superpixels.png", 2, 2, 9);
    let patient = Some(Pattern::new("{patient}_{rest}").expect("the pattern is good"));
    let (image_suffix, mask_suffix) = ("_Image".to_owned(), "_Mask".to_owned());
    let layout = folder(Folder { image_suffix, mask_suffix, patient, ..Folder::default() });
    let cases = layout.scan(data.path()).expect("the data set is good");
    let found: Vec<(&str, &str, Option<Part>)> =
        cases.iter().map(|c| (c.id.as_str(), c.patient.as_str(), c.part)).collect();
    let expected = [
        ("test_p1_b", "p1", Some(Part::Test)),
        ("train_p1_a", "p1", Some(Part::Train)),
        ("validation_p2_a", "p2", Some(Part::Validation)),
    ];
    assert_eq!(found, expected);
}

#[test]
fn images_and_masks_in_one_folder() {
    let data = DataFolder::new();
    data.flat("x.png", 2, 2, 9).flat("x_1stHO.png", 2, 2, 0);
    let (images, masks, mask_suffix) = (".".to_owned(), ".".to_owned(), "_1stHO".to_owned());
    let cases = folder(Folder { images, masks, mask_suffix, ..Folder::default() }).check(data.path());
    assert_eq!(cases.expect("the data set is good").len(), 1);
}

#[test]
fn every_problem_is_named_at_once() {
    let data = DataFolder::new();
    let noise: Vec<u8> = (0..=255).collect();
    let cut = crate::fixture::gray(16, 16, &noise);
    data.flat("images/good.png", 2, 2, 9).flat("masks/good.png", 2, 2, 0);
    data.flat("images/alone.png", 2, 2, 9).flat("masks/widow.png", 2, 2, 0);
    data.flat("images/size.png", 2, 2, 9).flat("masks/size.png", 3, 2, 0);
    data.file("images/cut.png", &cut[..cut.len() - 20]).flat("masks/cut.png", 16, 16, 0);
    data.file("images/cut_jpeg.jpg", &jpeg(16, 16, &noise, 90)[..340]).flat("masks/cut_jpeg.png", 16, 16, 0);
    data.file("images/text.png", b"hello").flat("masks/text.png", 2, 2, 0);
    data.file("images/old.webp", b"RIFF").file("images/stub.tif", b"II*\0").flat("masks/stub.png", 2, 2, 0);
    data.flat("images/ids.png", 2, 1, 9).row("masks/ids.png", &[0, 7]);
    data.flat("images/twice.png", 2, 2, 9).flat("images/twice.jpg", 2, 2, 9).flat("masks/twice.png", 2, 2, 0);
    data.file("images/empty.png", b"").flat("masks/empty.png", 2, 2, 0);
    let expected = [
        "images/alone.png: image without mask",
        "images/cut.png: truncated",
        "images/cut_jpeg.jpg: truncated",
        "images/empty.png: truncated",
        "images/old.webp: format not supported",
        "images/stub.tif: truncated",
        "images/text.png: format not supported",
        "images/twice.png: duplicate case",
        "masks/ids.png: mask values",
        "masks/size.png: sizes differ",
        "masks/widow.png: mask without image",
    ];
    assert_eq!(problems(&folder(Folder::default()), &data), expected);
}

#[test]
fn a_missing_folder_is_named_with_what_is_there() {
    let nowhere = folder(Folder::default()).scan(Path::new("/nonexistent/data")).expect_err("there is no such folder");
    assert_eq!(nowhere.list[0].what, What::MissingFolder);
    let data = DataFolder::new();
    data.flat("image/a.png", 2, 2, 9);
    let list = folder(Folder::default()).scan(data.path()).expect_err("the folders are named otherwise").list;
    assert_eq!(list[0].to_string(), "images/: missing folder: it does not exist (the root holds image/)");
    assert_eq!(list.len(), 2);
    data.flat("images/a.png", 2, 2, 9).flat("masks/a.png", 2, 2, 0).file("test/notes.txt", b"x");
    let list = folder(Folder::default()).scan(data.path()).expect_err("test/ is taken for a part").list;
    assert_eq!(list[0].hint, "set `parts: none` if `test` is no official part of the data");
    let none = folder(Folder { parts: Parts::None, ..Folder::default() });
    assert_eq!(none.scan(data.path()).expect("test/ is no part").len(), 1);
}

#[test]
fn cases_without_masks_can_be_allowed() {
    let data = DataFolder::new();
    data.flat("images/a.png", 2, 2, 9);
    let layout = folder(Folder { presence: Masks::Optional, ..Folder::default() });
    assert_eq!(layout.check(data.path()).expect("masks are optional")[0].mask, None);
}

#[test]
fn patients_that_do_not_match_are_named() {
    let data = DataFolder::new();
    data.flat("images/a.png", 2, 2, 9).flat("masks/a.png", 2, 2, 0);
    let patient = Some(Pattern::new("{patient}_{rest}").expect("the pattern is good"));
    let layout = folder(Folder { patient, ..Folder::default() });
    assert_eq!(problems(&layout, &data), ["images/a.png: unknown patient"]);
}

#[test]
fn real_data_skin_images_pair_by_suffix() {
    let Some(root) = real_data("isic/isic2017_test_sample") else {
        return;
    };
    let layout = folder(Folder {
        images: "ISIC-2017_Test_v2_Data".to_owned(),
        masks: "ISIC-2017_Test_v2_Part1_GroundTruth".to_owned(),
        mask_suffix: "_segmentation".to_owned(),
        ..Folder::default()
    });
    let cases = layout.scan(&root).expect("the sample is good");
    assert_eq!(cases.len(), 6);
    let smallest = cases.iter().min_by_key(|case| case.height * case.width).expect("there are cases");
    let case = layout.read(&root, smallest).expect("the case is good");
    assert_eq!(case.image.channels, 3);
    assert!(case.mask.expect("it has a mask").foreground() > 0);
}

#[test]
fn real_data_tiff_masks_pair_with_png_images() {
    let Some(root) = real_data("oct/danilov_oct_demo") else {
        return;
    };
    let layout = folder(Folder { images: "img".to_owned(), masks: "mask".to_owned(), ..Folder::default() });
    assert_eq!(layout.scan(&root).expect("the sample is good").len(), 32);
}
