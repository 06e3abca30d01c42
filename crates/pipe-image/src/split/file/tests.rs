//! Tests of files of splits.
//! They do not know cases.

use std::path::Path;

use super::*;

fn ids(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// What a file of one fold says: train, validation, test.
#[track_caller]
fn check(text: &str, [train, validation, test]: [&str; 3]) {
    let fold = Fold { train: ids(train), validation: ids(validation), test: ids(test) };
    assert_eq!(from_text(text), Ok(vec![fold]), "{text}");
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    let error = from_text(text).expect_err("it is wrong").in_file(Path::new("f.json")).to_string();
    let reason = error.strip_prefix("f.json: ").expect("the file is named");
    assert!(reason.starts_with(expected), "{reason}");
    for word in ["invalid type", "sequence", "struct", "CSV error", "usize", "field"] {
        assert!(!reason.contains(word), "{word}: {reason}");
    }
}

#[test]
fn val_is_what_is_held_out_where_nothing_else_is() {
    check(r#"{"train": ["a"], "val": ["b"]}"#, ["a", "", "b"]);
    check(r#"{"train": ["a"], "val": ["b"], "test": ["c"]}"#, ["a", "b", "c"]);
    check(r#"{"train": ["a"], "validation": ["b"], "test": ["c"]}"#, ["a", "b", "c"]);
    check(r#"{"train": ["a"], "val": ["b"], "test": []}"#, ["a", "b", ""]);
    check("case,part\na,train\nb,val\n", ["a", "", "b"]);
    check("case,part\na,train\nb,val\nc,test\n", ["a", "b", "c"]);
    check("case,part\na,train\nb,validation\nc,test\n", ["a", "b", "c"]);
    refused(r#"{"train": ["a"], "val": ["b"], "validation": ["c"]}"#, "fold 0 has both `val` and `validation`: ");
    refused(r#"{"test": [], "train": ["a"], "val": ["b"], "validation": ["c"]}"#, "fold 0 has both ");
    refused("case,part\na,train\nb,val\nc,validation\n", "fold 0 has both ");
    let mixed = r#"[{"train": ["a"], "val": ["b"], "test": ["c"]}, {"train": ["b"], "val": ["a"]}]"#;
    refused(mixed, "fold 1 has `val` and no `test`, but fold 0 has a `test`: ");
}

#[test]
fn what_is_wrong_is_a_sentence_with_its_place() {
    refused("", "the file is empty");
    refused("[{\"train\": [\"a\"]\n", "line 2, column 0: this is no JSON: EOF");
    refused(r#"[["a"], ["b"]]"#, "fold 0 is a list; write `[{");
    refused("[null]", "fold 0 is null; ");
    refused(r#"{"folds": []}"#, "fold 0: `folds` is no part; a fold has ");
    refused(r#"[{"train": ["a"]}, {"train": {"a": 1}}]"#, "fold 1: `train` is a map; write a list ");
    refused(r#"{"train": ["a", 12]}"#, "fold 0: in `train`, case 1 is a number; write its name, in quotes");
    refused(r#"{"train": ["a"], "train": ["b"]}"#, "fold 0 has `train` twice");
    refused(r#"{"test": ["a"]}"#, "fold 0 has no `train`; ");
    refused("null", "its first line is `null`: ");
    refused("id,part\na,train\n", "its first line is `id,part`: ");
    refused("case,part\na,tset\n", "line 2: `tset` is no part; ");
    refused("case,part\na,train\nb\n", "line 3 has no `part`");
    refused("case,part,fold\na,train,first\n", "line 2: `first` is no fold; ");
    refused("case,part,fold\na,train,\n", "line 2 has no `fold`");
    refused("case,part,fold\na,train,1\n", "folds must count 0, 1, 2 ..; instead of 0 there is 1");
}
