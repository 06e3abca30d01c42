//! Pixels that nobody labelled, from the files to the metric: outside of fields of view, and labelled as not known.
//!
//! The pictures are made so that a network that is right everywhere in its field is wrong beside it; those that are tested are among
//! those that were learned from, since nothing else is looked at.

use image::{GrayImage, Luma};
use pipe_image::Pack;
use serde_json::Value;

use crate::harness::Workspace;

const SIDE: u32 = 24;
/// Columns from here on are within the field.
const BORDER: u32 = 8;

fn save(workspace: &Workspace, path: &str, pixel: impl Fn(u32, u32) -> u8) {
    let path = workspace.path(path);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    GrayImage::from_fn(SIDE, SIDE, |x, y| Luma([pixel(x, y)])).save(path).expect("written");
}

/// Whether a vessel runs there: bright in the picture, and labelled within the field alone.
fn vessel(number: u32, x: u32, y: u32) -> bool {
    (y + number) % 8 < 3 || (x < BORDER && (x + y) % 4 < 2)
}

/// Pictures, masks that know nothing beside the field, and fields.
fn retina(workspace: &Workspace) {
    for (part, numbers) in [("train", 0..8), ("val", 8..10), ("test", 10..13)] {
        for number in numbers {
            let shown = |x, y| if vessel(number, x, y) { 210 } else { 40 + (x + y) as u8 % 9 };
            save(workspace, &format!("data/{part}/{number}.png"), shown);
            let manual = |x, y| if x >= BORDER && vessel(number, x, y) { 255 } else { 0 };
            save(workspace, &format!("data/{part}/{number}_manual.png"), manual);
            // Of the last, nothing is within the field.
            let field = |x, _| if x >= BORDER && number < 12 { 1 } else { 0 };
            save(workspace, &format!("data/{part}/{number}_field.png"), field);
        }
    }
}

const RETINA: &str = r#"extends: pipelines/segmentation.yaml
axes: { fold: [0] }
data:
  root: data
  normalise: unit
  layout:
    files:
      images: ["{part}/{case}.png"]
      masks: { files: { paths: ["{part}/{case}_manual.png"] } }
      field_of_view: "{part}/{case}_field.png"
network: { unet: { width: 4, depth: 1 } }
training: { epochs: 40, batch: 2, loss: { binary_cross_entropy: {} }, optimizer: { adam: { learning_rate: 2e-2 } } }
stages:
  split: { with: { method: { official: {} } } }
  evaluate: { with: { metrics: [dice, hd95, specificity, { roc_auc: {} }] } }
"#;

fn summary(workspace: &Workspace) -> Value {
    let bytes = workspace.stored(&["retina.yaml"], "evaluate[fold=0]", "evaluation", "summary.json");
    serde_json::from_slice(&bytes).expect("an evaluation")
}

#[test]
fn what_is_wrong_beside_the_field_does_not_count() {
    let workspace = Workspace::new();
    retina(&workspace);
    workspace.write("retina.yaml", RETINA);
    let answer = workspace.pipe(&["run", "retina.yaml"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let warning = "the case `test_12` is not measured: no pixel lies within its field of view and has a label";
    assert!(answer.stderr.contains(warning) || answer.stdout.contains(warning), "{}{}", answer.stdout, answer.stderr);
    // The network takes vessels beside the field for vessels, which the masks call background.
    let pack = |stage: &str, port: &str| {
        let digest = workspace.digest(&["retina.yaml"], stage, port);
        Pack::open(&workspace.path(&format!("runs/objects/{}/{}", &digest[..2], &digest[2..]))).expect("a pack")
    };
    let (data, predictions) = (pack("prepare", "dataset"), pack("predict[fold=0]", "prediction"));
    for case in ["test_10", "test_11"] {
        let entry = &data.entries()[data.find(case).expect("packed")];
        assert_eq!(entry.ignored, (BORDER * SIDE) as usize);
        let probabilities = predictions.image(predictions.find(case).expect("predicted")).data;
        let beside =
            probabilities.iter().enumerate().filter(|(at, value)| (*at as u32 % SIDE) < BORDER && **value >= 0.5);
        assert!(beside.count() > 40, "{case} is wrong beside its field");
    }
    let found = summary(&workspace);
    let cases = found["cases"].as_array().expect("cases");
    for case in &cases[..2] {
        assert_eq!(case["scores"], serde_json::json!([[1.0, 0.0, 1.0, 1.0]]), "{case}");
        assert_eq!(case["ignored"], BORDER * SIDE);
    }
    assert_eq!(cases[2]["scores"], serde_json::json!([[null, null, null, null]]));
    assert_eq!((&cases[2]["unmeasured"], &cases[2]["ignored"]), (&"nothing_known".into(), &(SIDE * SIDE).into()));
    assert_eq!(found["pooled"], serde_json::json!([[1.0, null, 1.0, 1.0]]));
    let counted: u64 = found["confusion"]["counts"]
        .as_array()
        .map_or(0, |rows| rows.iter().flat_map(|row| row.as_array().expect("a row")).filter_map(Value::as_u64).sum());
    assert_eq!(counted, u64::from(2 * (SIDE - BORDER) * SIDE));
    // Validation leaves them out too.
    let history = workspace.stored(&["retina.yaml"], "train[fold=0]", "model", "history.csv");
    let history = String::from_utf8(history).expect("text");
    let column = history.lines().next().and_then(|head| head.split(',').position(|name| name == "validation_dice"));
    let column = column.expect("a column");
    let best = history.lines().skip(1).filter_map(|row| row.split(',').nth(column)?.parse().ok()).fold(0.0, f64::max);
    assert_eq!(best, 1.0, "{history}");
    // The same data without a field are other data, and score less.
    let without = ["run", "retina.yaml", "-s", "data.layout.files.field_of_view=null", "-s", "training.epochs=2"];
    let answer = workspace.pipe(&without);
    assert!(
        answer.code != 0 && answer.stderr.contains("test/10_field.png"),
        "the pictures are images then: {}",
        answer.stderr
    );
}

#[test]
fn fields_are_checked_and_shown() {
    let workspace = Workspace::new();
    retina(&workspace);
    workspace.write("retina.yaml", RETINA);
    let checked = workspace.pipe(&["data", "check", "retina.yaml", "--format", "json"]).json();
    let ignored: Vec<f64> =
        checked["cases"].as_array().expect("cases").iter().filter_map(|case| case["ignored"].as_f64()).collect();
    assert_eq!((ignored.len(), ignored.iter().copied().fold(1.0, f64::min)), (13, 1.0 / 3.0));
    let findings = checked["findings"].as_array().expect("findings");
    let unknown = findings.iter().find(|finding| finding["what"] == "unknown_masks").expect("there is one");
    assert_eq!(unknown["cases"], serde_json::json!(["test_12"]));
    let shown = workspace.pipe(&["data", "check", "retina.yaml"]).stdout;
    assert!(shown.contains("not known") && shown.contains("33.33 %"), "{shown}");
    let stats = workspace.pipe(&["data", "stats", "retina.yaml"]).stdout;
    assert!(stats.contains("% not known"), "{stats}");
    assert_eq!(workspace.pipe(&["data", "preview", "retina.yaml"]).code, 0);
    std::fs::remove_file(workspace.path("data/val/8_field.png")).expect("it is there");
    GrayImage::new(5, SIDE).save(workspace.path("data/test/11_field.png")).expect("written");
    let says = [
        "val/8.png: image without field of view",
        "test/11_field.png: sizes differ: it is 5x24, but the image is 24x24",
        "2 problems",
    ];
    workspace.pipe(&["run", "retina.yaml"]).fails(1, &says);
}

#[test]
fn labels_that_mean_that_nobody_knows() {
    let workspace = Workspace::new();
    for number in 0..6 {
        save(&workspace, &format!("data/{number}.png"), |x, y| if vessel(number, x, y) { 210 } else { 40 });
        let scribble = |x, y| match (x >= BORDER, vessel(number, x, y)) {
            (false, _) => 255,
            (true, is_vessel) => u8::from(is_vessel),
        };
        save(&workspace, &format!("data/{number}_scribble.png"), scribble);
    }
    let text = r#"extends: pipelines/segmentation.yaml
axes: { fold: [0] }
parameters: { folds: 2 }
data:
  root: data
  normalise: unit
  layout:
    files:
      images: ["{case}.png"]
      masks: { files: { paths: ["{case}_scribble.png"], encoding: { labels: { classes: 2, ignore: 255 } } } }
network: { unet: { width: 4, depth: 1, out_channels: 2 } }
training: { epochs: 2, batch: 2, loss: { cross_entropy: {} }, optimizer: { adam: { learning_rate: 2e-2 } } }
"#;
    workspace.write("retina.yaml", text);
    let answer = workspace.pipe(&["run", "retina.yaml"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let found = summary(&workspace);
    let all = found["cases"].as_array().expect("cases");
    assert!(all.len() == 3 && all.iter().all(|case| case["ignored"] == BORDER * SIDE), "{found}");
    workspace.write("retina.yaml", text.replace("ignore: 255", "ignore: 1"));
    workspace.pipe(&["run", "retina.yaml"]).fails(1, &["1 is a class, and `ignore` too"]);
    workspace.write("retina.yaml", text.replace(", ignore: 255", ""));
    let answer = workspace.pipe(&["data", "check", "retina.yaml"]);
    answer.fails(
        1,
        &["pixels have values that are no class: 255", "write `encoding: { labels: { classes: 2, ignore: 255 } }`"],
    );
}
