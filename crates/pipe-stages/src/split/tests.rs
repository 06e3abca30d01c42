//! What cases count as when folds are to have equal shares.

use super::*;

#[test]
fn what_a_case_counts_as() {
    let member = || Member { id: "a".into(), patient: "p".into(), part: None, site: None, stratum: None };
    let tags = BTreeMap::from([("group".to_owned(), "DCM".to_owned())]);
    let of = |json: &str| {
        let stratify: Stratify = serde_json::from_str(json).expect("a way to stratify");
        Stratify::member(Some(&stratify), member(), &tags, || BTreeSet::from([(0, 2)])).map(|member| member.stratum)
    };
    assert_eq!(of(r#"{"tag": "group"}"#).expect("it is known"), Some("DCM".to_owned()));
    assert_eq!(of(r#""classes""#).expect("it is known"), Some("{(0, 2)}".to_owned()));
    let says = "nothing says what `day` is of the case `a` (it has `group`); name it in a pattern or in `tables`";
    assert_eq!(of(r#"{"tag": "day"}"#).expect_err("no such tag").to_string(), says);
    assert!(of(r#""site""#).is_err());
}
