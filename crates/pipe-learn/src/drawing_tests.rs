//! Draws of small sets: what comes how often, in which order, and which part of it.

use super::*;
use crate::head::Head;

fn softmax(maps: usize) -> Labels {
    Labels { maps, head: Head::Softmax, ignored: None }
}

fn recipe(sampling: &str, batch: usize) -> TrainConfig {
    let text = format!(
        r#"{{"epochs": 4, "batch": {batch}, "loss": {{"dice": {{}}}}, "optimizer": {{"sgd": {{}}}}, "sampling": {sampling}}}"#
    );
    serde_json::from_str(&text).expect("settings in range")
}

/// Cases of 6x8 pixels whose values say where they are; case `k` has the classes that `classes[k]` lists, one pixel each.
fn samples(classes: &[&[u8]]) -> Vec<Sample> {
    let sample = |(case, classes): (usize, &&[u8])| {
        let mut labels = vec![0; 48];
        classes.iter().enumerate().for_each(|(at, class)| labels[47 - 9 * at] = *class);
        let data = (0..48u8).map(f32::from).collect();
        let image = Image { frames: 1, channels: 1, height: 6, width: 8, data };
        Sample { id: format!("case {case}"), image, mask: Mask::plane(6, 8, labels) }
    };
    classes.iter().enumerate().map(sample).collect()
}

fn cases(drawing: &Drawing<'_>, epoch: usize) -> Vec<Vec<usize>> {
    drawing.epoch(epoch).iter().map(|batch| batch.iter().map(|draw| draw.case).collect()).collect()
}

#[test]
fn orders_and_numbers_of_draws() {
    let samples = samples(&[&[], &[1], &[2], &[1, 2], &[]]);
    let training = recipe(r#"{"order": "in_order", "draws": 3}"#, 2);
    let drawing = Drawing::new(&samples, &training, softmax(3), 7);
    assert_eq!(cases(&drawing, 0), [vec![0, 1], vec![2]]);
    assert_eq!(cases(&drawing, 1), [vec![3, 4], vec![0]]);
    let training = TrainConfig { last_batch: LastBatch::Drop, ..training };
    assert_eq!(cases(&Drawing::new(&samples, &training, softmax(3), 7), 1), [vec![3, 4]]);

    let training = recipe("{}", 2);
    let drawing = Drawing::new(&samples, &training, softmax(3), 7);
    let mut all = cases(&drawing, 1).concat();
    assert_ne!(all, cases(&drawing, 2).concat());
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 3, 4]);

    // 20 draws from 5 cases: each comes four times, and every time with another change.
    let training = recipe(r#"{"draws": 20}"#, 4);
    let drawing = Drawing::new(&samples, &training, softmax(3), 7);
    let draws = drawing.epoch(0).concat();
    for case in 0..5 {
        let before: Vec<usize> = draws.iter().filter(|draw| draw.case == case).map(|draw| draw.before).collect();
        assert_eq!(before, [0, 1, 2, 3]);
    }
}

#[test]
fn balanced_classes() {
    // One case in ten has class 2; half of what is drawn for a class other than background must have it.
    let mut classes: Vec<&[u8]> = vec![&[1]; 9];
    classes.push(&[2]);
    let samples = samples(&classes);
    let training = recipe(r#"{"draws": 3000, "balance": "classes"}"#, 10);
    let drawing = Drawing::new(&samples, &training, softmax(3), 7);
    let rare = cases(&drawing, 0).concat().into_iter().filter(|case| *case == 9).count();
    // 1/3 for its class, and 1/3 * 1/10 for background.
    assert!((1000..1200).contains(&rare), "{rare}");
    assert_eq!(cases(&drawing, 0), cases(&drawing, 0));
    // One map: classes 1 and 2 are the same foreground.
    let drawing = Drawing::new(&samples, &training, Labels { maps: 1, head: Head::Sigmoid, ignored: None }, 7);
    let rare = cases(&drawing, 0).concat().into_iter().filter(|case| *case == 9).count();
    assert!((200..400).contains(&rare), "{rare}");
}

#[test]
fn the_last_share_has_foreground() {
    let first = |share, batch| Sampling { foreground: share, ..Sampling::default() }.first_forced(batch);
    let found: Vec<usize> = [2, 3, 4, 9, 12].into_iter().map(|batch| first(0.33, batch)).collect();
    assert_eq!(found, [1, 2, 3, 6, 8]);
    assert_eq!((first(0.33, 1), first(0.1, 2), first(0.0, 2), first(1.0, 3)), (1, 1, 2, 0));

    let samples = samples(&[&[], &[], &[], &[], &[], &[], &[], &[2]]);
    let training = recipe(r#"{"foreground": 0.5, "patch": [3, 3]}"#, 4);
    let drawing = Drawing::new(&samples, &training, softmax(3), 7);
    for epoch in 0..4 {
        for batch in drawing.epoch(epoch) {
            assert!(batch[2..].iter().all(|draw| draw.case == 7));
            let seen = drawing.seen(&batch, epoch);
            assert!(seen.iter().all(|sample| sample.image.shape() == [1, 1, 3, 3]));
            assert!(seen[2..].iter().all(|sample| sample.mask.foreground() == 1), "a patch without foreground");
        }
    }
}

#[test]
fn patches_hold_what_they_lie_on() {
    let samples = samples(&[&[1, 2]]);
    let training = recipe(r#"{"patch": [4, 5], "draws": 200}"#, 200);
    let drawing = Drawing::new(&samples, &training, softmax(3), 7);
    let seen = drawing.seen(&drawing.epoch(0)[0], 0);
    let mut starts = BTreeSet::new();
    for Sample { image, mask, .. } in &seen {
        let first = image.data[0];
        starts.insert(first as usize);
        for (at, (value, label)) in image.data.iter().zip(&mask.labels).enumerate() {
            let there = first as usize + at / 5 * 8 + at % 5;
            assert_eq!(*value, there as f32);
            assert_eq!(*label, samples[0].mask.labels[there]);
        }
    }
    // All 3 x 4 places are reached.
    assert_eq!(starts.len(), 12);

    // Larger than the case: zeros around it.
    let training = recipe(r#"{"patch": [8, 6]}"#, 1);
    let drawing = Drawing::new(&samples, &training, softmax(3), 7);
    let seen = &drawing.seen(&drawing.epoch(0)[0], 0)[0];
    assert_eq!((seen.mask.height, seen.mask.width), (8, 6));
    assert!(seen.image.data[..6].iter().chain(&seen.image.data[42..]).all(|value| *value == 0.0));
    assert_eq!(seen.image.data[12] - seen.image.data[6], 8.0);
}

#[test]
fn patches_of_volumes() {
    let data: Vec<f32> = (0..2 * 60u8).map(f32::from).collect();
    let image = Image { frames: 5, channels: 2, height: 3, width: 4, data };
    let mut labels = vec![0; 60];
    labels[4 * 12 + 11] = 1;
    let mask = Mask { layers: 1, depth: 5, height: 3, width: 4, labels };
    let samples = [Sample { id: "volume".into(), image, mask }];
    let training = recipe(r#"{"patch": [2, 2, 3], "foreground": 1.0}"#, 1);
    let drawing = Drawing::new(&samples, &training, softmax(2), 7);
    let seen = &drawing.seen(&drawing.epoch(0)[0], 0)[0];
    // The voxel is in the last corner: slices 3 and 4, rows 1 and 2, columns 1 to 3.
    assert_eq!(seen.mask.labels, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(
        seen.image.plane(1, 1),
        samples[0].image.plane(4, 1)[5..8]
            .iter()
            .chain(&samples[0].image.plane(4, 1)[9..])
            .copied()
            .collect::<Vec<_>>()
    );
}
