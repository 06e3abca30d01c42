//! Shares by hand, and the plateau as PyTorch steps it.

use super::*;

fn schedule(text: &str) -> ScheduleConfig {
    serde_json::from_str(text).expect("settings in range")
}

fn rows(losses: &[f64]) -> Vec<HistoryRow> {
    let row = |(epoch, loss): (usize, &f64)| HistoryRow {
        epoch,
        learning_rate: 0.1,
        train_loss: 0.0,
        validation_loss: *loss,
        validation_dice: 1.0 - *loss,
        class_dice: Vec::new(),
    };
    losses.iter().enumerate().map(row).collect()
}

#[track_caller]
fn check(text: &str, epoch: usize, update: usize, expected: f64) {
    let history = rows(&vec![0.5; epoch]);
    let point = Point { history: &history, update, updates: 4, horizon: 100, learning_rate: 0.1 };
    let share = schedule(text).share(point);
    assert!((share - expected).abs() < 1e-12, "{text} at {epoch}: {share}");
}

#[test]
fn shares() {
    check("{}", 99, 0, 1.0);
    check(r#"{"constant": {}}"#, 99, 0, 1.0);
    check(r#"{"step": {"every": 30, "factor": 0.5}}"#, 29, 0, 1.0);
    check(r#"{"step": {"every": 30, "factor": 0.5}}"#, 60, 0, 0.25);
    check(r#"{"milestones": {"at": [20, 40]}}"#, 19, 3, 1.0);
    check(r#"{"milestones": {"at": [20, 40]}}"#, 40, 0, 0.01);
    check(r#"{"polynomial": {"power": 2.0}}"#, 50, 2, 0.25);
    check(r#"{"polynomial": {"power": 2.0, "per": "update"}}"#, 49, 2, 0.505 * 0.505);
    check(r#"{"cosine": {}}"#, 0, 0, 1.0);
    check(r#"{"cosine": {"floor": 0.2}}"#, 50, 0, 0.6);
    check(r#"{"cosine": {"floor": 0.2}}"#, 150, 0, 0.2);
    check(r#"{"warm_up": {"epochs": 2, "from": 0.2}}"#, 0, 0, 0.2);
    check(r#"{"warm_up": {"epochs": 2, "from": 0.2}}"#, 1, 2, 0.8);
    check(r#"{"warm_up": {"epochs": 2}, "polynomial": {"power": 1.0}}"#, 50, 0, 0.5);
}

#[track_caller]
fn check_plateau(text: &str, losses: &[f64], expected: f64) {
    let history = rows(losses);
    let point = Point { history: &history, update: 0, updates: 1, horizon: 10, learning_rate: 0.1 };
    let rate = 0.1 * schedule(text).share(point);
    assert!((rate - expected).abs() < 1e-12, "{text}: {rate}");
}

#[test]
fn plateaus() {
    let plain = r#"{"plateau": {"metric": "loss", "patience": 1, "factor": 0.5}}"#;
    check_plateau(plain, &[], 0.1);
    check_plateau(plain, &[1.0, 1.0], 0.1);
    check_plateau(plain, &[1.0, 1.0, 1.0], 0.05);
    // Waiting begins anew after each change.
    check_plateau(plain, &[1.0, 1.0, 1.0, 1.0], 0.05);
    check_plateau(plain, &[1.0, 1.0, 1.0, 1.0, 1.0], 0.025);
    // Better by less than the threshold is not better.
    check_plateau(plain, &[1.0, 0.99995, 0.9999], 0.05);
    check_plateau(plain, &[1.0, 0.9998, 0.9996], 0.1);
    let least = r#"{"plateau": {"metric": "loss", "patience": 0, "factor": 0.1, "minimum": 0.004}}"#;
    check_plateau(least, &[1.0, 1.0, 1.0, 1.0], 0.004);
    let cooling = r#"{"plateau": {"metric": "dice", "patience": 0, "factor": 0.5, "cooldown": 2}}"#;
    check_plateau(cooling, &[0.5, 0.5, 0.5, 0.5], 0.05);
    check_plateau(cooling, &[0.5, 0.5, 0.5, 0.5, 0.5], 0.025);
}

#[test]
fn what_is_refused() {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let error = schedule(text).check(10, 1).expect_err("out of range");
        assert_eq!(error.to_string(), expected);
    }
    check(
        r#"{"cosine": {}, "step": {"every": 3}}"#,
        "`schedule` is step and cosine, expected one shape; set the other one to null",
    );
    check(r#"{"horizon": 9}"#, "`schedule.horizon` is 9, expected at least `epochs`");
    check(r#"{"step": {"every": 0}}"#, "`schedule.step.every` is 0, expected at least 1");
    check(r#"{"plateau": {"factor": 1.0}}"#, "`schedule.plateau.factor` is 1, expected above 0 and below 1");
    assert!(schedule(r#"{"horizon": 20, "cosine": {"floor": 0.5}}"#).check(10, 1).is_ok());
}
