//! Whether trainings fit the data that feed them, as far as the recipes alone tell.
//!
//! Does not read data. What a recipe leaves open (a null size, sequences of unknown length) is the training's to say.

use std::collections::BTreeSet;

use pipe_engine::{Plan, PlanNode};
use pipe_image::{layouts::Categories, number::Size, prepare::Channels};
use pipe_learn::{NetworkConfig, ONE_VALUE, TrainConfig, footprint, networks::Takes};
use pipe_spec::Problem;

use crate::{
    prepare::{DataConfig, DataLayout},
    train::TrainWith,
};

/// What is said about the trainings of a plan; each sentence once, however many folds and seeds it holds for.
#[derive(Debug, Default)]
pub struct Fitting {
    /// What cannot work.
    pub problems: Vec<Problem>,
    /// What a person may want to know before hours are spent.
    pub notes: Vec<String>,
}

/// Holds every training of a plan against the preparation that feeds it.
pub fn fitting(plan: &Plan) -> Fitting {
    let mut said = Fitting::default();
    let mut seen = BTreeSet::new();
    let leaky =
        |node: &PlanNode| ["k_fold", "hold_out"].iter().any(|method| node.with["method"][method]["leaky"] == true);
    if plan.nodes.iter().any(|node| node.kind.name == "split" && leaky(node)) {
        said.notes.push("folds are cut by image (`leaky: true`): frames of one patient are on both sides".to_owned());
    }
    for node in plan.nodes.iter().filter(|node| node.kind.name == "train") {
        let Some(from) = feeding(plan, node) else { continue };
        // Folds and seeds change none of them: a thousand instances are one recipe.
        let part = |name: &str| node.with[name].to_string();
        if !seen.insert((part("network"), part("training"), from)) {
            continue;
        }
        let Ok(TrainWith { network, training, .. }) = serde_json::from_value((*node.with).clone()) else { continue };
        let Ok(data) = serde_json::from_value::<DataConfig>((*plan.nodes[from].with).clone()) else { continue };
        said.hold(node, &network, &data);
        if let Some(message) = single_values(&network, &training, &data) {
            said.refuse(node, "training", &message);
        }
    }
    said
}

impl Fitting {
    fn hold(&mut self, node: &PlanNode, network: &NetworkConfig, data: &DataConfig) {
        let name = network.kind().name;
        if let Some(message) = too_many_classes(network, data) {
            self.refuse(node, "network", &message);
        }
        let Some(shape) = shape(network, data, None) else { return };
        if let Err(error) = network.check_input(shape) {
            return self.refuse(node, "network", &error.to_string());
        }
        let margin = network.margin(shape);
        if !margin.is_empty() {
            let [_, _, height, width] = shape;
            let [_, rows, columns] = std::array::from_fn(|axis| margin.before[axis] + margin.behind[axis]);
            let note = format!(
                "images of {height}x{width} are padded to {}x{} for {name} and cropped again",
                height + rows,
                width + columns
            );
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
    }

    fn refuse(&mut self, node: &PlanNode, part: &str, message: &str) {
        let span = node.written.at([part]).unwrap_or(&node.written).span();
        let path = format!("stages.{}.with.{part}", node.stage);
        let problem = Problem::new("pipe::plan::fit", Some(span), format!("`{path}`: {message}"));
        let problem = problem.at(path).label("does not fit the data of `prepare`");
        if !self.problems.iter().any(|said| said.message == problem.message && said.span == problem.span) {
            self.problems.push(problem);
        }
    }
}

/// The preparation whose data a training gets.
pub(crate) fn feeding(plan: &Plan, node: &PlanNode) -> Option<usize> {
    let feed = node.feeds.iter().find(|feed| feed.port == "dataset")?;
    (plan.nodes[feed.from].kind.name == "prepare").then_some(feed.from)
}

/// What a network gets of each case, `[channels, frames or depth, height, width]`, where the recipes tell: all of it, or what a
/// training sees.
pub(crate) fn shape(network: &NetworkConfig, data: &DataConfig, training: Option<&TrainConfig>) -> Option<[usize; 4]> {
    let channels = match data.channels {
        Channels::Gray => 1,
        Channels::Rgb => 3,
        Channels::All => return None,
    };
    let patch = training.and_then(|training| training.sampling.patch.as_deref());
    // A patch has its size whatever the cases have.
    let Size { height, width } = data.size.or(patch.map(|_| Size { height: 1, width: 1 }))?;
    let frames = frames(network, data).or(patch.filter(|patch| patch.len() == 3).map(|_| 1))?;
    let [frames, height, width] =
        training.map_or([frames, height, width], |training| training.sampling.seen([frames, height, width]));
    Some([channels, frames, height, width])
}

/// A batch of one case with one value a channel: PyTorch refuses to normalise it.
fn single_values(network: &NetworkConfig, training: &TrainConfig, data: &DataConfig) -> Option<String> {
    if training.batch > 1 {
        return None;
    }
    let shape = shape(network, data, Some(training))?;
    network.check_input(shape).ok()?;
    let least = footprint(network, shape[0], shape[1]).ok()?.least_normalised(shape);
    (least == Some(1)).then(|| format!("`batch` is 1, expected {ONE_VALUE}"))
}

/// Frames of every case, where the recipe tells.
fn frames(network: &NetworkConfig, data: &DataConfig) -> Option<usize> {
    data.frames.or(match &data.layout {
        DataLayout::XcaPhantom(phantom) => Some(phantom.frames),
        DataLayout::VolumePhantom(phantom) => Some(phantom.depth),
        DataLayout::Coco(_) => Some(1),
        // A folder of pictures, or of volumes with who knows how many slices.
        DataLayout::Folder(_) => (!matches!(network.takes(), Takes::Volumes(_))).then_some(1),
        DataLayout::Files(layout) => match &layout.neighbours {
            Some(neighbours) => Some(neighbours.frames()),
            None => layout.slices.then_some(1),
        },
        DataLayout::XcaSequences(_) => None,
    })
}

/// One map is foreground against background, whatever the classes.
fn too_many_classes(network: &NetworkConfig, data: &DataConfig) -> Option<String> {
    let largest = match &data.layout {
        DataLayout::Coco(layout) => match &layout.categories {
            Categories::Any | Categories::Union(_) => 1,
            Categories::Classes(names) => names.len(),
            // One map a layer, and no background.
            Categories::Layers(_) => return None,
        },
        DataLayout::VolumePhantom(phantom) => phantom.classes,
        // What is in files is not known before they are read.
        DataLayout::XcaPhantom(_) | DataLayout::XcaSequences(_) | DataLayout::Folder(_) | DataLayout::Files(_) => {
            return None;
        }
    };
    let maps = network.classes();
    (maps > 1 && largest >= maps).then(|| {
        format!("the data have classes 0 to {largest}, the network {maps} maps; set `out_channels: {}`", largest + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(categories: &str, maps: usize, expected: Option<&str>) {
        let data = format!(r#"{{"layout": {{"coco": {{"categories": {categories}}}}}}}"#);
        let data: DataConfig = serde_json::from_str(&data).expect("a recipe");
        let network = format!(r#"{{"unet": {{"out_channels": {maps}}}}}"#);
        let network: NetworkConfig = serde_json::from_str(&network).expect("a network");
        assert_eq!(too_many_classes(&network, &data).as_deref(), expected);
    }

    #[test]
    fn frames_are_told_by_the_layout_and_the_network() {
        let of = |layout: &str, network: &str| {
            let data: DataConfig = serde_json::from_str(&format!(r#"{{"layout": {layout}}}"#)).expect("a recipe");
            frames(&serde_json::from_str(network).expect("a network"), &data)
        };
        let (pictures, volumes) = (r#"{"unet": {}}"#, r#"{"nnunet": {"dimensions": 3}}"#);
        assert_eq!((of(r#"{"folder": {}}"#, pictures), of(r#"{"folder": {}}"#, volumes)), (Some(1), None));
        let files = |rest: &str| format!(r#"{{"files": {{"images": ["{{case}}_{{slice}}.png"], {rest}}}}}"#);
        assert_eq!(of(&files(r#""slices": true"#), pictures), Some(1));
        assert_eq!(of(&files(r#""slices": true, "neighbours": {"each_side": 2}"#), pictures), Some(5));
        let stacked = r#""stack": "slice", "slices": true, "neighbours": {"each_side": 1}"#;
        assert_eq!(of(&files(stacked), pictures), Some(3));
        assert_eq!(of(&files(r#""stack": "slice""#), volumes), None);
        assert_eq!(of(&files(r#""slices": false"#), pictures), None);
    }

    #[test]
    fn classes_need_maps() {
        let three = r#"{"classes": ["a", "b", "c"]}"#;
        let message = "the data have classes 0 to 3, the network 3 maps; set `out_channels: 4`";
        check(three, 3, Some(message));
        check(three, 4, None);
        // One map is any of them against background.
        check(three, 1, None);
        check(r#""any""#, 2, None);
        check(r#"{"union": ["a", "b", "c"]}"#, 2, None);
    }
}
