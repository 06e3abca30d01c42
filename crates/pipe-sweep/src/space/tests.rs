//! Right and wrong spaces, and points of them.

use serde_json::json;

use super::*;

#[track_caller]
fn wrong(written: &str, expected: &str) {
    let error = serde_json::from_str::<Space>(written).expect_err("the space is wrong").to_string();
    // The reader of JSON adds where the text ends.
    let error = error.split(" at line ").next().unwrap_or_default();
    assert_eq!(error, expected);
}

#[track_caller]
fn wrong_domain(domain: &str, expected: &str) {
    let written = format!(r#"{{ "x": {domain} }}"#);
    let error = serde_json::from_str::<Space>(&written).expect_err("the domain is wrong").to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn wrong_domains_say_what_to_type_instead() {
    wrong_domain(
        r#"{ "choice": [] }"#,
        "`x`: the choice is empty; list at least one alternative, as in `choice: [a, b]`",
    );
    wrong_domain(r#"{ "choice": ["a", "b", "a"] }"#, r#"`x`: `"a"` is listed twice; leave one out"#);
    wrong_domain(r#"{ "choice": [{ "unet": { "width": 8 } }, { "unet": { "width": 8 } }] }"#, "is listed twice");
    wrong_domain(
        r#"{ "float": { "low": 0, "high": 1, "scale": "log" } }"#,
        "`low: 0` has no logarithm; with `scale: log` write a `low` above 0, or take `scale: linear`",
    );
    wrong_domain(r#"{ "float": { "low": -1, "high": 1, "scale": "log" } }"#, "`low: -1` has no logarithm");
    wrong_domain(r#"{ "int": { "low": 0, "high": 1, "scale": "log" } }"#, "write a `low` of at least 1");
    wrong_domain(r#"{ "float": { "low": 2, "high": 1 } }"#, "`low: 2` is above `high: 1`; exchange them");
    wrong_domain(r#"{ "int": { "low": 2, "high": 1 } }"#, "`low: 2` is above `high: 1`; exchange them");
    wrong_domain(r#"{ "float": { "low": -1e308, "high": 1e308 } }"#, "from `low: -1e308` to `high: 1e308` is further");
    wrong_domain(
        r#"{ "float": { "low": 0, "high": 1, "step": 0 } }"#,
        "`step: 0` leads nowhere; write a number above 0, or leave `step` out",
    );
    wrong_domain(r#"{ "int": { "low": 0, "high": 1, "step": -1 } }"#, "`step: -1` leads nowhere");
    wrong_domain(
        r#"{ "float": { "low": 1, "high": 2, "step": 0.5, "scale": "log" } }"#,
        "`step: 0.5` cannot be even on a logarithmic scale",
    );
    wrong_domain(r#"{ "int": { "low": 0, "high": 9007199254740993 } }"#, "`high: 9007199254740993` is beyond 2^53");
    wrong_domain(r#"{ "float": { "low": 0 } }"#, "missing field `high`");
    wrong_domain(r#"{ "float": { "low": 0, "high": 1, "log": true } }"#, "unknown field `log`");
    let infinite = FloatRange::new(0.0, f64::INFINITY, None, Scaling::Linear).expect_err("it is infinite");
    assert_eq!(infinite.to_string(), "`high` is inf, which is not finite; write a number");
    FloatRange::new(0.0, 1.0, Some(f64::NAN), Scaling::Linear).expect_err("it is no number");
}

#[test]
fn wrong_spaces_say_what_to_type_instead() {
    wrong(
        "{}",
        "the space has no parameters; name at least one, as in `learning_rate: { float: { low: 1e-4, high: 0.1 } }`",
    );
    wrong(r#"{ "": { "choice": [1] } }"#, "a parameter has an empty name; write the path of what it sets");
    wrong(r#"{ "x": {} }"#, "`x` has 0 domains; give it exactly one of `choice`, `int` and `float`");
    wrong(
        r#"{ "x": { "choice": [1], "int": { "low": 1, "high": 2 } } }"#,
        "`x` has 2 domains; give it exactly one of `choice`, `int` and `float`",
    );
    let child = |parent: &str, is: &str| {
        format!(r#""x": {{ "choice": [1], "when": {{ "parameter": "{parent}", "is": {is} }} }}"#)
    };
    let net = r#""net": { "choice": ["unet", "svsnet"] }"#;
    wrong(
        &format!("{{ {net}, {} }}", child("nte", r#"["unet"]"#)),
        "`x` depends on `nte`, which is no parameter; there are `net`",
    );
    wrong(
        &format!("{{ {}, {net} }}", child("net", r#"["unet"]"#)),
        "`x` depends on `net`, which stands below it; move `net` above `x`",
    );
    wrong(
        &format!("{{ {} }}", child("x", "[1]").replace("[1] } }", r#"["1"] } }"#)),
        "`x` depends on `x`, which stands below it; move `x` above `x`",
    );
    wrong(
        &format!("{{ {net}, {} }}", child("net", r#"["resnet"]"#)),
        "`x` depends on `net` being `resnet`, which it cannot be; its alternatives are `unet`, `svsnet`",
    );
    wrong(
        &format!("{{ {net}, {} }}", child("net", "[]")),
        "`x` is never there: `is` lists no alternative of `net`; its alternatives are `unet`, `svsnet`",
    );
    wrong(
        &format!(r#"{{ "n": {{ "int": {{ "low": 1, "high": 2 }} }}, {} }}"#, child("n", r#"["1"]"#)),
        "`x` depends on `n`, which is a number; only a `choice` can be a condition",
    );
}

#[test]
fn conditions_name_alternatives_or_labels() {
    let of = |is: &str| {
        let depth = r#""depth": { "choice": [3, 4, "4", true] }"#;
        let width = r#""width": { "int": { "low": 1, "high": 2 }"#;
        let space = format!(r#"{{ {depth}, {width}, "when": {{ "parameter": "depth", "is": {is} }} }} }}"#);
        let space: Space = serde_json::from_str(&space).expect("it is written right");
        let again: Space = serde_json::from_value(serde_json::json!(space)).expect("it was written so");
        assert_eq!(again, space);
        space.parameter(1).1.condition.clone().expect("it has one").alternatives().to_vec()
    };
    assert_eq!(of("[3, true]"), [0, 3]);
    assert_eq!(of(r#"["true", "3"]"#), [0, 3]);
    // Two that would share a label have their JSON.
    assert_eq!((of("[4]"), of(r#"["4"]"#), of(r#"["\"4\""]"#)), (vec![1], vec![1], vec![2]));
}

#[test]
fn each_value_is_read_back_from_what_is_written_of_it() {
    let choice = Choice::new(&[serde_json::json!(1), serde_json::json!("1"), serde_json::json!({ "1": 2 })]);
    let domain = Domain::Choice(choice.expect("all differ"));
    for at in 0..3 {
        assert_eq!(domain.read(&domain.written(Value::Choice(at))), Some(Value::Choice(at)), "{at}");
    }
}

fn nested() -> Space {
    serde_json::from_str(
        r#"{
            "net": { "choice": [{ "unet": { "depth": 4 } }, { "svsnet": {} }, 1, "1"] },
            "width": { "int": { "low": 8, "high": 64, "step": 8 }, "when": { "parameter": "net", "is": ["unet"] } },
            "rate": { "float": { "low": 0, "high": 0.3, "step": 0.1 } }
        }"#,
    )
    .expect("it is written right")
}

#[test]
fn alternatives_have_short_labels_where_these_differ() {
    let space = nested();
    let Domain::Choice(choice) = &space.parameter(0).1.domain else { panic!("it is a choice") };
    assert_eq!(choice.labels().collect::<Vec<_>>(), ["unet", "svsnet", "1", "\"1\""]);
    assert_eq!(choice.alternative(0), &json!({ "unet": { "depth": 4 } }));
}

#[test]
fn a_point_sets_alternatives_themselves() {
    let space = nested();
    let written = json!({ "net": "unet", "width": 8, "rate": 0.1 });
    let point = space.point(written.as_object().expect("it is a map")).expect("it is one");
    assert_eq!(json!(point.settings(&space)), json!({ "net": { "unet": { "depth": 4 } }, "width": 8, "rate": 0.1 }));
    assert_eq!(json!(point.written(&space)), written);
}

#[test]
fn a_space_is_written_as_it_was_read() {
    let space = nested();
    let written = serde_json::to_string(&space).expect("it can be written");
    assert_eq!(serde_json::from_str::<Space>(&written).expect("it is written right"), space);
}

#[test]
fn steps_end_below_high_and_have_no_more_decimals_than_they_need() {
    let range = FloatRange::new(0.0, 0.35, Some(0.1), Scaling::Linear).expect("it is right");
    let levels: Vec<f64> = (0..range.levels().expect("it has steps")).map(|at| range.level(at)).collect();
    assert_eq!(levels, [0.0, 0.1, 0.2, 0.3]);
    assert_eq!(range.high(), 0.3);
    assert!(range.contains(0.3) && !range.contains(0.35) && !range.contains(0.15));
    assert_eq!(range.nearest(0.1 + 0.2), Some(0.3));
    let whole = IntRange::new(1, 10, 4, Scaling::Linear).expect("it is right");
    assert_eq!((whole.high(), whole.levels()), (9, 3));
}

#[track_caller]
fn point(written: &serde_json::Value, expected: Result<&str, &str>) {
    let space = nested();
    let found = space.point(written.as_object().expect("it is a map"));
    let found = found.map(|point| point.key(&space).to_string()).map_err(|error| error.to_string());
    assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned));
}

#[test]
fn points_are_read_by_label_and_equal_ones_have_one_key() {
    point(&json!({ "net": "svsnet", "rate": 0.1 }), Ok(r#"{"net":"svsnet","rate":0.1}"#));
    point(&json!({ "rate": 0.1, "net": { "svsnet": {} } }), Ok(r#"{"net":"svsnet","rate":0.1}"#));
    point(&json!({ "rate": -0.0, "net": 1 }), Ok(r#"{"net":"1","rate":0.0}"#));
    point(&json!({ "rate": 0, "net": "unet", "width": 16.0 }), Ok(r#"{"net":"unet","rate":0.0,"width":16}"#));
    point(&json!({ "net": "svsnet" }), Err("`rate` has no value; give it one"));
    point(&json!({ "net": "unet", "rate": 0 }), Err("`width` has no value; give it one"));
    point(
        &json!({ "net": "svsnet", "width": 8, "rate": 0 }),
        Err("`width` is only there where `net` is `unet`; leave it out, or change `net`"),
    );
    point(
        &json!({ "net": "unet", "width": 9, "rate": 0 }),
        Err("`width` cannot be 9; it is a whole number from 8 to 64 in steps of 8"),
    );
    point(
        &json!({ "net": "resnet", "rate": 0 }),
        Err("`net` cannot be \"resnet\"; it is one of `unet`, `svsnet`, `1`, `\"1\"`"),
    );
    point(
        &json!({ "net": 1, "rate": 0.05 }),
        Err("`rate` cannot be 0.05; it is a number from 0 to 0.3 in steps of 0.1"),
    );
    point(
        &json!({ "net": 1, "rate": 0, "lr": 1 }),
        Err("`lr` is no parameter of the space; there are `net`, `width`, `rate`"),
    );
}
