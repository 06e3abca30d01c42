//! Tests of `stats`.
//! They do not know more than its public functions give.

use super::*;
use crate::fixture;
use crate::layouts::Layout;

fn census(cases: &[Case]) -> Census {
    let mut census = Census::default();
    cases.iter().for_each(|case| census.add(Measured::of(case)));
    census
}

#[test]
fn a_set_of_two_pictures_counted_by_hand() {
    // A dark frame of one pixel around 3 x 4 values from 1 on.
    let inside = |at: usize| (1..4).contains(&(at / 6)) && (1..5).contains(&(at % 6));
    let data = (0..30).map(|at| if inside(at) { ((at / 6 - 1) * 4 + at % 6) as f32 } else { 0.0 }).collect();
    let image = Image { frames: 1, channels: 1, height: 5, width: 6, data };
    let mut mask = Mask::empty(5, 6);
    // Class 1 at the values 1 and 6, which touch by a corner; class 2 at 12.
    (mask.labels[7], mask.labels[14], mask.labels[22]) = (1, 1, 2);
    let one = fixture::case(["one", "p"], image, Some(mask));
    let image = Image { frames: 1, channels: 1, height: 2, width: 5, data: vec![-1.0; 10] };
    let two = Case {
        spacing: Some([0.0, 0.5, 2.0]),
        site: Some("here".to_owned()),
        part: Some(Part::Test),
        ..fixture::case(["two", "p"], image, Some(Mask::empty(2, 5)))
    };
    let three = fixture::case(["three", "q"], Image::filled([1, 1, 2, 5], -1.0), None);
    let found = census(&[one, two, three]).statistics(&["thing".to_owned()]);
    assert_eq!((found.cases, found.patients, found.without_mask, found.empty_masks), (3, 2, 1, 1));
    assert_eq!((found.sizes, found.with_spacing, found.sites["here"], found.parts[&Part::Test]), (2, 1, 1, 1));
    let spread = |minimum, median, maximum, distinct| Some(Spread { minimum, median, maximum, distinct });
    assert_eq!(found.spacing, [None, spread(0.5, 0.5, 0.5, 1), spread(2.0, 2.0, 2.0, 1)]);
    assert_eq!(found.height, spread(2.0, 2.0, 5.0, 2));
    assert_eq!(found.cases_a_patient, spread(1.0, 1.5, 2.0, 2));
    assert_eq!(found.cropped, spread(0.4, 1.0, 1.0, 2));
    assert_eq!(found.foreground, spread(0.0, 0.05, 0.1, 2));
    let all = found.intensity[0].all.expect("there are values");
    assert_eq!((all.count, all.minimum, all.maximum), (50, -1.0, 12.0));
    assert!((all.mean - (78.0 - 20.0) / 50.0).abs() < 1e-12);
    let below = found.intensity[0].foreground.expect("there is foreground");
    assert_eq!((below.count, below.minimum, below.median, below.maximum), (3, 1.0, 6.0, 12.0));
    let told: Vec<_> = found
        .classes
        .iter()
        .map(|class| (class.class, class.name.as_deref(), class.cases, class.components.map(|spread| spread.median)))
        .collect();
    assert_eq!(told, [(1, Some("thing"), 1, Some(1.0)), (2, None, 1, Some(1.0))]);
    assert!((found.classes[0].share - 2.0 / 40.0).abs() < 1e-12, "of the 40 pixels of two masks");
    assert_eq!(found.classes[0].sizes.map(|sizes| (sizes.count, sizes.maximum)), Some((1, 2.0)));
}

#[test]
fn volumes_and_layers_are_measured_where_their_masks_are() {
    let image = Image { frames: 3, channels: 2, height: 1, width: 2, data: (0..12u8).map(f32::from).collect() };
    let mask = Mask { layers: 2, depth: 3, height: 1, width: 2, labels: vec![1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1] };
    let found = census(&[fixture::case(["v", "v"], image, Some(mask))]).statistics(&[]);
    let below: Vec<_> =
        found.intensity.iter().map(|channel| channel.foreground.expect("there is foreground")).collect();
    // Slice 0 pixel 0 and slice 2 pixel 1, of the first channel and of the second.
    assert_eq!((below[0].minimum, below[0].maximum), (0.0, 9.0));
    assert_eq!((below[1].minimum, below[1].maximum), (2.0, 11.0));
    let pixels: Vec<_> =
        found.classes.iter().map(|class| (class.class, class.sizes.map(|sizes| sizes.count))).collect();
    assert_eq!(pixels, [(1, Some(1)), (2, Some(2))]);
    assert_eq!(found.foreground.map(|spread| spread.maximum), Some(2.0 / 6.0));
}

#[test]
fn nothing_is_no_problem_and_classes_without_pixels_are_told() {
    let found = Census::default().statistics(&["a".to_owned()]);
    assert_eq!((found.cases, found.height, found.classes[0].cases), (0, None, 0));
    let layout: Layout =
        serde_json::from_str(r#"{"coco": {"categories": {"layers": ["lumen", "plaque"]}}}"#).expect("a layout");
    assert_eq!(class_names(&layout), ["lumen", "plaque"]);
}
