//! Times training steps: `cargo run --release -p pipe-learn --example speed -- CONFIG.json FRAMES SIZE BATCH STEPS [checkpointing]`.
//! Not a benchmark of record; it shows where a step's time goes.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::time::Instant;

use burn::Tensor;
use burn::module::Module;
use burn::tensor::{Device, TensorData};
use pipe_learn::gradient::Gradient;
use pipe_learn::networks::blocks::Pass;
use pipe_learn::optimizers::{Optimizer, Sgd};
use pipe_learn::{Head, LossConfig, NetworkConfig, OptimizerConfig, Target, TrainConfig, footprint, init};
use rand_pcg::Pcg64;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| arguments[index].parse::<usize>().expect("a number");
    let config: NetworkConfig = serde_json::from_str(&arguments[0]).expect("a network");
    let (frames, size, batch, steps) = (number(1), number(2), number(3), number(4));
    let device = Device::flex().autodiff();
    let device = if arguments.len() > 5 { device.gradient_checkpointing() } else { device };
    let network = config.build(&device).expect("a network");
    let mut network = init::initialised(network, config.initialisation(), 1);
    let loss: LossConfig = serde_json::from_str(r#"{"dice": {}}"#).expect("a loss");
    let mut optimizer = Optimizer::new(OptimizerConfig::Sgd(Sgd::default()));
    let values = |count: usize| (0..count).map(|i| (i * 7919 % 1000) as f32 / 1000.0).collect::<Vec<_>>();
    for step in 0..steps {
        let start = Instant::now();
        let shape = [batch, 1, frames, size, size];
        let x = Tensor::<5>::from_data(TensorData::new(values(shape.iter().product()), shape), &device);
        let shape = [batch, 1, 1, size, size];
        let t = Tensor::<5>::from_data(TensorData::new(values(shape.iter().product()), shape), &device);
        let mut pass = Pass::learning(Pcg64::new(step as u128, 1));
        let target = Target { maps: t.greater_elem(0.5).float(), counted: None };
        let value = loss.value(network.forward(x.clone(), &mut pass).main, &target, Head::Sigmoid);
        let forward = start.elapsed();
        let gradients = value.backward();
        let backward = start.elapsed() - forward;
        let gradient = Gradient::of(&network, gradients, batch);
        network = optimizer.update(network, &gradient, 1.0);
        let update = start.elapsed() - forward - backward;
        let start = Instant::now();
        drop(network.valid().forward(x.inner(), &mut Pass::predicting()));
        println!("forward {forward:?} backward {backward:?} update {update:?} predict {:?}", start.elapsed());
    }
    let recipe = r#"{"loss": {"dice": {}}, "optimizer": {"sgd": {}}, "epochs": 1, "batch": 1}"#;
    let recipe: TrainConfig = serde_json::from_str(recipe).expect("a recipe");
    let footprint = footprint(&config, 1, frames).expect("a network");
    let memory = footprint.memory([1, frames, size, size], &recipe, 0);
    println!("estimate {} kB", memory.of(batch) / 1024);
    // The most memory that was used; only Linux tells.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().filter(|line| line.starts_with("VmHWM")).for_each(|line| println!("{line}"));
}
