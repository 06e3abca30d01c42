//! Writes the draft of a paper with everything it can say, from made-up numbers:
//! `cargo run -p pipe-report --example paper -- FOLDER`.

use std::{fs, path::Path};

use pipe_report::{Recipe, Report, draft, overlay_png};
use serde_json::json;

#[path = "pages.rs"]
#[expect(dead_code, reason = "its pages about data are not shown here")]
mod pages;

fn main() {
    let folder = std::env::args().nth(1).expect("FOLDER");
    let folder = Path::new(&folder);
    fs::create_dir_all(folder).expect("a folder");
    let report = Report { recipes: recipes(), ..pages::report() };
    let name = |position: usize| format!("overlay{position}.png");
    for (position, overlay) in report.overlays.iter().enumerate() {
        fs::write(folder.join(name(position)), overlay_png(overlay)).expect("a picture that can be written");
    }
    fs::write(folder.join("paper.md"), draft(&report, &name)).expect("a page that can be written");
}

fn recipes() -> Vec<Recipe> {
    let training = json!({
        "loss": { "sum": [{ "weight": 1.0, "loss": { "dice": { "over": "batch", "smooth": 0.0 } } }, { "weight": 0.5, "loss": { "binary_cross_entropy": {} } }] },
        "optimizer": { "sgd": { "learning_rate": 0.01, "momentum": 0.9, "nesterov": true, "decay_excludes": [] } },
        "schedule": { "milestones": { "at": [200, 400], "factor": 0.1 } },
        "epochs": 60, "batch": 4, "last_batch": "keep", "accumulate": 1, "clip": null, "ema": null,
        "sampling": { "order": "shuffled", "draws": null, "balance": null, "patch": null, "foreground": 0.0 },
        "augment": [
            { "flip_horizontal": { "p": 0.5 } },
            { "sometimes": { "p": 0.3, "transforms": [{ "rotate": { "degrees": 10.0, "p": 1.0 } }, { "scale": { "range": [0.8, 1.2], "p": 0.5 } }] } },
        ],
        "best": "dice", "early_stopping": null, "gradient_checkpointing": false,
    });
    let train = |system: &str, network: serde_json::Value| Recipe {
        kind: "train",
        system: system.into(),
        with: json!({ "network": network, "training": training, "seed": 0 }),
    };
    vec![
        Recipe {
            kind: "prepare",
            system: String::new(),
            with: json!({
                "root": { "external": "root" },
                "layout": { "xca_sequences": { "naming": "port", "frames": 4, "label_frame": 2, "patients": null, "encoding": { "binary": { "foreground": "bright" } } } },
                "size": [512, 512], "interpolation": "area", "normalise": "max", "frames": 4, "channels": "gray",
            }),
        },
        Recipe {
            kind: "split",
            system: String::new(),
            with: json!({ "method": { "k_fold": { "folds": 3, "validation": 0.2, "seed": 0 } }, "fold": 0 }),
        },
        train(
            "U-Net",
            json!({ "unet": { "in_channels": 4, "out_channels": 1, "width": 32, "depth": 4, "norm": "batch" } }),
        ),
        train(
            "SVS-net",
            json!({ "svsnet": { "in_channels": 1, "out_channels": 1, "frames": 4, "label": { "index": 2 }, "widths": [8, 16, 32, 64], "bias": true, "dropout": 0.5 } }),
        ),
    ]
}
